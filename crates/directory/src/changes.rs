//! [`diff`]: what a new list changes.

use pli_types::Domain;

use crate::trust_list::TrustList;

/// What a new list changes, by domain. Each is sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Domains that only the new list has.
    pub added: Vec<Domain>,
    /// Domains that only the old list has.
    pub removed: Vec<Domain>,
    /// Domains that both have, but under other certificate names.
    pub changed: Vec<Domain>,
}

impl Changes {
    /// Does the new list say the same as the old one?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// What stands between two lists.
#[must_use]
pub fn diff(old: &TrustList, new: &TrustList) -> Changes {
    let mut changes = Changes::default();
    for domain in new.iter_domains() {
        if !old.lists_domain(domain) {
            changes.added.push(domain.clone());
        } else if !new.same_names(old, domain) {
            changes.changed.push(domain.clone());
        }
    }
    changes.removed.extend(old.iter_domains().filter(|domain| !new.lists_domain(domain)).cloned());
    for domains in [&mut changes.added, &mut changes.removed, &mut changes.changed] {
        domains.sort_unstable();
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust_list::tests::{DATE, list_of};

    const A: &str = "CN=mss.a.fr,C=FR";
    const B: &str = "CN=mss.b.fr,C=FR";

    fn list(entries: &[(&str, &str)]) -> TrustList {
        TrustList::parse(list_of(DATE, entries).as_bytes()).unwrap()
    }

    fn names(domains: &[Domain]) -> Vec<&str> {
        domains.iter().map(Domain::as_str).collect()
    }

    #[test]
    fn what_came_left_and_moved_is_told_in_order() {
        let old = list(&[("z.fr", A), ("b.fr", A), ("a.fr", A), ("left.fr", A), ("gone.fr", A)]);
        let new = list(&[("z.fr", B), ("a.fr", A), ("a.fr", B), ("b.fr", A), ("new.fr", A), ("more.fr", B)]);
        let changes = diff(&old, &new);
        assert_eq!(names(&changes.added), ["more.fr", "new.fr"]);
        assert_eq!(names(&changes.removed), ["gone.fr", "left.fr"]);
        assert_eq!(names(&changes.changed), ["a.fr", "z.fr"], "another name, or one name more");
    }

    #[test]
    fn another_spelling_is_no_change() {
        let (old, new) = (list(&[("a.fr", A)]), list(&[("A.fr", "c=fr, cn=MSS.A.FR")]));
        assert!(diff(&old, &new).is_empty());
    }
}
