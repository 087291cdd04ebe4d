//! Signed lists: what `pli trust check` says of them with and without authorities, and what a node takes.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::process::Output;

use bergshamra::keys::loader::load_pem_auto;
use bergshamra::{DsigContext, KeysManager};
use serde_json::Value;
use support::lists::{FOUR, list};
use support::node::{Operator, read};
use support::{exit, pli, stderr, stdout, text};

/// The list, signed with the operator's own certificate, which is as good as any of the trust space.
fn signed(operator: &Operator, list: &str) -> String {
    let chain = read(&operator.path("pro/tls/server.pem"));
    let leaf = chain.split("-----").nth(2).unwrap().replace('\n', "");
    let template = format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/><ds:Reference URI=\"\">\
         <ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue></ds:DigestValue>\
         </ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue><ds:KeyInfo><ds:X509Data>\
         <ds:X509Certificate>{leaf}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
    );
    let mut keys = KeysManager::new();
    keys.add_key(load_pem_auto(read(&operator.path("pro/tls/server.key")).as_bytes(), None).unwrap());
    let enclosed = list.replace("</ListeBlancheMSSante>", &format!("{template}</ListeBlancheMSSante>"));
    bergshamra::sign(&DsigContext::new(keys), &enclosed).unwrap()
}

fn verdict(output: &Output) -> (i32, Value) {
    (exit(output), serde_json::from_str(stdout(output)).unwrap_or_else(|_| panic!("{}", stderr(output))))
}

#[test]
fn a_signature_is_worth_what_is_known_of_its_signer() {
    let operator = Operator::new();
    let good = signed(&operator, &list(1, FOUR));
    let good_file = operator.put("signed.xml", &good);
    let (code, bare) = verdict(&pli(&["trust", "check", text(&good_file), "-o", "json"]));
    assert_eq!((code, &bare["signature"]), (0, &"unchecked".into()), "it holds, and anyone may have made it: {bare}");
    assert!(bare["signer"].as_str().unwrap().contains("mss.pro.test"), "{bare}");

    let bad = operator.put("bad.xml", &good.replace("d.mssante.fr", "e.mssante.fr"));
    let (code, tampered) = verdict(&pli(&["trust", "check", text(&bad), "-o", "json"]));
    assert_eq!((code, &tampered["signature"]), (6, &"invalid".into()));
    assert_eq!(tampered["reason"], "list-signature-invalid");

    let pki = |name: &str| operator.path("pki").join(name);
    let under = |organisations: &str| {
        let (root, organisations, crl) = (pki("root.pem"), pki(organisations), pki("crl.pem"));
        let authorities = ["--anchor", text(&root), "--organisations", text(&organisations), "--crl", text(&crl)];
        verdict(&pli(&[&["trust", "check", text(&good_file), "-o", "json"][..], &authorities].concat()))
    };
    let (code, judged) = under("organisations.pem");
    assert_eq!((code, &judged["signature"]), (0, &"valid".into()), "{judged}");
    let (code, judged) = under("personnes.pem");
    assert_eq!((code, &judged["reason"]), (6, &"list-signer-untrusted".into()), "{judged}");
}

#[test]
fn a_node_that_asks_for_signatures_takes_no_list_without_one() {
    let operator = Operator::with_list("");
    operator.replace("whitelist.xml", &signed(&operator, &list(1, FOUR)));
    let config = read(&operator.path("pro/pli.toml"));
    let unit = unit_of_signer(&operator);
    let rules = format!("[trust]\nsignature = \"required\"\nsigner_cn = \"mss.pro.test\"\nsigner_ou = \"{unit}\"");
    operator.replace("pro/pli.toml", &config.replace("[trust]", &rules));
    let mut node = operator.serve();
    let shown = operator.told(&["trust", "show"]);
    assert_eq!((&shown["signature"], &shown["domains"]), (&"valid".into(), &4.into()));

    // The same list, newer, with its signature taken off: that is corruption, not an unsigned list.
    operator.replace("whitelist.xml", &list(2, FOUR));
    node.wait_for_log("list-signature-missing");
    let file = operator.put("stripped.xml", &list(2, FOUR));
    operator.fails(&["trust", "install", text(&file), "--reason", "in a hurry"], 6, "list-signature-missing");
    let (code, checked) = verdict(&operator.ask(&["trust", "check", text(&file)]));
    assert_eq!((code, &checked["signature"]), (6, &"none".into()));
    assert_eq!(operator.told(&["trust", "show"]), shown);
}

/// The OU of the operator's certificate, as a check without authorities names its signer.
fn unit_of_signer(operator: &Operator) -> String {
    let (_, bare) = verdict(&pli(&["trust", "check", text(&operator.path("whitelist.xml")), "-o", "json"]));
    let signer = bare.get("signer").and_then(Value::as_str).unwrap();
    signer.split(',').find_map(|part| part.strip_prefix("OU=")).unwrap().to_owned()
}
