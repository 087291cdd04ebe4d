//! `pli trust check`: which lists would be put in force.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{assert_fails, exit, file, pli, stderr, stdout, text};

fn list(entries: &[(&str, &str)]) -> String {
    let domains: Vec<String> = entries
        .iter()
        .map(|(domain, name)| {
            format!(
                "<Domaine><Nom>{domain}</Nom><Description>d</Description>\
                 <DNCertificatOperateur>{name}</DNCertificatOperateur><ResponsableContact>r</ResponsableContact>\
                 <SupportContact>s</SupportContact><DateMAJ>2026-01-01T00:00:00Z</DateMAJ></Domaine>\n"
            )
        })
        .collect();
    let domains = domains.concat();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">\n\
         <DateDeGeneration>2026-11-22T08:00:00Z</DateDeGeneration>\n<ListeDomaines>\n{domains}</ListeDomaines>\n\
         </ListeBlancheMSSante>\n"
    )
}

#[test]
fn a_list_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(
        &folder,
        "list.xml",
        &list(&[
            ("a.mssante.fr", "CN=one,O=Un,C=FR"),
            ("A.mssante.fr", "CN=two,O=Un,C=FR"),
            ("b.mssante.fr", "C=FR,O=un,CN=ONE"),
        ]),
    );
    let output = pli(&["trust", "check", text(&path), "-o", "json"]);
    assert_eq!(exit(&output), 0, "{}", stderr(&output));
    let parsed: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(parsed["schema_version"], 1);
    assert_eq!(parsed["ok"], true);
    assert_eq!(parsed["entries"], 3);
    assert_eq!(parsed["domains"], 2, "case does not make two domains");
    assert_eq!(parsed["certificate_names"], 2, "order and case do not make two names");
    assert_eq!(parsed["generated_at"], "2026-11-22T08:00:00Z");
    assert_eq!(parsed["signature"], "none");
}

#[test]
fn a_signature_that_proves_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let signature = "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"/></ListeBlancheMSSante>";
    let signed = list(&[("a.mssante.fr", "CN=one,C=FR")]).replace("</ListeBlancheMSSante>", signature);
    let output = pli(&["trust", "check", text(&file(&folder, "list.xml", &signed)), "-o", "json"]);
    assert_eq!(exit(&output), 6, "{}", stderr(&output));
    let parsed: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!((&parsed["signature"], &parsed["reason"]), (&"invalid".into(), &"list-signature-invalid".into()));
}

#[test]
fn a_list_cut_short_would_not_be_installed() {
    let folder = tempfile::tempdir().unwrap();
    let whole = list(&[("a.mssante.fr", "CN=one,C=FR")]);
    let path = file(&folder, "list.xml", whole.trim_end().trim_end_matches("</ListeBlancheMSSante>"));
    assert_fails(&pli(&["trust", "check", text(&path), "-o", "table"]), 6, "list-malformed");
}

#[test]
fn what_is_no_list_would_not_be_installed() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "list.xml", "<html><body>maintenance</body></html>");
    assert_fails(&pli(&["trust", "check", text(&path), "-o", "table"]), 6, "list-schema");
}

#[test]
fn a_program_reads_why_a_list_would_not_be_installed() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "list.xml", "<html><body>maintenance</body></html>");
    for format in ["json", "jsonl"] {
        let output = pli(&["trust", "check", text(&path), "-o", format]);
        assert_eq!(exit(&output), 6);
        assert!(stderr(&output).starts_with("error[list-schema]: "), "{}", stderr(&output));
        let verdict: Value = serde_json::from_str(stdout(&output)).unwrap();
        assert_eq!((&verdict["schema_version"], &verdict["ok"]), (&1.into(), &false.into()));
        assert_eq!((verdict["reason"].as_str(), verdict["file"].as_str()), (Some("list-schema"), Some(text(&path))));
    }
}

#[test]
fn a_list_that_is_not_there_is_not_found() {
    assert_fails(&pli(&["trust", "check", "/nowhere/list.xml"]), 3, "file-not-found");
}

#[test]
#[ignore = "needs the published list: set PLI_REFERENCE_DATA and run with --ignored"]
fn the_list_of_the_reference_data_is_refused_as_cut_short_and_counted_once_repaired() {
    let folder = std::env::var("PLI_REFERENCE_DATA").expect("PLI_REFERENCE_DATA names the reference data");
    let whitelist = Path::new(&folder).join("whitelist");
    let as_published = whitelist.join("listeblanchemssante-2025-03-13-as-published.xml");
    assert_fails(&pli(&["trust", "check", text(&as_published), "-o", "table"]), 6, "list-malformed");

    let repaired = whitelist.join("listeblanchemssante-2025-03-13.xml");
    let output = pli(&["trust", "check", text(&repaired), "-o", "json"]);
    assert_eq!(exit(&output), 0, "{}", stderr(&output));
    let parsed: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(
        (&parsed["entries"], &parsed["domains"], &parsed["certificate_names"]),
        (&619.into(), &516.into(), &35.into())
    );
    assert_eq!(parsed["generated_at"], "2025-03-13T14:54:10Z");
}
