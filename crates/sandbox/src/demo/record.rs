//! Step 5: the record of it all is whole, and one flipped byte of a copy is found.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::{Story, Told};

pub(super) const WHOLE: &str = "`pli audit verify` proves the record of it all whole, at each operator";
pub(super) const FLIPPED: &str = "One byte of a copy of the relay's record is flipped";

/// How long the last events may wait for their seal.
const SEALED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Exit codes of the verb: nothing is sealed yet; the record is damaged.
const NOTHING_SEALED: i32 = 3;
const DAMAGED: i32 = 6;

/// Of the verb's output, what is looked at.
#[derive(Debug, Deserialize)]
struct Verified {
    ok: bool,
    #[serde(default)]
    tree_size: u64,
    #[serde(default)]
    unsealed: u64,
    key: String,
    damage: Option<Damage>,
}

#[derive(Debug, Deserialize)]
struct Damage {
    place: String,
    detail: String,
}

impl Story<'_> {
    /// All that was recorded must be sealed and whole, at every operator.
    pub(super) async fn whole_record(&self) -> anyhow::Result<Told> {
        let mut told = Vec::new();
        for operator in &self.manifest.operators {
            let verified = self.sealed(&operator.name).await?;
            told.push(format!("at {}: {} entries", operator.server_name, verified.tree_size));
        }
        Ok(Told { decision: "whole", reason: None, detail: told.join("; ") })
    }

    /// The copy is checked with the public key alone: the entry in which the byte lies must be named.
    pub(super) async fn flipped_byte(&self) -> anyhow::Result<Told> {
        let verified = self.sealed("pro").await?;
        let copy = self.dir.join("record-copy");
        match std::fs::remove_dir_all(&copy) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let out = copy.to_string_lossy();
        let exported = self.audit("pro", &["export", "--out", &out]).await?;
        if !exported.status.success() {
            bail!("audit export failed: {}", String::from_utf8_lossy(&exported.stderr).trim());
        }
        let key = copy.with_extension("pub");
        std::fs::write(&key, &verified.key)?;
        let (file, byte, entry) = flip(&copy)?;
        let words = ["verify", "--export", &out, "--key", &key.to_string_lossy()];
        let output = run(Command::new(std::env::current_exe()?).arg("audit").args(words)).await?;
        let Some(damage) = read(&output, DAMAGED)?.damage else { bail!("the flipped byte was not found") };
        if damage.place != format!("entry {entry}") {
            bail!("byte {byte} of {file} lies in entry {entry}, and found was {}: {}", damage.place, damage.detail);
        }
        let detail = format!("byte {byte} of {file} lies in {}: {}", damage.place, damage.detail);
        Ok(Told { decision: "found", reason: None, detail })
    }

    /// Verifies an operator's record, once all of it is sealed.
    async fn sealed(&self, operator: &str) -> anyhow::Result<Verified> {
        let deadline = Instant::now() + SEALED_WITHIN;
        loop {
            let output = self.audit(operator, &["verify"]).await?;
            if output.status.code() != Some(NOTHING_SEALED) {
                let verified = read(&output, 0)?;
                if verified.ok && verified.unsealed == 0 {
                    return Ok(verified);
                }
            }
            if Instant::now() >= deadline {
                bail!("at {operator}, not everything was sealed within {SEALED_WITHIN:?}");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Runs `pli audit` as an admin would.
    async fn audit(&self, operator: &str, words: &[&str]) -> anyhow::Result<Output> {
        let config = self.dir.join(&self.operator(operator)?.config);
        run(Command::new(std::env::current_exe()?).arg("audit").args(words).arg("--config").arg(config)).await
    }
}

async fn run(command: &mut Command) -> anyhow::Result<Output> {
    Ok(command.args(["-o", "json"]).stdin(Stdio::null()).kill_on_drop(true).output().await?)
}

fn read(output: &Output, status: i32) -> anyhow::Result<Verified> {
    if output.status.code() != Some(status) {
        bail!("audit verify ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("audit verify gave no JSON")
}

/// Flips a bit in the middle of the middle entry of the first bundle; the file, the byte, the entry's number.
fn flip(copy: &Path) -> anyhow::Result<(String, usize, usize)> {
    let file = first_bundle(&copy.join("tile/entries"))?;
    let mut bytes = std::fs::read(&file)?;
    let entries = entries(&bytes);
    let (number, range) = entries.get(entries.len() / 2).map(|range| (entries.len() / 2, range)).context("no entry")?;
    let byte = usize::midpoint(range.start, range.end);
    *bytes.get_mut(byte).context("an entry that is longer than its bundle")? ^= 1;
    std::fs::write(&file, bytes)?;
    Ok((file.strip_prefix(copy)?.display().to_string(), byte, number))
}

/// Where the entries of a bundle lie in it: each behind its length in two bytes (`docs/audit.md`).
fn entries(bundle: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some([high, low]) = bundle.get(at..at + 2) {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        found.push(at + 2..at + 2 + length);
        at += 2 + length;
    }
    found
}

/// `000`, or, while that is not full, `000.p/W`.
fn first_bundle(folder: &Path) -> anyhow::Result<PathBuf> {
    let full = folder.join("000");
    if full.is_file() {
        return Ok(full);
    }
    let mut part = std::fs::read_dir(folder.join("000.p"))?;
    Ok(part.next().context("the copy has no entries")??.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_lie_behind_their_lengths() {
        assert_eq!(entries(b"\0\x03abc\0\0\0\x01d"), [2..5, 7..7, 9..10]);
        assert_eq!(entries(b""), []);
    }
}
