//! The life of the trust list as an admin lives it: held, installed by hand, rolled back, and still so after a restart.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use support::lists::{FOUR, last, list};
use support::node::Operator;
use support::{assert_fails, exit, pli, stderr, text};

const REFUSED: &str = "the trust list cannot be put in force; the one in force stays";

#[test]
fn a_list_that_lost_half_its_domains_waits_for_an_admin_who_says_why() {
    let operator = Operator::with_list(&list(1, FOUR));
    let mut node = operator.serve();
    assert_eq!(operator.domains_in_force(), 4);
    operator.replace("whitelist.xml", &list(2, &["a.mssante.fr", "new.mssante.fr"]));
    node.wait_for_log(REFUSED);
    node.wait_for_log("list-lost-domains");
    let shown = operator.told(&["trust", "show"]);
    assert_eq!((&shown["domains"], &shown["held_lost"], &shown["held_of"]), (&4.into(), &3.into(), &4.into()));
    let held = shown["held_digest"].as_str().unwrap();

    let differences = operator.told(&["trust", "diff"]);
    let told: Vec<(&str, &str)> = differences
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["change"].as_str().unwrap(), row["domain"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("removed", "b.mssante.fr"),
            ("removed", "c.mssante.fr"),
            ("removed", "d.mssante.fr"),
            ("added", "new.mssante.fr")
        ]
    );

    assert_eq!(exit(&operator.ask(&["trust", "install"])), 2, "without a reason");
    operator.fails(&["trust", "install", "--reason", "  "], 2, "reason-missing");
    let would = operator.told(&["trust", "install", "--reason", "a try", "--dry-run"]);
    assert_eq!((&would["outcome"], &would["removed"]), (&"would-be-installed".into(), &3.into()));
    assert_eq!(operator.told(&["trust", "show"]), shown, "a dry run changes nothing");

    let installed = operator.told(&["trust", "install", "--reason", "confirmed by the publisher"]);
    assert_eq!((&installed["outcome"], &installed["digest"]), (&"installed".into(), &held.into()));
    assert_eq!((&installed["added"], &installed["removed"]), (&1.into(), &3.into()));

    let history = operator.told(&["trust", "history"]);
    let row = last(&history);
    assert_eq!((&row["action"], &row["reason"]), (&"installed".into(), &"confirmed by the publisher".into()));
    assert!(row["by"].as_str().unwrap().starts_with("uid:"), "{row}");
    operator.fails(&["trust", "install", "--reason", "again"], 3, "list-nothing-held");

    let before = operator.told(&["trust", "show"]);
    assert_eq!(node.end().0.code(), Some(0));
    assert!(operator.is_on_record("installed by an admin: confirmed by the publisher"));
    assert!(operator.is_on_record("list-lost-domains"));
    assert!(!operator.is_on_record("a try"), "a dry run is not on record");

    let _again = operator.serve();
    assert_eq!(operator.told(&["trust", "history"]), history);
    assert_eq!(operator.told(&["trust", "show"]), before, "a restart confirms nothing: the file is as old as it was");
    let diff = operator.ask(&["trust", "diff"]);
    assert_fails(&diff, 3, "list-nothing-held");
    assert!(stderr(&diff).contains("pli trust diff OLD NEW"), "{}", stderr(&diff));
}

#[test]
fn a_rollback_sets_the_list_aside_until_an_admin_goes_back_to_it() {
    let operator = Operator::with_list(&list(1, FOUR));
    let mut node = operator.serve();
    operator.fails(&["trust", "rollback", "--reason", "nothing yet"], 4, "rollback-nothing-before");
    let second = list(2, &FOUR[..3]);
    operator.replace("whitelist.xml", &second);
    node.wait_for_log("\"removed\":1");
    let left = operator.told(&["trust", "show"])["digest"].as_str().unwrap().to_owned();

    let would = operator.told(&["trust", "rollback", "--reason", "a try", "--dry-run"]);
    assert_eq!((&would["outcome"], &would["domains"]), (&"would-be-rolled-back".into(), &4.into()));
    assert_eq!(operator.domains_in_force(), 3);
    let back = operator.told(&["trust", "rollback", "--reason", "d is still there"]);
    assert_eq!((&back["outcome"], &back["added"]), (&"rolled-back".into(), &1.into()));
    assert_eq!(operator.domains_in_force(), 4);

    // The publisher brings it again, and so does a restart.
    operator.fails(&["trust", "fetch"], 6, "list-set-aside");
    drop(node);
    let node = operator.serve();
    assert_eq!(operator.domains_in_force(), 4);
    let file = operator.put("second.xml", &second);
    operator.fails(&["trust", "install", text(&file), "--reason", "by the other door"], 6, "list-set-aside");

    operator.fails(&["trust", "rollback", "00", "--reason", "who?"], 3, "rollback-unknown-list");
    let prefix: String = left.chars().take(10).collect();
    operator.told(&["trust", "rollback", &prefix, "--reason", "it was right"]);
    assert_eq!(operator.domains_in_force(), 3);
    operator.fails(&["trust", "rollback", &left, "--reason", "by Anne, again"], 4, "rollback-in-force");
    drop(node);
    assert!(operator.is_on_record("rolled back by an admin: d is still there"));
}

#[test]
fn with_no_node_running_changes_are_made_on_its_folders() {
    let operator = Operator::with_list(&list(1, FOUR));
    operator.fails(&["trust", "show"], 3, "list-missing");
    operator.fails(&["trust", "diff", "00", "00"], 3, "list-unknown");
    assert!(!operator.path("pro/state").exists(), "looking makes nothing");
    let given = operator.put("given.xml", &list(3, FOUR));
    let would = operator.told(&["trust", "install", text(&given), "--reason", "first", "--dry-run"]);
    assert_eq!((&would["outcome"], &would["added"]), (&"would-be-installed".into(), &4.into()));
    assert!(!operator.path("pro/state").exists(), "a dry run makes nothing");

    operator.told(&["trust", "install", text(&given), "--reason", "before the first start"]);
    assert_eq!(operator.domains_in_force(), 4);
    let again = operator.ask(&["trust", "install", text(&given), "--reason", "by Anne, again"]);
    assert!(support::stdout(&again).contains("\"unchanged\""), "{}", support::stdout(&again));
    assert!(!stderr(&again).contains("is in force"), "{}", stderr(&again));
    assert!(!operator.is_on_record("by Anne, again"), "nothing has changed");
    operator.fails(&["trust", "fetch"], 6, "list-older");
    operator.replace("whitelist.xml", &list(4, &FOUR[1..]));
    assert_eq!(operator.told(&["trust", "fetch"])["outcome"], "installed");
    assert_eq!(operator.told(&["trust", "fetch"])["outcome"], "unchanged");
    assert!(operator.is_on_record("installed by an admin: before the first start"));

    let _node = operator.serve();
    assert_eq!(operator.domains_in_force(), 3);
    let actions: Vec<String> = operator
        .told(&["trust", "history"])
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actions, ["installed", "refused", "installed"]);
}

#[test]
fn what_would_not_be_installed_is_told_before_it_is_tried() {
    let operator = Operator::with_list(&list(2, FOUR));
    let _node = operator.serve();
    for (content, code) in [
        (list(1, FOUR), "list-older"),
        (list(3, &FOUR[..1]), "list-lost-domains"),
        (list(3, FOUR).replace("</ListeDomaines>", ""), "list-malformed"),
        (list(3, FOUR).replace("?>\n", "?>\n<!DOCTYPE x SYSTEM \"file:///etc/passwd\">\n"), "list-external-entity"),
    ] {
        let file = operator.put("candidate.xml", &content);
        let output = operator.ask(&["trust", "check", text(&file)]);
        assert_eq!(exit(&output), 6, "{}", stderr(&output));
        assert!(stderr(&output).starts_with(&format!("error[{code}]: ")), "{}", stderr(&output));
        if code != "list-lost-domains" {
            operator.fails(&["trust", "install", text(&file), "--reason", "anyway"], 6, code);
        }
    }
    let file = operator.put("candidate.xml", &list(3, &FOUR[1..]));
    let verdict = operator.told(&["trust", "check", text(&file)]);
    assert_eq!((&verdict["removed"], &verdict["ok"]), (&1.into(), &true.into()));
    assert_eq!(operator.told(&["trust", "diff", text(&file)])[0]["domain"], "a.mssante.fr");
    assert_eq!(operator.domains_in_force(), 4);
}

#[test]
fn two_files_are_compared_without_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let old = support::file(&folder, "old.xml", &list(1, FOUR));
    let new = support::file(&folder, "new.xml", &list(2, FOUR).replacen("CN=mss.un.fr", "CN=mss.deux.fr", 1));
    let output = pli(&["trust", "diff", text(&old), text(&new), "--config", "/nowhere/pli.toml", "-o", "csv"]);
    assert_eq!(
        support::stdout(&output),
        "change,domain,before,after\r\nchanged,a.mssante.fr,\"CN=mss.un.fr,O=Un,C=FR\",\"CN=mss.deux.fr,O=Un,C=FR\"\r\n"
    );
    assert_fails(&pli(&["trust", "diff", "/nowhere/a.xml", text(&new)]), 3, "file-not-found");
    let odd = support::file(&folder, "odd.xml", &list(2, &["279035121518989.mssante.fr"]));
    for format in ["csv", "json"] {
        let output = pli(&["trust", "diff", text(&old), text(&odd), "--config", "/nowhere/pli.toml", "-o", format]);
        assert!(support::stdout(&output).contains("ins-hidden.mssante.fr"), "{output:?}");
        assert!(!support::stdout(&output).contains("27903512151"), "{output:?}");
    }
}
