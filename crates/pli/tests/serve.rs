//! `pli serve`, as a process: it starts, says so, answers, takes new lists, and ends when told to.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use support::node::{Node, Operator, PATIENCE, read};
use support::{assert_fails, exit, pli, stderr, stdout};

#[tokio::test]
async fn a_node_starts_says_so_answers_and_ends() {
    let operator = Operator::new();
    let check = pli(&["config", "check", "--config", &operator.config(), "-o", "json"]);
    assert_eq!(exit(&check), 0, "{}{}", stdout(&check), stderr(&check));
    assert!(!stdout(&check).contains("warning"), "{}", stdout(&check));

    let node = operator.serve();
    assert_eq!(node.ready["pid"], node.child.id());
    for name in ["smtp", "submission", "submissions", "imap", "imaps", "http"] {
        assert!(node.port(name) > 0, "{name}: {}", node.ready);
    }

    let (status, body) = operator.get(&node, "/health/ready").await;
    assert_eq!(status, "200", "{body}");
    let (_, page) = operator.get(&node, "/metrics").await;
    assert!(page.contains("\npli_certificate_not_after_timestamp_seconds "), "{page}");
    assert!(page.contains("\npli_trust_list_refresh_failures_total 0\n"), "{page}");
    assert!(!page.contains("\npli_trust_list_entries 0\n"), "{page}");

    let (status, printed) = node.end();
    assert_eq!((status.code(), printed.as_str()), (Some(0), ""), "{}", read(&operator.path("node.log")));
    let log = read(&operator.path("node.log"));
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
    assert!(log.contains("\"message\":\"ready\"") && log.contains("\"message\":\"ended\""), "{log}");
}

#[test]
fn a_check_refuses_a_store_that_a_node_would_not_open() {
    let operator = Operator::new();
    let sound = read(&operator.path("pro/pli.toml"));
    let refused = |words: &str| {
        for verb in [&["config", "check"][..], &["serve"]] {
            let output = pli(&[verb, &["--config", &operator.config()]].concat());
            assert_eq!(exit(&output), 2, "{}", stderr(&output));
            assert!(stderr(&output).contains("error[store-config]: "), "{}", stderr(&output));
            assert!(stderr(&output).contains(words), "{}", stderr(&output));
        }
    };
    let change = |url: &str| {
        let mut config: toml::Table = sound.parse().unwrap();
        let store = config.get_mut("store").unwrap().as_table_mut().unwrap();
        store.insert("url".to_owned(), url.into());
        operator.replace("pro/pli.toml", &config.to_string());
    };
    change("postgres://localhost/pli");
    refused("write it as");
    change(&format!("sqlite://{}", operator.path("pro/not-there-yet.db").display()));
    assert_eq!(exit(&pli(&["config", "check", "--config", &operator.config()])), 0);

    operator.replace("pro/pli.toml", &sound);
    let key = operator.path("pro/keys/master.key");
    std::fs::write(key, "5a".repeat(32)).unwrap();
    refused("is not the one that the store");
}

#[test]
fn beside_a_running_node_commands_read_and_a_second_node_is_refused() {
    let operator = Operator::new();
    let _node = operator.serve();
    let queue = pli(&["queue", "list", "--config", &operator.config(), "-o", "json"]);
    assert_eq!((exit(&queue), stdout(&queue)), (0, "[]\n"), "{}", stderr(&queue));
    for id in ["00000000000070008000000000000000", "nonsense"] {
        assert_fails(&pli(&["message", "trace", id, "--config", &operator.config()]), 3, "message-unknown");
    }
    assert_eq!(exit(&pli(&["config", "check", "--config", &operator.config()])), 0);
    let second = pli(&["serve", "--config", &operator.config()]);
    assert_eq!(exit(&second), 4);
    assert!(stderr(&second).contains("error[state-in-use]: "), "{}", stderr(&second));
}

#[tokio::test]
async fn without_a_list_a_node_starts_but_is_not_ready_until_there_is_one() {
    let operator = Operator::new();
    let list = read(&operator.path("whitelist.xml"));
    std::fs::remove_file(operator.path("whitelist.xml")).unwrap();
    let mut node = operator.serve();
    let (status, body) = operator.get(&node, "/health/ready").await;
    assert_eq!(status, "503", "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let failing = body["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false);
    assert_eq!(failing.map(|check| check["name"].as_str().unwrap()).collect::<Vec<_>>(), ["trust-list"]);

    operator.replace("whitelist.xml", &list);
    node.wait_for_log("a new trust list is in force");
    assert_eq!(operator.get(&node, "/health/ready").await.0, "200");
}

#[tokio::test]
async fn a_node_that_can_read_but_not_write_is_not_ready_until_it_can() {
    let operator = Operator::new();
    let node = operator.serve();
    node.limit_files(Some(0));
    let (status, body) = operator.get(&node, "/health/ready").await;
    assert_eq!(status, "503", "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let failing = body["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false);
    let told = failing.map(|check| (check["name"].as_str().unwrap(), check["alarm"].as_str().unwrap()));
    assert_eq!(told.collect::<Vec<_>>(), [("store", "store-failing")]);
    gauge_shows(&operator, &node, "1").await;
    let found = pli(&["doctor", "--config", &operator.config(), "-o", "json"]);
    let found: Vec<Value> = serde_json::from_str(stdout(&found)).unwrap();
    let line = found.iter().find(|line| line["code"] == "store-failing").unwrap();
    assert_eq!((line["check"].as_str(), line["outcome"].as_str()), (Some("store.answers"), Some("fail")));

    node.limit_files(None);
    let (status, body) = operator.get(&node, "/health/ready").await;
    assert_eq!(status, "200", "{body}");
    gauge_shows(&operator, &node, "0").await;
}

/// Waits for the next round of alarms.
async fn gauge_shows(operator: &Operator, node: &Node, level: &str) {
    let line = format!("\npli_alarm{{code=\"store-failing\"}} {level}\n");
    let begun = std::time::Instant::now();
    while !operator.get(node, "/metrics").await.1.contains(&line) {
        assert!(begun.elapsed() < PATIENCE, "the gauge does not show {level}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_list_that_cannot_be_used_leaves_the_one_in_force_and_is_told_once() {
    let operator = Operator::new();
    let mut node = operator.serve();
    operator.replace("whitelist.xml", "<ListeBlancheMSSante>");
    node.signal(Signal::HUP);
    node.wait_for_log("the trust list cannot be put in force; the one in force stays");
    assert_eq!(operator.get(&node, "/health/ready").await.0, "200");

    node.signal(Signal::HUP);
    let failures = |page: &str| {
        let line = page.lines().find(|line| line.starts_with("pli_trust_list_refresh_failures_total ")).unwrap();
        line.split(' ').nth(1).unwrap().parse::<u32>().unwrap()
    };
    while failures(&operator.get(&node, "/metrics").await.1) < 3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = read(&operator.path("node.log"));
    assert_eq!(log.matches("the trust list cannot be put in force").count(), 1, "{log}");
}

#[tokio::test]
async fn without_revocation_lists_a_node_starts_and_believes_nobody_until_it_has_them() {
    let operator = Operator::new();
    let lists = read(&operator.path("pki/crl.pem"));
    operator.replace("pki/crl.pem", "");
    let check = pli(&["config", "check", "--config", &operator.config(), "-o", "json"]);
    let checks: Value = serde_json::from_str(stdout(&check)).unwrap();
    let crl = checks.as_array().unwrap().iter().find(|check| check["check"] == "pki.crl").unwrap();
    assert_eq!((exit(&check), crl["outcome"].as_str().unwrap()), (0, "warning"), "{crl}");

    let mut node = operator.serve();
    node.wait_for_log("not all revocation lists can be put in force");
    let (status, body) = operator.get(&node, "/health/ready").await;
    assert_eq!(status, "503", "{body}");
    assert!(body.contains("certificate"), "{body}");

    operator.replace("pki/crl.pem", &lists);
    node.wait_for_log("new revocation lists are in force");
    assert_eq!(operator.get(&node, "/health/ready").await.0, "200");
    let log = read(&operator.path("node.log"));
    assert_eq!(log.matches("not all revocation lists can be put in force").count(), 1, "{log}");
}

#[test]
fn on_sighup_a_node_names_what_waits_for_a_restart() {
    let operator = Operator::new();
    let mut node = operator.serve();
    let config = read(&operator.path("pro/pli.toml"));
    assert!(config.contains("[limits]\n"), "{config}");
    operator.replace("pro/pli.toml", &config.replace("[limits]\n", "[limits]\nrecipients = 500\n"));
    node.signal(Signal::HUP);
    node.wait_for_log("these sections have changed and take effect at the next start");
    assert!(read(&operator.path("node.log")).contains(r#"[\"limits\"]"#));

    operator.replace("pro/pli.toml", &config.replace("[limits]", "[limit]"));
    node.signal(Signal::HUP);
    node.wait_for_log("the configuration would not start");
}
