//! Readers of what leaves a node that are not ours: Python's csv, xml.etree and ssl.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::node::Operator;
use super::{stderr, text};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/scripts/siem.py");

fn script(arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.arg(SCRIPT).args(arguments);
    command
}

/// What Python makes of a file.
pub(crate) fn parsed(form: &str, path: &str) -> Vec<Value> {
    let output = script(&[form, path]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A receiver with the operator's certificate, which the trust space's root vouches for.
pub(crate) struct Receiver {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    pub(crate) to: String,
}

impl Receiver {
    pub(crate) fn start(operator: &Operator, what: &str) -> Self {
        Self::start_at(operator, what, "127.0.0.1")
    }

    pub(crate) fn start_at(operator: &Operator, what: &str, address: &str) -> Self {
        let (certificate, key) = (operator.path("pro/tls/server.pem"), operator.path("pro/tls/server.key"));
        let mut command = script(&[what, text(&certificate), text(&key), address]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        out.read_line(&mut port).unwrap();
        Self {
            child,
            out,
            to: format!("{}:{}", if address == "127.0.0.1" { "localhost" } else { address }, port.trim()),
        }
    }

    pub(crate) fn told(mut self) -> Value {
        let mut told = String::new();
        self.out.read_to_string(&mut told).unwrap();
        assert!(self.child.wait().unwrap().success());
        serde_json::from_str(&told).unwrap()
    }
}
