//! `pli dispensation import`: a file, in parts that the node keeps between its mail, or all of it where no node runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::json;

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
    let (mut counts, mut refused) = (Counts::default(), BTreeMap::new());
    let mut noted = |batch: &Batch| {
        lines::count_by_code(&batch.faults, &mut refused);
        batch.faults.iter().try_for_each(|(line, fault)| report.line(*line, fault.code()))
    };
    if args.dry_run {
        while let Some(batch) = lines.next(BATCH).map_err(unread)? {
            noted(&batch)?;
            counts = counts.plus(batch.counts);
        }
    } else {
        counts = visit(globals, true, async |_, visit| {
            let (mut counts, mut first) = (Counts::default(), true);
            let mut batch = lines.next(BATCH).map_err(unread)?.unwrap_or_default();
            loop {
                noted(&batch)?;
                let next = lines.next(BATCH).map_err(unread)?;
                counts = counts.plus(batch.counts);
                let told = send(visit, &batch, counts, first, next.is_none()).await?;
                let Told { created, changed, unchanged } = told;
                counts = counts.plus(Counts { created, changed, unchanged, ..Counts::default() });
                first = false;
                match next {
                    Some(next) => batch = next,
                    None => return Ok(counts),
                }
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

async fn send(visit: &Visit<'_>, batch: &Batch, so_far: Counts, first: bool, last: bool) -> Result<Told, Failure> {
    let mut attached = Vec::with_capacity(batch.dispensings.len() * 48);
    batch.dispensings.iter().for_each(|dispensing| lines::write(dispensing, &mut attached));
    match visit.ask(Request::Dispensation(Ask::Import { so_far, first, last }), Some(attached)).await? {
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
