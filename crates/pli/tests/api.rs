//! `POST /api/v1/dispensations`, with curl as the program that calls.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use pli_types::DistinguishedName;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use support::node::{Node, Operator, read};
use support::text;

const PATIENT: &str = "279035121518989";
const HEADER: &str = "ins;finess;date;reimbursed";
/// A token, and what is kept of it.
const TOKEN: &str = "6d1f4c1c0f8b4b0e9c7fa0e0d3f2b1a0";
const CSV: &[&str] = &["--header", "Content-Type: text/csv; charset=UTF-8"];

fn yesterday() -> String {
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    today.yesterday().unwrap().to_string()
}

fn line(patient: &str) -> String {
    format!("{patient};990000044;{};yes", yesterday())
}

fn subject(certificate: &Path) -> DistinguishedName {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    pli_net::peer::presented(&chain).unwrap().subject
}

fn sha256(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A node that lets in the program's certificate, a token, and one that may do nothing.
fn served(operator: &Operator) -> Node {
    let mut config = read(&operator.path("pro/pli.toml"));
    let certificates = ["accounts/resultats.pem", "peers/revoked.pem"].map(|name| subject(&operator.path(name)));
    for (name, proof, scopes) in [
        ("passerelle", format!("certificate_name = {:?}", certificates[0].to_string()), "\"dispensations\""),
        ("revoquee", format!("certificate_name = {:?}", certificates[1].to_string()), "\"dispensations\""),
        ("jeton", format!("token_sha256 = \"{}\"", sha256(TOKEN)), "\"dispensations\""),
        ("rien", format!("token_sha256 = \"{}\"", sha256("x")), ""),
    ] {
        config.push_str(&["\n[[api.client]]\nname = \"", name, "\"\n", &proof, "\nscopes = [", scopes, "]\n"].concat());
    }
    operator.replace("pro/pli.toml", &config);
    operator.serve()
}

/// What the node answers to this body: the status, and the JSON.
fn post(node: &Node, body: &[u8], arguments: &[&str]) -> (u16, Value) {
    let url = format!("https://127.0.0.1:{}/api/v1/dispensations", node.port("http"));
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--insecure", "--max-time", "60", "--write-out", "\n%{http_code}", "--data-binary", "@-"]);
    let mut curl = curl.args(arguments).arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, body) = (curl.stdin.take().unwrap(), body.to_vec());
    // Who is refused before his body is read may close first.
    let writer = std::thread::spawn(move || drop(input.write_all(&body)));
    let mut answer = String::new();
    curl.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
    curl.wait().unwrap();
    writer.join().unwrap();
    let (body, status) = answer.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

fn with<'a>(parts: &[&[&'a str]]) -> Vec<&'a str> {
    parts.concat()
}

#[test]
fn a_program_brings_what_was_dispensed_and_each_call_is_on_record() {
    let operator = Operator::new();
    let node = served(&operator);
    let (certificate, key) = (operator.path("accounts/resultats.pem"), operator.path("accounts/resultats.key"));
    let by_certificate = ["--cert", text(&certificate), "--key", text(&key)];
    let token = format!("Authorization: Bearer {TOKEN}");
    let by_token = ["--header", token.as_str()];

    let body = format!("{HEADER}\n{}\n{}\n", line(PATIENT), line("279035121518988"));
    let (status, told) = post(&node, body.as_bytes(), &with(&[&by_certificate, CSV]));
    assert_eq!(status, 200, "{told}");
    assert_eq!((&told["created"], &told["refused"]), (&json!(1), &json!(1)));
    assert_eq!(told["faults"], json!([{"line": 3, "code": "line-ins"}]));
    assert!(!told.to_string().contains("27903512151898"), "{told}");

    let object = json!({"ins": PATIENT, "finess": "990000044", "date": yesterday(), "reimbursed": true});
    let lines = ["--header", "Content-Type: application/x-ndjson"];
    let (status, told) = post(&node, format!("{object}\n{{}}\n").as_bytes(), &with(&[&by_token, &lines]));
    assert_eq!((status, &told["unchanged"], &told["refused"]), (200, &json!(1), &json!(1)), "{told}");

    let listed = operator.told(&["dispensation", "list", "--patient", PATIENT]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert!(node.end().0.success());
    for words in ["\"actor\":\"passerelle\"", "\"actor\":\"jeton\"", "dispensings brought: 2 lines, 1 new"] {
        assert!(operator.is_on_record(words), "{words}");
    }
    assert!(!operator.is_on_record(PATIENT) && !operator.is_on_record(TOKEN));
    let log = read(&operator.path("node.log"));
    assert!(!log.contains(PATIENT) && !log.contains(TOKEN), "{log}");
}

#[test]
fn who_is_not_known_brings_nothing() {
    let operator = Operator::new();
    let node = served(&operator);
    let body = format!("{HEADER}\n{}\n", line(PATIENT));
    let refused = |arguments: &[&str], status: u16, code: &str| {
        let (told, answer) = post(&node, body.as_bytes(), &with(&[arguments, CSV]));
        assert_eq!((told, &answer["error"]), (status, &json!(code)), "{arguments:?}: {answer}");
    };
    refused(&[], 401, "caller-unknown");
    refused(&["--header", "Authorization: Bearer nobody"], 401, "caller-unknown");
    refused(&["--header", "Authorization: Bearer"], 401, "caller-unknown");
    refused(&["--header", "Authorization: Bearer x"], 403, "scope-missing");
    // A certificate of somebody else, one that is revoked although its name is known, one of no authority.
    for name in ["peers/listed", "peers/revoked", "peers/self-signed", "peers/expired"] {
        let (certificate, key) = (operator.path(&format!("{name}.pem")), operator.path(&format!("{name}.key")));
        refused(&["--cert", text(&certificate), "--key", text(&key)], 401, "caller-unknown");
    }
    let listed = operator.told(&["dispensation", "list", "--patient", PATIENT]);
    assert_eq!(listed, json!([]));
    drop(node);
    assert!(operator.is_on_record("caller-unknown") && operator.is_on_record("scope-missing"));
}

#[test]
fn a_hostile_body_is_refused_within_bounds() {
    let operator = Operator::new();
    let node = served(&operator);
    let token = format!("Authorization: Bearer {TOKEN}");
    let refused = |body: &[u8], arguments: &[&str], status: u16, code: &str| {
        let (told, answer) = post(&node, body, &with(&[&["--header", token.as_str()], arguments]));
        assert_eq!((told, &answer["error"]), (status, &json!(code)), "{arguments:?}");
    };
    refused(b"x", CSV, 400, "header-line");
    refused(b"", CSV, 400, "header-line");
    refused(&[0xff; 1000], CSV, 400, "header-line");
    refused(b"x", &["--header", "Content-Type: text/html"], 415, "body-type");
    refused(b"x", &["--header", "Content-Type: text/csv; charset=latin1"], 415, "body-type");
    refused(b"x", &with(&[CSV, &["--header", "Content-Encoding: gzip"]]), 415, "body-type");
    let large = vec![b'x'; (4 << 20) + 1];
    refused(&large, CSV, 413, "body-large");
    refused(&large, &with(&[CSV, &["--header", "Transfer-Encoding: chunked"]]), 413, "body-large");
    // Many lines that are none cost little, and the node still answers.
    let nothing = format!("{HEADER}\n{}", "\u{fffd};;;\n".repeat(100_000));
    let (status, told) = post(&node, nothing.as_bytes(), &with(&[&["--header", token.as_str()], CSV]));
    assert_eq!((status, &told["refused"]), (200, &json!(100_000)));
    assert_eq!(told["faults"].as_array().unwrap().len(), 1000);
}

#[test]
fn who_calls_too_often_is_told_to_come_again() {
    let operator = Operator::new();
    let node = served(&operator);
    // Twice the bound: whenever the minute turns, one of its two halves is over it.
    let limited = (0..260).any(|_| post(&node, b"", &[]).0 == 429);
    assert!(limited);
}

#[test]
fn without_anybody_who_may_call_there_is_no_such_path() {
    let operator = Operator::new();
    let node = operator.serve();
    assert_eq!(post(&node, b"", CSV).0, 404);
}
