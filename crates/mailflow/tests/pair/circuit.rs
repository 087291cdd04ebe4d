//! A destination that cannot be reached: it slows nobody else, nothing of its mail is lost, and all of it goes when its
//! server is there again. And what is kept of each try.

use std::time::Duration;

use jiff::SignedDuration;
use pli_store::QueueRow;
use pli_types::MessageId;

use crate::peer::Act;
use crate::relay::{HOSPITAL, OFFICINE, Relay, letter};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const PATIENCE: Duration = Duration::from_secs(25);
/// Tries that open a circuit, and those that may be under way beside the last of them.
const TRIES_MAX: usize = 3 + 4;

async fn letters(relay: &Relay, count: usize) -> Vec<MessageId> {
    let session = relay.submitter().await;
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(relay.send(&session, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap());
    }
    ids
}

/// Waits until the queue is as asked, having it looked at.
async fn queue(relay: &Relay, is_so: impl Fn(&[QueueRow]) -> bool) -> Vec<QueueRow> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        relay.hurry.notify_one();
        let rows = relay.store.queue_rows(1_000).await.unwrap();
        if is_so(&rows) {
            return rows;
        }
        assert!(tokio::time::Instant::now() < deadline, "{rows:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn all_wait(relay: &Relay) -> impl Fn(&[QueueRow]) -> bool {
    let now = relay.now();
    move |rows| rows.iter().all(|row| row.next_attempt_at > now && !row.leased)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_destination_slows_nobody_else_and_all_goes_when_it_is_there_again() {
    let relay = Relay::start().await;
    relay.peer.on("(greeting)", Act::Hang);
    letters(&relay, 30).await;
    let to = format!("urgences@{HOSPITAL}");
    let other = relay.send(&relay.submitter().await, OFFICINE, &[&to], &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    relay.story(other, &["relayed"]).await;
    let rows = queue(&relay, all_wait(&relay)).await;
    assert_eq!(rows.len(), 30);
    assert!(rows.iter().all(|row| row.last_reason.as_deref() == Some("peer-unreachable")), "each says why it waits");
    let tried = rows.iter().filter(|row| row.attempts > 0).count();
    assert!((3..=TRIES_MAX).contains(&tried), "{tried} tries");
    assert_eq!(relay.peer.connections(), tried, "nothing counts as a try that was none");

    // Its time has come, and it is still dead: one probe, and the others wait on.
    let before = relay.peer.connections();
    relay.clock.advance(SignedDuration::from_mins(2));
    let rows = queue(&relay, all_wait(&relay)).await;
    assert_eq!((rows.len(), relay.peer.connections()), (30, before + 1));

    // It is there again: one probe, then everything.
    relay.peer.act(|_| None);
    relay.clock.advance(SignedDuration::from_mins(3));
    queue(&relay, <[QueueRow]>::is_empty).await;
    assert_eq!(relay.peer.contents().len(), 30);
    assert!(way_out.finish(PATIENCE).await);
    relay.stop().await;
}

/// At the very instant until which the rows wait, and with a clock that stands still there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_goes_at_the_instant_that_the_rows_wait_for() {
    let relay = Relay::start().await;
    // What this relay's clock began with is as even as no real one is.
    relay.clock.advance(SignedDuration::from_nanos(123_456_789));
    relay.peer.on("(greeting)", Act::Hang);
    letters(&relay, 12).await;
    let way_out = relay.deliver();
    let rows = queue(&relay, all_wait(&relay)).await;
    let untried = rows.iter().find(|row| row.attempts == 0).unwrap();
    let before = relay.peer.connections();
    relay.clock.advance(untried.next_attempt_at.duration_since(relay.now()));
    let rows = queue(&relay, all_wait(&relay)).await;
    assert_eq!((rows.len(), relay.peer.connections()), (12, before + 1));
    assert!(way_out.finish(PATIENCE).await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expires_while_nobody_is_there_goes_back_with_a_report() {
    let relay = Relay::start().await;
    relay.peer.on("(greeting)", Act::Hang);
    let ids = letters(&relay, 12).await;
    let way_out = relay.deliver();
    queue(&relay, all_wait(&relay)).await;
    let before = relay.peer.connections();
    relay.clock.advance(SignedDuration::from_hours(97));
    queue(&relay, <[QueueRow]>::is_empty).await;
    assert!(relay.peer.connections() <= before + TRIES_MAX, "not one connection each");
    for id in ids {
        let story = relay.story(id, &["reported"]).await;
        let failed = story.iter().find(|event| event.kind.as_str() == "failed").unwrap();
        assert_eq!(failed.reason.as_deref(), Some("expired-in-queue"));
    }
    assert!(way_out.finish(PATIENCE).await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_asks_for_is_tried_although_nobody_was_there() {
    let relay = Relay::start().await;
    relay.peer.on("(greeting)", Act::Hang);
    letters(&relay, 12).await;
    let way_out = relay.deliver();
    let rows = queue(&relay, all_wait(&relay)).await;
    relay.peer.act(|_| None);
    let untried = rows.iter().find(|row| row.attempts == 0).unwrap();
    relay.store.retry_now(untried.id, relay.now(), Vec::new()).await.unwrap();
    // Its success tells that the server is there: all the others go too.
    queue(&relay, <[QueueRow]>::is_empty).await;
    assert!(way_out.finish(PATIENCE).await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_keeps_what_was_said_in_its_tries_and_no_identifier() {
    let relay = Relay::start().await;
    relay.peer.act(|heard| match heard.line.as_str() {
        line if line.starts_with("RCPT") => Some(Act::Say("450 4.2.1 ask 279035121518989 first")),
        _ => None,
    });
    let session = relay.submitter().await;
    relay.send(&session, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    let row = queue(&relay, |rows| rows.iter().all(|row| row.attempts == 1)).await.remove(0);
    let attempt = relay.store.attempts(row.id).await.unwrap().remove(0);
    let server = format!("127.0.0.1[127.0.0.1]:{}", relay.peer.address.port());
    assert_eq!((attempt.number, attempt.server, attempt.reason.as_str()), (1, Some(server), "peer-refused"));
    let said = attempt.transcript;
    assert_eq!(said[0], "* connected, under TLS; the server has proven itself");
    assert!(said[1].starts_with(&format!("> MAIL FROM:<{OFFICINE}>")) && said[2].starts_with("< 250 "), "{said:#?}");
    assert_eq!(said[3], format!("> RCPT TO:<{DOCTOR}>"));
    assert!(said[4].starts_with("< 450 4.2.1 ask ins-") && !said.concat().contains("279035121518989"), "{said:#?}");
    assert_eq!(said[5], "> RSET");

    assert!(way_out.finish(PATIENCE).await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_try_that_reaches_nobody_the_row_tells_how_far_it_came() {
    let relay = Relay::start().await;
    relay.peer.on("(greeting)", Act::Say("554 5.3.2 no mail today"));
    letters(&relay, 1).await;
    let way_out = relay.deliver();
    let row = queue(&relay, |rows| rows.iter().all(|row| row.attempts == 1)).await.remove(0);
    let said = relay.store.attempts(row.id).await.unwrap().remove(0).transcript;
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(
        said[0].starts_with("* 127.0.0.1[127.0.0.1]:") && said[0].ends_with(": 554 5.3.2 no mail today"),
        "{said:#?}"
    );
    assert!(way_out.finish(PATIENCE).await);
    relay.stop().await;
}
