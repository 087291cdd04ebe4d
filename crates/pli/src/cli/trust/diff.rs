//! `pli trust diff`.

use std::path::Path;

use pli_directory::TrustList;
use serde_json::{Map, Value, json};

use super::{Globals, ask, beside_the_point, members};
use crate::admin::protocol::{Difference, Side};
use crate::admin::{Answer, Request, differences, read_file};
use crate::exit::Failure;
use crate::output::{self, Format, Listing, SCHEMA_VERSION};

const COLUMNS: &[&str] = &["change", "domain", "before", "after"];

pub(super) fn run(globals: &Globals, first: Option<String>, second: Option<String>) -> Result<(), Failure> {
    let (from, to) = match (first, second) {
        (None, _) => (Named::Side(Side::InForce), Named::Side(Side::Held)),
        (Some(to), None) => (Named::Side(Side::InForce), named(to)?),
        (Some(from), Some(to)) => (named(from)?, named(to)?),
    };
    let rows = match (from, to) {
        (Named::File(old), Named::File(new)) => differences(&TrustList::parse(&old)?, &TrustList::parse(&new)?),
        (from, to) => between(globals, from, to)?,
    };
    let format = globals.format();
    let scrubbed = globals.scrubber();
    let rows = rows.iter().map(|row| shown(row, &scrubbed, format)).collect();
    output::print(&format.list(&Listing { columns: COLUMNS, rows }))
}

/// A list as the command line names it.
enum Named {
    /// A file's content.
    File(Vec<u8>),
    /// One that the node knows.
    Side(Side),
}

/// A file, unless it can only be a digest.
fn named(text: String) -> Result<Named, Failure> {
    let path = Path::new(&text);
    let like_digest = !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if like_digest && !path.exists() { Ok(Named::Side(Side::Kept(text))) } else { read_file(path).map(Named::File) }
}

/// At most one of them is a file.
fn between(globals: &Globals, from: Named, to: Named) -> Result<Vec<Difference>, Failure> {
    let mut attached = None;
    let mut side = |named: Named| match named {
        Named::Side(side) => side,
        Named::File(bytes) => {
            attached = Some(bytes);
            Side::Attached
        }
    };
    let request = Request::TrustDiff { from: side(from), to: side(to) };
    match ask(globals, request, attached)? {
        Answer::Differences { rows } => Ok(rows),
        _ => Err(beside_the_point()),
    }
}

/// Names are a list for programs, and text in a table's cell.
fn shown(row: &Difference, scrubbed: impl Fn(&str) -> String, format: Format) -> Map<String, Value> {
    let names = |names: &[String]| match format {
        Format::Json | Format::Jsonl => json!(names),
        Format::Table | Format::Csv => json!(names.join(" | ")),
    };
    members(json!({
        "schema_version": SCHEMA_VERSION,
        "change": row.change,
        "domain": scrubbed(&row.domain),
        "before": names(&row.before),
        "after": names(&row.after),
    }))
}
