//! Who writes from the patients' domain under a number has an INS whose key fits (spec §2.1, §2.2). A word in its place is a
//! service of whoever hosts the domain, and his to know.

use pli_types::MailAddress;

use super::patient_address::well_formed;
use crate::told::Told;
use crate::{Decision, Facts, Ruleset};

pub(super) fn judge(facts: &Facts, ruleset: &Ruleset) -> Decision {
    match facts.sender.address() {
        Some(sender) if is_number(sender) => well_formed(sender, ruleset),
        _ => Decision::Accept,
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.path("sender", &facts.sender);
    told.yes_or_no("patients-number", facts.sender.address().is_some_and(is_number));
}

fn is_number(sender: &MailAddress) -> bool {
    sender.domain().is_patient_domain() && sender.local().reveal().starts_with(|c: char| c.is_ascii_digit())
}
