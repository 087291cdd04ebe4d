//! `pli dispensation import`: a file, in parts that the node keeps between its mail, or all of it where no node runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::run::{self, Run};
use crate::admin::dispensation::{Ask, Told};
use crate::admin::{Answer, Request, Visit};
use crate::cli::Globals;
use crate::cli::asking::{beside_the_point, visit};
use crate::cli::refused_lines::RefusedLines;
use crate::dispensations::lines::{self, Batch, Form, Lines, ReadFault};
use crate::dispensations::{BATCH, Counts, Window};
use crate::exit::{Exit, Failure};
use crate::output::{self, SCHEMA_VERSION};

/// What is imported.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Lines `ins;finess;date;reimbursed` below that header, UTF-8; `-` is standard input
    file: PathBuf,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Write each line that is not taken to this file, as CSV: its number and a code
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Bytes read at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// Does it; fails with `rows-refused` if one line was refused.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let kept = globals.settings()?.config.patient.dispensings_kept;
    let window = Window::at(crate::clock::clock().now(), kept);
    let unread = |fault| unread(&args.file, fault);
    let mut lines = Lines::begin(input(&args.file)?, Form::Csv, window).map_err(unread)?;
    let mut report = RefusedLines::into(args.report.as_deref())?;
    let mut refused = BTreeMap::new();
    let mut noted = |batch: &Batch| {
        lines::count_by_code(&batch.faults, &mut refused);
        batch.faults.iter().try_for_each(|(line, fault)| report.line(*line, fault.code()))
    };
    let mut read = |run: &mut Run, counts: &mut Counts| -> Result<bool, Failure> {
        while run.len() < run::ROWS_MAX {
            let Some(batch) = lines.next(BATCH).map_err(unread)? else { return Ok(false) };
            noted(&batch)?;
            *counts = counts.plus(batch.counts);
            batch.dispensings.iter().for_each(|dispensing| run.push(dispensing));
        }
        Ok(true)
    };
    let (mut counts, mut run) = (Counts::default(), Run::default());
    if args.dry_run {
        while read(&mut run, &mut counts)? {
            run.clear();
        }
    } else {
        counts = visit(globals, true, async |_, visit| {
            let mut first = true;
            loop {
                let more = read(&mut run, &mut counts)?;
                run.sort();
                let batches = run.batches(BATCH);
                for (index, batch) in batches.iter().enumerate() {
                    let last = !more && index + 1 == batches.len();
                    let Told { created, changed, unchanged } =
                        send(visit, run::text(batch), counts, first, last).await?;
                    counts = counts.plus(Counts { created, changed, unchanged, ..Counts::default() });
                    first = false;
                }
                if !more {
                    return Ok(counts);
                }
                run.clear();
            }
        })?;
    }
    report.end()?;
    let shown = json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": if args.dry_run { "would-be-imported" } else { "imported" },
        "dry_run": args.dry_run,
        "lines": counts.lines,
        "created": (!args.dry_run).then_some(counts.created),
        "changed": (!args.dry_run).then_some(counts.changed),
        "unchanged": (!args.dry_run).then_some(counts.unchanged),
        "outdated": counts.outdated,
        "refused": counts.refused,
        "refused_by_code": refused,
    });
    output::print(&globals.format().object(&shown.as_object().cloned().unwrap_or_default()))?;
    if counts.refused == 0 {
        return Ok(());
    }
    let file = args.file.display();
    let values: [(&str, &dyn std::fmt::Display); 3] =
        [("refused", &counts.refused), ("all", &counts.lines), ("file", &file)];
    Err(Failure::told(Exit::Refused, "rows-refused", &values))
}

async fn send(visit: &Visit<'_>, lines: Vec<u8>, so_far: Counts, first: bool, last: bool) -> Result<Told, Failure> {
    match visit.ask(Request::Dispensation(Ask::Import { so_far, first, last }), Some(lines)).await? {
        Answer::Dispensation(told) => Ok(told),
        _ => Err(beside_the_point()),
    }
}

fn input(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, std::io::stdin())));
    }
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)))
}

fn unread(path: &Path, fault: ReadFault) -> Failure {
    match fault {
        ReadFault::Unreadable(error) => Failure::file(path, &error),
        ReadFault::Header => {
            let (path, header) = (path.display(), lines::HEADER);
            Failure::told(Exit::Usage, "dispensings-header", &[("file", &path), ("header", &header)])
        }
    }
}
