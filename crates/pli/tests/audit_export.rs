//! `pli audit export`: parts of the record for programs, people, a SIEM and an audit record repository, read by readers
//! that are not ours.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use pli_audit::{Proof, VerifierKey};
use serde_json::Value;
use support::node::{Operator, read};
use support::record::{MARTIN, PATIENT, seal, sealed_events, tamper, verified};
use support::siem::{Receiver, parsed};
use support::{exit, stderr, text};

const INS: &str = "279035121518989";
/// Exports to a file; what was told, and the file.
fn export(operator: &Operator, form: &str, more: &[&str]) -> (Value, String) {
    let path = operator.path(&format!("{form}-{}", more.join("-").replace(['/', ' '], "_")));
    let told = operator.told(&[&["audit", "export", "--as", form, "--out", text(&path)], more].concat());
    assert_eq!(told["to"], text(&path));
    (told, text(&path).to_owned())
}

#[test]
fn every_line_of_json_has_a_proof_that_stands_alone() {
    let (operator, ids, size) = sealed_events(300);
    let (told, path) = export(&operator, "jsonl", &[]);
    assert_eq!((&told["entries"], &told["tree_size"], &told["unproven"]), (&size.into(), &size.into(), &0.into()));
    let key = VerifierKey::parse(told["key"].as_str().unwrap()).unwrap();
    let text = read(path.as_ref());
    assert!(!text.contains(INS) && text.contains("ins-"), "persons are masked");
    for (index, line) in (0..).zip(text.lines()) {
        let line: Value = serde_json::from_str(line).unwrap();
        let proof = Proof::parse(line["proof"].as_str().unwrap().as_bytes()).unwrap();
        let proven = proof.verify(line["bytes"].as_str().unwrap().as_bytes(), &key).unwrap();
        assert_eq!((proof.index(), proven.size(), &line["entry"]), (index, size, &index.into()));
        assert!(proof.verify(b"{}", &key).is_err());
    }
    assert!(text.contains(&ids[17]));
    operator.fails(&["audit", "export", "--as", "jsonl", "--out", &path], 4, "audit-file-taken");
}

#[test]
fn a_part_is_what_was_asked_for() {
    let (operator, _, size) = sealed_events(30);
    let entries = |more: &[&str]| export(&operator, "csv", more).0["entries"].as_u64().unwrap();
    assert_eq!(entries(&[]), size);
    assert_eq!(entries(&["--patient", INS]), 30);
    assert_eq!(entries(&["--mailbox", MARTIN]), 30);
    assert_eq!(entries(&["--mailbox", PATIENT]), 30);
    assert_eq!(entries(&["--mailbox", "nobody@pharmacie-du-pont.mssante.fr"]), 0);
    let ten = ["--since", "2026-03-14T12:00:05Z", "--until", "2026-03-14T12:00:15Z"];
    assert_eq!(entries(&ten), 10);
    assert_eq!(entries(&[&ten[..], &["--patient", INS, "--mailbox", MARTIN]].concat()), 10);
    operator.fails(&["audit", "export", "--out", "x", "--patient", INS], 2, "audit-export-whole");
    operator.fails(&["audit", "export", "--as", "csv", "--to", "localhost:6514"], 2, "audit-export-no-syslog");
}

#[test]
fn people_programs_and_repositories_read_the_same() {
    let (operator, ids, size) = sealed_events(10);
    let rows = parsed("csv", &export(&operator, "csv", &[]).1);
    let messages = parsed("syslog", &export(&operator, "syslog", &[]).1);
    let audits = parsed("atna", &export(&operator, "atna", &[]).1);
    for read in [&rows, &messages, &audits] {
        assert_eq!(read.len() as u64, size);
    }
    for ((row, message), audit) in rows.iter().zip(&messages).zip(&audits) {
        for name in ["entry", "event", "face", "message", "sender", "recipient", "detail", "reason"] {
            // What is not there is an empty cell.
            assert_eq!(row[name], message["data"].get(name).cloned().unwrap_or_else(|| "".into()), "{name}");
        }
        assert_eq!(message["id"], row["event"]);
        assert_eq!(audit["kinds"].as_array().unwrap().last(), Some(&row["event"]));
        assert_eq!(audit["source"], message["host"]);
        let entry = format!("{}#{}", message["data"]["record"].as_str().unwrap(), row["entry"].as_str().unwrap());
        assert_eq!(audit["objects"][0], entry);
    }
    let at = rows.iter().position(|row| row["message"] == *ids[3]).unwrap();
    assert_eq!(rows[at]["at"], "2026-03-14T12:00:03Z");
    assert_eq!((&audits[at]["id"], &audits[at]["action"]), (&"110107".into(), &"C".into()));
    let who = audits[at]["participants"].as_array().unwrap();
    assert!(who.contains(&MARTIN.into()) && who.contains(&rows[at]["recipient"]), "{who:?}");
    let masked = audits[at]["objects"].as_array().unwrap().last().unwrap().as_str().unwrap();
    assert!(masked.starts_with("ins-"), "{masked}");
}

#[test]
fn what_is_handed_out_in_clear_is_on_record_first_and_under_the_patient() {
    let (operator, _, _) = sealed_events(3);
    let clear = ["--patient", INS, "--reveal", "--reason", "he asks for it"];
    let (told, path) = export(&operator, "csv", &clear);
    assert_eq!(told["entries"], 3);
    assert!(parsed("csv", &path).iter().all(|row| row["recipient"] == PATIENT));
    let mut node = operator.serve();
    seal(&operator, &mut node);
    assert!(node.end().0.success());
    let (_, path) = export(&operator, "csv", &["--patient", INS]);
    let rows = parsed("csv", &path);
    let revealed = rows.iter().find(|row| row["event"] == "revealed").unwrap();
    let detail = revealed["detail"].as_str().unwrap();
    assert!(detail.starts_with("audit export --patient ins-") && detail.ends_with(": he asks for it"), "{detail}");
    assert!(!read(path.as_ref()).contains(INS));
    verified(&operator, &[]);
}

#[test]
fn a_receiver_gets_all_of_it_over_tls() {
    let (operator, _, size) = sealed_events(300);
    let root = operator.path("pki/root.pem");
    for form in ["syslog", "atna"] {
        let receiver = Receiver::start(&operator, "receive");
        let told = operator.told(&["audit", "export", "--as", form, "--to", &receiver.to, "--ca", text(&root)]);
        assert_eq!((&told["entries"], &told["confirmed"]), (&size.into(), &true.into()), "{told}");
        let messages = receiver.told();
        let messages = messages.as_array().unwrap();
        assert_eq!(messages.len() as u64, size, "{form}");
        let all = |fits: fn(&Value) -> bool| assert!(messages.iter().all(fits), "{form}");
        if form == "atna" {
            all(|one| one["id"] == "IHE+RFC-3881" && one["audit"]["source"] == one["host"]);
        } else {
            all(|one| one["id"] == one["data"]["event"] && one.get("audit").is_none());
        }
    }
}

#[test]
fn nothing_goes_to_a_receiver_that_is_not_believed_and_none_that_hangs_up_passes_for_served() {
    let (operator, _, _) = sealed_events(300);
    let fails = |to: &str, ca: &str| {
        operator.fails(&["audit", "export", "--as", "syslog", "--to", to, "--ca", ca], 5, "siem-unreachable");
    };
    // Vouched for by somebody else.
    let (root, other) = (operator.path("pki/root.pem"), Operator::new());
    let receiver = Receiver::start(&operator, "receive");
    fails(&receiver.to, text(&other.path("pki/root.pem")));
    assert!(receiver.told()["refused"].is_string());
    // Under another name than the certificate's.
    let receiver = Receiver::start_at(&operator, "receive", "127.0.0.2");
    fails(&receiver.to, text(&root));
    assert!(receiver.told()["refused"].is_string());
    // Gone in the middle, and gone.
    let receiver = Receiver::start(&operator, "hang-up");
    fails(&receiver.to, text(&root));
    fails(&receiver.to, text(&root));
}

#[test]
fn what_does_not_fit_what_was_signed_is_told() {
    let (operator, _, size) = sealed_events(30);
    tamper(
        &operator,
        "UPDATE audit SET event = CAST(replace(CAST(event AS TEXT), '2026-03-14T12', '2026-03-14T13') AS BLOB) WHERE seq = 20; \
         DELETE FROM audit WHERE seq = 25",
    );
    let path = operator.path("damaged");
    let output = operator.ask(&["audit", "export", "--as", "jsonl", "--out", text(&path)]);
    assert_eq!(exit(&output), 6);
    assert!(stderr(&output).starts_with("error[audit-export-damaged]"), "{}", stderr(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&told["entries"], &told["unproven"], &told["missing"]),
        (&(size - 1).into(), &1.into(), &1.into()),
        "{told}"
    );
    let without: Vec<Value> = read(&path)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["proof"].is_null())
        .collect();
    assert_eq!((without.len(), &without[0]["entry"]), (1, &19.into()));
    // So do the forms in which no proof has a place.
    for form in ["csv", "syslog", "atna"] {
        let output = operator.ask(&["audit", "export", "--as", form, "--out", text(&operator.path(form))]);
        assert_eq!(exit(&output), 6, "{form}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&told["unproven"], &told["missing"]), (&1.into(), &1.into()), "{form}: {told}");
    }
}
