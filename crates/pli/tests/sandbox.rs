//! `pli sandbox` and `pli demo`, as processes: a whole trust space that starts, stops, starts again, and tells its story.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{assert_fails, exit, pli, stderr, stdout, text};

/// Far more than any step takes, so that only what hangs fails by it.
const PATIENCE: Duration = Duration::from_mins(2);

/// A sandbox that runs.
struct Running {
    child: Child,
    manifest: Value,
}

impl Running {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pli"))
            .args(["sandbox", "--dir", text(dir)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let path = dir.join("sandbox.json");
        assert_eq!(line, format!("sandbox ready {}\n", path.display()), "{child:?}");
        Self { child, manifest: manifest(dir) }
    }

    fn pids(&self) -> Vec<i32> {
        let operators = self.manifest["operators"].as_array().unwrap();
        operators.iter().map(|operator| i32::try_from(operator["pid"].as_i64().unwrap()).unwrap()).collect()
    }

    /// Ends it with a signal; gives its exit code, if it had one, and what it said on standard error.
    fn end(mut self, with: Signal) -> (Option<i32>, String) {
        signal(i32::try_from(self.child.id()).unwrap(), with);
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

fn manifest(dir: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(dir.join("sandbox.json")).unwrap()).unwrap()
}

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Does this process run? One that has ended and was not waited for does not.
fn runs(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_step_of_the_demo_holds() {
    let output = pli(&["demo", "--once", "--json"]);
    let lines: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(exit(&output), 0, "{lines:#?} {}", stderr(&output));
    let steps: Vec<i64> = lines.iter().map(|line| line["step"].as_i64().unwrap()).collect();
    assert_eq!(steps, [1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5]);
    assert!(lines.iter().all(|line| line["held"] == true), "{lines:#?}");
    let reasons: Vec<&str> = lines.iter().filter_map(|line| line["reason"].as_str()).collect();
    assert_eq!(
        reasons,
        [
            "message-not-answerable",
            "pharmacy-no-dispensing",
            "certificate-missing",
            "certificate-not-listed",
            "certificate-revoked",
            "sender-domain-other-certificate",
        ]
    );
}

#[test]
fn a_sandbox_starts_again_with_everything_kept() {
    let dir = tempfile::tempdir().unwrap();
    let first = Running::start(dir.path());
    assert_fails(&pli(&["sandbox", "--dir", text(dir.path())]), 4, "conflict");
    let (pids, mut before) = (first.pids(), first.manifest.clone());
    assert_eq!(first.end(Signal::TERM), (Some(0), String::new()));
    assert!(pids.iter().all(|pid| !runs(*pid)), "an operator outlived its sandbox");
    let crl = std::fs::read(dir.path().join("pki/crl.pem")).unwrap();

    let second = Running::start(dir.path());
    assert_ne!(second.pids(), pids);
    let mut after = second.manifest.clone();
    for manifest in [&mut before, &mut after] {
        for operator in manifest["operators"].as_array_mut().unwrap() {
            operator["pid"] = Value::Null;
        }
    }
    assert_eq!(after, before);
    assert_eq!(std::fs::read(dir.path().join("pki/crl.pem")).unwrap(), crl);
    assert_eq!(second.end(Signal::INT), (Some(0), String::new()));
    assert_eq!(manifest(dir.path()), before, "no process is named when none runs");
}

#[test]
fn a_killed_operator_stays_dead_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Running::start(dir.path());
    let pids = sandbox.pids();
    signal(pids[2], Signal::KILL);
    until("the killed operator is reaped", || !Path::new(&format!("/proc/{}", pids[2])).exists());
    assert!(runs(pids[0]) && runs(pids[1]));
    let (code, said) = sandbox.end(Signal::TERM);
    assert_eq!(code, Some(0));
    assert_eq!(said, "operator elsewhere ended: signal: 9 (SIGKILL)\n");
}

#[test]
fn operators_do_not_outlive_a_sandbox_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Running::start(dir.path());
    let pids = sandbox.pids();
    assert_eq!(sandbox.end(Signal::KILL).0, None);
    until("the operators have ended", || pids.iter().all(|pid| !runs(*pid)));
    assert_eq!(Running::start(dir.path()).end(Signal::TERM).0, Some(0));
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    support::file(&dir, "thesis.txt", "years of work");
    assert_fails(&pli(&["sandbox", "--dir", text(dir.path()), "--seed-only"]), 4, "conflict");
    assert_fails(&pli(&["sandbox", "--dir", text(dir.path()), "--nodes", "2"]), 2, "usage");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing was put beside it");
}
