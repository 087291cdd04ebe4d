//! `pli account`: who signs in, by what, and which mailboxes that opens.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use pli_store::{Config, MailboxKind, NewMailbox};
use pli_types::{MailAddress, SystemClock};
use serde_json::{Value, json};
use support::lists::{FOUR, list};
use support::node::Operator;
use support::{assert_fails, exit, stderr, stdout, text};

const OFFICE: &str = "officine@pharmacie-du-pont.mssante.fr";
const OTHER: &str = "officine@pharmacie-de-la-gare.mssante.fr";
const MACHINE: &str = "resultats@ch-exemple.mssante.fr";

/// `pli account passwd`, with the password on standard input.
fn passwd(operator: &Operator, name: &str, password: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pli"))
        .args(["account", "passwd", name, "--config", &operator.config(), "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn outcome(output: &Output) -> String {
    assert_eq!(exit(output), 0, "{}", stderr(output));
    let told: Value = serde_json::from_str(stdout(output)).unwrap();
    told["outcome"].as_str().unwrap().to_owned()
}

#[test]
fn the_same_wish_twice_changes_nothing_and_says_so() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    let wishes: &[(&[&str], &str)] = &[
        (&["account", "add", "j.dupont", "--rpps", "10002345670", "--mailbox", OFFICE], "created"),
        (&["account", "add", "j.dupont", "--mailbox", OFFICE, "--mailbox", OTHER], "changed"),
        (&["account", "set", "j.dupont", "--display-name", "Jeanne Dupont"], "changed"),
        (&["account", "grant", "j.dupont", OTHER, "--default"], "changed"),
        (&["account", "revoke", "j.dupont", OFFICE, "--reason", "has left"], "changed"),
        (&["account", "set", "j.dupont", "--disable", "--reason", "on leave"], "changed"),
        (&["account", "set", "j.dupont", "--enable"], "changed"),
        (&["account", "app-password", "add", "j.dupont", "--mailbox", OTHER, "--label", "Thunderbird"], "created"),
        (&["account", "app-password", "revoke", "j.dupont", "Thunderbird", "--reason", "lost"], "changed"),
        (&["account", "certificate", "add", "j.dupont", "--subject", "CN=j.dupont,C=FR"], "created"),
        (&["account", "certificate", "revoke", "j.dupont", "C=FR,CN=J.Dupont", "--reason", "lost"], "changed"),
        (&["account", "rm", "j.dupont", "--reason", "has left"], "removed"),
    ];
    for (wish, expected) in wishes {
        let rehearsed = operator.told(&[wish, &["--dry-run"][..]].concat());
        assert_eq!(rehearsed["outcome"], format!("would-be-{expected}"), "{wish:?}");
        assert_eq!(operator.told(wish)["outcome"], *expected, "{wish:?}");
        assert_eq!(operator.told(wish)["outcome"], "unchanged", "{wish:?}");
    }
    operator.fails(&["account", "show", "j.dupont"], 3, "account-unknown");
}

#[test]
fn an_account_is_shown_with_what_it_opens_and_without_secrets() {
    let operator = Operator::with_list(&list(1, FOUR));
    operator.told(&["account", "add", "j.dupont", "--mailbox", OFFICE, "--mailbox", OTHER]);
    let made = operator.told(&["account", "app-password", "add", "j.dupont", "--mailbox", OFFICE, "--label", "desk"]);
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 31, "128 bits in groups");
    let again = operator.told(&["account", "app-password", "add", "j.dupont", "--mailbox", OFFICE, "--label", "desk"]);
    assert_eq!((&again["outcome"], &again["secret"]), (&json!("unchanged"), &Value::Null));
    let shown = operator.told(&["account", "show", "j.dupont"]);
    let default = |address: &str| {
        let mailboxes = shown["mailboxes"].as_array().unwrap();
        mailboxes.iter().find(|grant| grant["address"] == address).unwrap()["default"].clone()
    };
    assert_eq!((default(OFFICE), default(OTHER)), (json!(true), json!(false)));
    let listed = operator.told(&["account", "app-password", "list", "j.dupont"]);
    assert_eq!((&listed[0]["label"], &listed[0]["mailbox"]), (&json!("desk"), &json!(OFFICE)));
    assert!(!shown.to_string().contains(&secret) && !operator.is_on_record(&secret));
    let opened = operator.told(&["mailbox", "show", OFFICE]);
    let names: Vec<&str> =
        opened["opened_by"].as_array().unwrap().iter().map(|by| by["account"].as_str().unwrap()).collect();
    assert_eq!(names, ["j.dupont", OFFICE]);
    assert_eq!(operator.told(&["account", "list"]).as_array().unwrap().len(), 4);
}

#[test]
fn a_password_comes_by_standard_input_or_is_made() {
    let operator = Operator::with_list(&list(1, FOUR));
    operator.told(&["account", "add", "j.dupont", "--mailbox", OFFICE]);
    for running in [false, true] {
        let _node = running.then(|| operator.serve());
        let password = format!("correct horse {running}");
        assert_eq!(outcome(&passwd(&operator, "j.dupont", &password)), "changed");
        assert_eq!(outcome(&passwd(&operator, "j.dupont", &password)), "unchanged");
        assert_fails(&passwd(&operator, "j.dupont", "short"), 1, "password-weak");
        assert_fails(&passwd(&operator, "nobody", &password), 3, "account-unknown");
        assert_fails(&passwd(&operator, "j.dupont", ""), 2, "password-invalid");
        assert!(!operator.is_on_record(&password));
    }
    let made = operator.told(&["account", "passwd", "j.dupont", "--generate"]);
    assert_eq!(outcome(&passwd(&operator, "j.dupont", made["password"].as_str().unwrap())), "unchanged");
}

#[test]
fn a_program_signs_in_by_a_certificate_of_its_structure_only() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    let app_password = ["account", "app-password", "add", MACHINE, "--mailbox", MACHINE, "--label", "x"];
    operator.fails(&app_password, 1, "certificate-only");
    let foreign = ["account", "certificate", "add", MACHINE, "--subject", "CN=x,OU=1750048886,C=FR"];
    operator.fails(&foreign, 1, "certificate-other-structure");

    let before = operator.told(&["account", "certificate", "list", MACHINE]);
    let old = before[0]["certificate"].as_str().unwrap();
    let structure = operator.told(&["mailbox", "show", MACHINE])["finess"].as_str().unwrap().to_owned();
    let new = format!("CN=resultats-2027,OU=1{structure},C=FR");
    // A rotation: the new one first, so that mail never stops.
    operator.told(&["account", "certificate", "add", MACHINE, "--subject", &new]);
    operator.told(&["account", "certificate", "revoke", MACHINE, old, "--reason", "rotated"]);
    let after = operator.told(&["account", "certificate", "list", MACHINE]);
    let in_force: Vec<&Value> = after.as_array().unwrap().iter().filter(|one| one["revoked_at"].is_null()).collect();
    assert_eq!(in_force.len(), 1);
    assert_eq!(in_force[0]["certificate"], new);
    operator.fails(
        &["account", "certificate", "revoke", MACHINE, "CN=never", "--reason", "r"],
        3,
        "credential-unknown",
    );
    let file = text(&operator.path("pro/tls/server.pem")).to_owned();
    operator.told(&["account", "add", "program", "--program"]);
    let told = operator.told(&["account", "certificate", "add", "program", "--file", &file]);
    assert!(told["credential"]["certificate"].as_str().unwrap().contains("CN="), "{told}");
}

#[test]
fn what_makes_no_sense_is_refused_by_its_code() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    operator.told(&["account", "add", "j.dupont"]);
    operator.fails(&["account", "add", "j dupont"], 1, "account-name-invalid");
    operator.fails(&["account", "add", "x", "--rpps", "12"], 1, "rpps-invalid");
    operator.fails(&["account", "add", "x", "--mailbox", "none@pharmacie-du-pont.mssante.fr"], 3, "mailbox-unknown");
    operator.fails(&["account", "show", "x"], 3, "account-unknown");
    operator.fails(&["account", "add", "j.dupont", "--program"], 4, "account-differs");
    let app_password = ["account", "app-password", "add", "j.dupont", "--mailbox", OFFICE, "--label", "x"];
    operator.fails(&app_password, 4, "mailbox-not-granted");
    operator.fails(&["account", "grant", "j.dupont", OFFICE, "--helper"], 1, "helper-of-nobody");
    operator.fails(&["account", "revoke", "j.dupont", OFFICE, "--reason", " "], 2, "reason-missing");
    operator.fails(&["account", "set", "j.dupont", "--disable"], 2, "reason-missing");
    operator.fails(&["account", "certificate", "add", "j.dupont", "--subject", "nonsense"], 2, "subject-invalid");
}

#[test]
fn a_professional_has_one_account() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    let rpps = "10002345670";
    operator.told(&["account", "add", "j.dupont", "--rpps", rpps]);
    operator.fails(&["account", "add", "j.dupond", "--rpps", rpps], 4, "rpps-taken");
    operator.fails(&["account", "add", "j.dupond", "--rpps", rpps, "--dry-run"], 4, "rpps-taken");
    operator.told(&["account", "add", "j.dupond"]);
    operator.fails(&["account", "set", "j.dupond", "--rpps", rpps], 4, "rpps-taken");
    assert_eq!(operator.told(&["account", "set", "j.dupont", "--rpps", rpps])["outcome"], "unchanged");
    let rows = "name;rpps\na;10003456785\nb;10003456785\n";
    let file = text(&operator.put("people.csv", rows)).to_owned();
    let output = operator.ask(&["account", "add", "--file", &file]);
    let rows: Vec<Value> = serde_json::from_str(stdout(&output)).unwrap();
    let refused: Vec<&Value> = rows.iter().filter(|row| row["outcome"] == "refused").collect();
    assert!(matches!(refused.as_slice(), [row] if row["code"] == "rpps-taken"), "{rows:?}");
    operator.told(&["account", "set", "j.dupont", "--rpps", ""]);
    assert_eq!(operator.told(&["account", "set", "j.dupond", "--rpps", rpps])["outcome"], "changed");
}

#[test]
fn a_file_of_people_is_worked_through() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    let rows = format!("name;rpps;mailboxes\na;10002345670;{OFFICE}, {OTHER}\nb;;{OFFICE}\nc;;none@x.fr\n");
    let file = text(&operator.put("people.csv", &rows)).to_owned();
    for expected in [["created", "created", "refused"], ["unchanged", "unchanged", "refused"]] {
        let output = operator.ask(&["account", "add", "--file", &file]);
        assert_eq!(exit(&output), 1);
        let rows: Vec<Value> = serde_json::from_str(stdout(&output)).unwrap();
        assert_eq!(rows.iter().map(|row| row["outcome"].as_str().unwrap()).collect::<Vec<_>>(), expected);
    }
    assert_eq!(operator.told(&["account", "show", "a"])["mailboxes"].as_array().unwrap().len(), 2);
}

#[test]
fn a_patients_mailbox_opens_to_a_helper_who_is_shown_as_one() {
    const PATIENT: &str = "279035121518989@patient.mssante.fr";
    let operator = Operator::with_list(&list(1, FOUR));
    let config = Config {
        url: format!("sqlite://{}", operator.path("pro/store/pli.db").display()),
        master_key: operator.path("pro/keys/master.key"),
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = pli_store::open(&config, Arc::new(SystemClock)).await.unwrap();
        let new = NewMailbox::new(MailAddress::parse(PATIENT).unwrap(), MailboxKind::Patient);
        store.add_mailbox(new, Vec::new()).await.unwrap();
        store.close().await;
    });
    operator.told(&["account", "add", "claire"]);
    operator.fails(&["account", "grant", "claire", PATIENT], 1, "patient-mailbox");
    let grant = ["account", "grant", "claire", PATIENT, "--helper"];
    assert_eq!(operator.told(&[&grant[..], &["--dry-run"]].concat())["outcome"], "would-be-changed");
    assert_eq!(operator.told(&grant)["outcome"], "changed");
    assert_eq!(operator.told(&grant)["outcome"], "unchanged");
    let shown = operator.told(&["account", "show", "claire"]);
    assert_eq!(shown["mailboxes"][0]["helper"], true, "{shown}");
    assert!(!shown.to_string().contains("279035121518989"), "{shown}");
    let app_password = ["account", "app-password", "add", "claire", "--mailbox", PATIENT, "--label", "phone"];
    assert_eq!(operator.told(&app_password)["outcome"], "created");
}
