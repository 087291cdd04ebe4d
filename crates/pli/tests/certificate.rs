//! Our own certificate under a running node: renewed, half renewed, renewed by one that nobody would believe.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::os::unix::fs::PermissionsExt;

use pli_net::{ClientTls, TlsConfig, TlsStream};
use rustix::process::Signal;
use serde_json::Value;
use support::node::{Node, Operator, PATIENCE, read};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Renews the operator's certificate by that of another.
fn put_certificate(operator: &Operator, other: &str) {
    operator.replace("pro/tls/server.pem", &read(&operator.path(&format!("{other}.pem"))));
}

/// And its key, readable by nobody else at any instant.
fn put_key(operator: &Operator, other: &str) {
    let beside = operator.path("beside.key");
    std::fs::copy(operator.path(&format!("{other}.key")), &beside).unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(beside, operator.path("pro/tls/server.key")).unwrap();
}

/// A connection to a listener that speaks TLS from the first byte, and the serial number that it shows.
async fn connect(operator: &Operator, node: &Node, listener: &str) -> (TlsStream, String) {
    let tls = TlsConfig {
        certificate: operator.path("elsewhere/tls/server.pem"),
        key: operator.path("elsewhere/tls/server.key"),
    };
    let port = u16::try_from(node.port(listener)).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (stream, facts) = ClientTls::new(&tls).unwrap().connect("localhost", stream).await.unwrap();
    (stream, facts.certificate.unwrap().serial)
}

/// Reads until these words have come.
async fn read_until(stream: &mut TlsStream, words: &str) {
    let mut got = Vec::new();
    while !String::from_utf8_lossy(&got).contains(words) {
        let mut buffer = [0; 1024];
        let count = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap().unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&got));
        got.extend(buffer.iter().take(count));
    }
}

async fn ask(stream: &mut TlsStream, command: &str, answer: &str) {
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    read_until(stream, answer).await;
}

/// Waits until new handshakes show another certificate than this one.
async fn shows_another(operator: &Operator, node: &Node, old: &str) -> String {
    let look = async {
        loop {
            let (_, serial) = connect(operator, node, "imaps").await;
            if serial != old {
                return serial;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("a new certificate is shown")
}

#[tokio::test]
async fn open_connections_survive_a_new_certificate_and_new_handshakes_show_it() {
    let operator = Operator::new();
    let mut node = operator.serve();
    let (mut imap, old) = connect(&operator, &node, "imaps").await;
    let (mut smtp, _) = connect(&operator, &node, "submissions").await;
    read_until(&mut imap, "* OK").await;
    read_until(&mut smtp, "220 ").await;

    put_certificate(&operator, "peers/listed");
    put_key(&operator, "peers/listed");
    let new = shows_another(&operator, &node, &old).await;
    assert_eq!(connect(&operator, &node, "submissions").await.1, new, "on every listener");
    assert_eq!(connect(&operator, &node, "http").await.1, new, "on every listener");
    node.wait_for_log("our new certificate is shown from now on");

    ask(&mut imap, "a NOOP", "a OK").await;
    ask(&mut smtp, "EHLO localhost", "250 ").await;
    ask(&mut imap, "b LOGOUT", "b OK").await;
    ask(&mut smtp, "QUIT", "221 ").await;

    // Others have our domains under another name: that is told, and stops no mail of theirs.
    node.wait_for_log("own-certificate-not-listed");
    assert_eq!(operator.get(&node, "/health/ready").await.0, "200");
}

#[tokio::test]
async fn half_a_pair_is_waited_for_and_the_old_one_goes_on() {
    let operator = Operator::new();
    let mut node = operator.serve();
    let (_, old) = connect(&operator, &node, "imaps").await;
    put_certificate(&operator, "peers/listed");
    node.signal(Signal::HUP);
    node.wait_for_log("the files of our certificate do not fit; the one in force goes on");
    assert_eq!(connect(&operator, &node, "imaps").await.1, old);
    assert!(!read(&node.log).contains("certificate-reload-failing"), "no alarm yet: the key may be about to come");

    put_key(&operator, "peers/listed");
    shows_another(&operator, &node, &old).await;
    assert_eq!(operator.get(&node, "/health/ready").await.0, "200");
}

#[tokio::test]
async fn an_expired_certificate_never_takes_the_place_of_one_that_holds() {
    let operator = Operator::new();
    let mut node = operator.serve();
    let (_, old) = connect(&operator, &node, "imaps").await;
    put_certificate(&operator, "peers/expired");
    put_key(&operator, "peers/expired");
    node.signal(Signal::HUP);
    node.wait_for_log("expired at");
    assert_eq!(connect(&operator, &node, "imaps").await.1, old);
    assert_eq!(operator.get(&node, "/health/ready").await.0, "200");
}

#[tokio::test]
async fn a_node_whose_certificate_has_expired_says_which_alarm_makes_it_not_ready() {
    let operator = Operator::new();
    put_certificate(&operator, "peers/expired");
    put_key(&operator, "peers/expired");
    let mut node = operator.serve();
    // The pair at the start is taken as it is.
    let (status, body) = operator.get(&node, "/health/ready").await;
    assert_eq!(status, "503", "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let failing: Vec<_> = body["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false).collect();
    assert_eq!(failing.len(), 1, "{body}");
    assert_eq!((&failing[0]["name"], &failing[0]["alarm"]), (&"certificate".into(), &"certificate-expired".into()));
    assert_eq!(operator.get(&node, "/health/live").await.0, "200");

    node.wait_for_log("\"alarm\":\"certificate-expired\"");
    let (_, page) = operator.get(&node, "/metrics").await;
    assert!(page.contains("\npli_alarm{code=\"certificate-expired\"} 1\n"), "{page}");
    assert!(page.contains("\npli_alarm{code=\"list-missing\"} 0\n"), "{page}");
}

#[tokio::test]
async fn a_new_key_that_others_can_read_is_not_taken() {
    let operator = Operator::new();
    let mut node = operator.serve();
    let (_, old) = connect(&operator, &node, "imaps").await;
    put_certificate(&operator, "peers/listed");
    operator.replace("pro/tls/server.key", &read(&operator.path("peers/listed.key")));
    let key = operator.path("pro/tls/server.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    node.signal(Signal::HUP);
    node.wait_for_log("can be read by others");
    assert_eq!(connect(&operator, &node, "imaps").await.1, old);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    shows_another(&operator, &node, &old).await;
}
