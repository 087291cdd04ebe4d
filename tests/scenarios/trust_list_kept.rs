//! The list in force stays: over a restart, while its publisher says nothing new, and until an admin says otherwise.

use std::time::Duration;

use anyhow::ensure;
use e2e::command::said;
use e2e::publisher::Answer;
use e2e::{Outcome, wait};

use crate::fetching_node::play;

/// Asked again with what it said before, an honest publisher says that nothing has changed: the list is confirmed.
pub(crate) fn an_unchanged_list_is_not_sent_again() -> Outcome {
    play(|scene| {
        let (before, seen) = (scene.in_force()?, scene.publisher.seen());
        let output = scene.fetch()?;
        ensure!(output.status.success(), "{}", said(&output));
        let (after, now) = (scene.in_force()?, scene.publisher.seen());
        ensure!(now.unchanged == seen.unchanged + 1 && now.sent == seen.sent, "{now:?} after {seen:?}");
        ensure!(after["digest"] == before["digest"], "{after}");
        ensure!(after["confirmed_at"] != before["confirmed_at"], "not confirmed: {after}");
        Ok(())
    })
}

/// The node starts while its publisher is out of order, and while what it says is nonsense.
pub(crate) fn the_last_good_list_survives_a_restart() -> Outcome {
    play(|scene| {
        let before = scene.in_force()?;
        scene.publisher.answer(Answer::Status("503 Service Unavailable", None));
        let requests = scene.publisher.seen().requests;
        scene.sandbox.restart("pro")?;
        wait::until("the first fetch", Duration::from_secs(20), || {
            Ok((scene.publisher.seen().requests > requests).then_some(()))
        })?;
        let after = scene.in_force()?;
        ensure!(after["digest"] == before["digest"], "{after} after {before}");
        scene.the_old_list_serves_on()?;
        // Older than what was in force before the restart: that is remembered too.
        scene.publisher.answer(Answer::List(scene.signed(&scene.list.later(-3600)?)?));
        scene.stays("list-older")?;
        scene.install_a_good_list()
    })
}

/// An admin goes back: the list that he left is not taken again, however often it is offered; a newer one is.
pub(crate) fn a_list_that_was_left_is_not_taken_again() -> Outcome {
    play(|scene| {
        let before = scene.in_force()?;
        scene.install_a_good_list()?;
        let left = scene.in_force()?;
        ensure!(left["digest"] != before["digest"], "nothing to go back from");
        scene.sandbox.pli("pro", &["trust", "rollback", "--reason", "un domaine manque"])?;
        ensure!(scene.in_force()?["digest"] == before["digest"], "{} instead of {before}", scene.in_force()?);
        scene.refuses("list-set-aside")
    })
}
