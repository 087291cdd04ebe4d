//! `cargo xtask bench story`: how long `pli message trace` takes among many messages, by each key that it is asked with:
//! a new process every time, as an admin has it, its start included.
//!
//! No node runs. The store is filled by `store/examples/stories.rs`: a half of all messages is of one sender, and for one
//! recipient, so that what is asked for is found among many of its kind too.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Messages in the store.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// Where the store lies: the disk that is meant. The system's temporary folder if it is not said.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Measure a build without optimisation: to try the measuring out.
    #[arg(long)]
    dev: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let (profile, built) = if options.dev { ("dev", "debug") } else { ("release", "release") };
    for what in [&["--package", "pli"][..], &["--package", "pli-store", "--example", "stories"]] {
        let mut cargo = Command::new(env!("CARGO"));
        ensure!(cargo.args(["build", "--profile", profile]).args(what).status()?.success(), "{cargo:?}");
    }
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("pli-bench-");
    let folder = match &options.folder {
        Some(path) => folder.tempdir_in(path)?,
        None => folder.tempdir()?,
    };
    let binaries = crate::target_folder()?.join(built);
    let (program, space) = (binaries.join("pli"), folder.path().join("space"));
    let mut made = Command::new(&program);
    made.args(["sandbox", "--seed-only", "--dir"]).arg(&space).stdout(Stdio::null());
    ensure!(made.status()?.success(), "{made:?}");
    let node = space.join("patients");
    let before = node.join("store/pli.db").metadata()?.len();
    let begin = Instant::now();
    let mut fill = Command::new(binaries.join("examples/stories"));
    let filled = fill.arg(&node).arg(options.messages.to_string()).stderr(Stdio::inherit()).output()?;
    ensure!(filled.status.success(), "{fill:?}");
    let bytes = node.join("store/pli.db").metadata()?.len() - before;
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
            times.push(trace(&program, &node, &key(*number, id))?);
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

fn trace(program: &Path, node: &Path, key: &[String]) -> Result<Duration> {
    let mut trace = Command::new(program);
    trace.args(["message", "trace", "--output", "json", "--config"]).arg(node.join("pli.toml")).args(key);
    let begin = Instant::now();
    let output = trace.stderr(Stdio::inherit()).output()?;
    let time = begin.elapsed();
    ensure!(output.status.success() && output.stdout.len() > "[]\n".len(), "{trace:?}");
    Ok(time)
}
