//! `cargo xtask bench dispensations`: how fast a file of dispensings is imported, by the command that an admin types, and
//! how fast a pharmacy's last dispensing to a patient is found (`store/examples/dispensings.rs`).
//!
//! No node runs: the command works on the store itself. A year comes first, day by day; then a day more, into a table that
//! has the year; then that day again, which changes nothing; then lines of all days in no order.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, ensure};
use jiff::ToSpan;
use jiff::civil::Date;

use super::idle::{Idle, Place};
use super::numbers::{mixed, patient};

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rows of the year that is there before a day more comes.
    #[arg(long, default_value_t = 10_000_000)]
    rows: u64,
    /// Lines of a file.
    #[arg(long, default_value_t = 1_000_000)]
    lines: u64,
    #[command(flatten)]
    place: Place,
}

const DAYS: u64 = 364;

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.lines > 0 && options.rows > options.lines, "--rows: more than --lines, which are some");
    let idle = Idle::new(&options.place, "pro", "dispensings")?;
    let today = jiff::Zoned::now().date();
    let yesterday = today.yesterday()?;
    let of_year = |number: u64| days_before(yesterday, DAYS - number * DAYS / options.rows);
    let in_no_order = |number: u64| days_before(yesterday, mixed(number) % DAYS);

    println!("| `pli dispensation import`, no node | lines | time | lines a second |");
    println!("| --- | ---: | ---: | ---: |");
    measure(&idle, "into an empty table, day by day", 0..options.lines, of_year)?;
    measure(&idle, "the rest of the year", options.lines..options.rows, of_year)?;
    let bytes = idle.store_bytes()?;
    let more = options.rows..options.rows + options.lines;
    measure(&idle, "a day more", more.clone(), |_| Ok(today))?;
    measure(&idle, "the same again", more, |_| Ok(today))?;
    measure(
        &idle,
        "all days in no order",
        options.rows + options.lines..options.rows + options.lines * 2,
        in_no_order,
    )?;
    println!("\nThe year on the disk: {} MB, {} bytes a row.\n", bytes / 1_000_000, bytes / options.rows);

    let mut lookups = idle.example();
    ensure!(lookups.arg(idle.file("lookups")).arg(options.rows.to_string()).status()?.success(), "{lookups:?}");
    Ok(())
}

fn days_before(day: Date, days: u64) -> Result<Date> {
    Ok(day.checked_sub(i64::try_from(days)?.days())?)
}

fn measure(idle: &Idle, what: &str, numbers: Range<u64>, day: impl Fn(u64) -> Result<Date>) -> Result<()> {
    let (file, lines) = (idle.file("lines.csv"), numbers.end - numbers.start);
    write(&file, numbers, day)?;
    let told = idle.import(what, "dispensation", &file, lines)?;
    ensure!(told.get("lines").is_some_and(|told| *told == lines), "{told}");
    Ok(())
}

fn write(file: &Path, numbers: Range<u64>, day: impl Fn(u64) -> Result<Date>) -> Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    writeln!(out, "ins;finess;date;reimbursed")?;
    for number in numbers {
        let mixed = mixed(number);
        let reimbursed = if mixed.is_multiple_of(5) { "no" } else { "yes" };
        let pharmacy = mixed % 20_000;
        writeln!(out, "{};99{pharmacy:07};{};{reimbursed}", patient(mixed % 9_000_000)?.reveal(), day(number)?)?;
    }
    Ok(out.flush()?)
}
