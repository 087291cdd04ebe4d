//! `pli explain` on a seeded sandbox: what it says, what it prints, how it ends.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::process::Output;

use serde_json::Value;
use support::node::Operator;
use support::{assert_fails, exit, pli, stderr, stdout, text};

/// Asks the operator `pro`, in JSON.
fn explain(operator: &Operator, arguments: &[&str]) -> Output {
    let config = operator.config();
    pli(&[&["explain", "--config", &config, "-o", "json"], arguments].concat())
}

/// The answer; a message that would not be taken ends with 1, its code on standard error.
fn answer(output: &Output) -> Value {
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)));
    match answer["reason"].as_str() {
        None => assert_eq!((exit(output), stderr(output)), (0, "")),
        Some(code) => {
            assert_eq!(exit(output), 1);
            assert!(stderr(output).starts_with(&format!("error[{code}]: ")), "{}", stderr(output));
            assert!(answer["reply"].as_str().unwrap().contains(&format!("[{code}]")), "{answer}");
            assert_eq!(answer["rules"].as_array().unwrap().last().unwrap()["outcome"], answer["decision"]);
        }
    }
    answer
}

struct Cast {
    operator: Operator,
    manifest: Value,
}

impl Cast {
    fn new() -> Self {
        let operator = Operator::new();
        let manifest = std::fs::read(operator.path("sandbox.json")).unwrap();
        Self { manifest: serde_json::from_slice(&manifest).unwrap(), operator }
    }

    /// Of an operator or of a peer: certificate file and one address of a domain of its.
    fn peer(&self, name: &str) -> String {
        let peer = &self.manifest["peers"][name];
        let file = peer["certificate"].as_str().unwrap_or_else(|| panic!("{name} in {}", self.manifest["peers"]));
        text(&self.operator.path(file)).to_owned()
    }

    fn operator(&self, name: &str) -> (String, String) {
        let operators = self.manifest["operators"].as_array().unwrap();
        let operator = operators.iter().find(|operator| operator["name"] == name).unwrap();
        let file = self.operator.path(operator["certificate"].as_str().unwrap());
        (text(&file).to_owned(), format!("dr.martin@{}", operator["domains"][0].as_str().unwrap()))
    }

    /// A mailbox of this operator.
    fn account(&self) -> String {
        let domains = &self.manifest["operators"][0]["domains"];
        let ours = |address: &str| {
            domains.as_array().unwrap().iter().any(|domain| address.ends_with(domain.as_str().unwrap()))
        };
        let accounts = self.manifest["accounts"].as_array().unwrap().iter();
        let mut addresses = accounts.filter_map(|account| account["address"].as_str());
        addresses.find(|address| ours(address)).unwrap().to_owned()
    }
}

#[test]
fn a_listed_operator_reaches_a_mailbox_here_and_everything_is_told() {
    let cast = Cast::new();
    let ((certificate, from), to) = (cast.operator("elsewhere"), cast.account());
    let asked = ["--from", &from, "--to", &to, "--peer-cert", &certificate];
    let told = answer(&explain(&cast.operator, &asked));
    assert_eq!((&told["decision"], &told["reason"]), (&"accept".into(), &Value::Null), "{told}");
    assert_eq!(told["reply"], "250 2.1.5 Recipient accepted.");
    let rules = told["rules"].as_array().unwrap();
    for (rule, fact) in [
        ("tls", "tls"),
        ("client-certificate", "serial"),
        ("certificate-listed", "trust-list-of"),
        ("sender-domain", "sender-listing"),
        ("relay", "hosted-here"),
        ("recipient-known", "mailbox"),
    ] {
        let found = rules.iter().find(|outcome| outcome["rule"] == rule).expect(rule);
        assert_eq!(found["outcome"], "accept");
        assert!(found["facts"][fact].is_string(), "{fact} in {found}");
    }
    let later = [asked.as_slice(), &["--at", "2100-01-01T00:00:00Z"]].concat();
    assert_eq!(answer(&explain(&cast.operator, &later))["reason"], "certificate-expired");
    let config = cast.operator.config();
    let page = pli(&[["explain", "--config", &config, "-o", "table"].as_slice(), &asked].concat());
    assert_eq!(exit(&page), 0);
    assert!(stdout(&page).contains("\naccept  client-certificate\n"), "{}", stdout(&page));
}

#[test]
fn each_refusal_has_the_reason_of_the_server() {
    let cast = Cast::new();
    let ((certificate, from), to) = (cast.operator("elsewhere"), cast.account());
    for (name, code) in
        [("expired", "certificate-expired"), ("revoked", "certificate-revoked"), ("unlisted", "certificate-not-listed")]
    {
        let told = answer(&explain(&cast.operator, &["--from", &from, "--to", &to, "--peer-cert", &cast.peer(name)]));
        assert_eq!((&told["decision"], &told["reason"]), (&"refuse".into(), &code.into()), "{told}");
    }
    let relay = ["--from", &from, "--to", &from, "--peer-cert", &certificate];
    assert_eq!(answer(&explain(&cast.operator, &relay))["reason"], "relay-denied");
    let unknown = to.replacen(|_| true, "nobody.", 1);
    let unknown = ["--from", &from, "--to", &unknown, "--peer-cert", &certificate];
    assert_eq!(answer(&explain(&cast.operator, &unknown))["reason"], "recipient-unknown");
}

#[test]
fn a_file_without_a_certificate_is_told_by_its_name() {
    let cast = Cast::new();
    let (from, to) = ("a@peer.mssante.fr", "a@peer.mssante.fr");
    let explained = |path: &str| explain(&cast.operator, &["--from", from, "--to", to, "--peer-cert", path]);
    assert_fails(&explained("/nonexist"), 3, "file-not-found");
    let none = explained(text(&cast.operator.path("sandbox.json")));
    assert_fails(&none, 2, "file-unusable");
    assert!(!stderr(&none).contains("configuration"), "{}", stderr(&none));
}

#[test]
fn whoever_has_a_mailbox_here_is_taken_to_have_signed_in() {
    let cast = Cast::new();
    let (from, (_, to)) = (cast.account(), cast.operator("elsewhere"));
    assert_eq!(answer(&explain(&cast.operator, &["--from", &from, "--to", &to]))["decision"], "accept");
    let other = answer(&explain(&cast.operator, &["--from", &to, "--to", &to, "--account", &from]));
    assert_eq!(other["reason"], "sender-not-owned");
    let outside = answer(&explain(&cast.operator, &["--from", &from, "--to", "x@example.test"]));
    assert_eq!(outside["reason"], "recipient-domain-not-listed");
    for from in [&to, "<>"] {
        assert_fails(&explain(&cast.operator, &["--from", from, "--to", &to]), 2, "usage");
    }
    assert_fails(&explain(&cast.operator, &["--from", &to, "--to", &to, "--account", &to]), 3, "account-unknown");
}

#[test]
fn content_is_judged_byte_for_byte() {
    let cast = Cast::new();
    let ((certificate, from), to) = (cast.operator("elsewhere"), cast.account());
    let ask = |content: &[u8]| {
        let eml = cast.operator.path("letter.eml");
        std::fs::write(&eml, content).unwrap();
        let arguments = ["--from", &from, "--to", &to, "--peer-cert", &certificate, "--eml", text(&eml)];
        answer(&explain(&cast.operator, &arguments))
    };
    let good = format!("From: <{from}>\r\nSubject: DUPONT 279035121518989\r\n\r\n.\r\nbody\r\n");
    let told = ask(good.as_bytes());
    assert_eq!((&told["decision"], &told["reply"]), (&"accept".into(), &"250 2.0.0 Kept under seal id=…".into()));
    assert!(!told.to_string().contains("DUPONT"), "nothing of the letter is told");
    assert_eq!(ask(good.replace("\r\nbody", "\nbody").as_bytes())["reason"], "line-ending");
    assert_eq!(ask(good.replace("body", "\0").as_bytes())["reason"], "message-malformed");
    assert_eq!(ask(good.replace(&from, &to).as_bytes())["reason"], "header-from-mismatch");
    let big = [
        good.as_bytes(),
        b"0123456789012345678901234567890123456789012345678901234567890123456789012345678\r\n"
            .repeat(400_000)
            .as_slice(),
    ]
    .concat();
    assert_eq!(ask(&big)["reason"], "message-too-big");
}

#[test]
fn a_patients_identifier_is_masked_and_a_node_may_be_running() {
    let cast = Cast::new();
    let node = cast.operator.serve();
    let (certificate, from) = cast.operator("patients");
    let output = explain(
        &cast.operator,
        &["--from", &from, "--to", "279035121518989@patient.mssante.fr", "--peer-cert", &certificate],
    );
    assert!(!stdout(&output).contains("279035121518989"), "{}", stdout(&output));
    assert!(answer(&output)["to"].as_str().unwrap().starts_with("ins-"));
    assert!(node.end().0.success());
}
