//! What an operator has kept, seen from outside: the proof that a refusal left nothing behind.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::imap::Imap;
use crate::{Outcome, Sandbox};

/// Every mailbox over IMAP, every row of the queue, every file of the store.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept {
    operator: String,
    mailboxes: Vec<String>,
    queue: Vec<String>,
    bodies: Vec<String>,
}

/// Does something that must leave nothing at this operator's. For a quiet sandbox: others' mail would be seen too.
pub fn nothing_by(sandbox: &Sandbox, operator: &str, act: impl FnOnce() -> Outcome) -> Outcome {
    let before = Kept::by(sandbox, operator)?;
    act()?;
    before.unchanged(sandbox)
}

impl Kept {
    /// What this operator holds now.
    pub fn by(sandbox: &Sandbox, operator: &str) -> Result<Self> {
        let store = sandbox.config(operator)?.with_file_name("store");
        let mut bodies = files_below(&store)?;
        // The database's own files are there before the first message; what is in them, the other two views show.
        bodies.retain(|file| !file.contains("pli.db"));
        bodies.sort();
        Ok(Self {
            operator: operator.to_owned(),
            mailboxes: mailboxes(sandbox, operator)?,
            queue: sandbox.queue(operator)?.iter().map(|row| row["id"].to_string()).collect(),
            bodies,
        })
    }

    /// Fails if anything has been added since.
    pub fn unchanged(&self, sandbox: &Sandbox) -> Outcome {
        let now = Self::by(sandbox, &self.operator)?;
        ensure!(now == *self, "something was kept: {now:?}\ninstead of {self:?}");
        Ok(())
    }
}

/// One line a folder: its messages, and the UID that the next one would get, which grows even if a message goes again.
fn mailboxes(sandbox: &Sandbox, operator: &str) -> Result<Vec<String>> {
    let accounts = sandbox.description().accounts.iter().filter(|account| account.operator == operator);
    let mut holders: Vec<(&str, &str)> = accounts.map(|account| (&*account.address, &*account.password)).collect();
    if operator == "patients" {
        holders.extend(sandbox.description().patients.iter().map(|patient| (&*patient.address, &*patient.password)));
    }
    let mut lines = Vec::new();
    for (address, password) in holders.into_iter().filter(|(_, password)| !password.is_empty()) {
        let mut imap = Imap::signed_in(sandbox, operator, address, password)?;
        for listed in imap.command("LIST \"\" \"*\"")?.lines {
            let folder = listed.rsplit(' ').next().unwrap_or_default();
            let status = imap.command(&format!("STATUS {folder} (MESSAGES UIDNEXT)"))?;
            lines.push(format!("{address} {}", status.lines.join(" ")));
        }
    }
    Ok(lines)
}

fn files_below(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files_below(&entry.path())?);
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    Ok(found)
}
