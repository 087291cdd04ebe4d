//! `GET /api/v1/messages`, with curl as the program of a sender: he sees his own messages, and of others not that they are.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::process::Command;

use jiff::SignedDuration;
use pli_types::{Clock, SystemClock};
use serde_json::{Value, json};
use support::letters::{address, letter, masker, store};
use support::node::{Node, Operator, read};
use support::{exit, pli, stderr, text};

const OFFICE: &str = "officine@pharmacie-du-pont.mssante.fr";
const OTHER: &str = "officine@pharmacie-de-la-gare.mssante.fr";
const MACHINE: &str = "resultats@ch-exemple.mssante.fr";
const PEER: &str = "dr@peer.mssante.fr";
/// Identifiers of nobody.
const PATIENT: &str = "279035121518989";
const CORSICAN: &str = "297022A02077878";
const LIST: &str = "/api/v1/messages";

/// What was answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Value,
}

/// What a node answers to who shows these arguments to curl.
fn get(node: &Node, path: &str, arguments: &[&str]) -> Answer {
    let url = format!("https://127.0.0.1:{}{path}", node.port("http"));
    let mut curl = Command::new("curl");
    let curl = curl.args(["--silent", "--show-error", "--insecure", "--max-time", "60", "--include"]);
    let output = curl.args(arguments).arg(url).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let answer = String::from_utf8(output.stdout).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: serde_json::from_str(body).unwrap_or(Value::Null) }
}

/// An account or a mailbox, and what lets it in.
struct Person(String);

impl Person {
    fn new(name: &str, password: &str) -> Self {
        Self(format!("{name}:{password}"))
    }

    /// Gets a password for an account that is there.
    fn known(operator: &Operator, name: &str) -> Self {
        let made = operator.told(&["account", "passwd", name, "--generate"]);
        Self::new(name, made["password"].as_str().unwrap())
    }

    fn asks(&self, node: &Node, path: &str) -> Answer {
        get(node, path, &["--user", &self.0])
    }

    /// The ids that a list has for him.
    #[track_caller]
    fn listed(&self, node: &Node, query: &str) -> Vec<String> {
        let answer = self.asks(node, &format!("{LIST}?{query}"));
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        let ids = answer.body["messages"].as_array().unwrap().iter().map(|told| told["message"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    }

    /// Brings a letter as his mail program does; the `id=` of the reply.
    fn sends(&self, operator: &Operator, node: &Node, from: &str, to: &str) -> String {
        let letter = format!("From: {from}\r\nTo: {to}\r\nSubject: s\r\nMessage-ID: <{from}>\r\n\r\nA letter.\r\n");
        let file = operator.path("letter.eml");
        std::fs::write(&file, letter).unwrap();
        let url = format!("smtps://127.0.0.1:{}", node.port("submissions"));
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--verbose", "--insecure", "--max-time", "60", "--user", &self.0, &url]);
        let curl = curl.args(["--mail-from", from, "--mail-rcpt", to, "--upload-file"]).arg(file);
        let output = curl.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        let id = said.lines().filter(|line| line.contains("250 2.0.0")).find_map(|line| line.split_once("id="));
        id.unwrap_or_else(|| panic!("{said}")).1.trim().to_owned()
    }
}

/// Four letters of two pharmacies, a minute apart, the last one a minute ago, and a node that has them.
fn with_letters() -> (Operator, [String; 4]) {
    let operator = Operator::new();
    let ids = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (now, mask) = (SystemClock.now(), masker(&operator, "pro"));
        let store = store(&operator, "pro", now).await;
        let patient = format!("{PATIENT}@patient.mssante.fr");
        let letters: [(&str, &[&str]); 4] =
            [(OFFICE, &[PEER, &patient]), (OTHER, &[PEER]), (OFFICE, &[PEER]), (OTHER, &["dr@third.mssante.fr"])];
        let mut ids = Vec::new();
        for ((sender, to), number) in letters.into_iter().zip(0_u8..) {
            let at = now - SignedDuration::from_mins(4 - i64::from(number));
            ids.push(letter(&*store, &mask, at, sender, to, number).await.to_string());
        }
        store.close().await;
        ids.try_into().unwrap()
    });
    (operator, ids)
}

#[test]
fn a_sender_sees_what_became_of_his_message_as_the_admin_is_shown_it_for_him() {
    let operator = Operator::new();
    let node = operator.serve();
    let (sender, other) = (Person::known(&operator, OFFICE), Person::known(&operator, OTHER));
    let id = sender.sends(&operator, &node, OFFICE, OTHER);
    let his = sender.asks(&node, &format!("{LIST}/{id}"));
    assert_eq!(his.status, 200, "{his:?}");
    assert_eq!(his.body["parties"][0]["state"], "delivered", "{his:?}");
    assert_eq!(his.body, operator.told(&["message", "trace", &id, "--as", OFFICE]));
    assert!(his.head.contains("cache-control: no-store") && !his.head.contains("set-cookie"), "{his:?}");
    assert_eq!(sender.listed(&node, &format!("to={OTHER}")), [id.as_str()]);
    assert_eq!(sender.listed(&node, "message-id=%3Cofficine%40pharmacie-du-pont.mssante.fr%3E"), [id.as_str()]);

    // Its recipient did not send it, and is told what is told of a message that never was, and of what is none.
    let ids = [id.as_str(), "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b", "%ff"];
    let [of_another, unknown, malformed] = ids.map(|id| other.asks(&node, &format!("{LIST}/{id}")));
    assert_eq!((of_another.status, &of_another.body["error"]), (404, &json!("message-unknown")));
    for same in [unknown, malformed] {
        assert_eq!((same.status, same.body), (404, of_another.body.clone()));
    }
    assert_eq!(other.listed(&node, ""), [""; 0]);
    assert_eq!(other.asks(&node, &format!("{LIST}?before={id}")).body, of_another.body);

    assert!(node.end().0.success());
    assert!(operator.is_on_record("\"kind\":\"asked\",\"face\":\"http\""));
    for words in ["\"reason\":\"message-unknown\"", "the last 100, by a Message-ID: 1 told"] {
        assert!(operator.is_on_record(words), "{words}");
    }
    // That he asked is the record's, and no part of the message's story.
    let whole = operator.told(&["message", "trace", &id]);
    assert!(!whole["events"].to_string().contains("asked"), "{whole}");
}

#[test]
fn a_list_has_what_is_asked_for_the_last_first_and_page_by_page() {
    let (operator, ids) = with_letters();
    let node = operator.serve();
    let sender = Person::known(&operator, OFFICE);
    let mine = |query: &str| {
        let listed = sender.listed(&node, query);
        listed.iter().map(|id| ids.iter().position(|one| one == id).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(mine(""), [2, 0]);
    assert_eq!(mine("to=DR%40peer.mssante.fr"), [2, 0]);
    assert_eq!(mine(&format!("to={PATIENT}")), [0]);
    assert_eq!(mine(&format!("to={CORSICAN}")), [0; 0]);
    assert_eq!(mine("to=dr%40third.mssante.fr"), [0; 0], "somebody else has written to him");
    assert_eq!(mine("message-id=%3C2%40bench.test%3E"), [2]);
    assert_eq!(mine("message-id=3%40bench.test"), [0; 0], "it is somebody else's");
    assert_eq!(mine(&format!("from={OTHER}")), [0; 0]);
    let whole = sender.asks(&node, LIST).body;
    let at = |place: usize| whole["messages"][place]["accepted_at"].as_str().unwrap();
    assert_eq!(mine(&format!("since={}", at(0))), [2]);
    assert_eq!(mine(&format!("until={}", at(0))), [0]);
    assert_eq!(mine("since=2000-01-01&until=2000-01-02"), [0; 0]);

    let page = sender.asks(&node, &format!("{LIST}?limit=1")).body;
    assert_eq!((&page["messages"][0]["message"], &page["more"]), (&json!(ids[2]), &json!(true)));
    assert_eq!((mine(&format!("limit=1&before={}", ids[2])), &whole["more"]), (vec![0], &json!(false)));
    // A patient's address is his own word, and masked all the same.
    assert!(!whole.to_string().contains(PATIENT) && whole.to_string().contains("ins-"), "{whole}");
    assert_eq!(whole["messages"][0]["events"], Value::Null);
    for bad in ["limit=0", "limit=101", "to=x", "since=yesterday", "sender=a", "limit=1&limit=1", "to=%zz"] {
        let answer = sender.asks(&node, &format!("{LIST}?{bad}"));
        assert_eq!((answer.status, &answer.body["error"]), (400, &json!("query")), "{bad}");
    }
    assert_eq!(sender.asks(&node, &format!("{LIST}/{}?limit=1", ids[2])).status, 400);
    assert!(node.end().0.success());
    let asked_for = masker(&operator, "pro").address(&address(&format!("{CORSICAN}@patient.mssante.fr")));
    assert!(operator.is_on_record("\"recipient\":\"⟦0⟧@patient.mssante.fr\""), "it is on record");
    assert!(!operator.is_on_record(CORSICAN) && !operator.is_on_record(&asked_for), "and sealed");
    assert!(!read(&operator.path("node.log")).contains(PATIENT));
}

#[test]
fn whoever_may_write_as_an_address_sees_its_messages_and_no_longer() {
    let (operator, ids) = with_letters();
    let node = operator.serve();
    operator.told(&["account", "add", "j.dupont", "--mailbox", OFFICE, "--mailbox", OTHER]);
    let person = Person::known(&operator, "j.dupont");
    let newest: Vec<&String> = ids.iter().rev().collect();
    assert_eq!(person.listed(&node, "").iter().collect::<Vec<_>>(), newest);
    assert_eq!(person.listed(&node, "limit=3").iter().collect::<Vec<_>>(), newest[..3]);
    assert_eq!(person.listed(&node, &format!("from={OTHER}")), [ids[3].as_str(), &ids[1]]);
    assert_eq!(person.asks(&node, &format!("{LIST}/{}?from={OFFICE}", ids[1])).status, 404);

    // What is made for one mailbox shows that one's.
    let made = operator.told(&["account", "app-password", "add", "j.dupont", "--mailbox", OTHER, "--label", "x"]);
    let program = Person::new(OTHER, made["secret"].as_str().unwrap());
    assert_eq!(program.listed(&node, ""), [ids[3].as_str(), &ids[1]]);
    assert_eq!(program.asks(&node, &format!("{LIST}/{}", ids[0])).status, 404);

    operator.told(&["mailbox", "suspend", OTHER, "--reason", "moved"]);
    assert_eq!(program.asks(&node, LIST).status, 401, "a mailbox that is suspended opens for nobody");
    assert_eq!(person.listed(&node, ""), [ids[2].as_str(), &ids[0]]);
    operator.told(&["account", "revoke", "j.dupont", OTHER, "--reason", "has left"]);
    operator.told(&["mailbox", "resume", OTHER]);
    assert_eq!(person.asks(&node, &format!("{LIST}/{}", ids[1])).status, 404);
    operator.told(&["account", "set", "j.dupont", "--disable", "--reason", "on leave"]);
    assert_eq!(person.asks(&node, LIST).status, 401);
}

#[test]
fn a_program_asks_by_its_certificate() {
    let operator = Operator::new();
    let now = SystemClock.now();
    let id = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = store(&operator, "pro", now).await;
        let id = letter(&*store, &masker(&operator, "pro"), now, MACHINE, &[PEER], 1).await;
        store.close().await;
        id.to_string()
    });
    let node = operator.serve();
    let shows = |name: &str| {
        let (certificate, key) = (operator.path(&format!("{name}.pem")), operator.path(&format!("{name}.key")));
        get(&node, LIST, &["--cert", text(&certificate), "--key", text(&key)])
    };
    let told = shows("accounts/resultats");
    assert_eq!((told.status, &told.body["messages"][0]["message"]), (200, &json!(id)), "{told:?}");
    for nobody in ["peers/listed", "peers/revoked", "peers/self-signed"] {
        assert_eq!(shows(nobody).status, 401, "{nobody}");
    }
}

#[test]
fn a_patient_and_his_helper_see_his_messages_and_no_other_patients() {
    let operator = Operator::new();
    let [patient, other] = [PATIENT, CORSICAN].map(|ins| format!("{ins}@patient.mssante.fr"));
    let now = SystemClock.now();
    let [mine, theirs] = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (store, mask) = (store(&operator, "patients", now).await, masker(&operator, "patients"));
        let mine = letter(&*store, &mask, now, &patient, &[PEER], 1).await.to_string();
        let theirs = letter(&*store, &mask, now, &other, &[PEER], 2).await.to_string();
        store.close().await;
        [mine, theirs]
    });
    let node = operator.serve_as("patients");
    let manifest: Value = serde_json::from_str(&read(&operator.path("sandbox.json"))).unwrap();
    let his = manifest["patients"].as_array().unwrap().iter().find(|one| one["ins"] == PATIENT).unwrap();
    let person = Person::new(&patient, his["password"].as_str().unwrap());
    let config = operator.path("patients/pli.toml");
    let told = |arguments: &[&str]| {
        let output = pli(&[arguments, &["--config", text(&config), "-o", "json"]].concat());
        assert_eq!(exit(&output), 0, "{arguments:?}: {}", stderr(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    told(&["account", "add", "helper"]);
    told(&["account", "grant", "helper", &patient, "--helper"]);
    let made = told(&["account", "passwd", "helper", "--generate"]);
    let helper = Person::new("helper", made["password"].as_str().unwrap());
    for somebody in [person, helper] {
        assert_eq!(somebody.listed(&node, ""), [mine.as_str()]);
        assert_eq!(somebody.asks(&node, &format!("{LIST}/{mine}")).status, 200);
        assert_eq!(somebody.asks(&node, &format!("{LIST}/{theirs}")).status, 404);
    }
    assert!(!read(&operator.path("node.log")).contains(PATIENT));
}

#[test]
fn guesses_here_count_at_every_door() {
    let operator = Operator::new();
    let mut config: toml::Table = read(&operator.path("pro/pli.toml")).parse().unwrap();
    let signin = config.get_mut("signin").unwrap().as_table_mut().unwrap();
    signin.insert("failures_undelayed".to_owned(), 3.into());
    signin.insert("failures_per_address".to_owned(), 3.into());
    operator.replace("pro/pli.toml", &config.to_string());
    let node = operator.serve();
    let right = Person::known(&operator, OFFICE);
    for guess in 0..3 {
        let answer = Person::new(OFFICE, &format!("guess {guess}")).asks(&node, LIST);
        assert_eq!((answer.status, &answer.body["error"]), (401, &json!("authentication-failed")), "{answer:?}");
        assert!(answer.head.contains("www-authenticate: basic realm=\"pli\", charset=\"utf-8\""), "{answer:?}");
        assert!(!answer.head.contains("bearer"), "no tokens are taken here: {answer:?}");
    }
    let answer = right.asks(&node, LIST);
    assert_eq!((answer.status, &answer.body["error"]), (429, &json!("rate-exceeded")), "{answer:?}");
    assert!(answer.head.contains("retry-after: "), "{answer:?}");
    let url = format!("imaps://127.0.0.1:{}", node.port("imaps"));
    let mut curl = Command::new("curl");
    let curl = curl.args(["--silent", "--verbose", "--insecure", "--max-time", "60", "--user", &right.0, &url]);
    let output = curl.output().unwrap();
    assert!(stderr(&output).contains("NO [LIMIT]"), "{}", stderr(&output));
    assert!(node.end().0.success());
    assert!(operator.is_on_record("\"kind\":\"sign-in-failed\",\"face\":\"http\""));
}

#[test]
fn who_shows_nothing_that_can_be_judged_is_nobody() {
    let operator = Operator::new();
    let node = operator.serve();
    let refused = |arguments: &[&str], code: &str| {
        for path in [LIST.to_owned(), format!("{LIST}?sender=x"), format!("{LIST}/0190a1b2c3d47e5f8a9b0c1d2e3f4a5b")] {
            let answer = get(&node, &path, arguments);
            assert_eq!((answer.status, &answer.body["error"]), (401, &json!(code)), "{path} {arguments:?}: {answer:?}");
            assert!(answer.head.contains("www-authenticate: basic "), "{answer:?}");
        }
    };
    refused(&[], "authentication-required");
    for header in ["Basic", "Basic %%%", "Basic QQ==", "Bearer abc", "Digest a", "x", "Basic \u{e9}"] {
        refused(&["--header", &format!("Authorization: {header}")], "authentication-failed");
    }
    let person = Person::known(&operator, OFFICE);
    let both = ["--user", person.0.as_str(), "--header", "Authorization: Bearer abc"];
    assert_eq!(get(&node, LIST, &both).status, 401);
    for method in ["POST", "DELETE", "PUT"] {
        let arguments = ["--user", person.0.as_str(), "--request", method, "--data", "x"];
        assert_eq!(get(&node, LIST, &arguments).status, 405, "{method}");
    }
    // A body that nobody has asked for is not read.
    let body = "x".repeat(1 << 17);
    operator.put("body", &body);
    let sent = format!("@{}", text(&operator.path("body")));
    let arguments = ["--user", person.0.as_str(), "--request", "GET", "--data-binary", &sent];
    assert_eq!(get(&node, LIST, &arguments).status, 200);
    // Twice the bound: whenever the minute turns, one of its two halves is over it.
    let limited = (0..260).any(|_| get(&node, LIST, &[]).status == 429);
    assert!(limited);
    assert!(node.end().0.success());
    assert!(operator.is_on_record("authentication-required"));
}

#[test]
fn the_door_can_be_shut() {
    let operator = Operator::new();
    let shut = read(&operator.path("pro/pli.toml")) + "\n[api]\nmessages = false\n";
    operator.replace("pro/pli.toml", &shut);
    let node = operator.serve();
    let person = Person::known(&operator, OFFICE);
    assert_eq!(person.asks(&node, LIST).status, 404);
    assert_eq!(person.asks(&node, &format!("{LIST}/0190a1b2c3d47e5f8a9b0c1d2e3f4a5b")).status, 404);
}
