//! `pli directory lookup`: the state's directory is asked, by a double of it.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use serde_json::{Value, json};
use support::annuaire::{Double, outcome};
use support::exit;
use support::node::Operator;

const PERSON: &str = "urn:oid:1.2.250.1.71.4.2.1|810103441234";
const FINESS: &str = "https://finess.esante.gouv.fr|750048886";

async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn mailbox(kind: &str, address: &str) -> Value {
    let url = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata";
    json!({"system": "email", "value": address, "extension": [
        {"url": url, "extension": [{"url": "type", "valueCode": kind}]},
    ]})
}

/// A professional with two mailboxes and a structure with one.
async fn filled(operator: &Operator) -> Double {
    let double = Double::start(operator, "off").await;
    double.add("Practitioner", "003-1", &[PERSON]);
    double.add("Organization", "001-1", &[FINESS]);
    {
        let resources = &mut double.held.lock().unwrap().resources;
        resources[0]["telecom"] =
            json!([mailbox("PER", "a@medecin.mssante.fr"), mailbox("PER", "b@medecin.mssante.fr")]);
        resources[1]["telecom"] = json!([mailbox("ORG", "accueil@ch.mssante.fr")]);
    }
    double
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mailboxes_are_found_by_address_by_holder_and_by_structure() {
    let operator = Arc::new(off(Operator::new).await);
    let double = filled(&operator).await;
    off(move || {
        let found = |arguments: &[&str]| -> Vec<String> {
            let rows = operator.told(&[&["directory", "lookup"], arguments].concat());
            rows.as_array().unwrap().iter().map(|row| row["address"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(found(&["b@medecin.mssante.fr"]), ["b@medecin.mssante.fr"]);
        let asked = double.asked();
        assert_eq!(asked.len(), 3, "{asked:?}");
        assert_eq!(asked[0], "GET /fhir/v2/Practitioner?mailbox-mss:exact=b%40medecin.mssante.fr&_count=50");
        assert_eq!(found(&["@ch.mssante"]), ["accueil@ch.mssante.fr"]);
        assert_eq!(found(&["--rpps", "10103441234"]), ["a@medecin.mssante.fr", "b@medecin.mssante.fr"]);
        assert_eq!(found(&["--structure", "750048886"]), ["accueil@ch.mssante.fr"]);
        operator.fails(&["directory", "lookup", "--rpps", "10000000000"], 3, "directory-unknown");
        for wrong in [&["no-at"][..], &[], &["--rpps", "1"], &["a@b.fr", "--rpps", "10103441234"]] {
            assert_eq!(exit(&operator.ask(&[&["directory", "lookup"], wrong].concat())), 2, "{wrong:?}");
        }
        assert!(double.held.lock().unwrap().keys.iter().all(|key| key == "k-3y"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_pages_are_read_and_none_of_another_server() {
    let operator = Arc::new(off(Operator::new).await);
    let double = filled(&operator).await;
    for number in 2..6 {
        double.add("Practitioner", &format!("003-{number}"), &[]);
    }
    for (number, one) in double.held.lock().unwrap().resources.iter_mut().enumerate().skip(2) {
        one["telecom"] = json!([mailbox("PER", &format!("n{number}@medecin.mssante.fr"))]);
    }
    double.held.lock().unwrap().page = 2;
    off(move || {
        let rows = operator.told(&["directory", "lookup", "@medecin.mssante.fr"]);
        assert_eq!(rows.as_array().unwrap().len(), 6, "{rows}");
        assert_eq!(double.asked().len(), 5, "three pages of professionals, and two resources more");
        let away = json!({"resourceType": "Bundle", "link": [{"relation": "next", "url": "https://127.0.0.1:1/x"}]});
        double.instead(200, "", &away.to_string());
        operator.fails(&["directory", "lookup", "@medecin.mssante.fr"], 5, "annuaire-foreign-page");
        assert_eq!(double.asked().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_directory_refuses_is_told_in_our_words() {
    let operator = Arc::new(off(Operator::new).await);
    operator.fails(&["directory", "lookup", "a@b.mssante.fr"], 2, "annuaire-not-configured");
    let double = filled(&operator).await;
    off(move || {
        for (status, code, stable) in [
            (401, "login", "annuaire-key"),
            (400, "processing", "annuaire-refused"),
            (429, "throttled", "annuaire-too-often"),
            (500, "exception", "annuaire-failing"),
            (302, "", "annuaire-failing"),
        ] {
            double.instead(status, "", &outcome(code));
            operator.fails(&["directory", "lookup", "a@medecin.mssante.fr"], 5, stable);
        }
        double.instead(200, "", "<html>maintenance</html>");
        operator.fails(&["directory", "lookup", "a@medecin.mssante.fr"], 5, "annuaire-answer");
        let exposed = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(operator.path("pro/annuaire.key"), exposed).unwrap();
        operator.fails(&["directory", "lookup", "a@medecin.mssante.fr"], 2, "secret-exposed");
    })
    .await;
}
