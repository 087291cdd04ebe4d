//! `pli patient`: patients' spaces, one by one and by the file, with a node and without.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use pli_types::{Clock, SystemClock};
use serde_json::Value;
use support::node::Operator;
use support::{assert_fails, exit, pli, stderr, stdout, text};

/// Identifiers of nobody.
const ONE: &str = "180032B02040123";
const OTHER: &str = "209066322012355";

/// The operator who hosts the patients' spaces.
struct Patients(Operator);

impl Patients {
    fn new() -> Self {
        Self(Operator::new())
    }

    fn config(&self) -> String {
        text(&self.0.path("patients/pli.toml")).to_owned()
    }

    /// Asks with `-o json`.
    fn ask(&self, arguments: &[&str]) -> Output {
        pli(&[&["patient"], arguments, &["--config", &self.config(), "-o", "json"]].concat())
    }

    /// The object that is printed.
    fn told(&self, arguments: &[&str]) -> Value {
        let output = self.ask(arguments);
        assert_eq!(exit(&output), 0, "{arguments:?}: {}", stderr(&output));
        serde_json::from_str(stdout(&output)).unwrap()
    }

    fn file(&self, name: &str, lines: &str) -> String {
        let path = self.0.path(name);
        std::fs::write(&path, lines).unwrap();
        text(&path).to_owned()
    }

    /// Asks with this on standard input.
    fn ask_with(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pli"))
            .arg("patient")
            .args(arguments)
            .args(["--config", &self.config(), "-o", "json"])
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// Does the record hold this text?
    fn is_on_record(&self, words: &str) -> bool {
        let bytes: Vec<u8> = ["pli.db", "pli.db-wal"]
            .iter()
            .flat_map(|name| std::fs::read(self.0.path("patients/store").join(name)).unwrap_or_default())
            .collect();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    }
}

#[test]
fn a_space_is_opened_and_closed_and_the_same_again_is_unchanged() {
    let patients = Patients::new();
    let unknown = patients.ask(&["show", ONE]);
    assert_fails(&unknown, 3, "patient-space-unknown");
    assert!(!stderr(&unknown).contains(ONE) && stderr(&unknown).contains("ins-"), "{}", stderr(&unknown));
    assert_fails(&patients.ask(&["close", ONE, "--reason", "he asks"]), 3, "patient-space-unknown");

    assert_eq!(patients.told(&["open", ONE, "--dry-run"])["outcome"], "would-be-created");
    assert_eq!(patients.told(&["open", ONE])["outcome"], "created");
    assert_eq!(patients.told(&["open", ONE])["outcome"], "unchanged");
    assert_eq!(patients.told(&["close", ONE, "--reason", "he asks", "--dry-run"])["outcome"], "would-be-changed");
    let closed = patients.told(&["close", ONE, "--reason", "he asks"]);
    assert_eq!(
        (&closed["outcome"], &closed["state"], &closed["changed"][0]),
        (&"changed".into(), &"closed".into(), &"state".into())
    );
    assert_eq!(patients.told(&["close", ONE, "--reason", "he asks"])["outcome"], "unchanged");
    assert_eq!(patients.told(&["show", "180032b02040123"])["state"], "closed");
    assert!(patients.is_on_record("patient's space closed: he asks"));
    assert!(!closed.to_string().contains(ONE), "{closed}");
}

#[test]
fn a_number_that_is_no_ins_is_refused_with_its_fault_and_not_repeated() {
    let patients = Patients::new();
    for (typed, words) in [
        ("180032B02040124", "key"),
        ("18003", "15 characters"),
        ("580032B02040123", "temporary"),
        ("180002B02040123", "shape"),
    ] {
        let refused = patients.ask(&["open", typed]);
        assert_fails(&refused, 2, "ins-invalid");
        assert!(stderr(&refused).contains(words) && !stderr(&refused).contains(typed), "{}", stderr(&refused));
    }
}

#[test]
fn a_patient_is_shown_masked_and_in_clear_to_who_says_why() {
    let patients = Patients::new();
    let file =
        patients.file("spaces.csv", &format!("ins;state;born\n{ONE};open;1980-03-04\n{OTHER};open;2019-06-30\n"));
    patients.told(&["import", &file]);
    let shown = patients.told(&["show", ONE]);
    assert!(!shown.to_string().contains("1980") && !shown.to_string().contains(ONE), "{shown}");
    assert_eq!((&shown["state"], &shown["minor"], &shown["mailbox"]), (&"open".into(), &"no".into(), &false.into()));
    assert_eq!((&shown["born"], &shown["born_known"]), (&Value::Null, &true.into()));
    let clear = patients.told(&["show", ONE, "--reveal", "--reason", "the patient asks"]);
    assert_eq!((&clear["patient"], &clear["born"]), (&ONE.into(), &"1980-03-04".into()));
    assert!(patients.is_on_record("patient show: the patient asks"));
    // By standard input, nobody who lists processes sees him.
    let output = patients.ask_with(&["show", "-"], &format!("{ONE}\n"));
    assert_eq!(serde_json::from_str::<Value>(stdout(&output)).unwrap(), shown);
}

#[test]
fn a_minor_is_one_by_his_birth_and_nobody_knows_without() {
    let patients = Patients::new();
    let year = SystemClock.now().to_zoned(jiff::tz::TimeZone::UTC).year();
    let file = patients.file("spaces.csv", &format!("ins;state;born\n{ONE};open;\n{OTHER};open;{}-01-01\n", year - 10));
    patients.told(&["import", &file]);
    assert_eq!(patients.told(&["show", ONE])["minor"], "unknown");
    assert_eq!(patients.told(&["show", OTHER])["minor"], "yes");
}

#[test]
fn a_file_is_imported_once_and_its_bad_lines_are_told_by_number_and_code() {
    let patients = Patients::new();
    let bad = "180032B02040199";
    let lines = format!("ins;state\n{ONE};open\n{bad};open\n{OTHER};perhaps\n{OTHER};open\n{OTHER};closed\n");
    let (file, report) = (patients.file("spaces.csv", &lines), patients.0.path("report.csv"));

    let tried = patients.ask(&["import", &file, "--dry-run"]);
    let would_be: Value = serde_json::from_str(stdout(&tried)).unwrap();
    assert_eq!((exit(&tried), &would_be["outcome"], &would_be["created"]), (1, &"would-be-imported".into(), &2.into()));
    assert_eq!(exit(&patients.ask(&["show", ONE])), 3, "nothing was done");

    let done = patients.ask(&["import", &file, "--report", text(&report)]);
    assert_eq!(exit(&done), 1);
    assert!(stderr(&done).starts_with("error[rows-refused]: 2 of 5 rows"), "{}", stderr(&done));
    assert!(!stderr(&done).contains(bad) && !stdout(&done).contains(bad));
    let told: Value = serde_json::from_str(stdout(&done)).unwrap();
    assert_eq!((&told["outcome"], &told["created"], &told["repeated"]), (&"imported".into(), &2.into(), &1.into()));
    assert_eq!(told["refused_by_code"], serde_json::json!({"ins-key": 1, "state-unknown": 1}));
    assert_eq!(told["refused_first"], serde_json::json!(["3: ins-key", "4: state-unknown"]));
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "line;code\n3;ins-key\n4;state-unknown\n");
    assert_eq!(patients.told(&["show", OTHER])["state"], "closed", "the last line counts");
    assert!(
        patients.is_on_record("import of patients' spaces ended: 2 created, 0 changed, 0 unchanged, 2 lines refused")
    );

    let again = patients.ask_with(&["import", "-"], &format!("ins;state\n{ONE};open\n{OTHER};closed\n"));
    let again: Value = serde_json::from_str(stdout(&again)).unwrap();
    assert_eq!((&again["outcome"], &again["unchanged"]), (&"unchanged".into(), &2.into()));
    let other = patients.file("other.csv", "number;state\n");
    assert_fails(&patients.ask(&["import", &other]), 2, "file-columns");
}

#[test]
fn a_running_node_takes_a_file_and_answers_beside_it() {
    let patients = Patients::new();
    let mut lines = "ins;state\n".to_owned();
    for number in 0..25_000_u64 {
        let thirteen = format!("1790351{number:06}");
        let key = 97 - thirteen.parse::<u64>().unwrap() % 97;
        writeln!(lines, "{thirteen}{key:02};open").unwrap();
    }
    let file = patients.file("spaces.csv", &lines);
    let node = patients.0.serve_as("patients");
    let told = patients.told(&["import", &file]);
    assert_eq!((&told["created"], &told["refused"]), (&25_000.into(), &0.into()));
    assert_eq!(patients.told(&["import", &file])["outcome"], "unchanged");
    assert_eq!(patients.told(&["close", ONE_OF_THEM, "--reason", "he asks"])["outcome"], "changed");
    assert_eq!(patients.told(&["import", &file])["changed"], 1);
    let (log, told) = (node.log.clone(), patients.told(&["show", ONE_OF_THEM]));
    node.end();
    let log = support::node::read(&log);
    assert!(!log.contains("1790351") && !told.to_string().contains("1790351"), "{log}");
}

/// The first of the 25,000.
const ONE_OF_THEM: &str = "179035100000085";

#[test]
fn an_operator_without_patients_says_so() {
    let operator = Operator::new();
    let refused = pli(&["patient", "show", ONE, "--config", &operator.config()]);
    assert_fails(&refused, 2, "patients-not-hosted");
}

#[test]
fn the_patients_domain_has_a_service_and_a_postmaster_and_no_other_mailbox() {
    let patients = Patients::new();
    let make = |name: &str| {
        let address = format!("{name}@patient.mssante.fr");
        let who = ["--type", "APP", "--finess", "990000044", "--responsible", "Zo\u{e9} Martin"];
        pli(&[&["mailbox", "add", &address], &who[..], &["--config", &patients.config(), "-o", "json"]].concat())
    };
    for name in ["mon-espace-sante", "postmaster"] {
        assert_eq!(exit(&make(name)), 0, "{name}: {}", stderr(&make(name)));
    }
    for name in ["accueil", ONE, "180032B02040124"] {
        let refused = make(name);
        assert_eq!(exit(&refused), 1, "{name}");
        assert!(stderr(&refused).starts_with("error[patient-mailbox]") && !stderr(&refused).contains(name));
    }
}
