//! A collector of traces, played by the test: takes OTLP's JSON form over HTTP, and remembers it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::Outcome;
use crate::tls_server::Served;

/// What was brought to it.
#[derive(Debug, Default, Clone)]
pub struct Brought {
    /// The bodies of the requests, as they came.
    pub bodies: Vec<String>,
    /// Their headers `Authorization`.
    pub authorizations: Vec<String>,
}

/// It answers every request with success, or hangs.
#[derive(Debug)]
pub struct Collector {
    brought: Arc<Mutex<Brought>>,
    served: Served,
}

impl Collector {
    /// On a free port of the loopback. One that hangs takes connections, and says nothing for as long as they stand.
    pub fn start(hangs: bool) -> Result<Self> {
        let brought = Arc::<Mutex<Brought>>::default();
        let here = Arc::clone(&brought);
        let served = Served::on(TcpListener::bind(("127.0.0.1", 0))?, move |socket| {
            if hangs {
                // Until the other side has had enough.
                std::io::copy(&mut &socket, &mut std::io::sink()).ok();
            } else {
                drop(serve(&socket, &here));
            }
        })?;
        Ok(Self { brought, served })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1/traces", self.served.port())
    }

    /// All that was brought.
    #[must_use]
    pub fn brought(&self) -> Brought {
        self.brought.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The spans of this trace.
    pub fn spans_of(&self, trace: &str) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        for body in self.brought().bodies {
            let request: Value = serde_json::from_str(&body)?;
            for resource in request.get("resourceSpans").and_then(Value::as_array).context("no resources")? {
                for scope in resource["scopeSpans"].as_array().context("no scopes")? {
                    let spans = scope["spans"].as_array().context("no spans")?;
                    found.extend(spans.iter().filter(|span| span["traceId"] == trace).cloned());
                }
            }
        }
        Ok(found)
    }
}

fn serve(mut socket: &TcpStream, brought: &Mutex<Brought>) -> Outcome {
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(socket);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim_end().is_empty() {
                break;
            }
            head.push(line.trim_end().to_owned());
        }
        let field = |name: &str| {
            let of = |line: &String| {
                let (found, value) = line.split_once(':')?;
                found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            };
            head.iter().find_map(of)
        };
        ensure!(head.first().is_some_and(|line| line.starts_with("POST /v1/traces HTTP/1.1")), "{head:?}");
        ensure!(field("content-type").as_deref() == Some("application/json"), "{head:?}");
        let mut body = vec![0; field("content-length").context("no length")?.parse()?];
        reader.read_exact(&mut body)?;
        let mut brought = brought.lock().unwrap_or_else(PoisonError::into_inner);
        brought.bodies.push(String::from_utf8(body)?);
        brought.authorizations.extend(field("authorization"));
        drop(brought);
        socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")?;
    }
}
