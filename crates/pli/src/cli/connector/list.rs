//! `pli connector list`.

use super::{Globals, ask, beside_the_point, members_of};
use crate::admin::connector::{Ask, Told};
use crate::exit::Failure;
use crate::output::{self, Listing};

const COLUMNS: &[&str] = &["name", "source", "certificate_name", "domains", "addresses", "host", "port"];

pub(super) fn run(globals: &Globals) -> Result<(), Failure> {
    let Told::List(rows) = ask(globals, Ask::List)? else { return Err(beside_the_point()) };
    let format = globals.format();
    let rows = rows.iter().map(|row| members_of(row, format)).collect();
    output::print(&format.list(&Listing { columns: COLUMNS, rows }))
}
