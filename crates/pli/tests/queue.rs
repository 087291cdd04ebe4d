//! `pli queue retry`: what waits is tried at once, and that is on record.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use jiff::SignedDuration;
use pli_store::{Config, NewMessage, Relay};
use pli_types::{Clock, DsnNotify, MailAddress, MessageId, QueueId, Recipient, ReversePath, SystemClock};
use support::node::Operator;

/// Puts a letter for a listed peer, where nobody listens, into the queue of a node that is not running.
async fn queue_a_letter(operator: &Operator) {
    queue_a_letter_to(operator, "dr@peer.mssante.fr").await;
}

async fn queue_a_letter_to(operator: &Operator, recipient: &str) {
    let config = Config {
        url: format!("sqlite://{}", operator.path("pro/store/pli.db").display()),
        master_key: operator.path("pro/keys/master.key"),
    };
    let store = pli_store::open(&config, Arc::new(SystemClock)).await.unwrap();
    let now = SystemClock.now();
    let id = MessageId::at(now);
    let mut writer = store.stage(id).unwrap();
    writer.write(b"From: a@b.fr\r\n\r\nA letter.\r\n").await.unwrap();
    let address = MailAddress::parse(recipient).unwrap();
    let relay = Relay {
        id: QueueId::at(now),
        destination: address.domain().clone(),
        recipient: Recipient { address, notify: DsnNotify::default(), orcpt: None },
        expires_at: now.checked_add(SignedDuration::from_hours(24)).unwrap(),
    };
    let sender = MailAddress::parse("officine@pharmacie-du-pont.mssante.fr").unwrap();
    let message = NewMessage {
        relays: vec![relay],
        ..NewMessage::new(id, now, ReversePath::Address(sender), writer.finish().await.unwrap())
    };
    store.accept(message).await.unwrap();
    store.close().await;
}

#[test]
fn a_row_is_tried_at_once_by_the_node_and_due_without_one() {
    let operator = Operator::new();
    tokio::runtime::Runtime::new().unwrap().block_on(queue_a_letter(&operator));
    let mut node = operator.serve();
    let row = |attempts: u64| {
        let rows = operator.told(&["queue", "list"]);
        rows[0]["attempts"].as_u64().is_some_and(|tried| tried >= attempts).then(|| rows[0].clone())
    };
    let waiting = node.wait_for(|| row(1).filter(|row| row["state"] == "waiting"));
    let id = waiting["id"].as_str().unwrap();

    let would = operator.told(&["queue", "retry", id, "--dry-run"]);
    assert_eq!((&would["outcome"], &would["destination"]), (&"would-be-due".into(), &"peer.mssante.fr".into()));
    assert_eq!(operator.told(&["queue", "retry", id])["outcome"], "due");
    let again = node.wait_for(|| row(2).filter(|row| row["state"] == "waiting"));
    operator.fails(&["queue", "retry", "00000000000070008000000000000000"], 3, "queue-row-unknown");
    operator.fails(&["queue", "retry", "nonsense"], 3, "queue-row-unknown");
    // What the node says, the command tells in the language of who asked.
    let told = operator.ask(&["queue", "retry", "nonsense", "--lang", "fr"]);
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.starts_with("error[queue-row-unknown]: rien dans la file d'attente"), "{told}");
    assert!(told.trim_end().ends_with("à faire : prendre l'`id` que donne `pli queue list`"), "{told}");

    assert_eq!(node.end().0.code(), Some(0));
    assert_eq!(operator.told(&["queue", "retry", id, "--dry-run"])["dry_run"], true);
    assert_eq!(operator.told(&["queue", "list"])[0]["next_attempt_at"], again["next_attempt_at"]);
    operator.told(&["queue", "retry", id]);
    assert_eq!(operator.told(&["queue", "list"])[0]["state"], "due");
    assert!(operator.is_on_record("peer.mssante.fr: tried at once, as an admin asked"));
}

#[test]
fn rows_are_meant_by_a_filter_held_and_given_back() {
    let operator = Operator::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for _ in 0..3 {
        runtime.block_on(queue_a_letter(&operator));
    }
    let listed = |filter: &[&str]| {
        let rows = operator.told(&[&["queue", "list"], filter].concat());
        rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = listed(&[]);
    let id = all[0].as_str();
    assert_eq!(listed(&["domain:peer.mssante.fr", "state:due", "from:@pharmacie-du-pont.mssante.fr"]), all);
    assert_eq!((listed(&["state:held"]).len(), listed(&["older:5d"]).len(), listed(&[id]).len()), (0, 0, 1));
    operator.fails(&["queue", "list", "to:279035121518989"], 2, "queue-filter");
    assert_eq!(operator.told(&["queue", "show", id])["attempts_made"], serde_json::json!([]));

    let held = operator.told(&["queue", "hold", id, "--reason", "the author asks"]);
    assert_eq!((&held["outcome"], &held["id"]), (&"held".into(), &id.into()));
    assert!(operator.is_on_record("the author asks"));
    assert_eq!(operator.told(&["queue", "show", id])["held"], "stopped-by-admin");
    operator.fails(&["queue", "retry", id], 4, "queue-row-held");
    operator.fails(&["queue", "hold", id, "--reason", "again"], 4, "queue-row-held");
    operator.fails(&["queue", "hold", "all", "--reason", " "], 2, "reason-missing");

    // A wider filter tells of each row, and which could not be.
    let output = operator.ask(&["queue", "retry", "all"]);
    assert_eq!(support::exit(&output), 4);
    assert!(support::stderr(&output).starts_with("error[queue-rows-refused]: 1 of 3 "), "{}", support::stderr(&output));
    let told: serde_json::Value = serde_json::from_str(support::stdout(&output)).unwrap();
    let outcomes: Vec<_> = told.as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["refused", "due", "due"]);
    assert_eq!(told[0]["code"], "queue-row-held");
    let would = operator.told(&["queue", "drop", "domain:peer.mssante.fr", "--reason", "a mistake", "--dry-run"]);
    assert_eq!(would.as_array().unwrap().len(), 3);
    assert_eq!(listed(&["state:returned"]).len(), 0);
    operator.told(&["queue", "drop", "domain:peer.mssante.fr", "--reason", "a mistake"]);
    assert_eq!(listed(&["state:returned", "reason:stopped-by-admin"]), all);
    assert!(operator.is_on_record("a mistake"));
}

#[test]
fn an_identifier_is_shown_in_clear_to_who_says_why_and_that_is_on_record_first() {
    let operator = Operator::new();
    tokio::runtime::Runtime::new().unwrap().block_on(queue_a_letter_to(&operator, PATIENT));
    let masked = operator.told(&["queue", "list"])[0].clone();
    assert!(!masked.to_string().contains("279035121518989"), "{masked}");
    // Not without a reason, and not to who cannot be put on record.
    for wrong in [&["--reveal"][..], &["--reason", "why"]] {
        let output = operator.ask(&[&["queue", "list"], wrong].concat());
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{wrong:?}");
    }
    operator.fails(&["queue", "list", "--reveal", "--reason", " "], 2, "reason-missing");
    assert!(!operator.is_on_record("queue list: "));

    let shown = |node: &str| {
        let why = format!("the patient asks, {node}");
        let reveal = ["--reveal", "--reason", why.as_str()];
        let rows = operator.told(&[&["queue", "list"][..], &reveal].concat());
        assert_eq!(rows[0]["recipient"], PATIENT);
        assert!(operator.is_on_record(&format!("queue list: {why}")));
        let explained = ["explain", "--from", "officine@pharmacie-du-pont.mssante.fr", "--to", PATIENT];
        let output = operator.ask(&[&explained[..], &reveal].concat());
        assert!(String::from_utf8(output.stdout).unwrap().contains(PATIENT));
        assert!(operator.is_on_record(&format!("explain: {why}")));
    };
    shown("without a node");
    let node = operator.serve();
    shown("beside one");
    node.end();
}

/// An identifier of nobody.
const PATIENT: &str = "279035121518989@patient.mssante.fr";
