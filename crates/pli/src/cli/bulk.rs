//! `--file`: a file of rows that are worked through one after the other, each told apart. What is done already is told
//! as unchanged, so that a run that broke off is simply run again.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::asking::{beside_the_point, visit};
use super::{Globals, sheet};
use crate::admin::effect::Effect;
use crate::admin::rows::RowTold;
use crate::admin::{Answer, Numbered, Request, Visit};
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Rows, SCHEMA_VERSION};
use crate::words::{Language, Said, language};

/// Rows that are sent at a time: a failure loses the report of these at most, and nothing of what was done.
const BATCH: usize = 200;

/// What a verb takes that works through a file.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Source {
    /// Make one for each row of this file: UTF-8, `;` between the cells, the first line names the columns
    #[arg(long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Write a line about each row to this file instead of standard output
    #[arg(long, value_name = "FILE", requires = "file")]
    pub(super) report: Option<PathBuf>,
}

/// A noun's rows.
pub(super) struct Kind<T> {
    /// The columns that a file may have; the first one must be there.
    pub(super) columns: &'static [&'static str],
    /// What a row wishes for; or why its cells make no sense.
    pub(super) read: fn(&sheet::Row<'_>) -> Result<T, Said>,
    /// The request to which the rows are attached.
    pub(super) request: fn(bool) -> Request,
    /// The rows of its answer.
    pub(super) answer: fn(Answer) -> Option<Vec<RowTold>>,
}

/// Works through a file; fails with `rows-refused` if one row was refused.
pub(super) fn run<T: Serialize>(
    globals: &Globals,
    kind: &Kind<T>,
    file: &Path,
    report: Option<&Path>,
    dry_run: bool,
) -> Result<(), Failure> {
    let input = std::fs::File::open(file).map_err(|error| Failure::file(file, &error))?;
    let mut input = sheet::Sheet::begin(BufReader::new(input), kind.columns).map_err(|fault| fault.about(file))?;
    let name = kind.columns.first().copied().unwrap_or_default();
    let mut out = Out::begin(globals, name, report)?;
    visit(globals, !dry_run, async |_, visit| {
        loop {
            let (told, more) = batch(&mut input, kind, visit, dry_run).await.map_err(|fault| fault.about(file))?;
            for row in &told {
                out.row(row)?;
            }
            if !more {
                return Ok(());
            }
        }
    })?;
    out.end(globals, file, dry_run)
}

/// Why a run ends early.
enum Stop {
    File(std::io::Error),
    Sheet(sheet::Fault),
    Asking(Failure),
}

impl Stop {
    fn about(self, file: &Path) -> Failure {
        match self {
            Self::File(error) => Failure::file(file, &error),
            Self::Sheet(fault) => fault.about(file),
            Self::Asking(failure) => failure,
        }
    }
}

/// Does the next rows. `false`: these were the last.
async fn batch<T: Serialize>(
    input: &mut sheet::Sheet<impl BufRead>,
    kind: &Kind<T>,
    visit: &Visit<'_>,
    dry_run: bool,
) -> Result<(Vec<RowTold>, bool), Stop> {
    let (mut told, mut rows, mut more) = (Vec::new(), Vec::new(), true);
    while rows.len() + told.len() < BATCH {
        let row = match input.next() {
            Ok(Some(row)) => row,
            Ok(None) => {
                more = false;
                break;
            }
            Err(sheet::Fault::Unreadable(error)) => return Err(Stop::File(error)),
            Err(sheet::Fault::Row { line, said }) => {
                told.push(RowTold::invalid(line, said));
                continue;
            }
            Err(fault) => return Err(Stop::Sheet(fault)),
        };
        match (kind.read)(&row) {
            Ok(wish) => rows.push(Numbered { line: row.line, row: wish }),
            Err(said) => told.push(RowTold::invalid(row.line, said)),
        }
    }
    if !rows.is_empty() {
        let attached = serde_json::to_vec(&rows).map_err(|error| Stop::Asking(Failure::defect(error.to_string())))?;
        let answer = visit.ask((kind.request)(dry_run), Some(attached)).await.map_err(Stop::Asking)?;
        told.extend((kind.answer)(answer).ok_or_else(|| Stop::Asking(beside_the_point()))?);
    }
    told.sort_by_key(|row| row.line);
    Ok((told, more))
}

/// Where rows are told, and how many there were of each.
struct Out {
    /// What the first column is called.
    name: &'static str,
    rows: Where,
    /// Of the texts: those of a report are for people, and programs read its codes.
    language: Language,
    counts: [u64; 4],
}

enum Where {
    Printed(Box<Rows<std::io::StdoutLock<'static>>>),
    File { path: PathBuf, out: BufWriter<std::fs::File> },
}

impl Out {
    fn begin(globals: &Globals, name: &'static str, report: Option<&Path>) -> Result<Self, Failure> {
        let columns: &[&str] = if name == "address" {
            &["line", "address", "outcome", "code", "text"]
        } else {
            &["line", "name", "outcome", "code", "text"]
        };
        let rows = match report {
            None => {
                let widths: &[usize] = if globals.format() == Format::Table { &[6, 48, 16, 24, 0] } else { &[] };
                Where::Printed(Box::new(Rows::begin(std::io::stdout().lock(), globals.format(), columns, widths)))
            }
            Some(path) => {
                let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
                let mut out = BufWriter::new(file.map_err(|error| Failure::file(path, &error))?);
                let header = columns.join(";") + "\n";
                out.write_all(header.as_bytes()).map_err(|error| Failure::file(path, &error))?;
                Where::File { path: path.to_owned(), out }
            }
        };
        let language = if report.is_some() { language() } else { globals.format().language() };
        Ok(Self { name, rows, language, counts: [0; 4] })
    }

    fn row(&mut self, told: &RowTold) -> Result<(), Failure> {
        let place = match told.outcome {
            Some(Effect::Created | Effect::WouldBeCreated) => 0,
            Some(outcome) if outcome.is_unchanged() => 2,
            Some(_) => 1,
            None => 3,
        };
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        let outcome = told.outcome.map_or("refused", Effect::as_str);
        let text = told.text(self.language);
        match &mut self.rows {
            Where::Printed(rows) => {
                let mut row = Map::new();
                row.insert("schema_version".to_owned(), SCHEMA_VERSION.into());
                row.insert("line".to_owned(), told.line.into());
                row.insert(self.name.to_owned(), told.name.as_str().into());
                row.insert("outcome".to_owned(), outcome.into());
                row.insert("code".to_owned(), told.code.as_deref().into());
                row.insert("text".to_owned(), text.into());
                // Whether or not somebody still reads, the work goes on.
                rows.row(&row);
                Ok(())
            }
            Where::File { path, out } => {
                let (code, text) = (told.code.clone().unwrap_or_default(), text.unwrap_or_default());
                let cells = [told.line.to_string(), told.name.clone(), outcome.to_owned(), code, text];
                out.write_all(sheet::line(&cells).as_bytes()).map_err(|error| Failure::file(path, &error))
            }
        }
    }

    fn end(self, globals: &Globals, file: &Path, dry_run: bool) -> Result<(), Failure> {
        let [created, changed, unchanged, refused] = self.counts;
        match self.rows {
            Where::Printed(rows) => rows.end()?,
            Where::File { path, mut out } => {
                out.flush().map_err(|error| Failure::file(&path, &error))?;
                let summary = json!({
                    "schema_version": SCHEMA_VERSION,
                    "rows": self.counts.iter().sum::<u64>(),
                    "created": created,
                    "changed": changed,
                    "unchanged": unchanged,
                    "refused": refused,
                    "dry_run": dry_run,
                    "report": path,
                });
                let Value::Object(summary) = summary else { return Ok(()) };
                output::print(&globals.format().object(&summary))?;
            }
        }
        if refused == 0 {
            return Ok(());
        }
        let all = self.counts.iter().sum::<u64>();
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("refused", &refused), ("all", &all), ("file", &file.display())];
        Err(Failure::told(Exit::Refused, "rows-refused", &values))
    }
}
