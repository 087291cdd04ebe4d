//! `pli directory show`.

use pli_directory::extraction::Column;
use pli_types::MailAddress;
use serde_json::{Map, Value};

use super::{Globals, members, read};
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Listing};

/// Whose.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The mailbox's address
    #[arg(value_parser = address)]
    address: MailAddress,
}

fn address(text: &str) -> Result<MailAddress, String> {
    MailAddress::parse(text).map_err(|error| error.to_string())
}

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let key = args.address.key();
    let lines = read(globals, async |copy| Ok(copy.of_address(&key).await?.take(usize::MAX).await?))?;
    if lines.is_empty() {
        // Not repeated: what was typed may be a patient's.
        return Err(Failure::told(Exit::NotFound, "directory-unknown", &[]));
    }
    let rows = lines.iter().map(|line| members(line)).collect::<Result<Vec<_>, _>>()?;
    match globals.format() {
        Format::Table => output::print(&rows.iter().map(sheet).collect::<Vec<_>>().join("\n")),
        format => output::print(&format.list(&Listing { columns: Column::MEMBERS, rows })),
    }
}

/// For people: what the directory says, and nothing of what it does not.
fn sheet(row: &Map<String, Value>) -> String {
    let said = row.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone()));
    Format::Table.object(&said.collect())
}
