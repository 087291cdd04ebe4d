//! `cargo xtask bench dispensations`: how fast a file of dispensings is imported, by the command that an admin types, and
//! how fast a pharmacy's last dispensing to a patient is found (`store/examples/dispensings.rs`).
//!
//! No node runs: the command works on the store itself. A year comes first, day by day; then a day more, into a table that
//! has the year; then that day again, which changes nothing; then lines of all days in no order.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use jiff::ToSpan;
use jiff::civil::Date;

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
    /// Where the stores lie: the disk that is meant. The system's temporary folder if it is not said.
    #[arg(long)]
    folder: Option<PathBuf>,
}

const DAYS: u64 = 364;

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.lines > 0 && options.rows > options.lines, "--rows: more than --lines, which are some");
    for more in [&["build", "--release", "--package", "pli"][..], &EXAMPLE[..]] {
        ensure!(Command::new(env!("CARGO")).args(more).status()?.success(), "cargo {more:?}");
    }
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("pli-bench-");
    let folder = match &options.folder {
        Some(path) => folder.tempdir_in(path)?,
        None => folder.tempdir()?,
    };
    let pli = Pli::new(crate::target_folder()?.join("release/pli"), folder.path())?;
    let today = jiff::Zoned::now().date();
    let yesterday = today.yesterday()?;
    let of_year = |number: u64| days_before(yesterday, DAYS - number * DAYS / options.rows);
    let in_no_order = |number: u64| days_before(yesterday, mixed(number) % DAYS);

    println!("| `pli dispensation import`, no node | lines | time | lines a second |");
    println!("| --- | ---: | ---: | ---: |");
    pli.measure("into an empty table, day by day", 0..options.lines, of_year)?;
    pli.measure("the rest of the year", options.lines..options.rows, of_year)?;
    let bytes = pli.store().metadata()?.len();
    let more = options.rows..options.rows + options.lines;
    pli.measure("a day more", more.clone(), |_| Ok(today))?;
    pli.measure("the same again", more, |_| Ok(today))?;
    pli.measure("all days in no order", options.rows + options.lines..options.rows + options.lines * 2, in_no_order)?;
    println!("\nThe year on the disk: {} MB, {} bytes a row.\n", bytes / 1_000_000, bytes / options.rows);

    let mut lookups = Command::new(crate::target_folder()?.join("release/examples/dispensings"));
    let done = lookups.arg(folder.path()).arg(options.rows.to_string()).status()?;
    ensure!(done.success(), "{lookups:?}");
    Ok(())
}

const EXAMPLE: [&str; 6] = ["build", "--release", "--package", "pli-store", "--example", "dispensings"];

fn days_before(day: Date, days: u64) -> Result<Date> {
    Ok(day.checked_sub(i64::try_from(days)?.days())?)
}

struct Pli<'f> {
    program: PathBuf,
    folder: &'f Path,
}

impl<'f> Pli<'f> {
    fn new(program: PathBuf, folder: &'f Path) -> Result<Self> {
        let mut made = Command::new(&program);
        made.args(["sandbox", "--seed-only", "--dir"]).arg(folder.join("space")).stdout(Stdio::null());
        ensure!(made.status()?.success(), "{made:?}");
        Ok(Self { program, folder })
    }

    fn store(&self) -> PathBuf {
        self.folder.join("space/pro/store/pli.db")
    }

    fn measure(&self, what: &str, numbers: std::ops::Range<u64>, day: impl Fn(u64) -> Result<Date>) -> Result<()> {
        let (file, lines) = (self.folder.join("lines.csv"), numbers.end - numbers.start);
        write(&file, numbers, day)?;
        let begin = Instant::now();
        let mut import = Command::new(&self.program);
        import
            .args(["dispensation", "import", "--output", "json", "--config"])
            .arg(self.folder.join("space/pro/pli.toml"));
        let output = import.arg(&file).stderr(Stdio::inherit()).output()?;
        let time = begin.elapsed().as_secs_f64();
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).context("no outcome")?;
        ensure!(output.status.success() && told.get("lines").is_some_and(|told| *told == lines), "{told}");
        #[expect(clippy::cast_precision_loss, reason = "shown without its fractions")]
        let rate = lines as f64 / time;
        println!("| {what} | {lines} | {time:.1} s | {rate:.0} |");
        Ok(())
    }
}

fn write(file: &Path, numbers: std::ops::Range<u64>, day: impl Fn(u64) -> Result<Date>) -> Result<()> {
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
