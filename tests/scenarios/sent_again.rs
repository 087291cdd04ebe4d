//! A peer that dies after the end of DATA, before it has heard our `250`, sends the same message again.

use anyhow::{Context, ensure};
use e2e::imap::{Imap, holds};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, message};

pub(crate) fn a_peer_that_lost_the_250_is_read_once() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let marker = message::marker();
    let from = format!("cabinet@{}", sandbox.peer("listed")?.domain);
    let sent = message::letter(&from, &pharmacy.address, &marker);
    let mut peer = Smtp::as_peer(&sandbox, "listed", "pro")?;
    peer.begin(&from, &[&pharmacy.address])?;
    peer.end_unheard(&sent)?;
    let mut reader = Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    let kept = reader.await_message(&marker)?;
    let first = String::from_utf8_lossy(&kept);
    let first = first.split_once(" id ").and_then(|(_, rest)| rest.split_whitespace().next());
    let first = first.context("no id in our Received")?;

    let again = Smtp::as_peer(&sandbox, "listed", "pro")?.send(&from, &[&pharmacy.address], &sent)?.expect(250)?;
    let traced = sandbox.trace("pro", again.id()?)?;
    let events = traced["events"].as_array().context("no events")?;
    let kinds: Vec<_> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    ensure!(kinds == ["accepted", "duplicate"], "{traced}");
    ensure!(events[1]["detail"] == format!("the same as {first}"), "{traced}");
    let copies = reader.inbox()?.iter().filter(|message| holds(message, &marker)).count();
    ensure!(copies == 1, "{copies} copies");
    Ok(())
}
