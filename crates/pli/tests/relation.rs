//! `pli relation`: why a patient may write to somebody, or may not, with a node and without.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pli_store::{Config, ContactEvent, Dispensing, MailboxChange, MailboxKind, NewMailbox, NewMessage, Store};
use pli_types::{Clock, ContactTurn, FinessId, Ins, MailAddress, MessageId, ReversePath, StructureId, SystemClock};
use serde_json::{Value, json};
use support::node::Operator;
use support::{assert_fails, exit, pli, stderr, stdout, text};

/// An identifier of nobody.
const INS: &str = "279035121518989";
const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const SECRETARY: &str = "secretariat@clinique.mssante.fr";
const PHARMACY: &str = "officine@pharmacie.mssante.fr";
const FINESS: &str = "750000018";

fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

/// The operator who hosts the patients' spaces; a doctor has written to one of them, and his secretary is who answers.
struct Stage(Operator);

impl Stage {
    fn new() -> Self {
        let stage = Self(Operator::new());
        stage.with_store(async |store| {
            accept(store, ContactTurn::Wrote, DOCTOR).await;
            accept(store, ContactTurn::WroteUnanswerable, DOCTOR).await;
            accept(store, ContactTurn::Wrote, SECRETARY).await;
            let structure = Some(StructureId::Finess(FinessId::parse(FINESS).unwrap()));
            let new = NewMailbox { structure, ..NewMailbox::new(address(PHARMACY), MailboxKind::Org) };
            let mailbox = store.add_mailbox(new, Vec::new()).await.unwrap();
            store.change_mailbox(mailbox, MailboxChange::Publish, Vec::new()).await.unwrap();
        });
        stage
    }

    /// Works on the store; meanwhile no node does.
    fn with_store<T>(&self, work: impl AsyncFnOnce(&dyn Store) -> T) -> T {
        let config = Config {
            url: format!("sqlite://{}", self.0.path("patients/store/pli.db").display()),
            master_key: self.0.path("patients/keys/master.key"),
        };
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let store = pli_store::open(&config, Arc::new(SystemClock)).await.unwrap();
            let done = work(&*store).await;
            store.close().await;
            done
        })
    }

    fn ask(&self, arguments: &[&str], format: &str) -> std::process::Output {
        let config = text(&self.0.path("patients/pli.toml")).to_owned();
        pli(&[&["relation"], arguments, &["--config", &config, "-o", format]].concat())
    }

    #[track_caller]
    fn told(&self, arguments: &[&str]) -> Value {
        let output = self.ask(arguments, "json");
        assert_eq!(exit(&output), 0, "{arguments:?}: {}", stderr(&output));
        serde_json::from_str(stdout(&output)).unwrap()
    }

    /// May the patient write, and if not, why not?
    #[track_caller]
    fn verdict(&self, contact: &str) -> (bool, Value) {
        let shown = self.told(&["show", INS, contact]);
        (shown["may_write"].as_bool().unwrap(), shown["reason"].clone())
    }

    fn dispensed(&self, days_ago: i64) {
        let on = today(days_ago);
        let dispensing = Dispensing {
            patient: Ins::parse(INS).unwrap(),
            pharmacy: FinessId::parse(FINESS).unwrap(),
            on,
            reimbursed: true,
        };
        self.with_store(async |store| store.put_dispensings(vec![dispensing], Vec::new()).await.unwrap());
    }
}

fn today(days_ago: i64) -> jiff::civil::Date {
    let at: Timestamp = SystemClock.now() - SignedDuration::from_hours(24 * days_ago);
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

async fn accept(store: &dyn Store, turn: ContactTurn, contact: &str) {
    let now = SystemClock.now();
    let id = MessageId::at(now);
    let mut writer = store.stage(id).unwrap();
    writer.write(b"a letter").await.unwrap();
    let body = writer.finish().await.unwrap();
    let event = ContactEvent {
        patient: Ins::parse(INS).unwrap(),
        contact: address(contact),
        turn,
        by: address(DOCTOR),
        at: now,
        message: Some(id),
    };
    let message = NewMessage { contacts: vec![event], ..NewMessage::new(id, now, ReversePath::Null, body) };
    store.accept(message).await.unwrap();
}

/// What an admin sees and does, the same with a node and without.
fn an_admin_looks_and_closes(stage: &Stage, contact: &str, how: &str) {
    let shown = stage.told(&["show", INS, contact]);
    assert!(shown["patient"].as_str().unwrap().starts_with("ins-"), "{shown}");
    assert_eq!((&shown["relation"], &shown["opened_by"]), (&json!("open"), &json!(DOCTOR)), "{shown}");
    assert_eq!((&shown["may_write"], &shown["pharmacy"]), (&json!(true), &Value::Null));

    let why = format!("the patient {INS} asks, {how}");
    let close = ["close", INS, contact, "--reason", why.as_str()];
    let tried = stage.told(&[&close[..], &["--dry-run"]].concat());
    assert_eq!((&tried["outcome"], &tried["dry_run"]), (&json!("would-be-changed"), &json!(true)));
    assert_eq!(stage.verdict(contact), (true, Value::Null), "nothing was done");
    let closed = stage.told(&close);
    assert_eq!((&closed["outcome"], &closed["relation"]), (&json!("changed"), &json!("closed")), "{closed}");
    assert_eq!(stage.told(&close)["outcome"], "unchanged");
    assert_eq!(stage.verdict(contact), (false, json!("relation-closed")));

    let shown = stage.told(&["show", INS, contact]);
    let history = shown["history"].as_array().unwrap();
    let last = history.last().unwrap();
    assert_eq!((&last["turn"], &last["relation"]), (&json!("closed-by-admin"), &json!("closed")), "{shown}");
    assert_eq!((&history[0]["turn"], &history[0]["relation"]), (&json!("wrote"), &json!("open")), "{shown}");
    let listed = stage.told(&["list", "--patient", INS]);
    let rows: Vec<&Value> = listed.as_array().unwrap().iter().filter(|row| row["contact"] == contact).collect();
    assert_eq!((rows.len(), &rows[0]["relation"]), (1, &json!("closed")));
    assert!(!listed.to_string().contains(INS));
}

#[test]
fn a_contact_is_shown_and_closed_with_a_node_and_without() {
    let stage = Stage::new();
    an_admin_looks_and_closes(&stage, DOCTOR, "without a node");
    assert!(on_record(&stage, " asks, without a node") && !on_record(&stage, &format!("the patient {INS}")));
    let unanswerable = stage.told(&["show", INS, DOCTOR]);
    assert!(unanswerable["unanswerable_at"].is_string() && unanswerable["history"][1]["relation"] == "open");
    let node = serve(&stage);
    an_admin_looks_and_closes(&stage, SECRETARY, "beside one");
    assert!(on_record(&stage, " asks, beside one"));
    let log = support::node::read(&node.log);
    assert!(log.contains("a patient's contact is closed") && !log.contains(INS), "{log}");
    node.end();
}

#[test]
fn where_nothing_ever_was_that_is_the_answer_and_there_is_nothing_to_close() {
    let stage = Stage::new();
    let shown = stage.told(&["show", INS, "inconnu@clinique.mssante.fr"]);
    assert_eq!(
        (&shown["relation"], &shown["since"], &shown["reason"]),
        (&json!("none"), &Value::Null, &json!("relation-none"))
    );
    assert_eq!(shown["history"], json!([]));
    let close = ["close", INS, "inconnu@clinique.mssante.fr", "--reason", "why"];
    assert_fails(&stage.ask(&close, "json"), 3, "relation-unknown");
    for wrong in [&["show", "279035121518988", DOCTOR], &["list", "--patient", "12"]] {
        let output = stage.ask(wrong, "json");
        assert_fails(&output, 2, "ins-invalid");
        assert!(!stderr(&output).contains("27903512151"), "{}", stderr(&output));
    }
    let elsewhere = text(&stage.0.path("pro/pli.toml")).to_owned();
    assert_fails(&pli(&["relation", "show", INS, DOCTOR, "--config", &elsewhere]), 2, "patients-not-hosted");
}

#[test]
fn a_pharmacys_dispensing_tells_whether_its_door_is_open() {
    let stage = Stage::new();
    let pharmacies = vec![FinessId::parse(FINESS).unwrap()];
    stage.with_store(async |store| store.put_pharmacies(pharmacies, false, Vec::new()).await.unwrap());
    assert_eq!(stage.verdict(PHARMACY), (false, json!("pharmacy-no-dispensing")));
    stage.dispensed(500);
    let shown = stage.told(&["show", INS, PHARMACY]);
    assert_eq!((&shown["pharmacy"], &shown["pharmacy_opens"]), (&json!(FINESS), &json!(false)), "{shown}");
    assert_eq!(shown["last_reimbursed_on"], json!(today(500)));
    stage.dispensed(10);
    let shown = stage.told(&["show", INS, PHARMACY]);
    assert_eq!((&shown["may_write"], &shown["pharmacy_opens"]), (&json!(true), &json!(true)), "{shown}");
    assert_eq!((&shown["relation"], &shown["last_dispensed_on"]), (&json!("none"), &json!(today(10))));
}

#[test]
fn identifiers_are_shown_to_who_says_why_and_a_timeline_to_people() {
    let stage = Stage::new();
    for (verb, on) in
        [(&["show", INS, DOCTOR][..], "relation show: "), (&["list", "--patient", INS], "relation list: ")]
    {
        assert!(!stage.told(verb).to_string().contains(INS), "{verb:?}");
        assert!(!on_record(&stage, on));
        let clear = stage.told(&[verb, &["--reveal", "--reason", "the patient asks"]].concat()).to_string();
        assert!(clear.contains(INS) && on_record(&stage, on), "{clear}");
    }
    let output = stage.ask(&["show", INS, DOCTOR], "table");
    let table = stdout(&output);
    let at = |words: &str| table.find(words).unwrap_or_else(|| panic!("{words} is not in {table}"));
    assert!(at("may_write") < at("AT ") && at("wrote ") < at("wrote-unanswerable"), "{table}");
}

fn on_record(stage: &Stage, words: &str) -> bool {
    ["patients/store/pli.db", "patients/store/pli.db-wal"].iter().any(|name| {
        let bytes = std::fs::read(stage.0.path(name)).unwrap_or_default();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    })
}

/// The node of this operator.
fn serve(stage: &Stage) -> support::node::Node {
    stage.0.serve_as("patients")
}
