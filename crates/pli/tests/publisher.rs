//! The list as its publisher serves it: fetched at the start and when asked, once a version, and kept.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::{Arc, Mutex};

use pli_net::{ServerTls, TlsConfig};
use rustix::process::Signal;
use serde_json::Value;
use support::exit;
use support::lists::{FOUR, last, list};
use support::node::{Operator, read};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the publisher serves, and what it was asked.
#[derive(Default)]
struct Served {
    /// Head and body of the answer, but for its version and length.
    status: &'static str,
    etag: String,
    body: String,
    /// The `If-None-Match` of each request.
    asked: Vec<Option<String>>,
}

#[derive(Clone)]
struct Publisher {
    served: Arc<Mutex<Served>>,
    port: u16,
}

impl Publisher {
    /// Answers with the operator's own certificate, which the trust space's root vouches for.
    async fn start(operator: &Operator) -> Self {
        let tls =
            TlsConfig { certificate: operator.path("pro/tls/server.pem"), key: operator.path("pro/tls/server.key") };
        let tls = ServerTls::operators(&tls).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let publisher = Self { served: Arc::default(), port: listener.local_addr().unwrap().port() };
        let served = Arc::clone(&publisher.served);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not like the certificate ends here.
                if let Ok((mut stream, _)) = tls.accept(stream).await {
                    answer(&mut stream, &served).await;
                }
            }
        });
        publisher
    }

    fn serve(&self, etag: &str, body: &str) {
        let mut served = self.served.lock().unwrap();
        (served.status, served.etag, served.body) = ("200 OK", etag.to_owned(), body.to_owned());
    }

    fn fail(&self) {
        self.served.lock().unwrap().status = "503 Service Unavailable";
    }

    fn asked(&self) -> Vec<Option<String>> {
        std::mem::take(&mut self.served.lock().unwrap().asked)
    }
}

async fn answer(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), served: &Mutex<Served>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let known = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("if-none-match").then(|| value.to_owned())
    });
    let reply = {
        let mut served = served.lock().unwrap();
        served.asked.push(known.clone());
        let Served { status, etag, body, .. } = &*served;
        if *status == "200 OK" && known.as_ref() == Some(etag) {
            format!("HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\nConnection: close\r\n\r\n")
        } else {
            format!(
                "HTTP/1.1 {status}\r\nETag: {etag}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
        }
    };
    stream.write_all(reply.as_bytes()).await.ok();
    stream.shutdown().await.ok();
}

/// An operator who fetches the list from there.
fn point(operator: &Operator, publisher: &Publisher, anchors: &str) {
    let mut config: toml::Table = read(&operator.path("pro/pli.toml")).parse().unwrap();
    let trust = config.get_mut("trust").unwrap().as_table_mut().unwrap();
    trust.remove("list");
    trust.insert("url".to_owned(), format!("https://localhost:{}/list.xml", publisher.port).into());
    trust.insert("anchors".to_owned(), anchors.into());
    operator.replace("pro/pli.toml", &config.to_string());
}

async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_fetched_at_the_start_once_a_version_and_outlives_its_publisher() {
    let operator = Arc::new(off(Operator::new).await);
    let publisher = Publisher::start(&operator).await;
    publisher.serve("\"one\"", &list(1, FOUR));
    point(&operator, &publisher, "../pki/root.pem");
    let (o, p) = (Arc::clone(&operator), publisher.clone());
    off(move || {
        let mut node = o.serve();
        node.wait_for_log("a new trust list is in force");
        assert_eq!(p.asked(), [None]);
        assert_eq!(o.told(&["trust", "fetch"])["outcome"], "unchanged");
        assert_eq!(p.asked(), [Some("\"one\"".to_owned())], "only asked whether it has changed");

        node.signal(Signal::HUP);
        node.wait_for(|| (!p.asked().is_empty()).then_some(()));

        p.serve("\"two\"", &list(2, &FOUR[1..]));
        assert_eq!(o.told(&["trust", "fetch"])["removed"], 1);
        let fetched = o.told(&["trust", "show"]);
        assert!(fetched["source"].as_str().unwrap().starts_with("https://localhost:"), "{fetched}");

        // What is refused is fetched again: its version is not the version that we have.
        p.serve("\"bad\"", "<html>maintenance</html>");
        o.fails(&["trust", "fetch"], 6, "list-schema");
        p.asked();
        o.fails(&["trust", "fetch"], 6, "list-schema");
        assert_eq!(p.asked(), [Some("\"two\"".to_owned())]);
        assert_eq!(o.told(&["trust", "history"]).as_array().unwrap().len(), 3, "the same refusal is one row");
        assert_eq!(last(&o.told(&["trust", "history"]))["count"], 2);
        p.fail();
        o.fails(&["trust", "fetch"], 5, "list-publisher-answer");
        assert_eq!(o.domains_in_force(), 3);
        drop(node);

        // A new start, with the publisher away and then back.
        let node = o.serve();
        assert_eq!(o.domains_in_force(), 3, "the last good list is in force again");
        p.asked();
        p.serve("\"two\"", &list(2, &FOUR[1..]));
        assert_eq!(o.told(&["trust", "fetch"])["outcome"], "unchanged");
        assert!(p.asked().contains(&Some("\"two\"".to_owned())), "the version was kept over the restart");
        drop(node);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_of_another_authority_is_not_believed() {
    let operator = Arc::new(off(Operator::new).await);
    let publisher = Publisher::start(&operator).await;
    publisher.serve("\"one\"", &list(1, FOUR));
    point(&operator, &publisher, "../pki/personnes.pem");
    off(move || {
        let anchors = operator.path("pki/personnes.pem");
        assert!(anchors.exists(), "the sandbox has this authority");
        operator.fails(&["trust", "fetch"], 5, "list-publisher-untrusted");
        let mut node = operator.serve();
        node.wait_for_log("list-publisher-untrusted");
        node.wait_for_log("without one all mail is put off with list-unavailable");
        let output = operator.ask(&["trust", "history"]);
        let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((exit(&output), &last(&rows)["fault"]), (0, &"list-publisher-untrusted".into()));
        assert_eq!(publisher.asked().len(), 0, "nothing was said to it");
    })
    .await;
}
