//! Operators whose record is sealed.
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind, Face};
use pli_types::{Marked, MessageId};
use serde_json::Value;

use super::letters::{address, letter, masker, store};
use super::node::{Node, Operator, read};
use super::{exit, stderr, text};

/// Whom the letters are to.
pub(crate) const PATIENT: &str = "279035121518989@patient.mssante.fr";
/// Who wrote them.
pub(crate) const MARTIN: &str = "dr.martin@pharmacie-du-pont.mssante.fr";

/// An operator who keeps his record for longer than these tests are old.
pub(crate) fn operator() -> Operator {
    let operator = Operator::new();
    keep(&operator, "36500d");
    operator
}

/// Says how long the record is kept.
pub(crate) fn keep(operator: &Operator, kept: &str) {
    let path = operator.path("pro/pli.toml");
    let mut config: toml::Table = read(&path).parse().unwrap();
    let audit = config.entry("audit").or_insert_with(|| toml::Table::new().into()).as_table_mut().unwrap();
    for class in ["mail_kept", "access_kept", "admin_kept"] {
        audit.insert(class.to_owned(), kept.into());
    }
    std::fs::write(path, config.to_string()).unwrap();
}

/// Writes so many letters into the store of an operator whose node does not run; their ids.
pub(crate) fn letters(operator: &Operator, numbers: std::ops::Range<i64>) -> Vec<String> {
    let begin: Timestamp = "2026-03-14T12:00:00Z".parse().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (store, mask) = (store(operator, "pro", begin).await, masker(operator, "pro"));
        let mut ids = Vec::new();
        for number in numbers {
            let (at, tag) = (begin + SignedDuration::from_secs(number), u8::try_from(number % 256).unwrap());
            let id = letter(&*store, &mask, at, MARTIN, &[PATIENT], tag).await;
            ids.push(id.to_string());
        }
        store.close().await;
        ids
    })
}

pub(crate) fn verified(operator: &Operator, more: &[&str]) -> Value {
    let told = operator.told(&[&["audit", "verify"], more].concat());
    assert_eq!((&told["ok"], &told["damage"]), (&true.into(), &Value::Null), "{told}");
    told
}

/// Runs a node until all that is recorded is sealed.
pub(crate) fn seal(operator: &Operator, node: &mut Node) -> u64 {
    node.wait_for(|| {
        let output = operator.ask(&["audit", "verify"]);
        // Nothing is sealed yet.
        if exit(&output) == 3 {
            return None;
        }
        assert_eq!(exit(&output), 0, "{}", stderr(&output));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        told["tree_size"].as_u64().filter(|_| told["unsealed"] == 0)
    })
}

/// An operator whose record has some entries, and whose node has sealed them and ended.
pub(crate) fn sealed(letters_written: i64) -> (Operator, Vec<String>, u64) {
    let operator = operator();
    let ids = letters(&operator, 0..letters_written);
    let mut node = operator.serve();
    seal(&operator, &mut node);
    assert!(node.end().0.success());
    // It may have had something more to record.
    let size = verified(&operator, &[])["tree_size"].as_u64().unwrap();
    (operator, ids, size)
}

/// The same, with so many events and no mail: a letter each that was taken in, a second between them.
pub(crate) fn sealed_events(count: i64) -> (Operator, Vec<String>, u64) {
    let operator = operator();
    let begin: Timestamp = "2026-03-14T12:00:00Z".parse().unwrap();
    let event = |number: i64| {
        let at = begin + SignedDuration::from_secs(number);
        Event {
            message: Some(MessageId::at(at)),
            sender: Some(MARTIN.into()),
            recipient: Some(Marked::address(&address(PATIENT))),
            ..Event::new(at, EventKind::Accepted, Face::Submission)
        }
    };
    let events: Vec<Event> = (0..count).map(event).collect();
    let ids = events.iter().map(|event| event.message.unwrap().to_string()).collect();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = store(&operator, "pro", begin).await;
        store.append_audit(events).await.unwrap();
        store.close().await;
    });
    let mut node = operator.serve();
    seal(&operator, &mut node);
    assert!(node.end().0.success());
    let size = verified(&operator, &[])["tree_size"].as_u64().unwrap();
    (operator, ids, size)
}

/// Changes the database behind everybody's back.
pub(crate) fn tamper(operator: &Operator, sql: &str) {
    let script = "import sqlite3, sys\nsqlite3.connect(sys.argv[1], isolation_level=None).executescript(sys.argv[2])";
    let done =
        Command::new("python3").args(["-c", script, text(&operator.path("pro/store/pli.db")), sql]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
