//! `pli certificate`, over a sandbox in which nothing runs.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use support::node::Operator;
use support::{assert_fails, exit as exit_of, pli, stderr, stdout, text};

fn check(operator: &Operator, certificate: &str, with: &[&str]) -> (i32, Value, String) {
    let path = operator.path(certificate);
    let output = pli(&[&["certificate", "check", text(&path), "-o", "json"], with].concat());
    let shown = serde_json::from_str(stdout(&output)).unwrap_or(Value::Null);
    (exit_of(&output), shown, stderr(&output).to_owned())
}

#[test]
fn a_certificate_is_described_without_any_configuration() {
    let operator = Operator::new();
    let (exit, shown, _) = check(&operator, "peers/listed.pem", &[]);
    assert_eq!(exit, 0, "{shown}");
    for member in ["subject", "issuer", "serial", "not_before", "not_after", "key", "fingerprint"] {
        assert!(shown[member].as_str().is_some_and(|value| !value.is_empty()), "{member}: {shown}");
    }
    assert!(shown["usages"].as_array().unwrap().contains(&"clientAuth".into()), "{shown}");
    assert!(shown["subject"].as_str().unwrap().starts_with("CN="), "{shown}");
    assert!(shown.get("as_client").is_none(), "nothing was judged: {shown}");
}

#[test]
fn a_certificate_is_judged_as_the_node_would_and_the_reason_is_the_same_word() {
    let operator = Operator::new();
    let with = ["--config", &operator.config()];
    for (certificate, reason) in [
        ("peers/expired.pem", "certificate-expired"),
        ("peers/not-yet-valid.pem", "certificate-not-yet-valid"),
        ("peers/revoked.pem", "certificate-revoked"),
        ("peers/self-signed.pem", "certificate-untrusted"),
        ("peers/personne.pem", "certificate-untrusted"),
    ] {
        let (exit, shown, told) = check(&operator, certificate, &with);
        assert_eq!((exit, shown["as_client"].as_str()), (1, Some(reason)), "{certificate}: {shown}{told}");
        assert!(told.starts_with(&format!("error[{reason}]: ")), "{told}");
    }
    let (exit, shown, told) = check(&operator, "peers/listed.pem", &with);
    assert_eq!(shown["as_client"], "believed", "{shown}{told}");
    assert_eq!(shown["as_server"], "believed", "{shown}{told}");
    assert_eq!(exit, 0, "{told}");
}

#[test]
fn authorities_may_be_given_by_hand() {
    let operator = Operator::new();
    let pki = |name: &str| text(&operator.path(&format!("pki/{name}"))).to_owned();
    let config: toml::Table = support::node::read(&operator.path("pro/pli.toml")).parse().unwrap();
    let of = |key: &str| {
        let path = config["pki"][key].as_str().unwrap();
        text(&operator.path("pro").join(path)).to_owned()
    };
    let (anchor, organisations) = (of("anchor"), of("organisations"));
    let with = ["--anchor", &anchor, "--organisations", &organisations, "--crl", &pki("crl.pem")];
    let (exit, shown, told) = check(&operator, "peers/listed.pem", &with);
    assert_eq!((exit, shown["as_server"].as_str()), (0, Some("believed")), "{told}");
    assert!(shown["domains"].is_null(), "no list was asked: {shown}");

    let (exit, _, told) = check(&operator, "peers/listed.pem", with.get(..4).unwrap());
    assert_eq!(exit, 1, "without revocation lists nobody is believed");
    assert!(told.starts_with("error[revocation-unknown]: "), "{told}");

    let without = pli(&["certificate", "check", &pki("crl.pem"), "--anchor", &anchor]);
    assert_eq!(exit_of(&without), 2, "an anchor alone is no road");
    assert!(stderr(&without).starts_with("error[usage]: "), "{}", stderr(&without));
}

#[test]
fn what_is_no_certificate_says_so() {
    let operator = Operator::new();
    assert_fails(&pli(&["certificate", "check", "/nowhere/a.pem"]), 3, "file-not-found");
    let output = pli(&["certificate", "check", text(&operator.path("whitelist.xml")), "-o", "table"]);
    assert_fails(&output, 2, "file-unusable");
}

#[test]
fn everything_that_belief_rests_on_is_listed() {
    let operator = Operator::new();
    let output = pli(&["certificate", "list", "--config", &operator.config(), "-o", "json"]);
    assert_eq!(exit_of(&output), 0, "{}", stderr(&output));
    let rows: Vec<Value> = serde_json::from_str(stdout(&output)).unwrap();
    let of = |kind: &str| rows.iter().filter(|row| row["kind"] == kind).collect::<Vec<_>>();
    for kind in ["own", "anchor", "organisations"] {
        assert_eq!(of(kind).len(), 1, "{kind}: {rows:#?}");
    }
    let in_force: Vec<_> = of("crl").into_iter().filter(|row| row["in_force"] == true).collect();
    assert_eq!(in_force.len(), 2, "root and organisations: {rows:#?}");
    assert!(in_force.iter().all(|row| row["ends_at"].is_string() && row["age"].is_string()), "{rows:#?}");
    assert_eq!(of("connector").len(), 1, "{rows:#?}");
    assert_eq!(of("connector")[0]["domains"], serde_json::json!(["ch-exemple.mssante.fr"]));
    let members: Vec<_> = rows[0].as_object().unwrap().keys().collect();
    assert!(rows.iter().all(|row| row.as_object().unwrap().keys().eq(members.iter().copied())), "one shape for all");
}
