//! A patient's address is made from an INS whose key fits, whoever hosts it (spec §2.1, §2.2; scenario 22).

use pli_types::{Ins, InsError};

use crate::told::Told;
use crate::{Decision, Facts, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    let Some(recipient) = &facts.recipient else { return Decision::Refuse(Reason::RelayDenied) };
    let address = &recipient.address;
    // Every domain has a postmaster (RFC 5321 §4.5.1), the patients' too.
    if !address.domain().is_patient_domain() || address.is_postmaster() {
        return Decision::Accept;
    }
    match Ins::parse(address.local().reveal()) {
        Ok(_) => Decision::Accept,
        Err(InsError::Key) => Decision::Refuse(Reason::PatientAddressKey),
        Err(InsError::Length | InsError::Syntax | InsError::Temporary) => {
            Decision::Refuse(Reason::PatientAddressSyntax)
        }
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    let Some(recipient) = &facts.recipient else { return };
    told.address("recipient", &recipient.address);
    let patient = recipient.address.domain().is_patient_domain();
    told.yes_or_no("patient-domain", patient);
    if patient && let Err(error) = Ins::parse(recipient.address.local().reveal()) {
        told.word("identifier", error);
    }
}
