//! One round: load, something breaks, the node starts again, everything is looked for.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::points::Point;
use super::{Found, OPERATOR, Rig};
use crate::Outcome;
use crate::disk::Chance;
use crate::record;

/// How long a load may take to reach a point.
const PATIENCE: Duration = Duration::from_secs(30);
/// Messages of one sender in one round, were it not broken off.
const MESSAGES: usize = 24;

/// What becomes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Torn {
    /// All of it is there: the process ended, the machine did not.
    No,
    /// None of it is there: the power was cut.
    Lost,
    /// Any sector of it may be there: the power was cut while the disk wrote.
    Sectors(u64),
}

/// How the node ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// At this point, the nth time that it is reached.
    At(Point, u64),
    /// The step fails there, and the node goes on; it is killed after the load.
    Fails(Point, u64),
    /// `kill -9`, once so many more messages were acknowledged.
    Killed(usize),
}

/// A round to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// How the node ends.
    pub ending: Ending,
    /// What becomes of what was not synced.
    pub torn: Torn,
}

impl Round {
    /// Round number `number` of a run with this seed: the points take turns, so that every one comes before any comes twice;
    /// how often it is passed before, and what the disk loses, is chance.
    #[must_use]
    pub fn number(points: &[Point], number: usize, seed: u64) -> Self {
        let mut chance = Chance::new(seed.wrapping_mul(0x1_0001).wrapping_add(number as u64));
        let torn = match chance.below(3) {
            0 => Torn::No,
            1 => Torn::Lost,
            _ => Torn::Sectors(chance.number()),
        };
        let Some(point) = points.get(number % (points.len() + 1)) else {
            let after = usize::try_from(chance.below(60)).unwrap_or(0);
            return Self { ending: Ending::Killed(after + 1), torn };
        };
        // Passed a few times only: it must be reached within the load.
        let nth = if point.is_frequent() { 1 + chance.below(3) } else { 1 };
        let fails = point.can_fail && number >= points.len() && chance.below(3) == 0;
        let ending = if fails { Ending::Fails(point.clone(), nth) } else { Ending::At(point.clone(), nth) };
        Self { ending, torn }
    }

    /// For the table and for messages: what it broke.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.ending {
            Ending::At(point, _) => point.name.clone(),
            Ending::Fails(point, _) => format!("{}, fails", point.name),
            Ending::Killed(_) => "`kill -9` under load".to_owned(),
        }
    }
}

/// Runs a round on a node that runs, and leaves it running.
pub fn run(rig: &mut Rig, round: &Round) -> Result<Found> {
    break_it(rig, round).with_context(|| format!("{round:?}"))?;
    rig.disarm()?;
    rig.start_again().with_context(|| format!("starting after {round:?}"))?;
    // What was recorded before the end is sealed; a record that is not whole is a fault, but mail that is lost comes first.
    let sealed = record::sealed(&rig.sandbox, OPERATOR);
    let alerted = rig.all_are_alerted();
    // Of a letter that is lost nobody is alerted either: that it is lost is the fault to tell.
    let found = rig.reckon().with_context(|| format!("after {round:?}"))?;
    alerted.with_context(|| format!("after {round:?}"))?;
    sealed.with_context(|| format!("after {round:?}"))?;
    // And what came since.
    record::sealed(&rig.sandbox, OPERATOR).with_context(|| format!("after {round:?}"))?;
    Ok(found)
}

/// Load, until the node has ended; then the disk loses what it is to lose.
fn break_it(rig: &mut Rig, round: &Round) -> Outcome {
    match &round.ending {
        Ending::At(point, _) if point.is_at_start() => {
            let target = rig.load.acknowledged() + 8;
            load(rig, |rig| rig.load.acknowledged() >= target)?;
            return at_start(rig, point, round.torn);
        }
        Ending::At(point, nth) => {
            rig.arm(&point.name, *nth, "abort")?;
            load(rig, |rig| rig.sandbox.has_ended().unwrap_or(true))?;
            rig.await_end(Duration::from_secs(5)).with_context(|| format!("{} was not reached", point.name))?;
        }
        Ending::Fails(point, nth) => {
            rig.arm(&point.name, *nth, "error")?;
            load(rig, |_| false)?;
            kill(rig)?;
        }
        Ending::Killed(after) => {
            let target = rig.load.acknowledged() + after;
            load(rig, |rig| rig.load.acknowledged() >= target && kill(rig).is_ok())?;
            if !rig.sandbox.has_ended()? {
                kill(rig)?;
            }
        }
    }
    lose(rig, round.torn)
}

/// The node is killed; when it starts again it ends at the point; then it may start.
fn at_start(rig: &mut Rig, point: &Point, torn: Torn) -> Outcome {
    kill(rig)?;
    rig.arm(&point.name, 1, "abort")?;
    // Fails if the point is reached before the node listens. One is reached only if there is something to sweep.
    let started = rig.start_again();
    if started.is_ok() && point.name == "store.sweep.remove.before" {
        kill(rig)?;
    } else if started.is_ok() {
        rig.await_end(Duration::from_secs(10)).with_context(|| format!("{} was not reached", point.name))?;
    }
    lose(rig, torn)
}

fn kill(rig: &Rig) -> Outcome {
    rig.sandbox.kill_nine(OPERATOR)?;
    rig.await_end(Duration::from_secs(10))
}

fn lose(rig: &mut Rig, torn: Torn) -> Outcome {
    let disk = rig.disk()?;
    match torn {
        Torn::No => return Ok(()),
        Torn::Lost => disk.cut(None),
        Torn::Sectors(seed) => disk.cut(Some(Chance::new(seed))),
    }
    disk.mount_again()
}

/// Senders at work, until they are done, `until` says so, or the node has ended.
pub fn load(rig: &Rig, until: impl Fn(&Rig) -> bool) -> Outcome {
    rig.load.begin();
    let start = Instant::now();
    std::thread::scope(|scope| {
        // An error is the break itself: what counts is what was acknowledged before.
        let workers = [
            scope.spawn(|| rig.load.relay(&rig.sandbox, MESSAGES).is_ok()),
            scope.spawn(|| rig.load.relay(&rig.sandbox, MESSAGES).is_ok()),
            scope.spawn(|| rig.load.submit(&rig.sandbox, MESSAGES / 2).is_ok()),
            scope.spawn(|| rig.load.decide(&rig.sandbox, MESSAGES / 4).is_ok()),
            scope.spawn(|| rig.load.work(&rig.sandbox, MESSAGES / 4).is_ok()),
            scope.spawn(|| rig.load.wait_in_vain(&rig.sandbox, MESSAGES / 4).is_ok()),
        ];
        while start.elapsed() < PATIENCE && !workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            if until(rig) {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        rig.load.end();
    });
    Ok(())
}
