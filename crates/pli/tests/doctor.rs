//! `pli doctor`: beside a node, without one, and over a node that is ill.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::Value;
use support::node::{Node, Operator, read};
use support::{assert_fails, exit, pli, stderr, stdout, text};

/// What `doctor` finds with this configuration, and how it ends.
fn doctor(config: &str) -> (i32, Vec<Value>, String) {
    let output = pli(&["doctor", "--config", config, "-o", "json"]);
    let findings = serde_json::from_str(stdout(&output)).unwrap_or_default();
    (exit(&output), findings, stderr(&output).to_owned())
}

/// The outcomes and codes of the lines of one check.
fn lines<'a>(findings: &'a [Value], check: &str) -> Vec<(&'a str, Option<&'a str>)> {
    let of_check = findings.iter().filter(|finding| finding["check"] == check);
    of_check.map(|finding| (finding["outcome"].as_str().unwrap(), finding["code"].as_str())).collect()
}

/// The operator's configuration with a change.
fn configured(operator: &Operator, change: impl FnOnce(&mut toml::Table)) -> String {
    let mut config: toml::Table = read(&operator.path("pro/pli.toml")).parse().unwrap();
    // Nobody answers there: tests ask nobody's name server.
    config
        .insert("dns".to_owned(), toml::Table::from_iter([("servers".to_owned(), vec!["127.0.0.1:1"].into())]).into());
    change(&mut config);
    operator.replace("pro/other.toml", &config.to_string());
    text(&operator.path("pro/other.toml")).to_owned()
}

/// Names the ports that a node was given.
fn with_ports_of(node: &Node) -> impl FnOnce(&mut toml::Table) + '_ {
    |config| {
        for (name, listener) in config["listener"].as_table_mut().unwrap() {
            let address = format!("127.0.0.1:{}", node.port(name));
            listener.as_table_mut().unwrap().insert("address".to_owned(), address.into());
        }
    }
}

#[test]
fn a_sound_node_is_found_sound_door_by_door() {
    let operator = Operator::new();
    let node = operator.serve();
    let (exit, findings, told) = doctor(&configured(&operator, with_ports_of(&node)));
    assert_eq!(exit, 0, "{told}{findings:#?}");
    for check in [
        "config",
        "store",
        "store.answers",
        "record",
        "node",
        "trust.list",
        "tls.certificate",
        "trust.listed",
        "clock",
        "tls.key",
    ] {
        assert_eq!(lines(&findings, check), [("ok", None)], "{check}: {findings:#?}");
    }
    for door in ["smtp", "submission", "submissions", "imap", "imaps", "http"] {
        assert_eq!(lines(&findings, &format!("listener.{door}")), [("ok", None)], "{door}: {findings:#?}");
    }
    assert!(lines(&findings, "pki.crl").len() >= 2, "root and organisations: {findings:#?}");
    // Every domain of a sandbox has a route: name servers that do not answer hinder nothing.
    assert_eq!(lines(&findings, "dns")[0].0, "warn", "{findings:#?}");
    for finding in &findings {
        let told = finding["next"].is_string();
        assert_eq!(told, finding["outcome"] != "ok", "what is amiss has a next step: {finding}");
        assert!(finding["schema_version"] == 1 && finding["detail"].is_string(), "{finding}");
    }
}

#[test]
fn a_node_that_goes_on_with_its_old_pair_is_not_to_be_restarted() {
    let operator = Operator::new();
    let mut node = operator.serve();
    operator.replace("pro/tls/server.pem", &read(&operator.path("peers/listed.pem")));
    node.signal(Signal::HUP);
    node.wait_for_log("the files of our certificate do not fit; the one in force goes on");
    let config = configured(&operator, with_ports_of(&node));
    let (exit, findings, told) = doctor(&config);
    assert_eq!((exit, told.starts_with("error[file-unusable]: tls: ")), (1, true), "{told}");
    for door in ["submissions", "imaps", "http"] {
        let found = lines(&findings, &format!("listener.{door}"));
        assert_eq!(found, [("warn", Some("certificate-not-taken"))], "it answers: {findings:#?}");
    }
    for finding in findings.iter().filter(|finding| finding["next"].as_str().is_some_and(|next| next.contains("start")))
    {
        assert!(finding["next"].as_str().unwrap().contains("do not restart the node before"), "{finding}");
    }
    let failing: Vec<_> = findings.iter().filter(|finding| finding["outcome"] == "fail").collect();
    assert_eq!(failing.len(), 1, "mail flows; only the files are not in order: {failing:#?}");
    assert!(failing[0]["next"].as_str().unwrap().contains("do not restart"), "{failing:#?}");

    let probed = pli(&["peer", "probe", "peer.mssante.fr", "--config", &config]);
    assert_fails(&probed, 2, "file-unusable");
    for words in ["does not fit the first certificate", "still shows the old one", "do not restart the node before"] {
        assert!(stderr(&probed).contains(words), "{}", stderr(&probed));
    }
}

#[test]
fn without_a_node_what_it_would_find_is_told() {
    let operator = Operator::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = free.local_addr().unwrap();
    let config = configured(&operator, |config| {
        config["listener"]["imaps"].as_table_mut().unwrap().insert("address".to_owned(), taken.to_string().into());
    });
    let (exit, findings, told) = doctor(&config);
    assert_eq!(exit, 1, "{told}");
    assert_eq!(lines(&findings, "node"), [("warn", Some("node-stopped"))]);
    assert_eq!(lines(&findings, "listener.imaps"), [("fail", Some("listener-taken"))], "{findings:#?}");
    assert_eq!(lines(&findings, "trust.list"), [("fail", Some("list-missing"))], "it has never had one");
    assert!(told.starts_with("error[listener-taken]: ") && told.contains(" more)"), "{told}");
}

#[test]
fn what_stops_mail_fails_and_the_running_nodes_own_alarms_are_told() {
    let operator = Operator::new();
    std::fs::set_permissions(operator.path("pro/keys/master.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::remove_file(operator.path("whitelist.xml")).unwrap();
    let _node = operator.serve();
    std::fs::set_permissions(operator.path("pro/keys/master.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (exit, findings, told) = doctor(&configured(&operator, |_| ()));
    assert_eq!(exit, 1, "{told}");
    assert_eq!(lines(&findings, "store.master_key"), [("fail", Some("secret-exposed"))], "{findings:#?}");
    assert_eq!(lines(&findings, "node"), [("ok", None)], "{findings:#?}");
    let list = lines(&findings, "trust.list");
    assert!(list.contains(&("fail", Some("list-missing"))), "{findings:#?}");
    assert!(list.contains(&("warn", Some("list-refused"))), "only the node knows why: {findings:#?}");
    assert!(told.starts_with("error[secret-exposed]: "), "the first in the order of the list: {told}");
}

#[test]
fn without_a_configuration_there_is_one_line_and_it_is_a_usage_error() {
    let (exit, findings, told) = doctor("/nowhere/pli.toml");
    assert_eq!((exit, lines(&findings, "config")), (2, vec![("fail", Some("config-unreadable"))]), "{told}");
    assert_eq!(findings.len(), 1);
}
