//! `pli trust history`.

use pli_directory::HistoryRow;
use serde_json::{Map, Value, json};

use super::{Globals, ask, beside_the_point, members};
use crate::admin::{Answer, Request};
use crate::exit::Failure;
use crate::output::{self, Format, Listing, SCHEMA_VERSION};

const COLUMNS: &[&str] = &[
    "number",
    "at",
    "action",
    "count",
    "last_at",
    "digest",
    "generated_at",
    "entries",
    "domains",
    "source",
    "by",
    "reason",
    "fault",
    "detail",
];

/// What a person looks for.
const TABLE_COLUMNS: &[&str] = &["at", "action", "count", "digest", "generated_at", "domains", "by", "fault", "reason"];

/// Enough of a digest to name a list by.
const DIGEST_SHOWN: usize = 12;

pub(super) fn run(globals: &Globals, limit: Option<usize>) -> Result<(), Failure> {
    let Answer::History { mut rows } = ask(globals, Request::TrustHistory, None)? else {
        return Err(beside_the_point());
    };
    let rows = rows.split_off(rows.len().saturating_sub(limit.unwrap_or(usize::MAX)));
    let format = globals.format();
    let shown = rows.iter().map(|row| shown(row, format == Format::Table)).collect::<Result<_, _>>()?;
    let columns = if format == Format::Table { TABLE_COLUMNS } else { COLUMNS };
    output::print(&format.list(&Listing { columns, rows: shown }))
}

fn shown(row: &HistoryRow, short: bool) -> Result<Map<String, Value>, Failure> {
    let mut shown = members(json!({ "schema_version": SCHEMA_VERSION }));
    shown.extend(members(serde_json::to_value(row).map_err(|error| Failure::defect(error.to_string()))?));
    if let Some(Value::String(digest)) = shown.get_mut("digest").filter(|_| short) {
        digest.truncate(DIGEST_SHOWN);
    }
    Ok(shown)
}
