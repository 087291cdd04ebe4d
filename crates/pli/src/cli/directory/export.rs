//! `pli directory export`.

use pli_directory::extraction::Column;

use super::{Globals, members, read};
use crate::exit::Failure;
use crate::output::{Format, Rows};

/// What a table shows, and how wide.
const TABLE_COLUMNS: &[&str] = &["type", "address", "family_name", "given_name", "profession", "structure", "town"];
const TABLE_WIDTHS: &[usize] = &[4, 48, 24, 16, 24, 32, 0];

/// Line by line, as it is read: the whole country in the memory of a line.
pub(super) fn run(globals: &Globals) -> Result<(), Failure> {
    let format = globals.format();
    let (columns, widths) =
        if format == Format::Table { (TABLE_COLUMNS, TABLE_WIDTHS) } else { (Column::MEMBERS, &[][..]) };
    read(globals, async |copy| {
        let mut rows = Rows::begin(std::io::stdout().lock(), format, columns, widths);
        let mut lines = copy.all();
        while let Some(line) = lines.next().await? {
            if !rows.row(&members(line)?) {
                break;
            }
        }
        rows.end()
    })
}
