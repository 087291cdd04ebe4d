//! `cargo xtask bench patients`: how fast a country's patients are imported, by the command that an admin types, what they
//! take on the disk, and how fast one is found (`store/examples/spaces.rs`).
//!
//! No node runs: the command works on the store itself. The file is in no order, every second line tells a birth, and every
//! hundredth space is closed. Then the same file again, which changes nothing.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Result, ensure};

use super::idle::{Idle, Place};
use super::numbers::patient;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Lines of the file, each another patient.
    #[arg(long, default_value_t = 10_000_000)]
    lines: u64,
    #[command(flatten)]
    place: Place,
}

/// Steps through all lines, in no order: a prime that no number of lines is a multiple of.
const STEP: u64 = 7_368_787;

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.lines > 0 && !options.lines.is_multiple_of(STEP), "--lines: some, and no multiple of {STEP}");
    let idle = Idle::new(&options.place, "patients", "spaces")?;
    let file = idle.file("patients.csv");
    write(&file, options.lines)?;
    let before = idle.store_bytes()?;

    println!("| `pli patient import`, no node | lines | time | lines a second |");
    println!("| --- | ---: | ---: | ---: |");
    for what in ["into an empty store", "the same again"] {
        idle.import(what, "patient", &file, options.lines)?;
    }
    let bytes = idle.store_bytes()? - before;
    println!("\nOn the disk: {} MB, {:.1} bytes a space.", bytes / 1_000_000, ratio(bytes, options.lines));
    println!("65 million by that: {} MB.\n", bytes * 65 / (options.lines / 1_000_000).max(1) / 1_000_000);

    let mut lookups = idle.example();
    ensure!(lookups.arg(idle.node()).arg(&file).status()?.success(), "{lookups:?}");
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
