//! What an admin asks before acting: which list is meant, and what would come of it. Nothing here changes anything.

use std::sync::Arc;

use jiff::Timestamp;

use super::{TrustHandle, target};
use crate::changes::{Changes, diff};
use crate::check::{Checked, check, digest_of};
use crate::gate::{Bearer, Passed};
use crate::in_force::Installed;
use crate::list_fault::{ListFault, RollbackFault};
use crate::trust_list::TrustList;

impl TrustHandle {
    /// Are these, byte for byte, the list in force?
    #[must_use]
    pub fn is_in_force(&self, bytes: &[u8]) -> bool {
        self.0.in_force.load().as_ref().is_some_and(|current| current.record.digest == digest_of(bytes))
    }

    /// What [`Self::install`] would answer.
    pub fn rehearse_install(&self, bytes: Option<&[u8]>, now: Timestamp) -> Result<Installed, ListFault> {
        let keeping = self.keeping();
        let held = if bytes.is_none() {
            let held = keeping.ledger.held.as_ref().ok_or(ListFault::NothingHeld)?;
            Some(keeping.read_held(held)?)
        } else {
            None
        };
        let bytes = bytes.or(held.as_deref()).unwrap_or_default();
        let checked = check(bytes, &self.0.rules, &*self.0.signers, now)?;
        let changes = match self.gate(&checked, &keeping, Bearer::Admin, now)? {
            Passed::Unchanged => Changes::default(),
            Passed::New(changes) => changes,
        };
        Ok(would_be(checked, changes))
    }

    /// What [`Self::rollback`] would answer.
    pub fn rehearse_rollback(&self, to: Option<&str>, now: Timestamp) -> Result<Installed, RollbackFault> {
        let keeping = self.keeping();
        let record = target(&keeping.ledger, to)?;
        let checked = keeping.fit(record, &self.0.rules, &*self.0.signers, now)?;
        let changes = self.current().map_or_else(Changes::default, |left| diff(&left, &checked.list));
        Ok(would_be(checked, changes))
    }

    /// The list that waits for an admin, to be looked at.
    pub fn held_list(&self) -> Result<TrustList, ListFault> {
        let keeping = self.keeping();
        let held = keeping.ledger.held.as_ref().ok_or(ListFault::NothingHeld)?;
        TrustList::parse(&keeping.read_held(held)?)
    }

    /// A list that is or was in force, to be looked at: the one whose digest begins so.
    pub fn kept_list(&self, digest: &str) -> Result<Arc<TrustList>, RollbackFault> {
        let keeping = self.keeping();
        match target(&keeping.ledger, Some(digest)) {
            Ok(record) => Ok(Arc::new(keeping.sound(record)?)),
            Err(RollbackFault::InForce) => self.current().ok_or(RollbackFault::NothingBefore),
            Err(fault) => Err(fault),
        }
    }
}

fn would_be(checked: Checked, changes: Changes) -> Installed {
    Installed {
        generated_at: checked.list.generated_at(),
        entries: checked.list.entries(),
        domains: checked.list.domains(),
        certificate_names: checked.list.certificate_names(),
        digest: checked.digest,
        signature: checked.signature,
        changes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{ListRules, NoSigner};
    use crate::trust_list::tests::list_of;

    const NOON: &str = "2026-03-14T12:00:00Z";
    const LATER: &str = "2026-03-14T13:00:00Z";
    const NAME: &str = "CN=mss.a.fr,C=FR";

    fn now() -> Timestamp {
        LATER.parse().unwrap()
    }

    fn with_two_lists() -> TrustHandle {
        let handle = TrustHandle::unkept(ListRules::default(), Arc::new(NoSigner));
        for (date, domain) in [(NOON, "a.fr"), (LATER, "a.fr"), (LATER, "b.fr")] {
            let second = (domain == "a.fr" && date == LATER).then_some(("b.fr", NAME));
            let entries: Vec<_> = std::iter::once((domain, NAME)).chain(second).collect();
            handle.offer(list_of(date, &entries).as_bytes(), "test", now()).ok();
        }
        handle
    }

    #[test]
    fn a_rehearsal_answers_as_the_act_does_and_changes_nothing() {
        let handle = with_two_lists();
        assert!(handle.held().is_some(), "the third lost half of the domains");
        let before = (handle.in_force().unwrap().digest, handle.held(), handle.history());

        let rehearsed = handle.rehearse_install(None, now()).unwrap();
        let older = handle.rehearse_install(Some(list_of(NOON, &[("c.fr", NAME)]).as_bytes()), now());
        let back = handle.rehearse_rollback(None, now()).unwrap();
        assert_eq!(older.unwrap_err().code(), "list-older");
        assert_eq!(before, (handle.in_force().unwrap().digest, handle.held(), handle.history()));

        assert_eq!(handle.rollback(None, "me", "test", now()).unwrap(), back);
        let other = with_two_lists();
        assert_eq!(other.install(None, "me", "test", now()).unwrap(), rehearsed);
        assert_eq!(other.rehearse_install(None, now()), Err(ListFault::NothingHeld));
    }

    #[test]
    fn lists_that_were_in_force_can_be_looked_at() {
        let handle = with_two_lists();
        let first = handle.history()[0].digest.clone().unwrap();
        assert_eq!(handle.kept_list(first.get(..8).unwrap()).unwrap().domains(), 1);
        let in_force = handle.in_force().unwrap().digest;
        assert_eq!(handle.kept_list(&in_force).unwrap().domains(), 2);
        assert!(matches!(handle.kept_list("zz"), Err(RollbackFault::Unknown(_))));
        assert_eq!(handle.held_list().unwrap().domains(), 1);
        assert!(handle.is_in_force(list_of(LATER, &[("a.fr", NAME), ("b.fr", NAME)]).as_bytes()));
    }
}
