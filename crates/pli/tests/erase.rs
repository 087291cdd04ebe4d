//! What the record need not keep: entries whose time is over, and a patient who is erased.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::date;
use pli_audit::{Event, EventKind, Face};
use pli_store::{Dispensing, MailboxKind, NewMailbox, NewMessage, NewStory};
use pli_types::{FinessId, Ins, MailAddress, MessageId, ReversePath};
use serde_json::Value;
use support::letters::{address, masker, store};
use support::node::Operator;
use support::record::{keep, letters, operator, seal, tamper, verified};
use support::{exit, pli, stderr, text};

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

fn patient() -> Ins {
    Ins::parse(INS).unwrap()
}

/// Leaves what a patient leaves: a letter of his in a doctor's mailbox, with its story, and what a pharmacy dispensed.
fn lived(operator: &Operator) {
    let at: Timestamp = "2020-01-02T12:00:00Z".parse().unwrap();
    let (id, him, mask) = (MessageId::at(at), MailAddress::of_patient(&patient()), masker(operator, "pro"));
    let told = NewStory { sender: Some(mask.lookup_address(&him)), message_id: None, parties: Vec::new() };
    let dispensed = Dispensing {
        patient: patient(),
        pharmacy: FinessId::parse("750000018").unwrap(),
        on: date(2020, 1, 2),
        reimbursed: true,
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = store(operator, "pro", at).await;
        let doctor = address("dr.lu@pharmacie-du-pont.mssante.fr");
        let mailbox = store.add_mailbox(NewMailbox::new(doctor, MailboxKind::Per), Vec::new()).await.unwrap();
        let mut writer = store.stage(id).unwrap();
        writer.write(format!("From: {INS}@patient.mssante.fr\r\n\r\nA letter.\r\n").as_bytes()).await.unwrap();
        let body = writer.finish().await.unwrap();
        let message = NewMessage {
            deliveries: vec![mailbox],
            story: Some(told),
            ..NewMessage::new(id, at, ReversePath::Address(him), body)
        };
        store.accept(message).await.unwrap();
        store.put_dispensings(vec![dispensed], Vec::new()).await.unwrap();
        store.close().await;
    });
}

/// What would tell that he was here: his number in its spellings, his address, and what is made of them.
fn needles(operator: &Operator) -> Vec<(&'static str, Vec<u8>)> {
    let (ins, mask) = (patient(), masker(operator, "pro"));
    let him = MailAddress::of_patient(&ins);
    vec![
        ("INS", INS.into()),
        ("INS without its key", "2790351215189".into()),
        ("INS in groups", "2 79 03 51 215 189".into()),
        ("INS as a number", ins.to_number().to_be_bytes()[2..].into()),
        ("address", him.reveal().into()),
        ("its key in stories", mask.lookup_address(&him).as_bytes().to_vec()),
        ("mask", mask.ins(&ins).into()),
    ]
}

/// Which of them lie in these files, as bytes.
fn found(operator: &Operator, files: &[PathBuf]) -> BTreeSet<&'static str> {
    let files: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    let lies = |needle: &[u8]| files.iter().any(|file| file.windows(needle.len()).any(|window| window == needle));
    needles(operator).into_iter().filter(|(_, needle)| lies(needle)).map(|(what, _)| what).collect()
}

/// The database with its log of writes, the bodies beside it, and the checkpoints.
fn kept(operator: &Operator) -> Vec<PathBuf> {
    let mut files = files(&operator.path("pro/store"));
    assert!(files.iter().any(|file| file.ends_with("pli.db")), "{files:?}");
    files.extend(Some(operator.path("pro/state/checkpoints")).filter(|path| path.exists()));
    files
}

/// The record handed out in every form there is: sealed or masked, and as it is revealed.
fn handed_out(operator: &Operator, when: &str) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let out = operator.path(&format!("{when}-tiles"));
    operator.told(&["audit", "export", "--out", text(&out)]);
    let (mut masked, mut clear) = (files(&out), Vec::new());
    for form in ["jsonl", "csv", "syslog", "atna"] {
        let (path, revealed) =
            (operator.path(&format!("{when}.{form}")), operator.path(&format!("{when}-clear.{form}")));
        operator.told(&["audit", "export", "--as", form, "--out", text(&path)]);
        operator.told(&["audit", "export", "--as", form, "--out", text(&revealed), "--reveal", "--reason", "a test"]);
        masked.push(path);
        clear.push(revealed);
    }
    (masked, clear)
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
    lived(&operator);
    // What is looked for can be found.
    let everywhere = ["INS", "INS without its key", "INS as a number", "address", "its key in stories"];
    assert_eq!(found(&operator, &kept(&operator)), everywhere.into());
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
    let (sealed, clear) = handed_out(&operator, "before");
    assert_eq!(found(&operator, &sealed), ["mask"].into());
    for file in &clear {
        assert_eq!(found(&operator, std::slice::from_ref(file)), ["INS", "INS without its key", "address"].into());
    }
    let told = operator.told(&early);
    assert_eq!((&told["outcome"], &told["rows"]["audit_subjects"]), (&"removed".into(), &1.into()), "{told}");
    assert!(!told.to_string().contains(INS));
    // Beside the running node: gone, from the log of its writes too, and all is what was signed.
    assert_eq!(found(&operator, &kept(&operator)), [].into());
    assert_eq!(rows(&operator.told(&["audit", "search", "--ins", INS])).len(), 0);
    assert_eq!(rows(&operator.told(&["audit", "search", "--ins", OTHER])).len(), 2);
    assert_eq!(operator.told(&early)["outcome"], "unchanged");
    seal(&operator, &mut node);
    assert!(node.end().0.success());
    verified(&operator, &[]);
    let (sealed, clear) = handed_out(&operator, "after");
    assert_eq!(found(&operator, &[kept(&operator), sealed, clear].concat()), [].into());
    let out = operator.path("after-tiles");
    for tiles in ["before-tiles", "after-tiles"] {
        let output = pli(&["-o", "json", "audit", "verify", "--export", text(&operator.path(tiles))]);
        assert_eq!(exit(&output), 0, "{tiles}: {}", stderr(&output));
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
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
