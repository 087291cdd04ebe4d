//! `pli directory add`, `set` and `rm`: our own entries.

use pli_types::MailAddress;
use serde_json::json;

use super::columns::Columns;
use super::{Globals, address, runtime};
use crate::admin::directory::{Ask, Told};
use crate::admin::{self, Answer, Request};
use crate::exit::Failure;
use crate::output::{self, SCHEMA_VERSION};

/// A line to add.
#[derive(Debug, clap::Args)]
#[command(after_help = ADD_NOTES)]
pub(crate) struct Add {
    /// The mailbox's address
    #[arg(value_parser = address)]
    address: MailAddress,
    #[command(flatten)]
    columns: Columns,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

const ADD_NOTES: &str = "\
The type, the professional's and the structure's number, the service and the digitisation are the mailbox's own, and
stand in each of its lines. A line that is there already, word for word, is `unchanged`.";

/// What a line shall say.
#[derive(Debug, clap::Args)]
pub(crate) struct Set {
    /// The mailbox's address
    #[arg(value_parser = address)]
    address: MailAddress,
    /// Which line, where the address has several
    #[arg(long, value_name = "NUMBER")]
    line: Option<u16>,
    #[command(flatten)]
    columns: Columns,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Which line to take away.
#[derive(Debug, clap::Args)]
pub(crate) struct Rm {
    /// The mailbox's address
    #[arg(value_parser = address)]
    address: MailAddress,
    /// This line only; all, if none is named
    #[arg(long, value_name = "NUMBER")]
    line: Option<u16>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn add(globals: &Globals, args: &Add) -> Result<(), Failure> {
    let (address, columns) = (args.address.reveal(), args.columns.0.clone());
    change(globals, &args.address, Ask::Add { address, columns, dry_run: args.dry_run })
}

pub(super) fn set(globals: &Globals, args: &Set) -> Result<(), Failure> {
    let (address, columns) = (args.address.reveal(), args.columns.0.clone());
    change(globals, &args.address, Ask::Set { address, line: args.line, columns, dry_run: args.dry_run })
}

pub(super) fn rm(globals: &Globals, args: &Rm) -> Result<(), Failure> {
    let (address, reason) = (args.address.reveal(), args.reason.clone());
    change(globals, &args.address, Ask::Rm { address, line: args.line, reason, dry_run: args.dry_run })
}

/// Asks the node, or does it without one; prints what became of it.
fn change(globals: &Globals, address: &MailAddress, ask: Ask) -> Result<(), Failure> {
    let settings = globals.settings()?;
    let asked = admin::ask(&settings, Request::Directory(ask), None);
    let Answer::DirectoryEntry(told) = runtime::one_thread()?.block_on(asked)? else {
        return Err(Failure::defect("the node answers another question than was asked"));
    };
    let Told { effect, line, columns, lines } = told;
    let shown = json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": effect,
        "dry_run": effect.is_tried(),
        "address": address.reveal(),
        "line": line,
        "columns": columns,
        "lines": lines,
    });
    output::print(&globals.format().object(&shown.as_object().cloned().unwrap_or_default()))
}
