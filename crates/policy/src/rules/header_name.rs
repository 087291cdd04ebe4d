//! The name that stands beside a proven address shows no other address (scenario 33).
//!
//! Many programs show the name and hide the address: `"dr.martin@hopital.fr" <somebody@else.fr>` is read as a letter of
//! Dr. Martin. One's own address as a name is what programs write that know no name, and stays.

use crate::told::Told;
use crate::{Authorship, Decision, Facts, HeaderMailbox, NameShows, Origin, Reason, Ruleset};

pub(super) fn judge(facts: &Facts, _ruleset: &Ruleset) -> Decision {
    let Some(header) = &facts.authorship else { return Decision::Refuse(Reason::HeaderFromMismatch) };
    if facts.origin != Origin::Relay && names(header).any(|name| name == NameShows::AnotherAddress) {
        return Decision::Refuse(Reason::HeaderFromMismatch);
    }
    Decision::Accept
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.origin(&facts.origin);
    for name in facts.authorship.iter().flat_map(names) {
        told.word(
            "name-shows",
            match name {
                NameShows::NoAddress => "no address",
                NameShows::ThisAddress => "the address that it stands beside",
                NameShows::AnotherAddress => "another address",
            },
        );
    }
}

/// Of `From` and of every sender, as far as they can be read.
fn names(header: &Authorship) -> impl Iterator<Item = NameShows> {
    let mailboxes = std::iter::once(&header.from).chain(header.senders.iter().map(|sender| &sender.mailbox));
    mailboxes.filter_map(|mailbox| match mailbox {
        HeaderMailbox::Address { name, .. } => Some(*name),
        HeaderMailbox::Malformed => None,
    })
}
