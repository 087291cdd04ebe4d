//! The notice of a delay: once, after its time, to those who did not decline it.

use std::time::Duration;

use jiff::SignedDuration;
use mail_parser::MessageParser;
use pli_audit::Event;
use pli_store::QueueRow;
use pli_types::{DsnNotify, EnvelopeParameters, MessageId};

use crate::peer::Act;
use crate::relay::{HOSPITAL, OFFICINE, Relay, letter, recipient};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const PATIENCE: Duration = Duration::from_secs(25);
const MOMENT: SignedDuration = SignedDuration::from_micros(1);

fn kinds(story: &[Event<String>]) -> Vec<&'static str> {
    story.iter().map(|event| event.kind.as_str()).collect()
}

/// A relay whose next server is down.
async fn start() -> Relay {
    let relay = Relay::start().await;
    relay.peer.on("(greeting)", Act::Hang);
    relay
}

/// Waits until so many events of this kind are in the story.
async fn wait_for(relay: &Relay, id: MessageId, kind: &str, times: usize) -> Vec<Event<String>> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let story = relay.events_of(id).await;
        if kinds(&story).iter().filter(|known| **known == kind).count() >= times {
            return story;
        }
        assert!(tokio::time::Instant::now() < deadline, "not {times} {kind} in {story:#?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_sender_is_told_of_a_delay_once_and_what_to_do() {
    let relay = start().await;
    let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    wait_for(&relay, id, "deferred", 1).await;
    relay.later(SignedDuration::from_mins(239)).await;
    let story = wait_for(&relay, id, "deferred", 2).await;
    assert_eq!(kinds(&story), ["accepted", "deferred", "deferred"], "not before its time");
    relay.later(SignedDuration::from_mins(1)).await;
    wait_for(&relay, id, "reported", 1).await;
    relay.later(SignedDuration::from_hours(1)).await;
    let story = wait_for(&relay, id, "deferred", 4).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(kinds(&story), ["accepted", "deferred", "deferred", "deferred", "reported", "deferred"]);
    let [notice] = relay.inbox(OFFICINE).await.try_into().unwrap();
    let parsed = MessageParser::default().parse(&notice).unwrap();
    assert_eq!(parsed.subject(), Some("Message retard\u{e9} / Delayed message"));
    let text = parsed.body_text(0).unwrap();
    let (fr, en) = (text.find("Ne le renvoyez pas"), text.find("Do not send it again"));
    assert!(fr.is_some() && fr < en && text.contains(DOCTOR), "{text}");
    for told in ["[peer-unreachable]", "ne r\u{e9}pond pas", "05/06/2026 \u{e0} 08:00 (UTC)", "2026-06-05, 08:00 (UTC)"]
    {
        assert!(text.contains(told), "{told} in {text}");
    }
    let notice = String::from_utf8(notice).unwrap();
    for line in [
        "Action: delayed",
        "Status: 4.4.1",
        "Will-Retry-Until: Fri, 5 Jun 2026 08:00:00 +0000",
        "Auto-Submitted: auto-replied",
    ] {
        assert!(notice.contains(&format!("\r\n{line}\r\n")), "{line} in {notice}");
    }
    assert!(!notice.contains("DUPONT") && !notice.contains("caf\u{e9}") && !notice.contains("caf=C3=A9"), "{notice}");
    relay.stop().await;
}

#[tokio::test]
async fn nobody_is_told_of_a_delay_who_declined_it_or_is_nobody() {
    let relay = start().await;
    let failure_only = DsnNotify { success: false, failure: true, delay: false };
    let never = DsnNotify { failure: false, ..failure_only };
    let mut ids = Vec::new();
    for notify in [failure_only, never] {
        let to = pli_types::Recipient { notify, ..recipient(DOCTOR) };
        ids.push(relay.send_to(&relay.submitter().await, OFFICINE, vec![to], &letter(OFFICINE)).await.unwrap());
    }
    let from = format!("urgences@{HOSPITAL}");
    ids.push(relay.send(&relay.server("mta.hopital.test", 12), "", &[DOCTOR], &letter(&from)).await.unwrap());
    nobody_is_told(relay, ids).await;

    let relay = start().await;
    let report =
        [&b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n"[..], &letter(OFFICINE)]
            .concat();
    let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &report).await.unwrap();
    nobody_is_told(relay, vec![id]).await;
}

/// Each of these is tried once, too late for a delay to be normal.
async fn nobody_is_told(relay: Relay, ids: Vec<MessageId>) {
    relay.clock.advance(SignedDuration::from_hours(5));
    let way_out = relay.deliver();
    for id in ids {
        assert_eq!(kinds(&wait_for(&relay, id, "deferred", 1).await), ["accepted", "deferred"]);
    }
    assert!(way_out.finish(PATIENCE).await);
    assert!(relay.inbox(OFFICINE).await.is_empty());
    relay.stop().await;
}

#[tokio::test]
async fn without_a_time_for_it_there_is_no_notice() {
    let mut relay = start().await;
    let config = pli_mailflow::IntakeConfig { delay_after: Duration::ZERO, ..(*relay.intake.config).clone() };
    relay.intake.config = std::sync::Arc::new(config);
    let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    relay.clock.advance(SignedDuration::from_hours(50));
    let way_out = relay.deliver();
    wait_for(&relay, id, "deferred", 1).await;
    assert!(way_out.finish(PATIENCE).await);
    assert!(relay.inbox(OFFICINE).await.is_empty());
    relay.stop().await;
}

/// Other mail comes and goes meanwhile; the queue is looked at when it does.
async fn other_mail(relay: &Relay) {
    let elsewhere = format!("urgences@{HOSPITAL}");
    relay.send(&relay.submitter().await, OFFICINE, &[&elsewhere], &letter(OFFICINE)).await.unwrap();
}

/// Waits until a message's row is put off; `None` once it is gone. Counts the other mail sent meanwhile.
async fn put_off(relay: &Relay, id: MessageId, others: &mut usize) -> Option<QueueRow> {
    let begun = tokio::time::Instant::now();
    let mut rung = begun;
    loop {
        let rows = relay.store.queue_rows(99).await.unwrap();
        let row = rows.into_iter().find(|row| row.message == id)?;
        if !row.leased && row.next_attempt_at > relay.now() {
            return Some(row);
        }
        assert!(begun.elapsed() < Duration::from_secs(50), "nobody turns to {row:?}");
        if rung.elapsed() > Duration::from_secs(1) {
            // A look that came while the last try was ending saw nothing to do.
            rung = tokio::time::Instant::now();
            other_mail(relay).await;
            *others += 1;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Scenario 42 in one node: four days, each look in its time.
#[tokio::test]
async fn four_days_of_a_dead_server_end_in_one_notice_and_one_report() {
    let relay = start().await;
    let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    let begun = relay.now();
    let way_out = relay.deliver();
    let (mut looks, mut others) = (0, 0);
    while let Some(row) = put_off(&relay, id, &mut others).await {
        let pause = row.next_attempt_at.duration_since(relay.now());
        assert!(pause <= SignedDuration::from_mins(72), "it is looked after: {pause}");
        // The store keeps microseconds: a moment later, whoever counts finer agrees that it is time.
        relay.clock.advance(pause + MOMENT);
        other_mail(&relay).await;
        (looks, others) = (looks + 1, others + 1);
        assert!(looks < 500, "it has an end");
    }
    let lasted = relay.now().duration_since(begun) - SignedDuration::from_hours(96);
    assert!(
        (SignedDuration::ZERO..SignedDuration::from_secs(1)).contains(&lasted),
        "not sooner and not later: {lasted}"
    );
    let story = relay.story(id, &["reported"]).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !relay.store.queue_rows(9).await.unwrap().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "the queue is not empty");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(way_out.finish(PATIENCE).await);
    assert!(looks > 80, "about one an hour: {looks}");
    assert_eq!(kinds(&story).iter().filter(|kind| **kind == "failed").count(), 1);
    let told: Vec<_> = relay.inbox(OFFICINE).await.into_iter().map(|body| String::from_utf8(body).unwrap()).collect();
    let actions: Vec<_> = told
        .iter()
        .map(|report| (report.contains("\r\nAction: delayed\r\n"), report.contains("\r\nAction: failed\r\n")))
        .collect();
    assert_eq!(actions, [(true, false), (false, true)], "one notice, then one report: nothing is lost in silence");
    assert_eq!(relay.hospital.contents().len(), others, "other mail went its way meanwhile");
    relay.stop().await;
}

#[tokio::test]
async fn a_server_that_confirms_nothing_is_confirmed_for_and_one_that_does_is_left_to_it() {
    for (ehlo, expected) in
        [("250-mx.clinique.test\r\n250 8BITMIME", 1), ("250-mx.clinique.test\r\n250-8BITMIME\r\n250 DSN", 0)]
    {
        let relay = Relay::start().await;
        relay.peer.act(move |heard| (heard.tls && heard.line.starts_with("EHLO")).then_some(Act::Say(ehlo)));
        let success = DsnNotify { success: true, failure: true, delay: false };
        let to = pli_types::Recipient {
            notify: success,
            orcpt: Some("rfc822;dr+2Bmartin@a.test".to_owned()),
            ..recipient(DOCTOR)
        };
        let parameters = EnvelopeParameters { envid: Some("QQ314".to_owned()), ..EnvelopeParameters::default() };
        let id =
            relay.send_with(&relay.submitter().await, OFFICINE, parameters, vec![to], &letter(OFFICINE)).await.unwrap();
        let way_out = relay.deliver();
        let story = relay.story(id, if expected == 1 { &["reported"] } else { &["relayed"] }).await;
        assert!(way_out.finish(PATIENCE).await);
        let inbox = relay.inbox(OFFICINE).await;
        assert_eq!(inbox.len(), expected, "{story:?}");
        let heard = relay.peer.heard();
        let passed_on =
            heard.contains(&format!("tls RCPT TO:<{DOCTOR}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;dr+2Bmartin@a.test"));
        assert_eq!(
            (passed_on, heard.iter().any(|line| line.ends_with(" ENVID=QQ314"))),
            (expected == 0, expected == 0),
            "{heard:?}"
        );
        if let [report] = &inbox[..] {
            let report = String::from_utf8_lossy(report);
            for line in [
                "Action: relayed",
                "Status: 2.0.0",
                "Original-Envelope-Id: QQ314",
                "Original-Recipient: rfc822; dr+martin@a.test",
                "Remote-MTA: dns; 127.0.0.1",
            ] {
                assert!(report.contains(&format!("\r\n{line}\r\n")), "{line} in {report}");
            }
            assert!(!report.contains("Will-Retry-Until") && !report.contains("Diagnostic-Code"), "{report}");
        }
        relay.stop().await;
    }
}
