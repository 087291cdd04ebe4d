//! What an admin changes of the list in force. Each change is on record under his name.

use pli_directory::Installed;

use super::desk::{Desk, Office, off_threads};
use super::protocol::{ListChange, Outcome};
use crate::exit::Failure;
use crate::trust::{Author, ChangeFault, Looked};
use crate::words::Said;

impl Office {
    /// Looks at the source now.
    pub(super) async fn fetch(&self, actor: &str) -> Result<ListChange, Failure> {
        match self.lookout.lock().await.look(true, &Author::Admin(actor.to_owned())).await? {
            Looked::Installed(installed) => Ok(change(Outcome::Installed, &installed)),
            Looked::Unchanged => Ok(self.unchanged()),
        }
    }

    fn unchanged(&self) -> ListChange {
        let list = self.custodian.trust.in_force().as_ref().map(Into::into);
        ListChange { outcome: Outcome::Unchanged, list, added: 0, removed: 0, changed: 0 }
    }

    /// Puts a list in force: the attached one, or the held one.
    pub(super) async fn install(
        &self,
        attached: Option<Vec<u8>>,
        actor: &str,
        reason: &str,
    ) -> Result<ListChange, Failure> {
        let installed = self.custodian.install(attached, actor, reason).await?;
        Ok(installed.map_or_else(|| self.unchanged(), |installed| change(Outcome::Installed, &installed)))
    }

    /// Goes back to a list that was in force.
    pub(super) async fn roll_back(&self, to: Option<String>, actor: &str, reason: &str) -> Result<ListChange, Failure> {
        let installed = self.custodian.roll_back(to, actor, reason).await?;
        Ok(change(Outcome::RolledBack, &installed))
    }
}

impl Desk {
    /// What [`Office::install`] would do.
    pub(super) async fn rehearse_install(&self, attached: Option<Vec<u8>>) -> Result<ListChange, Failure> {
        let (trust, now) = (self.trust.clone(), self.clock.now());
        off_threads(move || {
            let before = trust.in_force().map(|list| list.digest);
            let installed = trust.rehearse_install(attached.as_deref(), now)?;
            let same = before.as_ref() == Some(&installed.digest);
            Ok(change(if same { Outcome::WouldBeUnchanged } else { Outcome::WouldBeInstalled }, &installed))
        })
        .await
    }

    /// What [`Office::roll_back`] would do.
    pub(super) async fn rehearse_rollback(&self, to: Option<String>) -> Result<ListChange, Failure> {
        let (trust, now) = (self.trust.clone(), self.clock.now());
        off_threads(move || {
            let installed = trust.rehearse_rollback(to.as_deref(), now)?;
            Ok(change(Outcome::WouldBeRolledBack, &installed))
        })
        .await
    }
}

fn change(outcome: Outcome, installed: &Installed) -> ListChange {
    ListChange {
        outcome,
        list: Some(installed.into()),
        added: installed.changes.added.len(),
        removed: installed.changes.removed.len(),
        changed: installed.changes.changed.len(),
    }
}

impl From<ChangeFault> for Failure {
    fn from(fault: ChangeFault) -> Self {
        match fault {
            ChangeFault::List(fault) => fault.into(),
            ChangeFault::Rollback(fault) => fault.into(),
            ChangeFault::Record(error) => {
                let failure = Self::from(error);
                let said = Said::new("change-not-on-record", &[]);
                let said = said.with("cause", failure.what_value()).with("advice", failure.next_value());
                Self::saying(failure.exit, failure.code, said)
            }
        }
    }
}
