//! An operator's folder and its node, as a process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use pli_net::{ClientTls, TlsConfig};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{exit, pli, stderr, text};

/// Far more than any step takes, so that only what hangs fails by it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// An operator's folder, with everything that its configuration names, and nothing running.
pub(crate) struct Operator {
    pub(crate) folder: tempfile::TempDir,
}

impl Operator {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = pli(&["sandbox", "--dir", text(folder.path()), "--seed-only"]);
        assert_eq!(exit(&made), 0, "{}", stderr(&made));
        let operator = Self { folder };
        operator.let_the_system_choose_ports();
        operator
    }

    /// The ports of a sandbox were free when it was made; another test may have them by now.
    pub(crate) fn let_the_system_choose_ports(&self) {
        self.let_the_system_choose_ports_of("pro");
    }

    fn let_the_system_choose_ports_of(&self, operator: &str) {
        let name = format!("{operator}/pli.toml");
        let mut config: toml::Table = read(&self.path(&name)).parse().unwrap();
        for (_, listener) in config.get_mut("listener").unwrap().as_table_mut().unwrap() {
            listener.as_table_mut().unwrap().insert("address".to_owned(), "127.0.0.1:0".into());
        }
        self.replace(&name, &config.to_string());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self) -> String {
        text(&self.path("pro/pli.toml")).to_owned()
    }

    pub(crate) fn serve(&self) -> Node {
        self.start(&self.config())
    }

    /// The node of another operator of the sandbox.
    pub(crate) fn serve_as(&self, operator: &str) -> Node {
        self.let_the_system_choose_ports_of(operator);
        self.start(text(&self.path(&format!("{operator}/pli.toml"))))
    }

    fn start(&self, config: &str) -> Node {
        let ready_file = self.path("ready.json");
        std::fs::remove_file(&ready_file).ok();
        // A limit to the size of files then makes writing fail, as a full disk does, instead of killing the node.
        let child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_pli")])
            .args(["serve", "--config", config, "--ready-file", text(&ready_file)])
            .env_remove("PLI_CONFIG")
            .env_remove("PLI_LOG")
            .env("LC_ALL", "C")
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(self.path("node.log")).unwrap())
            .spawn()
            .unwrap();
        let mut node = Node { child, ready: Value::Null, log: self.path("node.log") };
        node.ready = node.wait_for(|| serde_json::from_slice(&std::fs::read(&ready_file).ok()?).ok());
        node
    }

    /// Asks the node for a page; the status and what came with it.
    pub(crate) async fn get(&self, node: &Node, path: &str) -> (String, String) {
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
    pub(crate) fn replace(&self, name: &str, content: &str) {
        let beside = self.path("beside.tmp");
        std::fs::write(&beside, content).unwrap();
        std::fs::rename(beside, self.path(name)).unwrap();
    }
}

/// A running process. Killed if the test forgets it.
pub(crate) struct Node {
    pub(crate) child: Child,
    pub(crate) ready: Value,
    pub(crate) log: PathBuf,
}

impl Node {
    pub(crate) fn port(&self, listener: &str) -> u64 {
        self.ready.pointer(&format!("/ports/{listener}")).unwrap().as_u64().unwrap()
    }

    /// Looks until something is there. Fails if the process ends, or takes for ever.
    pub(crate) fn wait_for<T>(&mut self, look: impl Fn() -> Option<T>) -> T {
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

    pub(crate) fn wait_for_log(&mut self, words: &str) {
        let log = self.log.clone();
        self.wait_for(|| read(&log).contains(words).then_some(()));
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// How large the files that it writes may be.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        prlimit(Some(self.pid()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    }

    /// Tells it to end; how it ended, and what it printed.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
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

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
