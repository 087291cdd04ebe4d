//! `cargo xtask bench trust`: from the bytes of a trust list to the list in force, and questions to it.
//!
//! Beside it, in turn, programs of the field read the very same file: `xmllint` parses it, `xmlsec1` parses it and verifies
//! its signature. Neither makes of it what a relay needs, and each starts as a process; what that start costs is told.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use pli_directory::{ListRules, Offer, Signature, TrustHandle, TrustList, check};
use pli_types::{Clock, SystemClock};

use super::lists::{self, BETWEEN_EDITIONS, Signer};

/// Questions of one run.
const QUESTIONS: u32 = 1_000_000;
/// Different ones among them.
const DIFFERENT: usize = 10_000;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Entries of a list; may be given several times.
    #[arg(long = "entries", default_values_t = [10_000, 100_000])]
    entries: Vec<usize>,
    /// Runs of each, in turn; the median is reported.
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if cfg!(debug_assertions) {
        return run_in_release(options);
    }
    ensure!(options.runs > 0, "--runs: at least one");
    println!("| entries | what | median |");
    println!("| ---: | --- | ---: |");
    for &entries in &options.entries {
        ensure!((100..=TrustList::ENTRIES_MAX).contains(&entries), "--entries: 100 to {}", TrustList::ENTRIES_MAX);
        measure(entries, options.runs)?;
    }
    Ok(())
}

/// What is measured is in this very process: it is built as Pli is.
fn run_in_release(options: &Options) -> Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--release", "--package", "xtask", "--", "bench", "trust"]);
    command.args(options.entries.iter().flat_map(|entries| ["--entries".to_owned(), entries.to_string()]));
    let status = command.arg("--runs").arg(options.runs.to_string()).current_dir(crate::root()).status()?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

/// All rows of one size.
fn measure(entries: usize, runs: usize) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("pli-bench-").tempdir()?;
    let now = SystemClock.now();
    let signer = Signer::new(folder.path(), now)?;
    let tell = |what: &str, times: &mut [Duration]| println!("| {entries} | {what} | {} |", shown(median(times)));

    let plain = Editions::new(entries, runs, now, Ok)?;
    reading(&plain, "unsigned", &signer, Command::new("xmllint").arg("--noout"), runs, &tell)?;
    if exists("xmlsec1") {
        let sealed = Editions::new(entries, runs, now, |list| signer.sign(&list))?;
        reading(&sealed, "signed", &signer, &mut signer.verifier(), runs, &tell)?;
    } else {
        println!("| {entries} | signed: `xmlsec1`, which signs it, is not installed | |");
    }
    asking(&plain, &tell)
}

/// The same list at several times, so that each can follow the one before.
struct Editions {
    entries: usize,
    now: Timestamp,
    texts: Vec<String>,
}

impl Editions {
    fn new(entries: usize, runs: usize, now: Timestamp, finish: impl Fn(String) -> Result<String>) -> Result<Self> {
        let first = now.checked_sub(BETWEEN_EDITIONS * i32::try_from(runs + 1)?)?;
        let edition = |number: usize| {
            let at = first.checked_add(BETWEEN_EDITIONS * i32::try_from(number)?)?;
            finish(lists::xml(entries, number, at)?)
        };
        Ok(Self { entries, now, texts: (0..=runs).map(edition).collect::<Result<_>>()? })
    }

    fn first(&self) -> Result<&str> {
        self.texts.first().map(String::as_str).context("no list was made")
    }
}

/// Checking one, a peer that reads the same file, and putting one after the other in force.
fn reading(
    editions: &Editions,
    kind: &str,
    signer: &Signer<'_>,
    peer: &mut Command,
    runs: usize,
    tell: &impl Fn(&str, &mut [Duration]),
) -> Result<()> {
    let list = editions.first()?;
    let folder = tempfile::Builder::new().prefix("pli-bench-").tempdir()?;
    let file = folder.path().join("list.xml");
    std::fs::write(&file, list)?;
    let (rules, judge) = (ListRules::default(), Arc::new(signer.judge()?));
    let name = peer.get_program().to_string_lossy().into_owned();
    let present = exists(&name);
    peer.arg(&file).stdout(Stdio::null()).stderr(Stdio::null());

    let (mut ours, mut theirs, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let (time, checked) = timed(|| check(list.as_bytes(), &rules, &*judge, editions.now))?;
        ensure!(checked.list.entries() == editions.entries, "{} entries were found", checked.list.entries());
        ensure!(matches!(checked.signature, Signature::Valid { .. }) == (kind == "signed"), "{:?}", checked.signature);
        ours.push(time);
        if present {
            let (time, status) = timed(|| peer.status())?;
            ensure!(status.success(), "{peer:?}: {status}");
            theirs.push(time);
            starts.push(timed(|| starting(&name))?.0);
        }
    }
    tell(&format!("{kind}, {:.1} MB: Pli checks it", megabytes(list)), &mut ours);
    if present {
        tell(&format!("{kind}: `{name}` reads it"), &mut theirs);
        tell(&format!("of which `{name}` starting"), &mut starts);
    } else {
        println!("| {} | {kind}: `{name}` is not installed | |", editions.entries);
    }
    tell(
        &format!("{kind}: Pli puts it in force (check, gate, durable write, swap)"),
        &mut installs(editions, folder.path(), &judge)?,
    );
    Ok(())
}

/// Each edition in the place of the one before; the first one, which replaces nothing, is not counted.
fn installs(editions: &Editions, folder: &Path, judge: &Arc<lists::Judge>) -> Result<Vec<Duration>> {
    let signers = Arc::<lists::Judge>::clone(judge);
    let (handle, _) = TrustHandle::open(&folder.join("trust"), ListRules::default(), signers, editions.now)?;
    let mut times = Vec::new();
    for list in &editions.texts {
        let (time, offer) = timed(|| handle.offer(list.as_bytes(), "bench", editions.now))?;
        ensure!(matches!(offer, Offer::Installed(_)), "a younger list was not taken");
        times.push(time);
    }
    Ok(times.split_off(1))
}

/// What a relay asks at each `MAIL`.
fn asking(editions: &Editions, tell: &impl Fn(&str, &mut [Duration])) -> Result<()> {
    let handle = TrustHandle::fixed(TrustList::parse(editions.first()?.as_bytes())?);
    for (what, listed) in [("one that is listed", true), ("one that is listed for another", false)] {
        let questions = lists::questions(editions.entries, DIFFERENT, listed)?;
        let mut times = Vec::new();
        for _ in 1..editions.texts.len() {
            let start = Instant::now();
            let mut yes = 0_u32;
            for (domain, name) in questions.iter().cycle().take(usize::try_from(QUESTIONS)?) {
                let list = handle.current();
                yes += u32::from(list.is_some_and(|list| list.binds(black_box(domain), black_box(name))));
            }
            times.push(start.elapsed() / QUESTIONS);
            ensure!(yes == if listed { QUESTIONS } else { 0 }, "{yes} of {QUESTIONS} were listed");
        }
        tell(&format!("a domain and a name: {what}"), &mut times);
    }
    Ok(())
}

fn exists(program: &str) -> bool {
    starting(program).is_ok()
}

/// A program that does nothing but start.
fn starting(program: &str) -> std::io::Result<std::process::ExitStatus> {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status()
}

fn timed<T, E: Into<anyhow::Error>>(work: impl FnOnce() -> Result<T, E>) -> Result<(Duration, T)> {
    let start = Instant::now();
    let done = work().map_err(Into::into)?;
    Ok((start.elapsed(), done))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn shown(time: Duration) -> String {
    if time < Duration::from_micros(10) {
        format!("{} ns", time.as_nanos())
    } else {
        format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
    }
}

fn megabytes(text: &str) -> f64 {
    u32::try_from(text.len()).map_or(f64::INFINITY, f64::from) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_made_for_measuring_is_what_it_says_it_is() {
        let (entries, now) = (1_200, "2026-03-14T09:00:00Z".parse().unwrap());
        let editions = Editions::new(entries, 2, now, Ok).unwrap();
        let lists: Vec<TrustList> =
            editions.texts.iter().map(|text| TrustList::parse(text.as_bytes()).unwrap()).collect();
        for list in &lists {
            assert_eq!((list.entries(), list.domains(), list.certificate_names()), (1_200, 1_000, 60));
        }
        assert!(lists.is_sorted_by_key(TrustList::generated_at) && lists[2].generated_at() < now);
        let changes = pli_directory::diff(&lists[0], &lists[1]);
        assert!(changes.added.is_empty() && changes.removed.is_empty());
        assert!((50..=150).contains(&changes.changed.len()), "{}", changes.changed.len());
    }

    #[test]
    fn the_questions_have_the_answers_that_are_expected() {
        let editions = Editions::new(1_200, 1, "2026-03-14T09:00:00Z".parse().unwrap(), Ok).unwrap();
        asking(&editions, &|_, _| ()).unwrap();
    }
}
