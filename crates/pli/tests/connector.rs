//! `pli connector`, with a node and with none.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::{Value, json};
use support::node::{Operator, read};
use support::{assert_fails, exit, pli, stderr, stdout, text};

/// What the sandbox's configuration has already.
const CONFIGURED: &str = "hospital-mta";

const LAB: &str = "CN=labo.ch-exemple.fr,OU=1130786049,O=CH EXEMPLE,ST=Ain (01),C=FR";

/// As an address of a hosted domain, and as nothing else.
const ADD_LAB: &[&str] =
    &["add", "laboratory", "--certificate-name", LAB, "--address", "labo@pharmacie-du-pont.mssante.fr"];

/// As a hosted domain, whose mail it takes.
const ADD_CLINIC: &[&str] = &[
    "add",
    "clinic",
    "--certificate-name",
    "CN=mta.clinique.fr,C=FR",
    "--domain",
    "pharmacie-du-pont.mssante.fr",
    "--host",
    "127.0.0.1",
    "--port",
    "9",
];

fn connector(operator: &Operator, arguments: &[&str]) -> std::process::Output {
    let config = operator.config();
    pli(&[&["connector"], arguments, &["--config", &config, "-o", "json"]].concat())
}

#[track_caller]
fn told(operator: &Operator, arguments: &[&str]) -> Value {
    let output = connector(operator, arguments);
    assert_eq!(exit(&output), 0, "{arguments:?}: {}", stderr(&output));
    serde_json::from_str(stdout(&output)).unwrap()
}

#[track_caller]
fn fails(operator: &Operator, arguments: &[&str], code: i32, stable: &str) {
    assert_fails(&connector(operator, arguments), code, stable);
}

fn names(operator: &Operator) -> Vec<String> {
    let rows = told(operator, &["list"]);
    rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

fn codes(row: &Value) -> Vec<&str> {
    row["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

/// From the first wish to the last, each said twice.
fn a_connectors_life(operator: &Operator) {
    assert_eq!(names(operator), [CONFIGURED]);
    let tried = told(operator, &[ADD_LAB, &["--dry-run"]].concat());
    assert_eq!((&tried["outcome"], &tried["dry_run"]), (&json!("would-be-created"), &json!(true)));
    assert_eq!(names(operator), [CONFIGURED], "nothing was done");

    let added = told(operator, ADD_LAB);
    assert_eq!(
        (&added["outcome"], &added["source"], &added["host"]),
        (&json!("created"), &json!("store"), &Value::Null)
    );
    assert_eq!(codes(&added), ["connector-address-without-mailbox"], "{added:#}");
    assert_eq!(told(operator, ADD_LAB)["outcome"], "unchanged");
    assert_eq!(names(operator), [CONFIGURED, "laboratory"]);
    fails(
        operator,
        &["add", "laboratory", "--certificate-name", "CN=x", "--address", "a@ch-exemple.mssante.fr"],
        4,
        "connector-exists",
    );

    let set = [
        "set",
        "laboratory",
        "--address",
        "pacs@ch-exemple.mssante.fr",
        "--address",
        "officine@pharmacie-du-pont.mssante.fr",
    ];
    let changed = told(operator, &set);
    assert_eq!(changed["outcome"], "changed");
    assert_eq!(changed["addresses"], json!(["officine@pharmacie-du-pont.mssante.fr", "pacs@ch-exemple.mssante.fr"]));
    assert_eq!(codes(&changed), Vec::<&str>::new(), "one has a mailbox here, the other a hospital that knows it");
    assert_eq!(changed["certificate_name"], LAB, "what is not given stays");
    assert_eq!(told(operator, &set)["outcome"], "unchanged");
    let shown = told(operator, &["show", "laboratory"]);
    assert_eq!((&shown["addresses"], &shown["added_at"]), (&changed["addresses"], &added["added_at"]));

    let rm = ["rm", "laboratory", "--reason", "the contract has ended"];
    assert_eq!(told(operator, &[&rm[..], &["--dry-run"]].concat())["outcome"], "would-be-removed");
    assert_eq!(told(operator, &rm)["outcome"], "removed");
    assert_eq!(told(operator, &rm)["outcome"], "unchanged");
    assert_eq!(names(operator), [CONFIGURED]);
    fails(operator, &["show", "laboratory"], 3, "connector-unknown");
    fails(operator, &["set", "laboratory", "--no-address"], 3, "connector-unknown");
    fails(operator, &["rm", "labratory", "--reason", "a slip of the finger"], 3, "connector-unknown");
    assert_eq!(told(operator, ADD_LAB)["outcome"], "created", "it may come back");
    assert_eq!(told(operator, &rm)["outcome"], "removed");
}

#[test]
fn a_connectors_life_without_a_node() {
    a_connectors_life(&Operator::new());
}

#[test]
fn a_connectors_life_on_a_running_node() {
    let operator = Operator::new();
    let mut node = operator.serve();
    a_connectors_life(&operator);
    node.wait_for_log("a connector is removed");
    let log = read(&node.log);
    assert!(log.contains("a connector is added") && log.contains("laboratory"), "{log}");
}

#[test]
fn what_the_configuration_has_is_shown_and_changed_there() {
    let operator = Operator::new();
    let shown = told(&operator, &["show", CONFIGURED]);
    assert_eq!((&shown["source"], &shown["added_at"]), (&json!("configuration"), &Value::Null));
    assert_eq!(shown["domains"], json!(["ch-exemple.mssante.fr"]));
    for wish in [
        &["set", CONFIGURED, "--port", "26"][..],
        &["rm", CONFIGURED, "--reason", "why"],
        &["add", CONFIGURED, "--certificate-name", LAB, "--address", "a@ch-exemple.mssante.fr"],
    ] {
        let output = connector(&operator, wish);
        assert_fails(&output, 4, "connector-configured");
        assert!(stderr(&output).contains("[[connector]]"), "it tells where: {}", stderr(&output));
    }
}

#[test]
fn a_domain_an_address_and_a_certificate_have_one_connector() {
    let operator = Operator::new();
    let certificate = told(&operator, &["show", CONFIGURED])["certificate_name"].as_str().unwrap().to_owned();
    told(&operator, ADD_CLINIC);
    told(&operator, &["add", "laboratory", "--certificate-name", LAB, "--address", "pacs@ch-exemple.mssante.fr"]);
    let server = ["--host", "127.0.0.1"];
    for other in [
        [&["--certificate-name", "CN=x", "--domain", "ch-exemple.mssante.fr"], &server[..]].concat(),
        [&["--certificate-name", "CN=x", "--domain", "Pharmacie-du-Pont.mssante.fr"], &server[..]].concat(),
        vec!["--certificate-name", "CN=x", "--address", "PACS@ch-exemple.mssante.fr"],
        vec!["--certificate-name", &certificate, "--address", "a@ch-exemple.mssante.fr"],
        vec!["--certificate-name", "C=fr,CN=MTA.clinique.fr", "--address", "a@ch-exemple.mssante.fr"],
    ] {
        fails(&operator, &[&["add", "other"], &other[..]].concat(), 4, "connector-conflict");
    }
    fails(&operator, &["set", "laboratory", "--certificate-name", &certificate], 4, "connector-conflict");
    assert_eq!(names(&operator), ["clinic", CONFIGURED, "laboratory"]);
}

#[test]
fn it_sends_as_what_is_of_this_operator() {
    let operator = Operator::new();
    let name = ["add", "other", "--certificate-name", "CN=x"];
    let server = ["--host", "127.0.0.1"];
    for (what, code, stable) in [
        (vec!["--domain", "hopital.example", "--host", "127.0.0.1"], 4, "connector-domain-unknown"),
        (vec!["--address", "a@clinique-voisine.mssante.fr"], 4, "connector-address-elsewhere"),
        (vec!["--address", "a@gmail.com"], 4, "connector-address-elsewhere"),
        (vec!["--address", "279035121518989@patient.mssante.fr"], 2, "connector-invalid"),
        (vec!["--domain", "patient.mssante.fr", "--host", "127.0.0.1"], 2, "connector-invalid"),
        (vec!["--domain", "pharmacie-du-pont.mssante.fr"], 2, "usage"),
        (vec!["--address", "a@ch-exemple.mssante.fr", "--host", "h"], 2, "usage"),
        (vec![], 2, "usage"),
    ] {
        let output = connector(&operator, &[&name[..], &what].concat());
        assert_eq!(exit(&output), code, "{}", stderr(&output));
        assert!(stderr(&output).starts_with(&format!("error[{stable}]: ")), "{}", stderr(&output));
        assert!(!stderr(&output).contains("279035121518989"), "{}", stderr(&output));
    }
    let both = ["--domain", "pharmacie-du-pont.mssante.fr", "--address", "a@pharmacie-du-pont.mssante.fr"];
    fails(&operator, &[&name[..], &both, &server].concat(), 2, "connector-invalid");
    let host = ["--domain", "pharmacie-du-pont.mssante.fr", "--host", "mta:25"];
    fails(&operator, &[&name[..], &host].concat(), 2, "connector-invalid");
    fails(
        &operator,
        &["add", "A B", "--certificate-name", "CN=x", "--address", "a@ch-exemple.mssante.fr"],
        2,
        "connector-invalid",
    );
    assert_eq!(names(&operator), [CONFIGURED]);
}

#[test]
fn a_certificate_is_judged_before_its_name_is_taken() {
    let operator = Operator::new();
    let address = ["--address", "labo@pharmacie-du-pont.mssante.fr"];
    let with = |certificate: &str| {
        let path = operator.path(certificate);
        connector(&operator, &[&["add", "lab", "--certificate", text(&path)], &address[..]].concat())
    };
    for (certificate, code, stable) in [
        ("peers/self-signed.pem", 1, "certificate-untrusted"),
        ("peers/personne.pem", 1, "certificate-untrusted"),
        ("peers/expired.pem", 1, "certificate-expired"),
        ("peers/revoked.pem", 1, "certificate-revoked"),
        ("peers/none.pem", 3, "file-not-found"),
        ("pro/pli.toml", 2, "file-unusable"),
    ] {
        assert_fails(&with(certificate), code, stable);
    }
    let taken = with("peers/unlisted.pem");
    assert_eq!(exit(&taken), 0, "{}", stderr(&taken));
    let shown = told(&operator, &["show", "lab"]);
    assert!(shown["certificate_name"].as_str().unwrap().contains("CN=unlisted.peer.test"), "{shown:#}");

    let rotated = operator.path("connectors/hospital-mta.pem");
    fails(&operator, &["set", "lab", "--certificate", text(&rotated)], 4, "connector-conflict");
    let rotated = operator.path("peers/listed.pem");
    assert_eq!(told(&operator, &["set", "lab", "--certificate", text(&rotated)])["outcome"], "changed");
    assert_eq!(told(&operator, &["set", "lab", "--certificate", text(&rotated)])["outcome"], "unchanged");
}

#[test]
fn a_probe_tells_the_first_step_that_fails() {
    let operator = Operator::new();
    let begin = |name: &str| connector(&operator, &["show", name, "--probe"]);
    let silent = begin(CONFIGURED);
    assert_eq!(exit(&silent), 5, "{}", stderr(&silent));
    assert!(stderr(&silent).starts_with("error[peer-unreachable]: tcp: "), "{}", stderr(&silent));
    let report: Value = serde_json::from_str(stdout(&silent)).unwrap();
    assert_eq!(report["name"], CONFIGURED);
    assert_eq!(report["probe"]["first_failure"]["step"], "tcp");
    assert_eq!(report["probe"]["domain"], "ch-exemple.mssante.fr");

    // One that was added by command is probed as well, and one that takes no mail is not.
    told(&operator, ADD_CLINIC);
    assert_eq!(exit(&begin("clinic")), 5);
    told(&operator, &["add", "lab", "--certificate-name", LAB, "--address", "labo@ch-exemple.mssante.fr"]);
    assert_fails(&begin("lab"), 4, "connector-without-server");
    assert_fails(&begin("nobody"), 3, "connector-unknown");
}

#[test]
fn commands_beside_the_node_know_what_was_added() {
    let operator = Operator::new();
    let _node = operator.serve();
    let (config, certificate) = (operator.config(), operator.path("peers/unlisted.pem"));
    let certificate = text(&certificate);
    let question = [
        "--to",
        "dr.dupont@clinique-voisine.mssante.fr",
        "--peer-cert",
        certificate,
        "--config",
        &config,
        "-o",
        "json",
    ];
    let explained = |from: &str| pli(&[&["explain", "--from", from], &question[..]].concat());
    assert!(stderr(&explained("labo@pharmacie-du-pont.mssante.fr")).contains("certificate-not-listed"));

    told(&operator, &["add", "lab", "--certificate", certificate, "--address", "labo@pharmacie-du-pont.mssante.fr"]);
    let output = explained("labo@pharmacie-du-pont.mssante.fr");
    assert_eq!(exit(&output), 0, "{}", stderr(&output));
    let facts: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert!(facts.to_string().contains("\"connector-addresses\":\"labo@pharmacie-du-pont.mssante.fr\""), "{facts:#}");
    assert!(stderr(&explained("officine@pharmacie-du-pont.mssante.fr")).contains("sender-not-owned"));

    let checked = pli(&["certificate", "check", certificate, "--config", &config, "-o", "json"]);
    assert!(stdout(&checked).contains("\"connector\": \"lab\""), "{}", stdout(&checked));
    let listed = pli(&["certificate", "list", "--config", &config, "-o", "jsonl"]);
    assert!(stdout(&listed).lines().any(|row| row.contains("\"connector\"") && row.contains("unlisted.peer.test")));
    let peers = pli(&["peer", "list", "--name", "unlisted.peer.test", "--all", "--config", &config, "-o", "jsonl"]);
    assert!(stdout(&peers).contains("\"connector\":\"lab\""), "{}", stdout(&peers));
}

#[test]
fn a_configuration_that_takes_what_a_command_gave_is_told_at_the_start_and_can_be_mended() {
    let operator = Operator::new();
    told(&operator, ADD_CLINIC);
    let config = read(&operator.path("pro/pli.toml"));
    let other = "\n[[route]]\ndomain = \"pharmacie-du-pont.mssante.fr\"\nhost = \"127.0.0.1\"\nport = 25\n";
    operator.replace("pro/pli.toml", &format!("{config}{other}"));
    let started = pli(&["serve", "--config", &operator.config()]);
    assert_eq!(exit(&started), 4, "{}", stderr(&started));
    assert!(stderr(&started).contains("error[connector-conflict]: "), "{}", stderr(&started));
    assert_eq!(names(&operator), ["clinic", CONFIGURED], "what is there is still shown");
    assert_eq!(told(&operator, &["rm", "clinic", "--reason", "the configuration has it now"])["outcome"], "removed");
    let _node = operator.serve();
}
