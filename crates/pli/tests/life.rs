//! Scenario 45 in a node: who never comes is told, and then his mailbox ends.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::{Duration, Instant};

use support::lists::{FOUR, list};
use support::node::{Operator, read};

const ADDRESS: &str = "ancien@pharmacie-du-pont.mssante.fr";

/// A node that lets a mailbox live for three seconds, two of them before notice.
fn operator() -> Operator {
    let operator = Operator::with_list(&list(1, FOUR));
    let mut config: toml::Table = read(&operator.path("pro/pli.toml")).parse().unwrap();
    let mailbox = "inactivity = \"3s\"\nnotice = \"1s\"";
    config.insert("mailbox".to_owned(), mailbox.parse::<toml::Table>().unwrap().into());
    operator.replace("pro/pli.toml", &config.to_string());
    operator
}

/// Where the mailbox stands, once a node that starts has said so of it. A node looks at its start, and then a day later.
fn life_after(operator: &Operator, words: &str) -> String {
    let patience = Instant::now() + Duration::from_mins(1);
    while Instant::now() < patience {
        let mut node = operator.serve();
        node.wait_for_log("looked after mailboxes");
        if read(&operator.path("node.log")).lines().any(|line| line.contains(ADDRESS) && line.contains(words)) {
            return operator.told(&["mailbox", "show", ADDRESS])["life"].as_str().unwrap().to_owned();
        }
    }
    panic!("no node has said `{words}`");
}

#[test]
fn a_node_gives_notice_and_then_exports_and_deletes() {
    let operator = operator();
    let team = ["--type", "ORG", "--finess", "990000044", "--responsible", "Mme Pont"];
    operator.told(&[&["mailbox", "add", ADDRESS], &team[..]].concat());
    assert_eq!(life_after(&operator, "notice given"), "notice");
    assert_eq!(life_after(&operator, "mailbox deleted"), "deleted");
    let exports = std::fs::read_dir(operator.path("pro/state/exports")).unwrap();
    let ours =
        exports.map(|entry| entry.unwrap()).find(|entry| entry.file_name().to_str().unwrap().starts_with(ADDRESS));
    let letters = std::fs::read_dir(ours.unwrap().path().join("cur")).unwrap().count();
    assert_eq!(letters, 1, "the notice was in it");
}
