//! What delivery does with a server that is faulty at each step in turn.

use std::time::Duration;

use jiff::SignedDuration;
use pli_store::QueueRow;
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use crate::peer::Act;
use crate::relay::{HOSPITAL, OFFICINE, OURS, PATIENTS, Relay, THEIRS, letter};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const PATIENCE: Duration = Duration::from_secs(25);

/// Sends one letter from the pharmacy to the clinic, and lets delivery try until one of `ends`.
async fn one_letter(relay: &Relay, ends: &[&str]) -> Vec<pli_audit::Event<String>> {
    let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    let story = relay.story(id, ends).await;
    assert!(way_out.finish(PATIENCE).await);
    story
}

async fn only_row(relay: &Relay) -> QueueRow {
    let mut rows = relay.store.queue_rows(10).await.unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_arrives_byte_for_byte_with_its_dots_stuffed() {
    let relay = Relay::start().await;
    let story = one_letter(&relay, &["relayed"]).await;
    let detail = story.last().unwrap().detail.clone().unwrap();
    assert_eq!(detail, format!("127.0.0.1[127.0.0.1]:{}: 250 2.0.0 kept", relay.peer.address.port()));
    let content = relay.peer.contents().remove(0);
    let content = String::from_utf8(content).unwrap();
    assert!(content.starts_with("Received: from client.test "), "{content}");
    assert!(content.ends_with("\r\n\r\n..\r\n...\r\ncaf\u{e9}\r\n"), "no line more, none less: {content:?}");
    let size = content.len() - 2;
    assert_eq!(
        relay.peer.heard()[..5],
        [
            "clear EHLO mss.pro.test".to_owned(),
            "clear STARTTLS".to_owned(),
            "tls EHLO mss.pro.test".to_owned(),
            format!("tls MAIL FROM:<{OFFICINE}> SIZE={size} BODY=8BITMIME"),
            format!("tls RCPT TO:<{DOCTOR}>"),
        ]
    );
    assert!(relay.store.queue_rows(10).await.unwrap().is_empty());
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_recipient_ends_by_its_own_answer() {
    let relay = Relay::start().await;
    relay.peer.act(|heard| match heard.line.as_str() {
        "RCPT TO:<non@clinique.mssante.fr>" => Some(Act::Say("550 5.1.1 nobody of that name")),
        "RCPT TO:<tard@clinique.mssante.fr>" => Some(Act::Say("450 4.2.1 later")),
        _ => None,
    });
    let to = [DOCTOR, "non@clinique.mssante.fr", "tard@clinique.mssante.fr"];
    let id = relay.send(&relay.submitter().await, OFFICINE, &to, &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    let story = relay.story(id, &["deferred"]).await;
    assert!(way_out.finish(PATIENCE).await);
    let kinds: Vec<_> = story.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["accepted", "relayed", "failed", "reported", "deferred"]);
    let row = only_row(&relay).await;
    assert_eq!((row.recipient.reveal().as_str(), row.attempts), ("tard@clinique.mssante.fr", 1));
    assert_eq!(row.last_reason.as_deref(), Some("peer-refused"));
    let wait = row.next_attempt_at.duration_since(relay.now()).as_secs();
    assert!((48..=72).contains(&wait), "{wait}");
    let reports = relay.inbox(OFFICINE).await;
    assert_eq!(reports.len(), 1);
    let report = String::from_utf8(reports[0].clone()).unwrap();
    assert!(report.contains("Final-Recipient: rfc822; non@clinique.mssante.fr\r\n"), "{report}");
    assert!(report.contains("\r\nStatus: 5.1.1\r\n"));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_used_is_tried_again() {
    let cases: [(&str, Act, &str); 7] = [
        ("(greeting)", Act::Say("554 5.3.2 no service"), "peer-unreachable"),
        ("(greeting)", Act::Hang, "peer-unreachable"),
        ("(greeting)", Act::Say("SSH-2.0-mistaken"), "peer-unreachable"),
        ("EHLO", Act::Say("250 peer"), "peer-tls"),
        ("EHLO", Act::Hang, "peer-unreachable"),
        ("STARTTLS", Act::Say("454 4.7.0 not now"), "peer-tls"),
        ("STARTTLS", Act::Hang, "peer-unreachable"),
    ];
    for (step, act, reason) in cases {
        let relay = Relay::start().await;
        relay.peer.on(step, act.clone());
        one_letter(&relay, &["deferred"]).await;
        assert_eq!(only_row(&relay).await.last_reason.as_deref(), Some(reason), "{step}: {act:?}");
        assert!(relay.peer.heard().iter().all(|heard| !heard.contains("MAIL")), "{:?}", relay.peer.heard());
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_starttls_nothing_is_said_after_ehlo() {
    let relay = Relay::start().await;
    relay.peer.on("EHLO", Act::Say("250-peer\r\n250 8BITMIME"));
    one_letter(&relay, &["deferred"]).await;
    assert_eq!(relay.peer.heard(), ["clear EHLO mss.pro.test"]);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_another_certificate_gets_nothing() {
    let relay = Relay::start().await;
    relay.list(&[(OURS, "mss.pro.test"), (PATIENTS, "mss.pro.test"), (THEIRS, "mx.moved.test")]);
    one_letter(&relay, &["deferred"]).await;
    let row = only_row(&relay).await;
    assert_eq!(row.last_reason.as_deref(), Some("peer-certificate-not-listed"));
    let detail = row.last_detail.unwrap();
    let told = "the server's certificate CN=mx.clinique.test,O=Test,C=FR, serial 0b; trust list of 2026-05-01T00:01:00Z; \
                not listed for clinique.mssante.fr";
    assert!(detail.ends_with(told), "{detail}");
    assert_eq!(relay.peer.heard(), ["clear EHLO mss.pro.test", "clear STARTTLS"], "not even EHLO under TLS");
    relay.stop().await;
}

type Fault = fn(&mut Relay);

/// How a server's certificate is at fault, the code that its row gets, and the words that name what decided.
const FAULTS: [(Fault, &str, &str); 6] = [
    (|relay| relay.revoke(11), "certificate-revoked", "from 2026-01-01T00:00:00Z until 2036-01-01T00:00:00Z"),
    (
        |relay| relay.peer.shows(&relay.authority.self_signed("mx.clinique.test")),
        "certificate-untrusted",
        "issued by CN=mx.clinique.test,O=Test,C=FR",
    ),
    (
        |relay| relay.peer_shows(|leaf| leaf.not_after = date_time_ymd(2026, 5, 1)),
        "certificate-expired",
        "valid until 2026-05-01T00:00:00Z",
    ),
    (
        |relay| relay.peer_shows(|leaf| leaf.not_before = date_time_ymd(2026, 7, 1)),
        "certificate-not-yet-valid",
        "valid from 2026-07-01T00:00:00Z",
    ),
    (
        |relay| relay.peer_shows(|leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
        "certificate-usage",
        "not meant for a server",
    ),
    (
        Relay::lose_revocation_lists,
        "revocation-unknown",
        "issued by CN=TEST ORGANISATIONS,O=Test,C=FR; no revocation list in force",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_believed_gets_nothing_and_its_fault_is_named() {
    for (fault, code, told) in FAULTS {
        let mut relay = Relay::start().await;
        fault(&mut relay);
        one_letter(&relay, &["deferred"]).await;
        let row = only_row(&relay).await;
        assert_eq!(row.last_reason.as_deref(), Some(code));
        let detail = row.last_detail.unwrap();
        assert!(detail.contains("the server's certificate CN=mx.clinique.test,O=Test,C=FR, serial "), "{detail}");
        assert!(detail.ends_with(told), "{code}: {detail}");
        assert_eq!(relay.peer.heard(), ["clear EHLO mss.pro.test", "clear STARTTLS"], "not even EHLO under TLS");
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_to_mail_data_or_content_decides() {
    let cases = [
        ("MAIL", "451 4.3.0 later", "deferred"),
        ("MAIL", "550 5.7.1 [sender-domain-not-listed] no", "reported"),
        ("RCPT", "550 5.7.1 [certificate-not-listed] no", "reported"),
        ("DATA", "451 4.3.0 later", "deferred"),
        ("DATA", "554 5.5.1 no", "reported"),
        ("(content)", "452 4.3.1 full", "deferred"),
        ("(content)", "552 5.3.4 too big", "reported"),
    ];
    for (step, answer, end) in cases {
        let relay = Relay::start().await;
        relay.peer.on(step, Act::Say(answer));
        let story = one_letter(&relay, &[end]).await;
        let reason = story.iter().find(|event| matches!(event.kind.as_str(), "deferred" | "failed")).unwrap();
        assert_eq!(reason.reason.as_deref(), Some("peer-refused"), "{step}: {answer}");
        assert!(reason.detail.as_ref().unwrap().ends_with(answer), "{:?}", reason.detail);
        assert_eq!(relay.inbox(OFFICINE).await.len(), usize::from(end == "reported"));
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_lost_after_any_command_loses_no_letter() {
    for step in ["EHLO", "MAIL", "RCPT", "DATA", "(content)"] {
        let relay = Relay::start().await;
        relay.peer.act(move |heard| (heard.tls && heard.line.starts_with(step)).then_some(Act::Hang));
        let story = one_letter(&relay, &["deferred"]).await;
        assert_eq!(story.last().unwrap().reason.as_deref(), Some("peer-unreachable"), "{step}");
        let detail = story.last().unwrap().detail.as_deref().unwrap();
        assert!(detail.ends_with(": the server closed the connection"), "{step}: {detail}");
        relay.peer.act(|_| None);
        let id = only_row(&relay).await.message;
        let way_out = relay.deliver();
        relay.later(SignedDuration::from_mins(2)).await;
        relay.story(id, &["relayed"]).await;
        assert!(way_out.finish(PATIENCE).await);
        assert!(relay.store.queue_rows(10).await.unwrap().is_empty());
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_none_is_called_so() {
    for step in ["EHLO", "MAIL", "(content)"] {
        let relay = Relay::start().await;
        relay.peer.act(move |heard| (heard.tls && heard.line.starts_with(step)).then_some(Act::Say("HTTP/1.1 400 No")));
        let story = one_letter(&relay, &["deferred"]).await;
        let detail = story.last().unwrap().detail.as_deref().unwrap();
        assert!(detail.ends_with(": the server's answer is not SMTP"), "{step}: {detail}");
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_letter_uses_the_connection_that_lies_idle_if_it_still_proves_enough() {
    let relay = Relay::start().await;
    let session = relay.submitter().await;
    let way_out = relay.deliver();
    let send = async || relay.send(&session, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    relay.story(send().await, &["relayed"]).await;
    relay.story(send().await, &["relayed"]).await;
    assert_eq!((relay.peer.connections(), relay.peer.contents().len()), (1, 2));
    relay.list(&[(OURS, "mss.pro.test"), (PATIENTS, "mss.pro.test"), (THEIRS, "mx.moved.test")]);
    relay.story(send().await, &["deferred"]).await;
    assert_eq!(relay.peer.contents().len(), 2, "the list no longer names this server");
    assert!(way_out.finish(PATIENCE).await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_that_the_server_closed_costs_no_try() {
    let relay = Relay::start().await;
    let session = relay.submitter().await;
    let way_out = relay.deliver();
    let send = async || relay.send(&session, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    relay.story(send().await, &["relayed"]).await;
    relay.peer.act(|heard| {
        (heard.connection == 1 && heard.line.starts_with("MAIL")).then_some(Act::Say("421 4.4.2 idle too long"))
    });
    let story = relay.story(send().await, &["relayed", "deferred"]).await;
    assert_eq!(story.last().unwrap().kind.as_str(), "relayed");
    assert_eq!(relay.peer.connections(), 2);
    assert!(way_out.finish(PATIENCE).await);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connectors_mail_goes_to_the_connectors_certificate_only() {
    let relay = Relay::start().await;
    let to = format!("urgences@{HOSPITAL}");
    let id = relay.send(&relay.submitter().await, OFFICINE, &[&to], &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    relay.story(id, &["relayed"]).await;
    assert!(way_out.finish(PATIENCE).await);
    assert_eq!(relay.hospital.contents().len(), 1, "though no list names its domain");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_lets_a_delivery_under_way_come_to_its_end() {
    let relay = Relay::start().await;
    let (reached, at_data) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let may_go_on = std::sync::Mutex::new(may_go_on);
    relay.peer.act(move |heard| {
        if heard.line == "DATA" {
            reached.send(()).unwrap();
            may_go_on.lock().unwrap().recv().unwrap();
        }
        None
    });
    let id = relay.send(&relay.submitter().await, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    tokio::task::spawn_blocking(move || at_data.recv().unwrap()).await.unwrap();
    let ending = tokio::join!(way_out.finish(PATIENCE), async { go_on.send(()).unwrap() }).0;
    assert!(ending);
    relay.story(id, &["relayed"]).await;
    relay.stop().await;
}
