//! `cargo xtask bench patients`: how fast a country's patients are imported, by the command that an admin types, what they
//! take on the disk, and how fast one is found (`store/examples/spaces.rs`).
//!
//! No node runs: the command works on the store itself. The file is in no order, every second line tells a birth, and every
//! hundredth space is closed. Then the same file again, which changes nothing.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::numbers::patient;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Lines of the file, each another patient.
    #[arg(long, default_value_t = 10_000_000)]
    lines: u64,
    /// Where the store lies: the disk that is meant. The system's temporary folder if it is not said.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// Steps through all lines, in no order: a prime that no number of lines is a multiple of.
const STEP: u64 = 7_368_787;

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.lines > 0 && !options.lines.is_multiple_of(STEP), "--lines: some, and no multiple of {STEP}");
    for more in [&["build", "--release", "--package", "pli"][..], &EXAMPLE[..]] {
        ensure!(Command::new(env!("CARGO")).args(more).status()?.success(), "cargo {more:?}");
    }
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("pli-bench-");
    let folder = match &options.folder {
        Some(path) => folder.tempdir_in(path)?,
        None => folder.tempdir()?,
    };
    let program = crate::target_folder()?.join("release/pli");
    let space = folder.path().join("space");
    let mut made = Command::new(&program);
    made.args(["sandbox", "--seed-only", "--dir"]).arg(&space).stdout(Stdio::null());
    ensure!(made.status()?.success(), "{made:?}");
    let (file, store) = (folder.path().join("patients.csv"), space.join("patients/store/pli.db"));
    write(&file, options.lines)?;
    let before = store.metadata()?.len();

    println!("| `pli patient import`, no node | lines | time | lines a second |");
    println!("| --- | ---: | ---: | ---: |");
    for what in ["into an empty store", "the same again"] {
        import(&program, &space, &file, what, options.lines)?;
    }
    let bytes = store.metadata()?.len() - before;
    println!("\nOn the disk: {} MB, {:.1} bytes a space.", bytes / 1_000_000, ratio(bytes, options.lines));
    println!("65 million by that: {} MB.\n", bytes * 65 / (options.lines / 1_000_000).max(1) / 1_000_000);

    let mut lookups = Command::new(crate::target_folder()?.join("release/examples/spaces"));
    let done = lookups.arg(space.join("patients")).arg(&file).status()?;
    ensure!(done.success(), "{lookups:?}");
    Ok(())
}

const EXAMPLE: [&str; 6] = ["build", "--release", "--package", "pli-store", "--example", "spaces"];

fn import(program: &Path, space: &Path, file: &Path, what: &str, lines: u64) -> Result<()> {
    let begin = Instant::now();
    let mut import = Command::new(program);
    import.args(["patient", "import", "--output", "json", "--config"]).arg(space.join("patients/pli.toml"));
    let output = import.arg(file).stderr(Stdio::inherit()).output()?;
    let time = begin.elapsed().as_secs_f64();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).context("no outcome")?;
    ensure!(output.status.success(), "{told}");
    #[expect(clippy::cast_precision_loss, reason = "shown without its fractions")]
    let rate = lines as f64 / time;
    println!("| {what} | {lines} | {time:.1} s | {rate:.0} |");
    Ok(())
}

fn write(file: &Path, lines: u64) -> Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    writeln!(out, "ins;state;born")?;
    for line in 0..lines {
        let number = line * STEP % lines;
        let state = if number.is_multiple_of(100) { "closed" } else { "open" };
        let born = if number.is_multiple_of(2) { "1980-03-14" } else { "" };
        writeln!(out, "{};{state};{born}", patient(number)?.reveal())?;
    }
    Ok(out.flush()?)
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn ratio(bytes: u64, rows: u64) -> f64 {
    bytes as f64 / rows as f64
}
