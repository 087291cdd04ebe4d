//! The node's own record: verified beside the node, exported, and changed behind everybody's back.

#![allow(clippy::indexing_slicing, reason = "a member that is not there is null")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::{said, succeed};
use crate::{Outcome, Sandbox};

/// How long a busy machine may take over what the node does in a moment.
const PATIENCE: Duration = Duration::from_mins(1);

/// What `pli audit verify` says of an operator's record; an error if it is damaged.
pub fn verified(sandbox: &Sandbox, operator: &str) -> Result<Value> {
    let told = sandbox.pli(operator, &["audit", "verify"])?;
    ensure!(told["ok"] == true && told["damage"].is_null(), "{told}");
    Ok(told)
}

/// Waits until all that is recorded now is sealed, verifying each time; how many entries are.
pub fn sealed(sandbox: &Sandbox, operator: &str) -> Result<u64> {
    let (start, mut wanted) = (Instant::now(), 0);
    loop {
        let asked = start.elapsed();
        if let Some((sealed, recorded)) = look(sandbox, operator)? {
            wanted = if wanted == 0 { recorded } else { wanted };
            if sealed >= wanted {
                return Ok(sealed);
            }
        }
        ensure!(asked < PATIENCE, "after {asked:?} not all of {wanted} entries are sealed");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How many entries are sealed, and how many there are; none if nothing is sealed yet.
fn look(sandbox: &Sandbox, operator: &str) -> Result<Option<(u64, u64)>> {
    let output = sandbox.try_pli(operator, &["audit", "verify"])?;
    if output.status.code() == Some(3) {
        return Ok(None);
    }
    ensure!(output.status.success(), "{}", said(&output));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let figure = |name: &str| told[name].as_u64().with_context(|| format!("no {name} in {told}"));
    Ok(Some((figure("tree_size")?, figure("tree_size")? + figure("unsealed")?)))
}

/// What is wrong with an operator's record, which is damaged: the exit status is 6.
pub fn damage(sandbox: &Sandbox, operator: &str) -> Result<Value> {
    damage_told(&sandbox.try_pli(operator, &["audit", "verify"])?)
}

/// The same of an answer of `pli audit verify`.
pub fn damage_told(output: &std::process::Output) -> Result<Value> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(6), "ended with {}: {said}", output.status);
    ensure!(said.starts_with("error[audit-damaged]"), "{said}");
    let told: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(told["ok"] == false, "{told}");
    Ok(told["damage"].clone())
}

/// An operator's store, beside which no node runs: changed by somebody who can write its file, and put back.
#[derive(Debug)]
pub struct Tampering {
    database: PathBuf,
    kept: Vec<u8>,
}

impl Tampering {
    /// Of this operator.
    pub fn with(sandbox: &Sandbox, operator: &str) -> Result<Self> {
        let database = sandbox.dir().join(operator).join("store/pli.db");
        // What is in the write-ahead log belongs to it.
        sql(&database, "PRAGMA wal_checkpoint(TRUNCATE)")?;
        let kept = std::fs::read(&database)?;
        Ok(Self { database, kept })
    }

    /// Runs these statements on it.
    pub fn change(&self, statements: &str) -> Outcome {
        sql(&self.database, statements)
    }

    /// As it was.
    pub fn undo(&self) -> Outcome {
        for beside in ["db-wal", "db-shm"] {
            std::fs::remove_file(self.database.with_extension(beside)).ok();
        }
        Ok(std::fs::write(&self.database, &self.kept)?)
    }
}

/// By Python's own SQLite, apart from ours.
fn sql(database: &Path, statements: &str) -> Outcome {
    let script = "import sqlite3, sys\nsqlite3.connect(sys.argv[1], isolation_level=None).executescript(sys.argv[2])";
    succeed(Command::new("python3").args(["-c", script]).arg(database).arg(statements)).map(drop)
}

/// The sizes of all checkpoints that were handed out, in their order.
pub fn handed_out(sandbox: &Sandbox, operator: &str) -> Result<Vec<u64>> {
    let text = std::fs::read_to_string(sandbox.dir().join(operator).join("state/checkpoints"))?;
    let lines: Vec<&str> = text.lines().collect();
    // A note begins with its origin, and the size is its second line; a signature's line ends with neither.
    let notes = lines.windows(2).filter(|pair| pair[0].ends_with("/audit") && !pair[0].starts_with('\u{2014}'));
    notes.map(|pair| Ok(pair[1].parse()?)).collect()
}
