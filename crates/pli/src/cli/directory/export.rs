//! `pli directory export`.

use std::io::{BufWriter, Write};

use pli_addressbook::{AddressBook, Line};
use pli_directory::extraction::Column;

use super::{COLUMNS, Globals, TABLE_COLUMNS, members, no_copy, read};
use crate::exit::{Exit, Failure};
use crate::output::{Format, Rows};

/// What is printed, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Our own lines that are shown, instead of the copy's
    #[arg(long)]
    own: bool,
    /// As the extraction is written: headings, then 31 columns between `|`
    #[arg(long, conflicts_with = "output")]
    extraction: bool,
}

/// How wide a table's columns are.
const TABLE_WIDTHS: &[usize] = &[8, 4, 48, 24, 16, 24, 24, 32, 0];

/// Line by line, as it is read: the whole country in the memory of a line.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let format = globals.format();
    read(globals, async |book| {
        if book.about().is_none() && !args.own {
            return Err(no_copy());
        }
        if args.extraction {
            return as_extraction(book, args.own).await;
        }
        let (columns, widths) =
            if format == Format::Table { (TABLE_COLUMNS, TABLE_WIDTHS) } else { (COLUMNS, &[][..]) };
        let mut rows = Rows::begin(std::io::stdout().lock(), format, columns, widths);
        let mut fault = None;
        let take = |line: Line| match members(line.source, &line.text) {
            Ok(members) => rows.row(&members),
            Err(failure) => {
                fault = Some(failure);
                false
            }
        };
        each(book, args.own, take).await?;
        match fault {
            Some(failure) => Err(failure),
            None => rows.end(),
        }
    })
}

async fn each(book: &mut AddressBook, own: bool, take: impl FnMut(Line) -> bool) -> Result<(), Failure> {
    let done = if own { book.each_own(take).await } else { book.each_national(take).await };
    Ok(done?)
}

async fn as_extraction(book: &mut AddressBook, own: bool) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let headings: Vec<&str> = Column::ALL.iter().map(|column| column.heading()).collect();
    let mut written = write!(out, "{}\r\n", headings.join("|"));
    each(book, own, |line| {
        if written.is_ok() {
            written = write!(out, "{}\r\n", line.text);
        }
        written.is_ok()
    })
    .await?;
    match written.and_then(|()| out.flush()) {
        // A reader that has gone away (`| head`) is no failure.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::told(Exit::Usage, "output", &[("cause", &error)]))
        }
        _ => Ok(()),
    }
}
