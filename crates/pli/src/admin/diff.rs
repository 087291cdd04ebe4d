//! What stands between two lists, by domain, with the names before and after.

use pli_directory::{TrustList, diff};
use pli_types::Domain;

use super::protocol::{Difference, Kind};

/// What leaves first: it is what an admin looks for.
pub(crate) fn differences(old: &TrustList, new: &TrustList) -> Vec<Difference> {
    let changes = diff(old, new);
    let kinds = [(Kind::Removed, changes.removed), (Kind::Changed, changes.changed), (Kind::Added, changes.added)];
    let row = |change: Kind, domain: &Domain| Difference {
        change,
        domain: domain.to_string(),
        before: names(old, domain),
        after: names(new, domain),
    };
    kinds.iter().flat_map(|(kind, domains)| domains.iter().map(|domain| row(*kind, domain))).collect()
}

fn names(list: &TrustList, domain: &Domain) -> Vec<String> {
    let mut names: Vec<String> = list.names_of(domain).map(ToString::to_string).collect();
    names.sort_unstable();
    names
}
