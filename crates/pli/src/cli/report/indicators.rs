//! `pli report indicators`.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use pli_store::Month;
use pli_types::hide_identifiers;
use serde_json::json;

use crate::admin::report::{Ask, ConnectionsTold, MonthTold, Told};
use crate::admin::{Answer, Request, Visit};
use crate::cli::Globals;
use crate::cli::asking::{PAGE, beside_the_point, plain_members, visit};
use crate::exit::{Exit, Failure};
use crate::indicator_files::{Counts, DEFAULT, Layout, Rows, write};
use crate::output::{self, Listing, SCHEMA_VERSION};

/// Which month, and where to.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The month, as `2026-10`
    #[arg(long, value_name = "MONTH")]
    month: String,
    /// Write the files into this folder, in the place of those of that name; without it, print all numbers
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Which files, with which columns: a file as `pli report layout` prints it
    #[arg(long, value_name = "FILE", requires = "out")]
    layout: Option<PathBuf>,
}

pub(super) const NOTES: &str = "\
What is recorded up to now is counted first. `complete` tells whether the month is over; of a month that is not, the same
may be asked again. What each number counts, and how to write a layout, is in docs/indicators.md.";

/// A layout is a page; anything larger is another file.
const LAYOUT_BYTES_MAX: u64 = 1 << 20;

/// Does it.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let layout = args.out.is_some().then(|| layout(args.layout.as_deref())).transpose()?;
    let wants_mailboxes =
        layout.as_ref().is_some_and(|layout| layout.files.iter().any(|file| file.rows == Rows::Mailboxes));
    let (counted, mailboxes) = visit(globals, true, async |_, visit| {
        let ask = Request::Report(Ask::Indicators { month: args.month.clone() });
        let Answer::Report(Told::Indicators(counted)) = visit.ask(ask, None).await? else {
            return Err(beside_the_point());
        };
        let mailboxes = if wants_mailboxes { mailboxes(visit, &counted.month).await? } else { Vec::new() };
        Ok((counted, mailboxes))
    })?;
    if counted.rows.is_empty() {
        return Err(Failure::told(Exit::NotFound, "indicators-none", &[("month", &counted.month)]));
    }
    if let (Some(folder), Some(layout)) = (&args.out, layout) {
        return write_files(globals, folder, &layout, &counted, &mailboxes);
    }
    let rows = counted.rows.iter().map(plain_members).collect();
    let columns = &["month", "domain", "mailbox_type", "measure", "label", "value"];
    output::print(&globals.format().list(&Listing { columns, rows }))
}

fn layout(path: Option<&Path>) -> Result<Layout, Failure> {
    let Some(path) = path else { return Layout::parse(DEFAULT, &"layout.toml") };
    let failed = |error: std::io::Error| Failure::file(path, &error);
    if std::fs::metadata(path).map_err(failed)?.len() > LAYOUT_BYTES_MAX {
        return Err(failed(std::io::Error::other("too large for a layout")));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Layout::parse(&text, &hide_identifiers(&path.to_string_lossy()))
}

async fn mailboxes(visit: &Visit<'_>, month: &str) -> Result<Vec<ConnectionsTold>, Failure> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let ask = Request::Report(Ask::Connections { month: month.to_owned(), after, limit: PAGE });
        let Answer::Report(Told::Connections { rows, next }) = visit.ask(ask, None).await? else {
            return Err(beside_the_point());
        };
        all.extend(rows);
        after = next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

fn write_files(
    globals: &Globals,
    folder: &Path,
    layout: &Layout,
    counted: &MonthTold,
    mailboxes: &[ConnectionsTold],
) -> Result<(), Failure> {
    let month = Month::parse(&counted.month).ok_or_else(beside_the_point)?.first();
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| Failure::file(folder, &error))?;
    let mut names = Vec::new();
    for sheet in &layout.files {
        let name = sheet.name(&counted.month);
        let text = write(layout, sheet, Counts { month, indicators: &counted.rows, mailboxes });
        put(folder, &name, text.as_bytes())?;
        names.push(name);
    }
    let members = json!({
        "schema_version": SCHEMA_VERSION,
        "month": counted.month,
        "complete": counted.complete,
        "time_zone": counted.time_zone,
        "folder": folder.display().to_string(),
        "files": names,
    });
    output::print(&globals.format().object(&members.as_object().cloned().unwrap_or_default()))
}

/// Whole or not at all: what is being read by somebody stays what it is.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let (path, fresh) = (folder.join(name), folder.join(format!(".{name}.new")));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &path)
    })();
    written.map_err(|error| Failure::file(&path, &error))
}
