//! The contract's last promise: logs hold no health data. Whatever a scenario was about, the logs and metrics of the nodes
//! that it ran are read at their end: no identifier of a patient, no name, no subject, nothing of what letters say.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;

use crate::message::SECRET;

/// How the patients of the sandbox's letters are called.
const NAMES: [&str; 3] = ["pat-trois", "dominique", "marie-louise"];

/// What was read, and what was found in it.
#[derive(Debug, Default)]
pub struct Reading {
    /// Texts read.
    pub texts: usize,
    /// Lines that hold what they may not, with where they are.
    pub findings: Vec<String>,
}

static READING: Mutex<Reading> = Mutex::new(Reading { texts: 0, findings: Vec::new() });

/// Reads every log below a sandbox's folder.
pub fn read_logs(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            read_logs(&entry.path())?;
        } else if entry.file_name().to_string_lossy().ends_with(".log") {
            let text = std::fs::read(entry.path())?;
            read(&entry.path().display().to_string(), &String::from_utf8_lossy(&text));
        }
    }
    Ok(())
}

/// Reads one text: a page of metrics, a trace.
pub fn read(place: &str, text: &str) {
    let mut reading = READING.lock().unwrap_or_else(PoisonError::into_inner);
    reading.texts += 1;
    for line in text.lines() {
        if let Some(what) = holds(line) {
            reading.findings.push(format!("{place}: {what}: {line}"));
        }
    }
}

/// What was read and found since the tests began.
#[must_use]
pub fn reading() -> Reading {
    std::mem::take(&mut *READING.lock().unwrap_or_else(PoisonError::into_inner))
}

fn holds(line: &str) -> Option<&'static str> {
    let lower = line.to_lowercase();
    if lower.contains(&SECRET.to_lowercase()) {
        Some("what a letter says")
    } else if NAMES.iter().any(|name| lower.contains(name)) {
        Some("a patient's name")
    } else {
        holds_identifier(&lower).then_some("a patient's identifier")
    }
}

/// Fifteen characters that stand alone and whose key fits (spec §2.2), reckoned here on its own.
fn holds_identifier(lower: &str) -> bool {
    lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() == 15).any(|word| {
        let (number, key) = word.split_at(13);
        let number = match number.get(5..7) {
            Some("2a") => number.replacen("2a", "19", 1),
            Some("2b") => number.replacen("2b", "18", 1),
            _ => number.to_owned(),
        };
        let (number, key) = (number.parse::<u64>(), key.parse::<u64>());
        number.is_ok_and(|number| {
            key.is_ok_and(|key| (1..=4).contains(&(number / 1_000_000_000_000)) && key == 97 - number % 97)
        })
    })
}

/// The reader itself, before what it says is believed.
pub fn reads_what_it_should() -> Result<()> {
    for line in
        ["to=279035121518989@patient", "x 297022a02077878.", "Subject: Confidentiel-entre-nous", "Mme PAT-TROIS"]
    {
        anyhow::ensure!(holds(line).is_some(), "{line:?} was not found");
    }
    for line in ["ins-5f3a9c11", "279035121518988", "1790351215189890", "at=1763881200000000"] {
        anyhow::ensure!(holds(line).is_none(), "{line:?} was found");
    }
    Ok(())
}
