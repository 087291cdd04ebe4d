//! `pli message`: found by all that is known of it, and never by what is written anywhere.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use jiff::{SignedDuration, Timestamp};
use support::letters::{letter, masker, store};
use support::node::Operator;

/// An identifier of nobody.
const PATIENT: &str = "279035121518989@patient.mssante.fr";
const MARTIN: &str = "dr.martin@pharmacie-du-pont.mssante.fr";
const DURAND: &str = "dr.durand@pharmacie-du-pont.mssante.fr";

/// Three letters, an hour apart.
async fn letters(operator: &Operator) -> [String; 3] {
    let begin: Timestamp = "2026-03-14T12:00:00Z".parse().unwrap();
    let store = store(operator, "pro", begin).await;
    let mask = masker(operator, "pro");
    let hour = |count: i64| begin + SignedDuration::from_hours(count);
    let ids = [
        letter(&*store, &mask, begin, MARTIN, &["dr@peer.mssante.fr", PATIENT], 1).await,
        letter(&*store, &mask, hour(1), DURAND, &["dr@peer.mssante.fr"], 2).await,
        letter(&*store, &mask, hour(2), MARTIN, &["dr@peer.mssante.fr"], 3).await,
    ];
    store.close().await;
    ids.map(|id| id.to_string())
}

#[test]
fn a_message_is_found_by_all_that_is_known_of_it() {
    let operator = Operator::new();
    let ids = tokio::runtime::Runtime::new().unwrap().block_on(letters(&operator));
    let found = |filter: &[&str]| {
        let told = operator.told(&[&["message", "trace"], filter].concat());
        // One is told as a whole.
        let rows = told.as_array().cloned().unwrap_or_else(|| vec![told]);
        let place = |row: &serde_json::Value| ids.iter().position(|id| row["message"] == id.as_str()).unwrap();
        rows.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(found(&["--to", "DR@peer.mssante.fr"]), [2, 1, 0]);
    assert_eq!(found(&["--to", "dr@peer.mssante.fr", "--limit", "2"]), [2, 1]);
    assert_eq!(found(&["--from", MARTIN]), [2, 0]);
    assert_eq!(found(&["--from", MARTIN, "--since", "2026-03-14T13:00:00Z"]), [2]);
    assert_eq!(found(&["--since", "2026-03-14", "--until", "2026-03-14T14:00:00Z"]), [1, 0]);
    assert_eq!(found(&["--message-id", "<2@bench.test>"]), [1]);
    assert_eq!(found(&["--to", "279035121518989"]), [0]);
    assert_eq!(found(&["--from", DURAND, "--to", PATIENT]), [0; 0]);
}

#[test]
fn a_patient_who_is_asked_for_is_shown_masked() {
    let operator = Operator::new();
    let ids = tokio::runtime::Runtime::new().unwrap().block_on(letters(&operator));
    let told = operator.told(&["message", "trace", "--to", PATIENT]);
    assert!(!told.to_string().contains("279035121518989"), "{told}");
    assert_eq!(told["events"][0]["event"], "accepted");
    assert_eq!(told["parties"][0]["recipient"], "dr@peer.mssante.fr");
    assert!(told["parties"][1]["recipient"].as_str().unwrap().starts_with("ins-"), "{told}");
    let shown = operator.told(&["message", "show", &ids[0]]);
    assert_eq!((&shown["parties"][1]["state"], &shown["ended_at"]), (&"accepted".into(), &serde_json::Value::Null));
    let wrong = operator.ask(&["message", "trace", "--to", "27903512151898X"]);
    assert_eq!(wrong.status.code(), Some(2));
    let whole = operator.ask(&["message", "trace", "--to", "279035121518988"]);
    assert!(!String::from_utf8_lossy(&whole.stderr).contains("279035121518988"), "what was typed is not repeated");
}

#[test]
fn a_message_is_shown_to_its_sender_and_to_nobody_else() {
    let operator = Operator::new();
    let ids = tokio::runtime::Runtime::new().unwrap().block_on(letters(&operator));
    let his = operator.told(&["message", "trace", &ids[0], "--as", MARTIN]);
    assert_eq!(his["parties"][0]["state"], "accepted");
    operator.fails(&["message", "trace", &ids[0], "--as", DURAND], 3, "message-unknown");
}
