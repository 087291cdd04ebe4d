//! Deadlines: who is late is told to the sender, once, and nobody else is disturbed.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use pli_mailflow::watch::{Kind, Step};
use pli_mailflow::{Deadline, IntakeConfig, Watcher};
use pli_net::Shutdown;
use pli_store::{FlagChange, Flags, OverdueBacklog};
use pli_types::{DsnNotify, MessageId, Recipient, Span, Uid};

use crate::peer::Act;
use crate::relay::{OFFICINE, PATIENT, Relay, recipient};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const PATIENCE: Duration = Duration::from_secs(25);
const HALF_AN_HOUR: SignedDuration = SignedDuration::from_mins(30);

/// The relay with one deadline of half an hour.
async fn relay(state: Step, resend: bool) -> Relay {
    let mut relay = Relay::start().await;
    let deadline = Deadline { from: None, kind: Kind::Any, to: None, state, within: Span::minutes(30), resend };
    relay.intake.config = Arc::new(IntakeConfig { deadlines: vec![deadline], ..(*relay.intake.config).clone() });
    relay
}

/// Text with a receipt asked for.
fn letter() -> String {
    format!(
        "From: <{OFFICINE}>\r\nSubject: DUPONT Jean\r\nMessage-ID: <1@client.test>\r\n\
         Disposition-Notification-To: <{OFFICINE}>\r\nDate: Mon, 1 Jun 2026 08:00:00 +0000\r\n\r\nbody\r\n"
    )
}

async fn send(relay: &Relay, to: &str) -> MessageId {
    relay.send(&relay.submitter().await, OFFICINE, &[to], letter().as_bytes()).await.unwrap()
}

/// Lets the other server take it.
async fn relayed(relay: &Relay, id: MessageId) {
    let way_out = relay.deliver();
    relay.story(id, &["relayed"]).await;
    assert!(way_out.finish(PATIENCE).await);
}

/// Watches until nothing is left that is due.
async fn watch(relay: &Relay) {
    let shutdown = Shutdown::default();
    shutdown.spawn(Watcher::new(relay.intake.clone()).run(shutdown.clone()));
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while relay.store.next_watch_at().await.unwrap().is_some_and(|next| next <= relay.now()) {
        assert!(tokio::time::Instant::now() < deadline, "something is still due");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(shutdown.finish(PATIENCE).await);
}

async fn kinds(relay: &Relay, id: MessageId) -> Vec<&'static str> {
    relay.events_of(id).await.iter().map(|event| event.kind.as_str()).collect()
}

async fn comes_back(relay: &Relay, disposition: &str) {
    let clinic = relay.server("mx.clinique.test", 11);
    let text = format!(
        "From: <{DOCTOR}>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n\
         --b\r\nContent-Type: message/disposition-notification\r\n\r\nOriginal-Message-ID: <1@client.test>\r\n\
         Final-Recipient: rfc822; {DOCTOR}\r\nDisposition: a/MDN-sent-automatically; {disposition}\r\n\r\n--b--\r\n"
    );
    relay.send(&clinic, "", &[OFFICINE], text.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn who_is_late_is_told_once_to_the_sender_who_learns_what_to_do() {
    let relay = relay(Step::Integrated, false).await;
    let id = send(&relay, DOCTOR).await;
    relayed(&relay, id).await;
    relay.clock.advance(SignedDuration::from_mins(29));
    watch(&relay).await;
    assert_eq!(kinds(&relay, id).await, ["accepted", "relayed"], "not yet");
    relay.clock.advance(SignedDuration::from_mins(2));
    watch(&relay).await;
    relay.clock.advance(HALF_AN_HOUR);
    watch(&relay).await;
    assert_eq!(kinds(&relay, id).await, ["accepted", "relayed", "overdue"]);
    let [alert] = relay.inbox(OFFICINE).await.try_into().unwrap();
    let alert = String::from_utf8(alert).unwrap().replace("=\r\n", "");
    for told in [
        "From: Mail Delivery System <MAILER-DAEMON@pharmacie.mssante.fr>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "In-Reply-To: <1@client.test>\r\n",
        "Message-ID : 1@client.test",
        DOCTOR,
        "(30m)",
        "Appelez",
        "Call your correspondent",
    ] {
        assert!(alert.contains(told), "{told} in {alert}");
    }
    assert!(!alert.contains("DUPONT") && !alert.contains("\r\nbody"), "{alert}");
    assert!(alert.find("en retard") < alert.find("overdue"), "French first");
    assert_eq!(relay.store.overdue().await.unwrap().waiting, 1, "the admin sees it");
    comes_back(&relay, "processed").await;
    assert_eq!(relay.store.overdue().await.unwrap(), OverdueBacklog::default(), "until it comes");
    relay.stop().await;
}

#[tokio::test]
async fn who_asked_to_hear_nothing_hears_nothing_and_the_admin_does() {
    let relay = relay(Step::Integrated, false).await;
    let notify = DsnNotify { success: false, failure: false, delay: false };
    let to = Recipient { notify, ..recipient(DOCTOR) };
    let id = relay.send_to(&relay.submitter().await, OFFICINE, vec![to], letter().as_bytes()).await.unwrap();
    relayed(&relay, id).await;
    relay.clock.advance(HALF_AN_HOUR);
    watch(&relay).await;
    assert_eq!(kinds(&relay, id).await, ["accepted", "relayed", "overdue"]);
    assert!(relay.inbox(OFFICINE).await.is_empty());
    assert_eq!(relay.store.overdue().await.unwrap().waiting, 1);
    relay.stop().await;
}

#[tokio::test]
async fn who_answers_in_time_disturbs_nobody() {
    let relay = relay(Step::Integrated, true).await;
    let id = send(&relay, DOCTOR).await;
    relayed(&relay, id).await;
    assert!(relay.store.body(id).await.is_ok(), "kept as long as it may have to be sent again");
    comes_back(&relay, "processed/Error: 904^x").await;
    relay.clock.advance(HALF_AN_HOUR);
    watch(&relay).await;
    assert_eq!(kinds(&relay, id).await, ["accepted", "relayed", "integrated"]);
    assert_eq!(relay.inbox(OFFICINE).await.len(), 1, "the report itself, and no alert");
    assert!(relay.store.body(id).await.is_err(), "and no longer");
    relay.stop().await;
}

#[tokio::test]
async fn what_is_sent_once_more_is_the_same_message_and_goes_once() {
    let relay = relay(Step::Opened, true).await;
    let id = send(&relay, DOCTOR).await;
    relayed(&relay, id).await;
    relay.clock.advance(HALF_AN_HOUR);
    watch(&relay).await;
    relayed(&relay, id).await;
    relay.clock.advance(HALF_AN_HOUR);
    watch(&relay).await;
    assert_eq!(kinds(&relay, id).await, ["accepted", "relayed", "overdue", "relayed"]);
    let [first, second] = relay.peer.contents().try_into().unwrap();
    assert_eq!(first, second, "byte for byte");
    assert!(relay.store.queue_rows(9).await.unwrap().is_empty());
    assert!(relay.store.body(id).await.is_err(), "nothing keeps it any more");
    relay.stop().await;
}

#[tokio::test]
async fn what_still_waits_in_the_queue_is_not_sent_twice() {
    let relay = relay(Step::Relayed, true).await;
    relay.peer.on("(greeting)", Act::Hang);
    let id = send(&relay, DOCTOR).await;
    relay.clock.advance(HALF_AN_HOUR);
    watch(&relay).await;
    assert_eq!(kinds(&relay, id).await, ["accepted", "overdue"]);
    assert_eq!(relay.store.queue_rows(9).await.unwrap().len(), 1, "the first one alone");
    assert_eq!(relay.inbox(OFFICINE).await.len(), 1, "its sender knows");
    relay.stop().await;
}

#[tokio::test]
async fn a_patient_here_who_opens_in_time_is_not_late_and_one_who_does_not_is() {
    for opens in [true, false] {
        let relay = relay(Step::Opened, true).await;
        let id = send(&relay, PATIENT).await;
        if opens {
            let inbox = relay.store.folders(relay.mailbox(PATIENT).await.id).await.unwrap()[0].id;
            let seen = Flags { seen: true, ..Flags::default() };
            relay.store.set_flags(inbox, &[Uid(1)], FlagChange::Add, &seen, Vec::new()).await.unwrap();
        }
        relay.clock.advance(HALF_AN_HOUR);
        watch(&relay).await;
        let overdue = kinds(&relay, id).await.contains(&"overdue");
        assert_eq!(overdue, !opens);
        assert_eq!(relay.inbox(OFFICINE).await.len(), usize::from(!opens));
        assert_eq!(relay.inbox(PATIENT).await.len(), 1, "never twice");
        relay.stop().await;
    }
}
