//! `cargo xtask bench story`: how long `pli message trace` takes among many messages, by each key that it is asked with:
//! a new process every time, as an admin has it, its start included.
//!
//! No node runs. The store is filled by `store/examples/stories.rs`: a half of all messages is of one sender, and for one
//! recipient, so that what is asked for is found among many of its kind too.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::idle::{Idle, Place};

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages in the store.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let idle = Idle::new(&options.place, "patients", "stories")?;
    let before = idle.store_bytes()?;
    let begin = Instant::now();
    let mut fill = idle.example();
    let filled = fill.arg(idle.node()).arg(options.messages.to_string()).stderr(Stdio::inherit()).output()?;
    ensure!(filled.status.success(), "{fill:?}");
    let bytes = idle.store_bytes()? - before;
    println!(
        "{} messages in {:.0?}: {} bytes each, events included.\n",
        options.messages,
        begin.elapsed(),
        bytes / options.messages.max(1)
    );

    let samples = String::from_utf8(filled.stdout)?;
    let samples: Vec<(u64, &str)> = samples
        .lines()
        .map(|line| line.split_once(' ').and_then(|(number, id)| Some((number.parse().ok()?, id))).context("a sample"))
        .collect::<Result<_>>()?;
    println!("| `pli message trace` | median | longest |");
    println!("| --- | ---: | ---: |");
    for (what, key) in KEYS {
        let mut times = Vec::with_capacity(samples.len());
        for (number, id) in &samples {
            times.push(trace(&idle, &key(*number, id))?);
        }
        times.sort();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        println!("| {what} | {median:.1?} | {:.1?} |", times.last().copied().unwrap_or_default());
    }
    Ok(())
}

/// What is asked, of this sample.
type Key = fn(u64, &str) -> Vec<String>;

const KEYS: [(&str, Key); 6] = [
    ("`ID`", |_, id| vec![id.to_owned()]),
    ("`--message-id`", |number, _| owned(&["--message-id", &format!("<{number}@bench.test>")])),
    ("`--to`, one of few", |number, _| owned(&["--to", &format!("r{}@hospital.test", number | 1)])),
    ("`--from`, the last 100 of a half of all", |_, _| owned(&["--from", "s0@clinic.test"])),
    ("`--to`, the last 100 of a half of all", |_, _| owned(&["--to", "r0@hospital.test"])),
    ("`--since`, the last 100", |_, _| owned(&["--since", "2020-01-01"])),
];

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn trace(idle: &Idle, key: &[String]) -> Result<Duration> {
    let mut trace = idle.pli(&["message", "trace"]);
    trace.args(key);
    let begin = Instant::now();
    let output = trace.output()?;
    let time = begin.elapsed();
    ensure!(output.status.success() && output.stdout.len() > "[]\n".len(), "{trace:?}");
    Ok(time)
}
