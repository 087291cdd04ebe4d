//! A patient's address is made from an INS whose key fits, whoever hosts it (spec §2.1, §2.2; scenario 22).
//!
//! Where the patients' domain is ours, its postmaster and its service are the only others. Elsewhere we do not know how that
//! operator calls his service, and nobody but patients is written to there: his postmaster, and an INS.

use pli_types::{Ins, InsError, MailAddress};

use crate::told::Told;
use crate::{Decision, Facts, Reason, RecipientFacts, Ruleset};

pub(super) fn judge(facts: &Facts, ruleset: &Ruleset) -> Decision {
    let Some(recipient) = &facts.recipient else { return Decision::Refuse(Reason::RelayDenied) };
    let address = &recipient.address;
    // Every domain has a postmaster (RFC 5321 §4.5.1), the patients' too.
    if !address.domain().is_patient_domain() || address.is_postmaster() || is_service(recipient, ruleset) {
        return Decision::Accept;
    }
    well_formed(address, ruleset)
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

/// Is it made from an INS? A shorter form that is allowed was made whole before it was judged, unless its key does not fit.
pub(super) fn well_formed(address: &MailAddress, ruleset: &Ruleset) -> Decision {
    let local = address.local().reveal();
    match (Ins::parse(local), Ins::parse_as(local, ruleset.patient.shorter.and_whole())) {
        (Ok(_), _) => Decision::Accept,
        (_, Err(InsError::Key)) => Decision::Refuse(Reason::PatientAddressKey),
        _ => Decision::Refuse(Reason::PatientAddressSyntax),
    }
}

fn is_service(recipient: &RecipientFacts, ruleset: &Ruleset) -> bool {
    let local = recipient.address.local().reveal();
    let service = ruleset.patient.service.as_ref();
    recipient.hosted && service.is_some_and(|service| service.reveal().eq_ignore_ascii_case(local))
}
