//! `pli audit`: a node's record is sealed as it grows, checked, handed out, proven; what was changed behind its back is found.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::Path;

use pli_audit::{Proof, VerifierKey};
use rustix::process::Signal;
use serde_json::Value;
use support::record::{MARTIN, letters, operator, seal, sealed, tamper, verified};
use support::{exit, pli, stderr, text};

fn damage(output: &std::process::Output) -> Value {
    assert_eq!(exit(output), 6, "{}", stderr(output));
    assert!(stderr(output).starts_with("error[audit-damaged]"), "{}", stderr(output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["ok"], false);
    told["damage"].clone()
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_node_seals_what_happens_and_an_export_needs_nothing_else() {
    let (operator, _, size) = sealed(300);
    let out = operator.path("export");
    let told = operator.told(&["audit", "export", "--out", text(&out)]);
    assert_eq!(told["tree_size"], size);
    operator.fails(&["audit", "export", "--out", text(&out)], 4, "audit-folder-taken");
    // Elsewhere: no configuration, no store.
    let elsewhere = |more: &[&str]| pli(&[&["-o", "json", "audit", "verify", "--export", text(&out)], more].concat());
    let told: Value = serde_json::from_slice(&elsewhere(&[]).stdout).unwrap();
    assert_eq!(
        (&told["ok"], &told["trusted"], &told["tree_size"]),
        (&true.into(), &false.into(), &size.into()),
        "{told}"
    );
    let key = operator.path("auditor.pub");
    write(&key, told["key"].as_str().unwrap().as_bytes());
    let checkpoints = operator.path("pro/state/checkpoints");
    let output = elsewhere(&["--key", text(&key), "--checkpoint", text(&checkpoints)]);
    assert_eq!(exit(&output), 0, "{}", stderr(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["trusted"], &told["earlier"]), (&true.into(), &size.into()));
    // A file that was kept for months: the last one counts, wherever it stands.
    let months = operator.path("months");
    write(&months, &[&b"something else\n".repeat(1 << 21)[..], &std::fs::read(&checkpoints).unwrap()].concat());
    let output = elsewhere(&["--key", text(&key), "--checkpoint", text(&months)]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((exit(&output), &told["earlier"]), (0, &size.into()), "{}", stderr(&output));
    // Bytes: the lengths between the entries are no text.
    let entries = std::fs::read(out.join("tile/entries/000")).unwrap();
    assert!(holds(&entries, "@patient.mssante.fr"), "what is looked for can be found");
    assert!(!holds(&entries, "2790351215189"), "persons are sealed");

    // Any byte of any file.
    for (file, place, what) in [
        ("tile/entries/000", "entry 0", "altered"),
        ("tile/0/000", "tile 0 of level 0", "rebuildable"),
        ("checkpoint", "the checkpoint", "refused"),
    ] {
        let good = std::fs::read(out.join(file)).unwrap();
        let mut bad = good.clone();
        bad[20] ^= 1;
        write(&out.join(file), &bad);
        let found = damage(&elsewhere(&["--key", text(&key)]));
        assert_eq!((&found["place"], &found["what"]), (&place.into(), &what.into()), "{file}");
        write(&out.join(file), &good);
    }
    assert_eq!(exit(&elsewhere(&["--key", text(&key)])), 0);
    // Signed by somebody else, who put his own key beside it.
    let (other, _, _) = sealed(1);
    let foreign = operator.path("foreign");
    other.told(&["audit", "export", "--out", text(&foreign)]);
    let by_itself = pli(&["-o", "json", "audit", "verify", "--export", text(&foreign)]);
    assert_eq!(exit(&by_itself), 0, "whole, whosever it is");
    let output = pli(&["-o", "json", "audit", "verify", "--export", text(&foreign), "--key", text(&key)]);
    assert_eq!(damage(&output)["what"], "refused");
    let kept = pli(&["audit", "verify", "--export", text(&foreign), "--checkpoint", text(&checkpoints)]);
    assert_eq!(exit(&kept), 6);
    assert!(stderr(&kept).contains("audit-checkpoint-foreign"), "{}", stderr(&kept));
}

#[test]
fn what_was_changed_in_the_store_is_found_in_its_place() {
    let (operator, _, _) = sealed(300);
    verified(&operator, &[]);
    // One byte of one row.
    tamper(
        &operator,
        "UPDATE audit SET event = CAST(replace(CAST(event AS TEXT), '2026-03-14T12', '2026-03-14T13') AS BLOB) WHERE seq = 278",
    );
    let found = damage(&operator.ask(&["audit", "verify"]));
    assert_eq!((&found["entry"], &found["what"]), (&277.into(), &"altered".into()));
    operator.fails(&["audit", "prove", "277"], 6, "audit-not-provable");
    operator.told(&["audit", "prove", "276"]);
    // The end is cut off, and an older checkpoint put in its place: the file outside knows better.
    tamper(&operator, "DELETE FROM audit_checkpoints; DELETE FROM audit_tiles; DELETE FROM audit WHERE seq > 5");
    let mut node = operator.serve();
    node.wait_for_log("the record is not sealed any more");
    let looked: Value = serde_json::from_slice(&operator.ask(&["doctor"]).stdout).unwrap();
    let told: Vec<&Value> = looked.as_array().unwrap().iter().filter(|row| row["check"] == "record").collect();
    assert_eq!((told.len(), &told[0]["code"]), (1, &"record-damaged".into()), "{looked}");
    assert!(node.end().0.success());
}

/// What hides an entry from whoever looks for it changes nothing that is signed.
#[test]
fn an_index_that_was_changed_in_the_store_is_found_and_an_untouched_one_alarms_nobody() {
    let (operator, ids, _) = sealed(20);
    let entry = operator.told(&["audit", "search", "--message", &ids[7]])[0]["entry"].as_u64().unwrap();
    let seq = entry + 1;
    for (change, undo, column) in [
        (
            format!("CREATE TABLE aside AS SELECT * FROM audit; UPDATE audit SET message_id = NULL WHERE seq = {seq}"),
            "UPDATE audit SET message_id = (SELECT message_id FROM aside WHERE aside.seq = audit.seq); DROP TABLE aside",
            "audit.message_id",
        ),
        (
            format!("CREATE TABLE aside AS SELECT * FROM audit_about; DELETE FROM audit_about WHERE seq = {seq}"),
            "INSERT OR IGNORE INTO audit_about SELECT * FROM aside; DROP TABLE aside",
            "audit_about",
        ),
    ] {
        verified(&operator, &[]);
        tamper(&operator, &change);
        let output = operator.ask(&["audit", "verify"]);
        assert_eq!(exit(&output), 6, "{}", stderr(&output));
        assert!(stderr(&output).starts_with("error[audit-index-differs]"), "{}", stderr(&output));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = &told["damage"];
        assert_eq!((&told["ok"], &found["what"]), (&false.into(), &"index-differs".into()), "{told}");
        assert_eq!((&found["entry"], &found["column"]), (&entry.into(), &column.into()), "{told}");
        tamper(&operator, undo);
    }
    verified(&operator, &[]);
}

#[test]
fn a_proof_stands_alone() {
    let (operator, ids, size) = sealed(20);
    let out = operator.path("proofs");
    let told = operator.told(&["audit", "prove", &ids[7], "--out", text(&out)]);
    let index = told[0]["entry"].as_u64().unwrap();
    let key = verified(&operator, &[])["key"].as_str().unwrap().to_owned();
    let proof = Proof::parse(&std::fs::read(out.join(format!("{index}.tlog-proof"))).unwrap()).unwrap();
    let entry = std::fs::read(out.join(format!("{index}.entry"))).unwrap();
    assert!(String::from_utf8_lossy(&entry).contains(&ids[7]));
    let proven = proof.verify(&entry, &VerifierKey::parse(&key).unwrap()).unwrap();
    assert_eq!(proven.size(), size);
    assert!(proof.verify(b"{}", &VerifierKey::parse(&key).unwrap()).is_err());
    operator.fails(&["audit", "prove", "1000000"], 3, "audit-entry-unknown");
    letters(&operator, 20..21);
    operator.fails(&["audit", "prove", &size.to_string()], 4, "audit-unsealed");
}

#[test]
fn a_node_that_is_killed_goes_on_without_a_gap_and_without_a_fork() {
    let operator = operator();
    let first = operator.path("first");
    let mut size = 0;
    for round in 0..4 {
        letters(&operator, round * 50..(round + 1) * 50);
        let mut node = operator.serve();
        // Killed at once, or once everything is sealed.
        if round % 2 == 1 {
            let now = seal(&operator, &mut node);
            assert!(now > size);
            size = now;
        }
        node.signal(Signal::KILL);
        drop(node);
        if round == 1 {
            write(&first, &std::fs::read(operator.path("pro/state/checkpoints")).unwrap());
        }
    }
    // One history: it is the continuation of what was handed out before.
    let told = verified(&operator, &["--checkpoint", text(&first)]);
    assert!(told["earlier"].as_u64().unwrap() < size, "{told}");
    assert!(told["tree_size"].as_u64().unwrap() >= size, "{told}");
}

#[test]
fn a_node_that_slept_goes_on_and_one_that_is_started_beside_it_does_not_start() {
    let operator = operator();
    let mut node = operator.serve();
    let before = seal(&operator, &mut node);
    node.signal(Signal::STOP);
    // It may not even look: the folder is taken.
    let output = operator.ask(&["serve"]);
    assert_eq!(exit(&output), 4, "{}", stderr(&output));
    node.signal(Signal::CONT);
    // Something happens: a mailbox is suspended.
    let mailbox = "officine@pharmacie-du-pont.mssante.fr";
    operator.told(&["mailbox", "suspend", mailbox, "--reason", "a test"]);
    let after = seal(&operator, &mut node);
    assert!(after > before, "{after}");
    assert!(node.end().0.success());
    verified(&operator, &[]);
}

#[test]
fn a_node_without_the_key_of_its_record_does_not_start() {
    let (operator, _, _) = sealed(1);
    let key = operator.path("pro/state/audit.key");
    let aside = operator.path("aside");
    std::fs::rename(&key, &aside).unwrap();
    let output = operator.ask(&["serve"]);
    assert_eq!(exit(&output), 2);
    assert!(stderr(&output).contains("error[audit-key-missing]"), "{}", stderr(&output));
    std::fs::rename(&aside, &key).unwrap();
    let mut node = operator.serve();
    seal(&operator, &mut node);
    assert!(node.end().0.success());
}

const INS: &str = "279035121518989";

fn rows(told: &Value) -> &Vec<Value> {
    told.as_array().unwrap()
}

#[test]
fn everything_about_a_patient_is_found_and_seen_in_clear_only_for_a_reason() {
    let (operator, ids, _) = sealed(20);
    // Some that nobody has sealed.
    letters(&operator, 20..23);
    let masked = operator.told(&["audit", "search", "--ins", INS]);
    assert_eq!(accepted(&masked), ids.len() + 3);
    assert!(!masked.to_string().contains(INS), "{}", masked[0]);
    let row = rows(&masked).iter().find(|row| row["message"] == ids[3]).unwrap();
    assert_eq!(
        (&row["event"], &row["sender"], &row["schema_version"]),
        (&"accepted".into(), &MARTIN.into(), &1.into())
    );
    operator.fails(&["audit", "search", "--ins", "279035121518988"], 2, "ins-invalid");
    assert_eq!(rows(&operator.told(&["audit", "search", "--ins", "297022A02077878"])).len(), 0);

    let reveal = ["audit", "search", "--ins", INS, "--reveal", "--reason", "request 12 of his"];
    let clear = operator.told(&reveal);
    assert_eq!(rows(&clear)[0]["recipient"], format!("{INS}@patient.mssante.fr"));
    // That somebody was shown it is on record itself, about him.
    assert_eq!(rows(&clear).len(), rows(&masked).len() + 1);
    let last = rows(&clear).last().unwrap();
    assert_eq!((&last["event"], &last["detail"]), (&"revealed".into(), &"audit search: request 12 of his".into()));

    // Of a time, by message, by address, by mailbox.
    let between = ["--since", "2026-03-14T12:00:05Z", "--until", "2026-03-14T12:00:10Z"];
    assert_eq!(rows(&operator.told(&[&["audit", "search", "--ins", INS][..], &between].concat())).len(), 5);
    let of_message = operator.told(&["audit", "search", "--message", &ids[3]]);
    assert_eq!(&of_message[0], row);
    assert_eq!(accepted(&operator.told(&["audit", "search", "--address", MARTIN])), ids.len() + 3);
    let his = operator.told(&["audit", "search", "--address", &format!("{INS}@patient.mssante.fr")]);
    assert_eq!(rows(&his).len(), rows(&clear).len());
    let mailbox = "officine@pharmacie-du-pont.mssante.fr";
    operator.told(&["mailbox", "suspend", mailbox, "--reason", "a test"]);
    let told = operator.told(&["audit", "search", "--mailbox", mailbox, "--since", "2026-03-14"]);
    assert!(rows(&told).iter().any(|row| row["event"] == "changed" && row["mailbox"] == mailbox), "{told}");
    assert_eq!(accepted(&told), 0, "{told}");
}

fn accepted(told: &Value) -> usize {
    rows(told).iter().filter(|row| row["event"] == "accepted").count()
}
