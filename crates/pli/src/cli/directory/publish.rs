//! `pli directory publish`: has the state's directory told now, or shows what it would be told.

use std::path::{Path, PathBuf};

use pli_types::MailAddress;
use serde_json::json;

use super::lookup::configured;
use super::{Globals, runtime};
use crate::admin::{self, Answer, Request};
use crate::annuaire::{lines, rehearse};
use crate::cli::reading::read;
use crate::config::{NATIONAL, Publish};
use crate::exit::{Exit, Failure};
use crate::output::{self, SCHEMA_VERSION};

/// Of what.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Mailboxes here; without any, all that wait
    #[arg(value_name = "ADDRESS", value_parser = address, num_args = 0..=500)]
    addresses: Vec<MailAddress>,
    /// Send nothing; write each request into this file, a JSON object a line (`-`: standard output)
    #[arg(long, value_name = "FILE")]
    dry_run: Option<PathBuf>,
}

fn address(text: &str) -> Result<MailAddress, String> {
    MailAddress::parse(text).map_err(|error| error.to_string())
}

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    match &args.dry_run {
        Some(file) => rehearsed(globals, &args.addresses, file),
        None => publish(globals, &args.addresses),
    }
}

/// What would be sent, by what the directory was told last.
fn rehearsed(globals: &Globals, addresses: &[MailAddress], file: &Path) -> Result<(), Failure> {
    // Nobody is asked, so nothing need be configured for it.
    let base = globals.settings()?.config.annuaire.map_or_else(|| NATIONAL.to_owned(), |annuaire| annuaire.base);
    let requests = read(globals, async |reading| rehearse(&*reading.store, &base, addresses).await)?;
    let text = lines(&requests);
    if file == Path::new("-") {
        return output::print(&text);
    }
    std::fs::write(file, text).map_err(|error| Failure::file(file, &error))?;
    let shown = json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": if requests.is_empty() { "would-be-unchanged" } else { "would-be-sent" },
        "requests": requests.len(),
        "dry_run": true,
    });
    output::print(&globals.format().object(&shown.as_object().cloned().unwrap_or_default()))
}

/// The node is asked, so that it turns to them at once.
fn publish(globals: &Globals, addresses: &[MailAddress]) -> Result<(), Failure> {
    if configured(globals)?.publish == Publish::Off {
        return Err(Failure::told(Exit::Conflict, "publication-off", &[]));
    }
    let settings = globals.settings()?;
    let addresses = addresses.iter().map(MailAddress::reveal).collect();
    let answer = runtime::one_thread()?.block_on(admin::ask(&settings, Request::Publish { addresses }, None))?;
    let Answer::Published { mailboxes } = answer else {
        return Err(Failure::defect("the node answers another question than was asked"));
    };
    let shown = json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": if mailboxes == 0 { "unchanged" } else { "due" },
        "mailboxes": mailboxes,
        "dry_run": false,
    });
    output::print(&globals.format().object(&shown.as_object().cloned().unwrap_or_default()))
}
