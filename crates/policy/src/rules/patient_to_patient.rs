//! Patients do not write to each other (R-WHO-10; scenario 28).

use crate::told::Told;
use crate::{Decision, Facts, Origin, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    let Some(recipient) = &facts.recipient else { return Decision::Refuse(Reason::RelayDenied) };
    // By their addresses, whoever brings it: that one of them is hosted elsewhere makes no difference.
    if facts.origin != Origin::Relay && is_from_patient(facts) && recipient.address.ins().is_some() {
        return Decision::Refuse(Reason::PatientToPatient);
    }
    Decision::Accept
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    let Some(recipient) = &facts.recipient else { return };
    told.yes_or_no("sender-is-patient", is_from_patient(facts));
    told.yes_or_no("recipient-is-patient", recipient.address.ins().is_some());
}

fn is_from_patient(facts: &Facts) -> bool {
    facts.sender.address().is_some_and(|sender| sender.ins().is_some())
}
