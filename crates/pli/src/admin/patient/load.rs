//! Spaces by the thousand: a batch a request, each one transaction of the store, so that mail goes on in between.

use pli_store::{Loaded, NewSpace};
use serde::{Deserialize, Serialize};

use super::{Clerk, Told, read_line, today, unclear};
use crate::admin::House;
use crate::exit::Failure;

/// The most lines of a batch: it holds other writes up for some hundredths of a second.
pub(crate) const ROWS_MAX: usize = 10_000;

/// What batches changed, or would change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Sum {
    pub(crate) created: u64,
    pub(crate) changed: u64,
    pub(crate) unchanged: u64,
}

impl Sum {
    /// And those.
    pub(crate) fn add(&mut self, other: Self) {
        self.created += other.created;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
    }
}

impl From<Loaded> for Sum {
    fn from(loaded: Loaded) -> Self {
        Self { created: loaded.created, changed: loaded.changed, unchanged: loaded.unchanged }
    }
}

/// How far an import is. On record before the first change, and after the last: one that was cut short has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ImportStep {
    Begun,
    Ended { refused: u64, sum: Sum },
}

impl Clerk<'_> {
    /// Does a batch.
    pub(super) async fn load(&self, attached: &[u8], dry_run: bool) -> Result<Sum, Failure> {
        let spaces = self.read(attached)?;
        let loaded = if dry_run {
            self.store.compare_spaces(spaces).await?
        } else {
            self.store.put_spaces(spaces, Vec::new()).await?
        };
        Ok(loaded.into())
    }

    fn read(&self, attached: &[u8]) -> Result<Vec<NewSpace>, Failure> {
        let (mut spaces, today) = (Vec::new(), today(self.now));
        for (number, line) in (1..).zip(attached.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())) {
            let mut cells = line.split(|byte| *byte == b';');
            let [ins, state, born] = [(); 3].map(|()| cells.next().unwrap_or_default());
            let space = read_line(ins, state, born, today);
            spaces.push(space.map_err(|fault| unclear(&format!("line {number}: {}", fault.code())))?);
            if number > ROWS_MAX {
                return Err(unclear(&format!("more than {ROWS_MAX} lines are attached")));
            }
        }
        Ok(spaces)
    }

    /// Puts an import on record.
    pub(super) async fn note_import(&self, step: &ImportStep) -> Result<Told, Failure> {
        let what = match step {
            ImportStep::Begun => "import of patients' spaces begun".to_owned(),
            ImportStep::Ended { refused, sum: Sum { created, changed, unchanged } } => format!(
                "import of patients' spaces ended: {created} created, {changed} changed, {unchanged} unchanged, \
                 {refused} lines refused"
            ),
        };
        self.store.append_audit(vec![House::event(self.now, self.actor, None, what, None)]).await?;
        Ok(Told::Noted)
    }
}
