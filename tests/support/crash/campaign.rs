//! Many rounds, on several nodes at once.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow, ensure};

use super::points::Point;
use super::table::Table;
use super::{Ending, Rig, Round, points, run};

/// After so many rounds another node begins: a ledger that grows for ever would be all that is measured.
const ROUNDS_OF_A_NODE: usize = 25;
/// A round waits for starts and ends more than it works.
const NODES_AT_ONCE: usize = 2;

/// Runs so many rounds; `tell` hears of each. An error names the round and the seed that repeats it.
pub fn campaign(rounds: usize, seed: u64, tell: impl Fn(usize, &Round) + Sync) -> Result<Table> {
    let points = points::of_the_source()?;
    let round = |number| Round::number(&points, number, seed);
    let (next, failed, table) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(Table::default()));
    // One node after the other, until all rounds are run or one has failed.
    let nodes = || -> Result<()> {
        loop {
            let first = next.fetch_add(ROUNDS_OF_A_NODE, Ordering::SeqCst);
            let mut numbers = (first..rounds.min(first + ROUNDS_OF_A_NODE)).peekable();
            if numbers.peek().is_none() {
                return Ok(());
            }
            let mut rig = Rig::start()?;
            let mut lines = Table::default();
            for number in numbers {
                if failed.load(Ordering::SeqCst) {
                    return Ok(());
                }
                let round = round(number);
                tell(number, &round);
                let repeat = || format!("round {number}; PLI_CRASH_SEED={seed} repeats it");
                let found = run(&mut rig, &round).with_context(repeat)?;
                ensure!(found.acknowledged == found.found, "{found:?}; {}", repeat());
                lines.add(&round.name(), found);
            }
            table.lock().map_err(|_| anyhow!("another node panicked"))?.join(lines);
        }
    };
    std::thread::scope(|scope| -> Result<()> {
        let run = || nodes().inspect_err(|_| failed.store(true, Ordering::SeqCst));
        let running: Vec<_> = (0..NODES_AT_ONCE).map(|_| scope.spawn(run)).collect();
        let ends: Vec<_> = running.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        ends.into_iter().try_for_each(|end| end.map_err(|_| anyhow!("a node's rounds panicked"))?)
    })?;
    let missed = never_ended_at(&points, (0..rounds).map(round));
    ensure!(missed.is_empty() || rounds <= points.len(), "points at which nothing ever ended: {missed:?}");
    table.into_inner().map_err(|_| anyhow!("the table is lost"))
}

/// A round fails if its point is not reached; so what no round has is what nothing ended at.
fn never_ended_at(points: &[Point], rounds: impl Iterator<Item = Round>) -> Vec<&str> {
    let reached: BTreeSet<String> = rounds
        .filter_map(|round| match round.ending {
            Ending::At(point, _) => Some(point.name),
            Ending::Fails(..) | Ending::Killed(_) => None,
        })
        .collect();
    points.iter().map(|point| point.name.as_str()).filter(|name| !reached.contains(*name)).collect()
}
