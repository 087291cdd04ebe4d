//! The crash harness: a node whose store lies on [`Disk`], a load with a ledger of every `250`, a kill or a fault, and
//! the reckoning. `docs/durability.md` is its result.

pub mod account;
mod campaign;
pub mod hospital;
pub mod ledger;
pub mod load;
pub mod points;
pub mod round;
pub mod table;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

pub use self::account::{Found, reckon};
pub use self::campaign::campaign;
pub use self::hospital::Hospital;
pub use self::load::{Load, OPERATOR};
pub use self::round::{Ending, Round, Torn, run};
use crate::disk::Disk;
use crate::{Outcome, Sandbox, Seed, wait};

/// A node, the disk below its store, the hospital's server that it hands mail to, and everything that was ever sent.
pub struct Rig {
    /// The node runs in it, alone.
    pub sandbox: Sandbox,
    /// Below `store/` of the node.
    pub disk: Option<Disk>,
    /// Takes what is relayed.
    pub hospital: Hospital,
    /// What was sent, and what was said.
    pub load: Load,
    points: PathBuf,
    clock: PathBuf,
    _files: TempDir,
}

impl Rig {
    /// Started, with nothing sent yet.
    pub fn start() -> Result<Self> {
        let files = tempfile::Builder::new().prefix("pli-crash-").tempdir()?;
        let (points, clock) = (files.path().join("points"), files.path().join("clock"));
        let seed =
            Seed::testing()?.with_variable("PLI_FAILPOINTS_FILE", &points).with_variable("PLI_CLOCK_FILE", &clock);
        std::fs::write(&clock, "+0s")?;
        let (reader, _) = load::mailbox(seed.description(), load::READER)?;
        seed.configure(OPERATOR, |table| {
            let unreadable = toml::Table::from_iter([("unreadable".to_owned(), "hold".into())]);
            table.insert("document".to_owned(), unreadable.into());
            let deadline = [("from", reader.as_str()), ("state", "opened"), ("within", "1s")];
            let deadline = deadline.map(|(key, value)| (key.to_owned(), value.into()));
            table.insert("deadline".to_owned(), vec![toml::Value::from(toml::Table::from_iter(deadline))].into());
        })?;
        let store = seed.dir().join(OPERATOR).join("store");
        let disk = Disk::mount(&store)?;
        let sandbox = seed.start_only(OPERATOR)?;
        let hospital = Hospital::of(&sandbox)?;
        Ok(Self { sandbox, disk: Some(disk), hospital, load: Load::default(), points, clock, _files: files })
    }

    /// The disk.
    pub fn disk(&mut self) -> Result<&mut Disk> {
        self.disk.as_mut().context("the disk is gone")
    }

    /// From now on, the point does this at its `nth` time.
    pub fn arm(&self, point: &str, nth: u64, action: &str) -> Outcome {
        // Beside and renamed: a point never reads half a line.
        let beside = self.points.with_extension("new");
        std::fs::write(&beside, format!("{point}={nth}:{action}\n"))?;
        Ok(std::fs::rename(beside, &self.points)?)
    }

    /// No point does anything.
    pub fn disarm(&self) -> Outcome {
        match std::fs::remove_file(&self.points) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The node's clock is so far ahead (`+2h`) or behind (`-1h`).
    pub fn set_clock(&self, span: &str) -> Outcome {
        Ok(std::fs::write(&self.clock, span)?)
    }

    /// Waits until the node's process has ended by itself.
    pub fn await_end(&self, patience: Duration) -> Outcome {
        wait::until("the node's end", patience, || Ok(self.sandbox.has_ended()?.then_some(())))
    }

    /// Starts the node again, after its end.
    pub fn start_again(&mut self) -> Outcome {
        ensure!(self.sandbox.has_ended()?, "the node still runs");
        self.sandbox.restart(OPERATOR)
    }

    /// Waits until everybody is alerted whose letter nobody has opened.
    pub fn all_are_alerted(&self) -> Outcome {
        let mut missing = std::collections::BTreeSet::new();
        wait::until("the alerts", Duration::from_secs(30), || {
            missing = self.load.with(|ledger| account::not_alerted(&self.sandbox, ledger))?;
            Ok(missing.is_empty().then_some(()))
        })
        .with_context(|| format!("{missing:?} were acknowledged, and their sender was not alerted"))
    }

    /// Looks for everything that was ever sent.
    pub fn reckon(&self) -> Result<Found> {
        self.load.with(|ledger| reckon(&self.sandbox, &self.hospital, ledger))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // The node, then its disk, then the folder that it is mounted in.
        if let Err(error) = self.sandbox.stop() {
            eprintln!("the node did not stop: {error:#}");
        }
        self.disk = None;
    }
}
