//! Nothing that was acknowledged is lost, whatever breaks (scenario 41): `docs/durability.md`.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::crash::{Ending, OPERATOR, Rig, Round, Torn, campaign, points, round, run};
use e2e::disk::{Disk, Fault};
use e2e::{Outcome, Seed, wait};

/// Rounds of the normal mode. `PLI_CRASH_POINTS` says otherwise, `PLI_CRASH_SEED` repeats a run.
const ROUNDS: usize = 50;
/// How long what must happen may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

pub(crate) fn every_250_is_accounted_for_after_a_kill_at_any_point() -> Outcome {
    let rounds = variable("PLI_CRASH_POINTS").map_or(Ok(ROUNDS), usize::try_from)?;
    let seed = variable("PLI_CRASH_SEED").unwrap_or_else(|| std::process::id().into());
    campaign(rounds, seed, |number, round: &Round| {
        if rounds > ROUNDS {
            eprintln!("{number} of {rounds}: {}", round.name());
        }
    })?;
    Ok(())
}

/// What the proof is worth: it fails where it must.
pub(crate) fn a_disk_that_lies_about_syncs_is_noticed() -> Outcome {
    let mut rig = Rig::start()?;
    rig.disk()?.fault(Fault::Lies);
    let round = Round { ending: Ending::Killed(40), torn: Torn::Lost };
    let error = run(&mut rig, &round).err().context("mail that was lost is not missed")?;
    ensure!(format!("{error:#}").contains("was acknowledged and is not"), "{error:#}");
    Ok(())
}

pub(crate) fn a_full_disk_says_452_and_takes_mail_again_once_there_is_room() -> Outcome {
    let mut rig = Rig::start()?;
    round::load(&rig, |_| false)?;
    let before = rig.load.acknowledged();
    ensure!(before > 20, "{before} acknowledged on a disk that is well");
    rig.disk()?.fault(Fault::Full);
    round::load(&rig, |_| false)?;
    let refused = rig.load.with(|ledger| (ledger.said(452), ledger.said(451)));
    ensure!(refused.0 > 0 && refused.1 == 0, "said 452 {} times and 451 {} times", refused.0, refused.1);
    let meanwhile = rig.load.acknowledged();
    rig.disk()?.fault(Fault::None);
    round::load(&rig, |_| false)?;
    ensure!(rig.load.acknowledged() > meanwhile + before / 2, "no mail is taken though there is room again");
    all_is_there(&mut rig)
}

pub(crate) fn a_read_only_disk_puts_mail_off_and_loses_nothing() -> Outcome {
    let mut rig = Rig::start()?;
    round::load(&rig, |_| false)?;
    rig.disk()?.fault(Fault::ReadOnly);
    round::load(&rig, |_| false)?;
    let (said, meanwhile) = (rig.load.with(|ledger| ledger.said(451)), rig.load.acknowledged());
    ensure!(said > 0, "nobody was told to try again");
    rig.disk()?.fault(Fault::None);
    round::load(&rig, |_| false)?;
    ensure!(rig.load.acknowledged() > meanwhile, "no mail is taken though the disk can be written again");
    all_is_there(&mut rig)
}

/// As Linux has it, what a failed sync was to write is lost though it is still seen: only a power cut tells.
pub(crate) fn a_sync_that_fails_is_never_answered_with_250() -> Outcome {
    let mut rig = Rig::start()?;
    for _ in 0..8 {
        rig.disk()?.fault(Fault::NextSyncFails);
        round::load(&rig, |_| false)?;
        ensure!(rig.disk()?.fault_now() == Fault::None, "nothing was synced");
        rig.sandbox.kill_nine(OPERATOR)?;
        rig.await_end(PATIENCE)?;
        rig.disk()?.cut(None);
        rig.disk()?.mount_again()?;
        rig.start_again()?;
        let found = rig.reckon()?;
        ensure!(found.acknowledged == found.found && found.found > 0, "{found:?}");
    }
    Ok(())
}

pub(crate) fn a_clock_that_jumps_loses_nothing() -> Outcome {
    let mut rig = Rig::start()?;
    for span in ["+3h", "-20m", "+0s"] {
        rig.set_clock(span)?;
        let before = rig.load.acknowledged();
        round::load(&rig, |_| false)?;
        ensure!(rig.load.acknowledged() > before, "at {span} no mail is taken");
        rig.sandbox.kill_nine(OPERATOR)?;
        rig.await_end(PATIENCE)?;
        rig.start_again()?;
        let found = rig.reckon()?;
        ensure!(found.acknowledged == found.found, "at {span}: {found:?}");
    }
    Ok(())
}

/// The message is sent again, under the Message-ID that it had: whoever gets it can see that he has it.
pub(crate) fn a_peer_that_dies_before_its_reply_gets_the_message_again() -> Outcome {
    let mut rig = Rig::start()?;
    rig.hospital.die_after_data(3);
    round::load(&rig, |_| false)?;
    wait::until("the hospital to have died of three messages", PATIENCE, || {
        Ok((rig.hospital.deaths_to_come() == 0).then_some(()))
    })?;
    // What failed waits for its next try; a later clock is what it waits for. No try may be under way when that comes, or
    // its next would be reckoned from then.
    rig.sandbox.stop()?;
    rig.set_clock("+3h")?;
    rig.start_again()?;
    wait::until("what the hospital did not answer for to arrive", PATIENCE, || {
        Ok((rig.reckon()?.twice > 0 && rig.sandbox.queue(OPERATOR)?.is_empty()).then_some(()))
    })?;
    let found = rig.reckon()?;
    ensure!(found.acknowledged == found.found && found.twice <= 3, "{found:?}");
    Ok(())
}

/// Also after the power is cut.
fn all_is_there(rig: &mut Rig) -> Outcome {
    let found = rig.reckon()?;
    ensure!(found.acknowledged == found.found, "{found:?}");
    let round = Round { ending: Ending::Killed(10), torn: Torn::Lost };
    let found = run(rig, &round)?;
    ensure!(found.acknowledged == found.found, "after a power cut: {found:?}");
    Ok(())
}

pub(crate) fn a_store_that_was_just_made_survives_a_power_cut() -> Outcome {
    let seed = Seed::testing()?;
    seed.configure(OPERATOR, |table| {
        if let Some(store) = table.get_mut("store").and_then(toml::Value::as_table_mut) {
            store.insert("url".to_owned(), "sqlite://store/made/here/pli.db".into());
        }
    })?;
    let folder = seed.dir().join(OPERATOR).join("store");
    let mut disk = Disk::mount(&folder)?;
    let sandbox = seed.start_only(OPERATOR)?;
    sandbox.stop()?;
    disk.cut(None);
    disk.mount_again()?;
    let made = std::fs::metadata(folder.join("made/here/pli.db"));
    ensure!(made.as_ref().is_ok_and(|file| file.len() > 0), "the store is gone: {made:?}");
    drop(disk);
    Ok(())
}

pub(crate) fn every_point_has_a_name_of_its_own() -> Outcome {
    let points = points::of_the_source()?;
    let names: BTreeSet<&str> = points.iter().map(|point| point.name.as_str()).collect();
    ensure!(names.len() == points.len(), "a name stands twice among {points:?}");
    ensure!(points.len() >= 20, "{} points only", points.len());
    Ok(())
}
