//! Whoever signed in writes as an address of his own (scenario 33). `<>` is for reports: what it brings must be one, and
//! asked for, which is seen at the end of `DATA` (`report`).

use pli_types::MailAddress;

use crate::told::Told;
use crate::{Decision, Facts, Origin, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    let Origin::Account { addresses } = &facts.origin else { return Decision::Accept };
    match facts.sender.address() {
        None => Decision::Accept,
        Some(sender) if owns(addresses, sender) => Decision::Accept,
        Some(_) => Decision::Refuse(Reason::SenderNotOwned),
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    if let Origin::Account { addresses } = &facts.origin {
        told.path("sender", &facts.sender);
        told.addresses("own-addresses", addresses);
    }
}

/// Is this one of the addresses, in whatever case it is written?
pub(super) fn owns(addresses: &[MailAddress], address: &MailAddress) -> bool {
    let key = address.key();
    addresses.iter().any(|own| own.key() == key)
}
