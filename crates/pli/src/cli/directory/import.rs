//! `pli directory import`: an extraction becomes the copy that is searched.
//!
//! The copy is built here, beside the one in use, and installed by who may change things: the node, where one runs, so
//! that the change is on its record.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use pli_addressbook::found_by;
use pli_directory::extraction::{self, Extraction, Text};
use pli_store::national::{self, About, Import, Listed, LocalCopy, Prepared};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::sift::{Report, Tally, sift, unread};
use super::{Globals, runtime};
use crate::admin::{self, Request};
use crate::config::Settings;
use crate::exit::{Exit, Failure};
use crate::output::{self, SCHEMA_VERSION};

/// What is imported.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The extraction as it is published, in its ZIP archive or as text
    file: PathBuf,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Write each line that is not taken to this file, as CSV: its number, a code, why
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Take it even if it has lost more than a tenth of the lines of the copy in use
    #[arg(long)]
    smaller: bool,
}

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let settings = globals.settings()?;
    let state = &settings.config.server.state;
    let runtime = runtime::one_thread()?;
    let mut text = extraction::open(&args.file).map_err(|fault| unread(&args.file, fault))?;
    let (bytes, digest) = identify(&mut text, &args.file)?;
    let before = runtime.block_on(in_use(state))?;
    let same = before.as_ref().is_some_and(|about| about.digest == digest);
    let mut report = Report::into(args.report.as_deref())?;
    let (tally, about) = if same || args.dry_run {
        let tally = sift(&mut text, &args.file, bytes, &mut report, |_| Ok(()))?;
        check(&tally, before.as_ref(), args.smaller)?;
        (tally, before.clone())
    } else {
        crate::state::make(state)?;
        admin::check_owner(state)?;
        let import = runtime.block_on(Import::begin(state))?;
        let work = Work { runtime: &runtime, settings: &settings, args, before: before.as_ref() };
        let done = work.build(import, &mut text, bytes, &mut report);
        if done.is_err() {
            // It takes the room that may be what is missing.
            national::discard(state)?;
        }
        let (tally, about) = done?;
        (tally, Some(about))
    };
    let outcome = match (same, args.dry_run) {
        (true, true) => "would-be-unchanged",
        (true, false) => "unchanged",
        (false, true) => "would-be-imported",
        (false, false) => "imported",
    };
    let shown = shown(outcome, &tally, before.as_ref(), about.as_ref().filter(|_| !args.dry_run));
    output::print(&globals.format().object(shown.as_object().unwrap_or(&serde_json::Map::new())))
}

/// How large the text is, and which. Its headings are looked at before anything else is.
fn identify(text: &mut Text, path: &Path) -> Result<(u64, String), Failure> {
    let read = text.reader().and_then(Extraction::begin).and_then(Extraction::identify);
    read.map_err(|fault| unread(path, fault))
}

async fn in_use(state: &Path) -> Result<Option<About>, Failure> {
    match LocalCopy::open(state).await {
        Ok(Some(copy)) => {
            let about = copy.about().clone();
            copy.close().await;
            Ok(Some(about))
        }
        // A damaged copy is what an import mends.
        Ok(None) | Err(pli_store::StoreError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// An import that is under way.
struct Work<'w> {
    runtime: &'w Runtime,
    settings: &'w Settings,
    args: &'w Args,
    before: Option<&'w About>,
}

impl Work<'_> {
    fn build(
        &self,
        mut import: Import,
        text: &mut Text,
        bytes: u64,
        report: &mut Report,
    ) -> Result<(Tally, About), Failure> {
        let tally = sift(text, &self.args.file, bytes, report, |entry| {
            if import.add(&Listed { address: &entry.address().key(), line: entry.line(), words: &found_by(entry) }) {
                self.runtime.block_on(import.write())?;
            }
            Ok(())
        })?;
        check(&tally, self.before, self.args.smaller)?;
        let about = About {
            digest: tally.digest.clone(),
            bytes: tally.bytes,
            taken: tally.taken,
            refused: tally.refused(),
            addresses: 0,
            imported_at: crate::clock::clock().now(),
        };
        let prepared: Prepared = self.runtime.block_on(import.finish(about))?;
        let request = Request::DirectoryInstall { digest: prepared.about.digest.clone() };
        self.runtime.block_on(admin::ask(self.settings, request, None))?;
        Ok((tally, prepared.about))
    }
}

/// A text that was cut on its way must not empty the directory.
fn check(tally: &Tally, before: Option<&About>, smaller: bool) -> Result<(), Failure> {
    if tally.taken == 0 {
        return Err(Failure::told(Exit::Integrity, "extraction-empty", &[("lines", &tally.refused())]));
    }
    match before {
        Some(before) if !smaller && tally.taken < before.taken - before.taken / 10 => {
            let values: [(_, &dyn Display); 2] = [("lines", &tally.taken), ("before", &before.taken)];
            Err(Failure::told(Exit::Integrity, "extraction-smaller", &values))
        }
        _ => Ok(()),
    }
}

fn shown(outcome: &str, tally: &Tally, before: Option<&About>, about: Option<&About>) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": outcome,
        "dry_run": outcome.starts_with("would"),
        "digest": tally.digest,
        "lines": tally.taken + tally.refused(),
        "taken": tally.taken,
        "refused": tally.refused(),
        "refused_by_code": tally.refused,
        "addresses": about.map(|about| about.addresses),
        "taken_before": before.map(|about| about.taken),
        "imported_at": about.map(|about| about.imported_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(taken: u64) -> Tally {
        Tally { taken, ..Tally::default() }
    }

    #[test]
    fn a_text_that_lost_more_than_a_tenth_is_taken_only_if_that_is_meant() {
        let imported_at = "2026-11-22T12:00:00Z".parse().unwrap();
        let before = About { digest: String::new(), bytes: 0, taken: 1000, refused: 0, addresses: 0, imported_at };
        assert_eq!(check(&tally(900), Some(&before), false), Ok(()));
        assert_eq!(check(&tally(899), Some(&before), false).unwrap_err().code, "extraction-smaller");
        assert_eq!(check(&tally(899), Some(&before), true), Ok(()));
        assert_eq!(check(&tally(1), None, false), Ok(()));
        assert_eq!(check(&tally(0), None, true).unwrap_err().code, "extraction-empty");
    }
}
