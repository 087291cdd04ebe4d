//! `pli peer`, beside a sandbox's operators.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::node::Operator;
use support::{assert_fails, exit, pli, stderr, stdout, text};

/// A whole sandbox; killed if the test forgets it.
struct Sandbox(Child);

impl Sandbox {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pli"))
            .args(["sandbox", "--dir", text(dir)])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("sandbox ready "), "{line}");
        Self(child)
    }

    fn end(mut self) {
        kill_process(Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.0.kill().ok();
    }
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn an_operator_of_a_sandbox_passes_every_step_and_is_in_the_peer_book() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(dir.path());
    let config = |operator: &str| text(&dir.path().join(operator).join("pli.toml")).to_owned();
    for domain in ["patient.mssante.fr", "clinique-voisine.mssante.fr"] {
        let probed = pli(&["peer", "probe", domain, "--config", &config("pro"), "-o", "json"]);
        assert_eq!(exit(&probed), 0, "{} {}", stdout(&probed), stderr(&probed));
        let report = json(&probed);
        let steps = report["steps"].as_array().unwrap();
        assert!(steps.iter().all(|step| step["outcome"] == "ok"), "{report:#}");
        assert_eq!(steps.len(), 19);
        assert_eq!((&report["ok"], &report["first_failure"]), (&Value::Bool(true), &Value::Null));
    }
    // What happened a moment ago is shown: the node is asked, its file is written once a minute.
    let began = Instant::now();
    loop {
        let listed = json(&pli(&["peer", "list", "--config", &config("patients"), "-o", "json"]));
        if listed[0]["in_outcome"] == "accepted" {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{listed:#}");
    }
    sandbox.end();

    let listed = pli(&["peer", "list", "--config", &config("patients"), "-o", "json"]);
    let peers = json(&listed);
    let peers = peers.as_array().unwrap();
    assert_eq!(peers.len(), 1, "{peers:#?}");
    assert_eq!((&peers[0]["proven"], &peers[0]["listed"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(peers[0]["in_outcome"], "accepted");
    assert!(peers[0]["in_accepted"].as_u64().unwrap() >= 4, "once a connection: {peers:#?}");
    let domains: Vec<&str> = peers[0]["first_domains"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(domains.contains(&"pharmacie-du-pont.mssante.fr"), "{domains:?}");

    let all = json(&pli(&["peer", "list", "--all", "--config", &config("patients"), "-o", "json"]));
    assert!(all.as_array().unwrap().len() > 1);
    let wanted = ["--domain", "peer.mssante.fr", "--name", "CN=listed.peer.test"];
    let one = pli(&[&["peer", "list", "--config", &config("patients"), "-o", "jsonl"], &wanted[..]].concat());
    assert_eq!(stdout(&one).lines().count(), 1, "{}", stdout(&one));
    assert!(stdout(&one).contains("\"in_last_seen\":null"), "{}", stdout(&one));
}

#[test]
fn a_probe_needs_no_node_and_tells_who_must_act() {
    let operator = Operator::new();
    let config = operator.config();
    let nobody = pli(&["peer", "probe", "example.org", "--config", &config, "-o", "table"]);
    assert_eq!(exit(&nobody), 3);
    assert!(stderr(&nobody).starts_with("error[recipient-domain-not-listed]: trust-list: "), "{}", stderr(&nobody));
    assert!(stderr(&nobody).contains("\n  next: the other operator must act. "), "{}", stderr(&nobody));
    assert!(stdout(&nobody).lines().nth(1).unwrap().starts_with("trust-list "), "{}", stdout(&nobody));
    assert!(stdout(&nobody).contains("not reached: trust-list failed"), "{}", stdout(&nobody));

    // It is listed, and nothing listens where it should.
    let silent = pli(&["peer", "probe", "peer.mssante.fr", "--config", &config, "-o", "json"]);
    assert_eq!(exit(&silent), 5, "{}", stdout(&silent));
    let report = json(&silent);
    assert_eq!((&report["first_failure"]["step"], &report["first_failure"]["who"]), (&"tcp".into(), &"they".into()));
    assert_eq!(report["first_failure"]["reason"], "peer-unreachable");
    assert!(!operator.path("pro/state/peers.json").exists(), "a probe writes nothing");

    assert_fails_usage(&pli(&["peer", "probe", "peer.mssante.fr", "--timeout", "1d", "--config", &config]));
    assert_fails_usage(&pli(&["peer", "probe", "[192.0.2.1]", "--config", &config]));
}

#[test]
fn no_identifier_is_repeated_in_clear() {
    let operator = Operator::new();
    let config = operator.config();
    for domain in ["279035121518989@patient.mssante.fr", "279035121518989.mssante.fr", "2 79 03 51 215 189 89"] {
        for format in ["json", "table", "csv"] {
            let probed = pli(&["peer", "probe", domain, "--config", &config, "-o", format]);
            assert_ne!(exit(&probed), 0);
            let told = format!("{}{}", stdout(&probed), stderr(&probed));
            assert!(!told.replace(' ', "").contains("27903512151"), "{told}");
        }
    }
    let typed = pli(&["peer", "probe", "279035121518989@patient.mssante.fr", "--config", &config]);
    assert!(stderr(&typed).contains("ins-hidden@patient.mssante.fr"), "{}", stderr(&typed));
}

#[test]
fn a_domain_may_end_with_the_dot_of_the_dns() {
    let operator = Operator::new();
    let probed = pli(&["peer", "probe", "example.org.", "--config", &operator.config(), "-o", "json"]);
    assert_eq!((exit(&probed), &json(&probed)["domain"]), (3, &Value::from("example.org")));
    assert_fails_usage(&pli(&["peer", "probe", "example.org..", "--config", &operator.config()]));
}

fn assert_fails_usage(output: &std::process::Output) {
    assert_eq!(exit(output), 2, "{}", stderr(output));
    assert!(stderr(output).starts_with("error[usage]: "), "{}", stderr(output));
}

#[test]
fn a_damaged_peer_book_is_told_by_its_name() {
    let operator = Operator::new();
    std::fs::create_dir_all(operator.path("pro/state")).unwrap();
    std::fs::write(operator.path("pro/state/peers.json"), "{").unwrap();
    assert_fails(&pli(&["peer", "list", "--config", &operator.config()]), 6, "peers-unreadable");
}
