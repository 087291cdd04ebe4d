//! How fast a patient's space is found among many, in a store that has them:
//! `cargo run --release -p pli-store --example spaces -- NODE PATIENTS`.
//!
//! NODE is the folder of a sandbox's operator, PATIENTS the file that was imported into it (`cargo xtask bench patients`
//! does both). Asked for are patients from all over the file, and identifiers of none of them.

#![expect(clippy::print_stdout, reason = "it prints figures")]

mod measured;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pli_store::Store;
use pli_types::{Ins, SystemClock};

use self::measured::{Outcome, store_of, tell};

/// One line of so many is asked for.
const EVERY: usize = 500;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(node), Some(file)) = (arguments.next(), arguments.next()) else { return Err("NODE PATIENTS".into()) };
    let store = pli_store::open_read_only(&store_of(&node), Arc::new(SystemClock)).await?;
    let known = patients(&file)?;
    let mut times = Vec::with_capacity(known.len());
    for patient in &known {
        let begin = Instant::now();
        let space = store.space(patient).await?;
        times.push(begin.elapsed());
        if space.is_none() {
            return Err("a patient of the file has no space".into());
        }
    }
    tell("a space that is there", times);
    tell("one that is not", absent(&*store, known.len()).await?);
    Ok(())
}

fn patients(file: &Path) -> Outcome<Vec<Ins>> {
    let lines = BufReader::new(std::fs::File::open(file)?).lines().skip(1).step_by(EVERY);
    let ins = |line: String| Ok(Ins::parse(line.split(';').next().unwrap_or_default())?);
    lines.map(|line| ins(line?)).collect()
}

/// Of a department that none of the file is of.
async fn absent(store: &dyn Store, count: usize) -> Outcome<Vec<Duration>> {
    let mut times = Vec::with_capacity(count);
    for number in 0..count as u64 {
        let patient = Ins::from_number((1_800_199_000_000 + number * 7) * 3).ok_or("an identifier")?;
        let begin = Instant::now();
        let space = store.space(&patient).await?;
        times.push(begin.elapsed());
        if space.is_some() {
            return Err("somebody unknown has a space".into());
        }
    }
    Ok(times)
}
