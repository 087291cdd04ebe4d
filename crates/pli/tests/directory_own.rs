//! `pli directory add`, `set`, `rm` and `diff`: our own entries, beside a node or none, and what others find of them.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use pli_store::{Config, MailboxChange, MailboxDetails};
use pli_types::{MailAddress, SystemClock};
use serde_json::{Value, json};
use support::node::Operator;
use support::{exit, pli, stderr, stdout, text};

/// Two pharmacies of the sandbox.
const PHARMACY: &str = "officine@pharmacie-du-pont.mssante.fr";
const OTHER: &str = "officine@pharmacie-de-la-gare.mssante.fr";
const LINE: &[&str] = &["--structure", "PHARMACIE LEFÈVRE", "--sign", "Au Pont", "--town", "75014 PARIS"];

fn addresses(rows: &Value) -> Vec<(&str, &str)> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| (row["source"].as_str().unwrap(), row["address"].as_str().unwrap())).collect()
}

fn add(operator: &Operator, address: &str, more: &[&str]) -> Value {
    operator.told(&[&["directory", "add", address], LINE, more].concat())
}

/// What an admin does to a mailbox. No node may run.
fn change(operator: &Operator, address: &str, changes: &[MailboxChange]) {
    let config = Config {
        url: format!("sqlite://{}", operator.path("pro/store/pli.db").display()),
        master_key: operator.path("pro/keys/master.key"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = pli_store::open(&config, Arc::new(SystemClock)).await.unwrap();
        let record = store.mailbox_record(&MailAddress::parse(address).unwrap()).await.unwrap().unwrap();
        for change in changes {
            store.change_mailbox(record.mailbox.id, change.clone(), Vec::new()).await.unwrap();
        }
        store.close().await;
    });
}

#[test]
fn the_same_wish_twice_changes_nothing() {
    let operator = Operator::new();
    let outcome = |told: Value| (told["outcome"].clone(), told["line"].clone(), told["lines"].clone());
    assert_eq!(outcome(add(&operator, PHARMACY, &["--dry-run"])), (json!("would-be-created"), json!(1), json!(1)));
    assert_eq!(outcome(add(&operator, PHARMACY, &[])), (json!("created"), json!(1), json!(1)));
    assert_eq!(outcome(add(&operator, PHARMACY, &[])), (json!("unchanged"), json!(1), json!(1)));
    assert_eq!(outcome(add(&operator, PHARMACY, &["--dry-run"])), (json!("would-be-unchanged"), json!(1), json!(1)));

    let set = ["directory", "set", PHARMACY, "--town", "69001 LYON", "--sign", ""];
    let tried = operator.told(&[&set[..], &["--dry-run"]].concat());
    assert_eq!((&tried["outcome"], &tried["dry_run"]), (&json!("would-be-changed"), &json!(true)));
    let told = operator.told(&set);
    assert_eq!((&told["outcome"], &told["columns"]), (&json!("changed"), &json!(["sign", "town"])));
    assert_eq!(operator.told(&set)["outcome"], "unchanged");

    assert_eq!(outcome(add(&operator, PHARMACY, &[])), (json!("created"), json!(2), json!(2)));
    operator.fails(&set, 2, "directory-entry-which");
    assert_eq!(operator.told(&[&set[..], &["--line", "2"]].concat())["outcome"], "changed");

    let rm = ["directory", "rm", PHARMACY, "--reason", "he has left"];
    assert_eq!(operator.told(&[&rm[..], &["--line", "1"]].concat())["lines"], 1);
    assert_eq!(operator.told(&rm)["outcome"], "removed");
    assert_eq!(operator.told(&rm)["outcome"], "unchanged");
    operator.fails(&set, 3, "directory-entry-unknown");
    for row in ["directory entry 1 added: structure, sign, town", "all directory entries removed; he has left"] {
        assert!(operator.is_on_record(row), "{row}");
    }
}

#[test]
fn an_entry_needs_a_mailbox_here_and_says_something_of_a_professional() {
    let operator = Operator::new();
    let (_, domain) = PHARMACY.split_once('@').unwrap();
    let nobody = format!("nobody@{domain}");
    let patient = "279035121518989";
    for (arguments, exit, code) in [
        (&[nobody.as_str(), "--town", "PARIS"][..], 3, "directory-mailbox-unknown"),
        (&["x@elsewhere.mssante.fr", "--town", "PARIS"], 2, "directory-not-hosted"),
        (&[PHARMACY], 2, "directory-entry-empty"),
        (&[PHARMACY, "--town", ""], 2, "directory-entry-empty"),
        (&[PHARMACY, "--town", "A|B"], 2, "directory-text"),
        (&[PHARMACY, "--structure", patient], 2, "directory-text"),
    ] {
        operator.fails(&[&["directory", "add"], arguments].concat(), exit, code);
    }
    operator.fails(&["directory", "rm", PHARMACY, "--reason", " "], 2, "reason-missing");
}

#[test]
fn ours_and_the_countrys_are_found_together_beside_a_running_node() {
    let operator = Operator::new();
    change(&operator, PHARMACY, &[MailboxChange::Publish]);
    let node = operator.serve();
    assert_eq!(add(&operator, PHARMACY, &[])["outcome"], "created");
    let alone = operator.ask(&["directory", "search", "lefevre"]);
    assert!(stderr(&alone).contains("has not been imported"), "{}", stderr(&alone));
    assert_eq!(addresses(&serde_json::from_str(stdout(&alone)).unwrap()), [("own", PHARMACY)]);

    // What we publish, the country has a day later.
    let config = operator.config();
    let ours = pli(&["directory", "export", "--own", "--extraction", "--config", &config]);
    assert_eq!((exit(&ours), stdout(&ours).lines().count()), (0, 2), "{}", stderr(&ours));
    let elsewhere = stdout(&ours).lines().nth(1).unwrap().replace(PHARMACY, "z.lefevre@elsewhere.mssante.fr");
    let file = operator.put("extraction.txt", &format!("{}{elsewhere}\r\n", stdout(&ours)));
    assert_eq!(operator.told(&["directory", "import", text(&file)])["taken"], 2);
    let both = [("own", PHARMACY), ("national", "z.lefevre@elsewhere.mssante.fr")];
    assert_eq!(addresses(&operator.told(&["directory", "search", "lefevre"])), both);
    assert_eq!(operator.told(&["directory", "diff"]), json!([]));

    operator.told(&["directory", "set", PHARMACY, "--town", "69001 LYON"]);
    let rows = operator.told(&["directory", "diff"]);
    assert_eq!(rows.as_array().unwrap().len(), 1, "{rows}");
    for (member, text) in [
        ("difference", "different"),
        ("address", PHARMACY),
        ("column", "town"),
        ("ours", "69001 LYON"),
        ("theirs", "75014 PARIS"),
    ] {
        assert_eq!(rows[0][member], text, "{member}");
    }
    let (_, domain) = PHARMACY.split_once('@').unwrap();
    assert_eq!(operator.told(&["directory", "diff", "--domain", domain]), rows);
    operator.fails(&["directory", "diff", "--domain", "elsewhere.mssante.fr"], 2, "directory-not-hosted");
    assert_eq!(node.end().0.code(), Some(0));
}

#[test]
fn liste_rouge_is_never_found() {
    let operator = Operator::new();
    change(&operator, PHARMACY, &[MailboxChange::Publish]);
    add(&operator, PHARMACY, &[]);
    let config = operator.config();
    let ours = pli(&["directory", "export", "--own", "--extraction", "--config", &config]);
    let file = operator.put("extraction.txt", stdout(&ours));
    operator.told(&["directory", "import", text(&file)]);
    assert_eq!(operator.told(&["directory", "search", "lefevre"]).as_array().unwrap().len(), 1);

    let unlisted = MailboxDetails { unlisted: true, ..MailboxDetails::default() };
    change(&operator, PHARMACY, &[MailboxChange::Details(unlisted)]);
    for asked in [&["search", "lefevre"][..], &["search", "--town", "paris"], &["export"], &["export", "--own"]] {
        assert_eq!(operator.told(&[&["directory"], asked].concat()), json!([]), "{asked:?}");
    }
    let rows = operator.told(&["directory", "diff"]);
    assert_eq!((&rows[0]["difference"], &rows[0]["why"]), (&json!("extra"), &json!("liste-rouge")), "{rows}");
    let shown = operator.ask(&["directory", "show", PHARMACY]);
    assert!(stderr(&shown).contains("liste rouge"), "{}", stderr(&shown));
    let rows: Value = serde_json::from_str(stdout(&shown)).unwrap();
    assert_eq!((&rows[0]["hidden"], &rows[1]["hidden"]), (&json!("liste-rouge"), &json!("liste-rouge")));

    // Yet mail for it is taken.
    let explained = operator.ask(&["explain", "--from", OTHER, "--to", PHARMACY, "--account", OTHER]);
    assert_eq!(exit(&explained), 0, "{} {}", stdout(&explained), stderr(&explained));
}
