//! `pli serve`, as a process: it starts, says so, answers, takes new lists, and ends when told to.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use pli_net::{ClientTls, TlsConfig};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use support::{assert_fails, exit, pli, stderr, stdout, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Far more than any step takes, so that only what hangs fails by it.
const PATIENCE: Duration = Duration::from_mins(1);

/// An operator's folder, with everything that its configuration names, and nothing running.
struct Operator {
    folder: tempfile::TempDir,
}

impl Operator {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = pli(&["sandbox", "--dir", text(folder.path()), "--seed-only"]);
        assert_eq!(exit(&made), 0, "{}", stderr(&made));
        let operator = Self { folder };
        operator.let_the_system_choose_ports();
        operator
    }

    /// The ports of a sandbox were free when it was made; another test may have them by now.
    fn let_the_system_choose_ports(&self) {
        let mut config: toml::Table = read(&self.path("pro/pli.toml")).parse().unwrap();
        for (_, listener) in config.get_mut("listener").unwrap().as_table_mut().unwrap() {
            listener.as_table_mut().unwrap().insert("address".to_owned(), "127.0.0.1:0".into());
        }
        self.replace("pro/pli.toml", &config.to_string());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> String {
        text(&self.path("pro/pli.toml")).to_owned()
    }

    fn serve(&self) -> Node {
        let ready_file = self.path("ready.json");
        std::fs::remove_file(&ready_file).ok();
        // A limit to the size of files then makes writing fail, as a full disk does, instead of killing the node.
        let child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_pli")])
            .args(["serve", "--config", &self.config(), "--ready-file", text(&ready_file)])
            .env_remove("PLI_CONFIG")
            .env_remove("PLI_LOG")
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(self.path("node.log")).unwrap())
            .spawn()
            .unwrap();
        let mut node = Node { child, ready: Value::Null, log: self.path("node.log") };
        node.ready = node.wait_for(|| serde_json::from_slice(&std::fs::read(&ready_file).ok()?).ok());
        node
    }

    /// Asks the node for a page; the status and what came with it.
    async fn get(&self, node: &Node, path: &str) -> (String, String) {
        let tls = TlsConfig { certificate: self.path("pro/tls/server.pem"), key: self.path("pro/tls/server.key") };
        let port = u16::try_from(node.port("http")).unwrap();
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (mut stream, _) = ClientTls::new(&tls).unwrap().connect("localhost", stream).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut reply)).await.unwrap().unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
    }

    /// Puts a file into the place of another, whole at every instant.
    fn replace(&self, name: &str, content: &str) {
        let beside = self.path("beside.tmp");
        std::fs::write(&beside, content).unwrap();
        std::fs::rename(beside, self.path(name)).unwrap();
    }
}

/// A running process. Killed if the test forgets it.
struct Node {
    child: Child,
    ready: Value,
    log: PathBuf,
}

impl Node {
    fn port(&self, listener: &str) -> u64 {
        self.ready.pointer(&format!("/ports/{listener}")).unwrap().as_u64().unwrap()
    }

    /// Looks until something is there. Fails if the process ends, or takes for ever.
    fn wait_for<T>(&mut self, look: impl Fn() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{ended:?}\n{}", read(&self.log));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait_for_log(&mut self, words: &str) {
        let log = self.log.clone();
        self.wait_for(|| read(&log).contains(words).then_some(()));
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// How large the files that it writes may be.
    fn limit_files(&self, bytes: Option<u64>) {
        prlimit(Some(self.pid()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    }

    /// Tells it to end; how it ended, and what it printed.
    fn end(mut self) -> (ExitStatus, String) {
        self.signal(Signal::TERM);
        let mut printed = String::new();
        std::io::Read::read_to_string(self.child.stdout.as_mut().unwrap(), &mut printed).unwrap();
        (self.child.wait().unwrap(), printed)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn a_node_starts_says_so_answers_and_ends() {
    let operator = Operator::new();
    let check = pli(&["config", "check", "--config", &operator.config(), "-o", "json"]);
    assert_eq!(exit(&check), 0, "{}{}", stdout(&check), stderr(&check));
    assert!(!stdout(&check).contains("warning"), "{}", stdout(&check));

    let node = operator.serve();
    assert_eq!(node.ready["pid"], node.child.id());
    for name in ["smtp", "submission", "submissions", "imap", "imaps", "http"] {
        assert!(node.port(name) > 0, "{name}: {}", node.ready);
    }

    let (status, body) = operator.get(&node, "/health/ready").await;
    assert_eq!(status, "200", "{body}");
    let (_, page) = operator.get(&node, "/metrics").await;
    assert!(page.contains("\npli_certificate_not_after_timestamp_seconds "), "{page}");
    assert!(page.contains("\npli_trust_list_refresh_failures_total 0\n"), "{page}");
    assert!(!page.contains("\npli_trust_list_entries 0\n"), "{page}");

    let (status, printed) = node.end();
    assert_eq!((status.code(), printed.as_str()), (Some(0), ""), "{}", read(&operator.path("node.log")));
    let log = read(&operator.path("node.log"));
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
    assert!(log.contains("\"message\":\"ready\"") && log.contains("\"message\":\"ended\""), "{log}");
}

#[test]
fn a_check_refuses_a_store_that_a_node_would_not_open() {
    let operator = Operator::new();
    let sound = read(&operator.path("pro/pli.toml"));
    let refused = |words: &str| {
        for verb in [&["config", "check"][..], &["serve"]] {
            let output = pli(&[verb, &["--config", &operator.config()]].concat());
            assert_eq!(exit(&output), 2, "{}", stderr(&output));
            assert!(stderr(&output).contains("error[store-config]: "), "{}", stderr(&output));
            assert!(stderr(&output).contains(words), "{}", stderr(&output));
        }
    };
    let change = |url: &str| {
        let mut config: toml::Table = sound.parse().unwrap();
        let store = config.get_mut("store").unwrap().as_table_mut().unwrap();
        store.insert("url".to_owned(), url.into());
        operator.replace("pro/pli.toml", &config.to_string());
    };
    change("postgres://localhost/pli");
    refused("write it as");
    change(&format!("sqlite://{}", operator.path("pro/not-there-yet.db").display()));
    assert_eq!(exit(&pli(&["config", "check", "--config", &operator.config()])), 0);

    operator.replace("pro/pli.toml", &sound);
    let key = operator.path("pro/keys/master.key");
    std::fs::write(key, "5a".repeat(32)).unwrap();
    refused("is not the one that the store");
}

#[test]
fn beside_a_running_node_commands_read_and_a_second_node_is_refused() {
    let operator = Operator::new();
    let _node = operator.serve();
    let queue = pli(&["queue", "list", "--config", &operator.config(), "-o", "json"]);
    assert_eq!((exit(&queue), stdout(&queue)), (0, "[]\n"), "{}", stderr(&queue));
    for id in ["00000000000070008000000000000000", "nonsense"] {
        assert_fails(&pli(&["message", "trace", id, "--config", &operator.config()]), 3, "message-unknown");
    }
    assert_eq!(exit(&pli(&["config", "check", "--config", &operator.config()])), 0);
    let second = pli(&["serve", "--config", &operator.config()]);
    assert_eq!(exit(&second), 2);
    assert!(stderr(&second).contains("is in use"), "{}", stderr(&second));
}

#[tokio::test]
async fn without_a_list_a_node_starts_but_is_not_ready_until_there_is_one() {
    let operator = Operator::new();
    let list = read(&operator.path("whitelist.xml"));
    std::fs::remove_file(operator.path("whitelist.xml")).unwrap();
    let mut node = operator.serve();
    let (status, body) = operator.get(&node, "/health/ready").await;
    assert_eq!(status, "503", "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let failing = body["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false);
    assert_eq!(failing.map(|check| check["name"].as_str().unwrap()).collect::<Vec<_>>(), ["trust-list"]);

    operator.replace("whitelist.xml", &list);
    node.wait_for_log("a new trust list is in force");
    assert_eq!(operator.get(&node, "/health/ready").await.0, "200");
}

#[tokio::test]
async fn a_node_that_can_read_but_not_write_is_not_ready_until_it_can() {
    let operator = Operator::new();
    let node = operator.serve();
    node.limit_files(Some(0));
    let (status, body) = operator.get(&node, "/health/ready").await;
    assert_eq!(status, "503", "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let failing = body["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false);
    assert_eq!(failing.map(|check| check["name"].as_str().unwrap()).collect::<Vec<_>>(), ["store"]);

    node.limit_files(None);
    let (status, body) = operator.get(&node, "/health/ready").await;
    assert_eq!(status, "200", "{body}");
}

#[tokio::test]
async fn a_list_that_cannot_be_used_leaves_the_one_in_force_and_is_told_once() {
    let operator = Operator::new();
    let mut node = operator.serve();
    operator.replace("whitelist.xml", "<ListeBlancheMSSante>");
    node.signal(Signal::HUP);
    node.wait_for_log("the trust list cannot be put in force; the one in force stays");
    assert_eq!(operator.get(&node, "/health/ready").await.0, "200");

    node.signal(Signal::HUP);
    let failures = |page: &str| {
        let line = page.lines().find(|line| line.starts_with("pli_trust_list_refresh_failures_total ")).unwrap();
        line.split(' ').nth(1).unwrap().parse::<u32>().unwrap()
    };
    while failures(&operator.get(&node, "/metrics").await.1) < 3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = read(&operator.path("node.log"));
    assert_eq!(log.matches("the trust list cannot be put in force").count(), 1, "{log}");
}

#[tokio::test]
async fn without_revocation_lists_a_node_starts_and_believes_nobody_until_it_has_them() {
    let operator = Operator::new();
    let lists = read(&operator.path("pki/crl.pem"));
    operator.replace("pki/crl.pem", "");
    let check = pli(&["config", "check", "--config", &operator.config(), "-o", "json"]);
    let checks: Value = serde_json::from_str(stdout(&check)).unwrap();
    let crl = checks.as_array().unwrap().iter().find(|check| check["check"] == "pki.crl").unwrap();
    assert_eq!((exit(&check), crl["outcome"].as_str().unwrap()), (0, "warning"), "{crl}");

    let mut node = operator.serve();
    node.wait_for_log("not all revocation lists can be put in force");
    let (status, body) = operator.get(&node, "/health/ready").await;
    assert_eq!(status, "503", "{body}");
    assert!(body.contains("certificate"), "{body}");

    operator.replace("pki/crl.pem", &lists);
    node.wait_for_log("new revocation lists are in force");
    assert_eq!(operator.get(&node, "/health/ready").await.0, "200");
    let log = read(&operator.path("node.log"));
    assert_eq!(log.matches("not all revocation lists can be put in force").count(), 1, "{log}");
}

#[test]
fn on_sighup_a_node_names_what_waits_for_a_restart() {
    let operator = Operator::new();
    let mut node = operator.serve();
    let config = read(&operator.path("pro/pli.toml"));
    assert!(config.contains("[limits]\n"), "{config}");
    operator.replace("pro/pli.toml", &config.replace("[limits]\n", "[limits]\nrecipients = 500\n"));
    node.signal(Signal::HUP);
    node.wait_for_log("these sections have changed and take effect at the next start");
    assert!(read(&operator.path("node.log")).contains(r#"[\"limits\"]"#));

    operator.replace("pro/pli.toml", &config.replace("[limits]", "[limit]"));
    node.signal(Signal::HUP);
    node.wait_for_log("the configuration would not start");
}
