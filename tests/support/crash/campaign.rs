//! Many rounds, one after the other.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

use super::table::Table;
use super::{Ending, Rig, Round, points, run};

/// After so many rounds another node begins: a ledger that grows for ever would be all that is measured.
const ROUNDS_OF_A_NODE: usize = 25;

/// Runs so many rounds; `tell` hears of each. An error names the round and the seed that repeats it.
pub fn campaign(rounds: usize, seed: u64, mut tell: impl FnMut(usize, &Round)) -> Result<Table> {
    let points = points::of_the_source()?;
    let (mut table, mut reached) = (Table::default(), BTreeSet::new());
    let mut rig = Rig::start()?;
    for number in 0..rounds {
        if number > 0 && number % ROUNDS_OF_A_NODE == 0 {
            // The old one first: its folder and its ports.
            drop(rig);
            rig = Rig::start()?;
            table.new_node();
        }
        let round = Round::number(&points, number, seed);
        tell(number, &round);
        let repeat = || format!("round {number}; PLI_CRASH_SEED={seed} repeats it");
        let found = run(&mut rig, &round).with_context(repeat)?;
        ensure!(found.acknowledged == found.found, "{found:?}; {}", repeat());
        if let Ending::At(point, _) = &round.ending {
            reached.insert(point.name.clone());
        }
        table.add(&round.name(), found);
    }
    let missed: Vec<&str> =
        points.iter().map(|point| point.name.as_str()).filter(|name| !reached.contains(*name)).collect();
    ensure!(missed.is_empty() || rounds <= points.len(), "points at which nothing ever ended: {missed:?}");
    Ok(table)
}
