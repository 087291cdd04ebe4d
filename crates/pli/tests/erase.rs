//! What the record need not keep: entries whose time is over, and a patient who is erased.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use jiff::Timestamp;
use pli_audit::{Event, EventKind, Face};
use serde_json::Value;
use support::letters::store;
use support::node::Operator;
use support::record::{keep, letters, operator, seal, tamper, verified};
use support::{pli, text};

fn rows(told: &Value) -> &Vec<Value> {
    told.as_array().unwrap()
}

/// Puts on record that so many letters to this patient were relayed, in a year that is long over.
fn recorded(operator: &Operator, person: &str, count: usize) {
    let at: Timestamp = "2020-01-02T12:00:00Z".parse().unwrap();
    let relayed = Event {
        recipient: Some(format!("{person}@patient.mssante.fr").into()),
        ..Event::new(at, EventKind::Relayed, Face::Delivery)
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = store(operator, "pro", at).await;
        store.append_audit(vec![relayed; count]).await.unwrap();
        store.close().await;
    });
}

const INS: &str = "279035121518989";
const OTHER: &str = "297022A02077878";

#[test]
fn what_is_over_is_pruned_by_the_node_and_the_rest_is_what_was_signed() {
    let operator = operator();
    recorded(&operator, INS, 300);
    // What stands before it is no younger, as it is in any record.
    let older = "UPDATE audit SET event = CAST(json_set(CAST(event AS TEXT), '$.at', '2019-01-02T12:00:00Z') AS BLOB)
        WHERE seq <= (SELECT max(seq) FROM audit) - 300";
    tamper(&operator, older);
    let mut node = operator.serve();
    let size = seal(&operator, &mut node);
    assert!(node.end().0.success());
    assert_eq!(verified(&operator, &[])["pruned"], 0);
    keep(&operator, "184d");
    let mut node = operator.serve();
    node.wait_for_log("emptied entries of the record whose time is over");
    seal(&operator, &mut node);
    assert!(node.end().0.success());
    let told = verified(&operator, &[]);
    let pruned = told["pruned"].as_u64().unwrap();
    assert!((300..=size).contains(&pruned), "{told}");
    assert!(told["tree_size"].as_u64().unwrap() > size);
    assert_eq!(rows(&operator.told(&["audit", "search", "--ins", INS])).len(), 0);
    // An export has their hashes, and nothing that they said.
    let out = operator.path("export");
    operator.told(&["audit", "export", "--out", text(&out)]);
    assert!(!entries_in(&out).contains("2020-01-02"));
    let told: Value =
        serde_json::from_slice(&pli(&["-o", "json", "audit", "verify", "--export", text(&out)]).stdout).unwrap();
    assert_eq!((&told["ok"], &told["pruned"]), (&true.into(), &pruned.into()));
}

#[test]
fn a_patient_is_erased_and_nobody_can_tell_whom_the_record_is_about() {
    let operator = operator();
    recorded(&operator, INS, 3);
    recorded(&operator, OTHER, 2);
    let mut node = operator.serve();
    seal(&operator, &mut node);
    let erase = ["audit", "erase", "--ins", INS, "--reason", "request 12"];
    // Its time is not over.
    operator.fails(&erase, 4, "erase-too-early");
    operator.fails(
        &["audit", "erase", "--ins", INS, "--reason", &format!("{INS} asks"), "--before-time"],
        2,
        "erase-reason-names",
    );
    let early = [&erase[..], &["--before-time"]].concat();
    let tried = operator.told(&[&early[..], &["--dry-run"]].concat());
    assert_eq!((&tried["outcome"], &tried["entries"]), (&"would-be-removed".into(), &3.into()));
    assert_eq!(rows(&operator.told(&["audit", "search", "--ins", INS])).len(), 3);
    let told = operator.told(&early);
    assert_eq!((&told["outcome"], &told["rows"]["audit_subjects"]), (&"removed".into(), &1.into()), "{told}");
    assert!(!told.to_string().contains(INS));
    // Beside the running node: gone, and all is what was signed.
    assert_eq!(rows(&operator.told(&["audit", "search", "--ins", INS])).len(), 0);
    assert_eq!(rows(&operator.told(&["audit", "search", "--ins", OTHER])).len(), 2);
    assert_eq!(operator.told(&early)["outcome"], "unchanged");
    seal(&operator, &mut node);
    assert!(node.end().0.success());
    verified(&operator, &[]);
    let out = operator.path("export");
    operator.told(&["audit", "export", "--out", text(&out)]);
    for file in
        ["pro/store/pli.db", "pro/state/checkpoints"].map(|name| operator.path(name)).into_iter().chain(files(&out))
    {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(13).any(|window| window == &INS.as_bytes()[..13]), "{}", file.display());
    }
    let told = operator.told(&["audit", "search", "--address", "nobody@x.test"]);
    assert_eq!(rows(&told).len(), 0);
    // His letters are there still, to nobody.
    let entries = entries_in(&out);
    assert_eq!(entries.matches("\"relayed\"").count(), 5, "{entries}");
    assert!(
        entries.contains("\"erased\"") && entries.contains("before the time of all is over: request 12"),
        "{entries}"
    );

    // With its time over, without a word more; and not while there is mail for him.
    keep(&operator, "184d");
    let erase = ["audit", "erase", "--ins", OTHER, "--reason", "request 13"];
    assert_eq!(operator.told(&erase)["outcome"], "removed");
    letters(&operator, 0..1);
    operator.fails(&["audit", "erase", "--ins", INS, "--reason", "again", "--before-time"], 4, "erase-in-use");
}

/// The entries of an export, one behind the other.
fn entries_in(export: &Path) -> String {
    let bundles = files(&export.join("tile/entries")).into_iter().map(|path| std::fs::read(path).unwrap());
    bundles.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
