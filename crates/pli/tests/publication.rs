//! The publication of mailboxes in the state's directory (R-BAL-7), played by a double of it.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use pli_store::{MailboxChange, MailboxDetails, MailboxKind, NewMailbox, Store};
use pli_types::{MailAddress, RppsId, StructureId, SystemClock};
use serde_json::Value;
use support::annuaire::{Double, outcome};
use support::node::{Operator, read};

async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Works on the store of an operator whose node does not run.
async fn with_store<T>(operator: &Operator, work: impl AsyncFnOnce(&dyn Store) -> T) -> T {
    let config: toml::Table = read(&operator.path("pro/pli.toml")).parse().unwrap();
    let (url, key) = (config["store"]["url"].as_str().unwrap(), config["store"]["master_key"].as_str().unwrap());
    let file = operator.path("pro").join(url.strip_prefix("sqlite://").unwrap());
    let config =
        pli_store::Config { url: format!("sqlite://{}", file.display()), master_key: operator.path("pro").join(key) };
    let store = pli_store::open(&config, Arc::new(SystemClock)).await.unwrap();
    let done = work(&*store).await;
    store.close().await;
    done
}

async fn change(operator: &Operator, address: &str, changes: &[MailboxChange]) {
    let address = MailAddress::parse(address).unwrap();
    with_store(operator, async |store| {
        let mailbox = store.mailbox(&address).await.unwrap().unwrap().id;
        for change in changes {
            store.change_mailbox(mailbox, change.clone(), Vec::new()).await.unwrap();
        }
    })
    .await;
}

const RPPS: &str = "10103441234";

/// A professional's new mailbox.
async fn professional(operator: &Operator) -> String {
    let config: toml::Table = read(&operator.path("pro/pli.toml")).parse().unwrap();
    let address = format!("zoe.lefevre@{}", config["server"]["domains"][0].as_str().unwrap());
    with_store(operator, async |store| {
        let rpps = Some(RppsId::parse(RPPS).unwrap());
        let new = NewMailbox::new(MailAddress::parse(&address).unwrap(), MailboxKind::Per);
        store.add_mailbox(NewMailbox { rpps, ..new }, Vec::new()).await.unwrap();
    })
    .await;
    address
}

fn details(unlisted: bool, digitisation: bool) -> MailboxChange {
    MailboxChange::Details(MailboxDetails { unlisted, digitisation, ..MailboxDetails::default() })
}

/// An operator who publishes, with a professional whom the directory knows.
async fn publishing(how: &str) -> (Arc<Operator>, Double, String) {
    let operator = Arc::new(off(Operator::new).await);
    let double = Double::start(&operator, how).await;
    let address = professional(&operator).await;
    double.add("Practitioner", "003-1", &[&format!("urn:oid:1.2.250.1.71.4.2.1|8{RPPS}")]);
    (operator, double, address)
}

fn operations(patches: &[Value]) -> Vec<(String, String)> {
    let operations = patches.iter().flat_map(|patch| patch["parameter"].as_array().unwrap());
    let part =
        |operation: &Value, place: usize, kind: &str| operation["part"][place][kind].as_str().unwrap().to_owned();
    operations.map(|one| (part(one, 0, "valueCode"), part(one, 1, "valueString"))).collect()
}

/// Serves until nothing waits any more, and ends.
async fn let_it_tell(operator: &Arc<Operator>) {
    let operator = Arc::clone(operator);
    off(move || {
        let mut node = operator.serve();
        node.wait_for(|| operator.told(&["directory", "publications"]).as_array().unwrap().is_empty().then_some(()));
        node.end();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_directory_follows_the_life_of_a_mailbox_and_is_told_once() {
    let (operator, double, address) = publishing("send").await;
    change(&operator, &address, &[MailboxChange::Publish]).await;
    let_it_tell(&operator).await;
    assert_eq!(double.addresses("003-1"), std::slice::from_ref(&address));
    assert_eq!(operations(&double.patches())[0].0, "insert");
    assert!(operator.is_on_record("the state's directory has "));

    double.asked();
    let_it_tell(&operator).await;
    assert_eq!(double.asked(), Vec::<String>::new(), "nothing has changed");

    // Said for the first time, then changed part by part.
    change(&operator, &address, &[details(false, true)]).await;
    let_it_tell(&operator).await;
    change(&operator, &address, &[details(false, false)]).await;
    let_it_tell(&operator).await;
    let told = operations(&double.patches());
    assert_eq!(told.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["replace", "replace"]);
    assert!(told[1].1.ends_with(".extension('digitization').value"), "{told:?}");

    // A change that is taken back before it was told is none.
    change(&operator, &address, &[MailboxChange::Suspend, MailboxChange::Resume]).await;
    let_it_tell(&operator).await;
    assert_eq!(double.patches(), Vec::<Value>::new());

    change(&operator, &address, &[MailboxChange::Suspend]).await;
    let_it_tell(&operator).await;
    assert_eq!(double.addresses("003-1"), Vec::<String>::new());
}

/// Scenario 46: it is never published, and is taken out if it was, or if somebody else had put it there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_on_the_red_list_is_never_in_the_directory() {
    let (operator, double, address) = publishing("send").await;
    change(&operator, &address, &[details(true, false), MailboxChange::Publish]).await;
    let_it_tell(&operator).await;
    assert_eq!(double.asked(), Vec::<String>::new(), "the directory never hears of it");

    change(&operator, &address, &[details(false, false)]).await;
    let_it_tell(&operator).await;
    assert_eq!(double.addresses("003-1"), std::slice::from_ref(&address));
    change(&operator, &address, &[details(true, false)]).await;
    let_it_tell(&operator).await;
    assert_eq!(double.addresses("003-1"), Vec::<String>::new());
}

/// Nobody may change whose a mailbox is: it is taken out there and put in here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_follows_its_holder_from_his_place_of_work() {
    let (operator, double, address) = publishing("send").await;
    double.add("Organization", "001-1", &["https://finess.esante.gouv.fr|750048886"]);
    double.add("PractitionerRole", "005-1", &[]);
    double.add("PractitionerRole", "005-2", &[]);
    for (place, organization) in [(2, "001-1"), (3, "001-9")] {
        let role = &mut double.held.lock().unwrap().resources[place];
        role["practitioner"]["reference"] = "Practitioner/003-1".into();
        role["organization"]["reference"] = format!("Organization/{organization}").into();
    }
    let rpps = Some(RppsId::parse(RPPS).unwrap());
    let structure = Some(StructureId::parse("750048886").unwrap());
    let there = MailboxChange::Holder { rpps: rpps.clone(), structure };
    change(&operator, &address, &[there, MailboxChange::Publish]).await;
    let_it_tell(&operator).await;
    assert_eq!(double.addresses("005-1"), std::slice::from_ref(&address));
    assert!(double.asked().iter().any(|one| one == "PATCH /fhir/v2/PractitionerRole/005-1"));

    change(&operator, &address, &[MailboxChange::Holder { rpps, structure: None }]).await;
    let_it_tell(&operator).await;
    assert_eq!(double.addresses("005-1"), Vec::<String>::new());
    assert_eq!(double.addresses("003-1"), [address]);
}

/// As after a try whose end nobody knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_directory_has_already_is_not_inserted_again() {
    let (operator, double, address) = publishing("send").await;
    change(&operator, &address, &[MailboxChange::Publish]).await;
    let_it_tell(&operator).await;
    let there = double.held.lock().unwrap().resources.clone();
    with_store(&operator, async |store| {
        let address = MailAddress::parse(&address).unwrap();
        let one = store.publication(&address).await.unwrap().unwrap();
        let forgotten = pli_store::PublicationOutcome::Told(None);
        store.settle_publication(&one, forgotten, one.waits_since, Vec::new()).await.unwrap();
        store.hasten_publications(&[address], one.waits_since, Vec::new()).await.unwrap();
    })
    .await;
    double.patches();
    let_it_tell(&operator).await;
    assert_eq!(double.patches(), Vec::<Value>::new());
    assert_eq!(double.held.lock().unwrap().resources, there);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_waits_with_its_reason_and_an_admin_can_have_it_tried_now() {
    let (operator, double, address) = publishing("send").await;
    change(&operator, &address, &[MailboxChange::Publish]).await;
    double.instead(503, "Retry-After: 3600\r\n", &outcome("transient"));
    off(move || {
        let mut node = operator.serve();
        let row = node.wait_for(|| {
            let rows = operator.told(&["directory", "publications"]);
            rows.get(0).filter(|row| row["attempts"] == 1).cloned()
        });
        assert_eq!((&row["address"], &row["state"]), (&Value::from(address.as_str()), &"waiting".into()));
        assert_eq!((&row["last_fault"], &row["told_at"]), (&"annuaire-failing".into(), &Value::Null));
        node.wait_for_log("the state's directory could not be told of a mailbox");
        operator.fails(&["directory", "publish", "nobody@pro.mssante.fr"], 3, "publication-unknown");
        let told = operator.told(&["directory", "publish"]);
        assert_eq!((&told["outcome"], &told["mailboxes"]), (&"due".into(), &1.into()));
        node.wait_for(|| (!double.addresses("003-1").is_empty()).then_some(()));
        node.wait_for(|| operator.told(&["directory", "publications"]).as_array().unwrap().is_empty().then_some(()));
        assert_eq!(operator.told(&["directory", "publish"])["outcome"], "unchanged");
        let log = read(&node.log);
        assert!(!log.contains("k-3y"), "the key is in the log");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_has_what_would_be_sent_and_the_directory_is_left_alone() {
    let (operator, double, address) = publishing("off").await;
    change(&operator, &address, &[MailboxChange::Publish]).await;
    {
        let operator = Arc::clone(&operator);
        off(move || operator.fails(&["directory", "publish"], 4, "publication-off")).await;
    }
    let dry = {
        let operator = Arc::clone(&operator);
        off(move || {
            let file = operator.path("would.jsonl");
            let told = operator.told(&["directory", "publish", "--dry-run", support::text(&file)]);
            assert_eq!((&told["outcome"], &told["requests"]), (&"would-be-sent".into(), &1.into()));
            read(&file)
        })
        .await
    };
    double.configure(&operator, "file");
    let_it_tell(&operator).await;
    let folder: toml::Table = read(&operator.path("pro/pli.toml")).parse().unwrap();
    let state = operator.path("pro").join(folder["server"]["state"].as_str().unwrap());
    let written = read(&state.join("publication.jsonl"));
    assert_eq!(written, dry);
    let request: Value = serde_json::from_str(&written).unwrap();
    assert_eq!((&request["method"], &request["body"]["resourceType"]), (&"PATCH".into(), &"Parameters".into()));
    assert!(!written.contains("k-3y"));
    assert_eq!(double.asked(), Vec::<String>::new());
    let_it_tell(&operator).await;
    assert_eq!(read(&state.join("publication.jsonl")), dry, "it is written once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_be_sent_is_shown_before_anything_is_configured() {
    let (operator, _double, address) = publishing("off").await;
    let mut config: toml::Table = read(&operator.path("pro/pli.toml")).parse().unwrap();
    config.remove("annuaire");
    operator.replace("pro/pli.toml", &config.to_string());
    change(&operator, &address, &[MailboxChange::Publish]).await;
    off(move || {
        let file = operator.path("would.jsonl");
        operator.told(&["directory", "publish", "--dry-run", support::text(&file)]);
        let request: Value = serde_json::from_str(&read(&file)).unwrap();
        let url = request["url"].as_str().unwrap();
        assert!(url.starts_with("https://gateway.api.esante.gouv.fr/fhir/v2/"), "{url}");
        operator.fails(&["directory", "publish"], 2, "annuaire-not-configured");
    })
    .await;
}
