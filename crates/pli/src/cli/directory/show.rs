//! `pli directory show`.

use std::io::Write;

use pli_addressbook::Hidden;
use pli_directory::extraction::Column;
use pli_types::MailAddress;
use serde_json::{Map, Value, json};

use super::{Globals, address, after, members, no_copy, read};
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Listing};
use crate::words::{Said, language};

/// Whose.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The mailbox's address
    #[arg(value_parser = address)]
    address: MailAddress,
}

/// What programs read: also which of the address's lines it is, and why nobody else finds it.
const SHOWN: &[&str] = &after::<{ 3 + Column::COUNT }>(&["source", "line", "hidden"]);

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let (shown, has_copy) = read(globals, async |book| Ok((book.show(&args.address).await?, book.about().is_some())))?;
    if shown.lines.is_empty() && shown.hidden.is_none() {
        if !has_copy {
            return Err(no_copy());
        }
        // Not repeated: what was typed may be a patient's.
        return Err(Failure::told(Exit::NotFound, "directory-unknown", &[]));
    }
    let mut rows = Vec::new();
    for line in &shown.lines {
        let mut row = members(line.source, &line.text)?;
        row.insert("line".to_owned(), json!(line.number));
        row.insert("hidden".to_owned(), json!(shown.hidden.map(Hidden::as_str)));
        rows.push(row);
    }
    match globals.format() {
        Format::Table => output::print(&rows.iter().map(sheet).collect::<Vec<_>>().join("\n"))?,
        format => output::print(&format.list(&Listing { columns: SHOWN, rows }))?,
    }
    if let Some(why) = shown.hidden {
        // Beside the lines. Nobody there to read it is no failure.
        writeln!(std::io::stderr(), "{}", told(why).what(language())).ok();
    }
    Ok(())
}

/// Why an address is not shown, for an admin.
fn told(why: Hidden) -> Said {
    match why {
        Hidden::Deleted => Said::new("directory-hidden.deleted", &[]),
        Hidden::Patient => Said::new("directory-hidden.patient", &[]),
        Hidden::Suspended => Said::new("directory-hidden.suspended", &[]),
        Hidden::Unlisted => Said::new("directory-hidden.unlisted", &[]),
        Hidden::Unpublished => Said::new("directory-hidden.unpublished", &[]),
    }
}

/// For people: what the directory says, and nothing of what it does not.
fn sheet(row: &Map<String, Value>) -> String {
    let said = row.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone()));
    Format::Table.object(&said.collect())
}
