//! `pli patient import`: a file of spaces, as large as a country. It is read once, in bounded memory, and sent to the node
//! in batches; a running node delivers mail in between. What is done stays done: a run that broke off is run again.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::run::{LINES_MAX, Run};
use super::sheet::Lines;
use super::{Ask, Globals, Told, beside_the_point};
use crate::admin::patient::{ImportStep, LineFault, ROWS_MAX, Sum, today};
use crate::admin::{Answer, Request, Visit};
use crate::cli::asking::visit;
use crate::cli::progress::Progress;
use crate::cli::refused_lines::RefusedLines;
use crate::exit::{Exit, Failure};
use crate::output::{self, SCHEMA_VERSION};

/// What is imported.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// The file: UTF-8, `;` between the cells, the first line names the columns; `-`: standard input
    file: PathBuf,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Write each line that is refused to this file: its number and a code, nothing of what stands there
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

const NOTES: &str = "\
Columns: ins;state, and born if it is known (1979-03-14); state is open or closed. A patient who is not named keeps what he
has; one who is named twice gets what the last line says; an empty birth takes none away. Of a file with bad lines the good
ones are done, and the exit status is 1.";

/// Refused lines that are told on standard output; a report has all.
const TOLD_MAX: usize = 10;

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let file = &args.file;
    let standard_input = file == Path::new("-");
    let input: Box<dyn BufRead> = if standard_input {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(BufReader::with_capacity(
            1 << 20,
            std::fs::File::open(file).map_err(|error| Failure::file(file, &error))?,
        ))
    };
    let bytes = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    let lines = Lines::begin(input, today(crate::clock::clock().now())).map_err(|fault| fault.about(file))?;
    let report = RefusedLines::into(args.report.as_deref())?;
    let mut import =
        Import { file, dry_run: args.dry_run, lines, report, tally: Tally::default(), run: Run::default() };
    // Twice: once to be read, once to be sent.
    let mut progress = Progress::of(bytes * 2);
    visit(globals, !args.dry_run, async |_, visit| import.work(visit, &mut progress).await)?;
    progress.end();
    import.report.end()?;
    let Value::Object(shown) = import.tally.shown(args.dry_run) else { return Ok(()) };
    output::print(&globals.format().object(&shown))?;
    import.tally.verdict(file)
}

/// A file that is being imported.
struct Import<'a> {
    file: &'a Path,
    dry_run: bool,
    lines: Lines<Box<dyn BufRead>>,
    report: RefusedLines,
    tally: Tally,
    run: Run,
}

impl Import<'_> {
    async fn work(&mut self, visit: &Visit<'_>, progress: &mut Progress) -> Result<(), Failure> {
        if !self.dry_run {
            note(visit, ImportStep::Begun).await?;
        }
        let mut sent_bytes = 0;
        while self.fill(progress, sent_bytes)? {
            self.tally.repeated += self.run.sort();
            let (all, mut sent) = (self.run.len() as u64, 0_u64);
            for (rows, batch) in self.run.batches(ROWS_MAX) {
                let answer = visit.ask(Request::Patient(Ask::Load { dry_run: self.dry_run }), Some(batch)).await?;
                let Answer::Patient(Told::Loaded(sum)) = answer else { return Err(beside_the_point()) };
                self.tally.sum.add(sum);
                sent += rows as u64;
                let part = (self.lines.bytes - sent_bytes) * sent / all.max(1);
                progress.at(self.lines.bytes + sent_bytes + part, self.tally.lines);
            }
            sent_bytes = self.lines.bytes;
            self.run.clear();
        }
        if !self.dry_run {
            note(visit, ImportStep::Ended { refused: self.tally.refused(), sum: self.tally.sum }).await?;
        }
        Ok(())
    }

    /// Reads as many lines as are sorted together; false if there are none left.
    fn fill(&mut self, progress: &mut Progress, sent_bytes: u64) -> Result<bool, Failure> {
        while self.run.len() < LINES_MAX {
            let Some(line) = self.lines.next().map_err(|error| Failure::file(self.file, &error))? else { break };
            self.tally.lines += 1;
            match line {
                Ok(space) => self.run.push(&space),
                Err(fault) => {
                    self.tally.refuse(self.lines.number, fault);
                    self.report.line(self.lines.number, fault.code())?;
                }
            }
            if self.tally.lines.is_multiple_of(100_000) {
                progress.at(self.lines.bytes + sent_bytes, self.tally.lines);
            }
        }
        Ok(self.run.len() > 0)
    }
}

async fn note(visit: &Visit<'_>, step: ImportStep) -> Result<(), Failure> {
    match visit.ask(Request::Patient(Ask::NoteImport { step }), None).await? {
        Answer::Patient(Told::Noted) => Ok(()),
        _ => Err(beside_the_point()),
    }
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Tally {
    lines: u64,
    sum: Sum,
    /// About somebody whom a later line names again.
    repeated: u64,
    refused: BTreeMap<LineFault, u64>,
    /// The first that were refused.
    first: Vec<(u64, LineFault)>,
}

impl Tally {
    fn refuse(&mut self, line: u64, fault: LineFault) {
        *self.refused.entry(fault).or_default() += 1;
        if self.first.len() < TOLD_MAX {
            self.first.push((line, fault));
        }
    }

    fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    fn shown(&self, dry_run: bool) -> Value {
        let Sum { created, changed, unchanged } = self.sum;
        let outcome = match (created + changed == 0, dry_run) {
            (true, true) => "would-be-unchanged",
            (true, false) => "unchanged",
            (false, true) => "would-be-imported",
            (false, false) => "imported",
        };
        let by_code: BTreeMap<_, _> = self.refused.iter().map(|(fault, count)| (fault.code(), count)).collect();
        let first: Vec<_> = self.first.iter().map(|(line, fault)| format!("{line}: {}", fault.code())).collect();
        json!({
            "schema_version": SCHEMA_VERSION,
            "outcome": outcome,
            "dry_run": dry_run,
            "lines": self.lines,
            "created": created,
            "changed": changed,
            "unchanged": unchanged,
            "repeated": self.repeated,
            "refused": self.refused(),
            "refused_by_code": by_code,
            "refused_first": first,
        })
    }

    fn verdict(&self, file: &Path) -> Result<(), Failure> {
        if self.refused.is_empty() {
            return Ok(());
        }
        let values: [(&'static str, &dyn Display); 3] =
            [("refused", &self.refused()), ("all", &self.lines), ("file", &file.display())];
        Err(Failure::told(Exit::Refused, "rows-refused", &values))
    }
}
