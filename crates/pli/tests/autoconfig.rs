//! What mail programs find in the DNS and over HTTPS: `pli doctor`, `[autoconfig]`, and a running node.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use support::name_server::NameServer;
use support::node::{Operator, read};
use support::{exit, pli, stderr, stdout, text};

const OURS: &str = "pharmacie-du-pont.mssante.fr";

/// The operator's configuration, asking this name server, with the usual ports.
fn configured(operator: &Operator, dns: &NameServer, autoconfig: &str) -> String {
    let mut config: toml::Table = read(&operator.path("pro/pli.toml")).parse().unwrap();
    let servers = toml::Table::from_iter([("servers".to_owned(), vec![dns.address.to_string()].into())]);
    config.insert("dns".to_owned(), servers.into());
    config.insert("autoconfig".to_owned(), autoconfig.parse::<toml::Table>().unwrap().into());
    let ports = [("submission", 587), ("submissions", 465), ("imap", 143), ("imaps", 993), ("http", 8443)];
    for (name, port) in ports {
        // An address of documentation: no door of this machine is tried.
        let address = format!("192.0.2.1:{port}");
        let listener = config.get_mut("listener").unwrap().get_mut(name).unwrap();
        listener.as_table_mut().unwrap().insert("address".to_owned(), address.into());
    }
    operator.replace("pro/other.toml", &config.to_string());
    text(&operator.path("pro/other.toml")).to_owned()
}

/// The lines of `doctor` about records.
fn about_records(config: &str) -> Vec<Value> {
    let output = pli(&["doctor", "--config", config, "-o", "json"]);
    let findings: Vec<Value> = serde_json::from_str(stdout(&output)).unwrap();
    let dns = findings.iter().find(|finding| finding["check"] == "dns").expect("name servers are looked at");
    assert_eq!(dns["outcome"], "ok", "{dns}");
    findings.into_iter().filter(|finding| finding["check"].as_str().unwrap().starts_with("srv")).collect()
}

/// The line of a zone file that a finding tells to publish.
fn line_of(finding: &Value) -> String {
    let next = finding["next"].as_str().unwrap();
    let (_, line) = next.split_once(": ").unwrap();
    line.split(" (").next().unwrap().to_owned()
}

#[test]
fn doctor_names_each_record_that_is_missing_and_is_content_once_it_is_published() {
    let (operator, dns) = (Operator::new(), NameServer::start());
    let config = configured(&operator, &dns, "name = \"mss.example.fr\"\nhttps = 443");
    let missing = about_records(&config);
    let of_ours: Vec<&Value> = missing.iter().filter(|finding| finding["check"] == format!("srv.{OURS}")).collect();
    assert_eq!(of_ours.len(), 5, "{missing:#?}");
    assert!(missing.iter().all(|finding| finding["outcome"] == "warn" && finding["code"] == "srv-missing"));
    let lines: Vec<String> = of_ours.iter().map(|finding| line_of(finding)).collect();
    assert!(lines.contains(&format!("_imaps._tcp.{OURS}. 3600 IN SRV 0 1 993 mss.example.fr.")), "{lines:?}");
    assert!(lines.contains(&format!("_autodiscover._tcp.{OURS}. 3600 IN SRV 0 1 443 mss.example.fr.")), "{lines:?}");

    for finding in &missing {
        dns.publish(&line_of(finding));
    }
    let found = about_records(&config);
    assert!(found.iter().all(|finding| finding["outcome"] == "ok" && finding["code"].is_null()), "{found:#?}");
    assert!(found.iter().any(|finding| finding["check"] == format!("srv.{OURS}")), "{found:#?}");
}

#[test]
fn a_record_that_points_elsewhere_is_told_with_where_and_with_the_right_line() {
    let (operator, dns) = (Operator::new(), NameServer::start());
    let config = configured(&operator, &dns, "name = \"mss.example.fr\"");
    for finding in about_records(&config) {
        dns.publish(&line_of(&finding));
    }
    let name = format!("_submission._tcp.{OURS}.");
    dns.withdraw(&name);
    dns.publish(&format!("{name} 3600 IN SRV 0 1 2587 old.example.fr."));
    let amiss: Vec<Value> = about_records(&config).into_iter().filter(|finding| finding["outcome"] != "ok").collect();
    assert_eq!(amiss.len(), 1, "{amiss:#?}");
    assert_eq!((&amiss[0]["outcome"], &amiss[0]["code"]), (&"warn".into(), &"srv-elsewhere".into()));
    assert!(amiss[0]["detail"].as_str().unwrap().contains("old.example.fr:2587"), "{amiss:#?}");
    assert_eq!(line_of(&amiss[0]), format!("{name} 3600 IN SRV 0 1 587 mss.example.fr."));
}

#[test]
fn port_0_in_the_file_is_refused_with_its_key() {
    let (operator, dns) = (Operator::new(), NameServer::start());
    let config = configured(&operator, &dns, "imaps = 0");
    let output = pli(&["config", "check", "--config", &config]);
    assert_eq!(exit(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("[autoconfig] imaps"), "{}", stderr(&output));
}

#[tokio::test]
async fn a_node_tells_the_ports_that_it_was_given_and_logs_no_address() {
    let operator = Operator::new();
    let node = operator.serve();
    let asked = format!("/mail/config-v1.1.xml?emailaddress=jeanne.secrete%40{OURS}");
    let (status, body) = operator.get(&node, &asked).await;
    assert_eq!(status, "200", "{body}");
    for door in ["imap", "imaps", "submission", "submissions"] {
        assert!(body.contains(&format!("<port>{}</port>", node.port(door))), "{door}: {body}");
    }
    let (status, _) = operator.get(&node, "/mail/config-v1.1.xml?emailaddress=jeanne.secrete%40gmail.com").await;
    assert_eq!(status, "404");
    let log = node.log.clone();
    node.end();
    assert!(!read(&log).contains("secrete"), "{}", read(&log));
}
