//! What is read of honest documents.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use pli_document::{Finding, Format};
use support::*;

#[test]
fn a_header_is_read_whole() {
    let found = examined(&honest(DOMINIQUE)).documents;
    let [document] = found.documents.as_slice() else { panic!("one document") };
    assert_eq!(document.format, Format::Cda);
    assert_eq!((document.code.code.as_str(), document.code.system.as_str()), ("34112-3", "2.16.840.1.113883.6.1"));
    assert_eq!(document.unique_id, "1.2.3.4^7");
    assert_eq!(document.set_id.as_deref(), Some("1.2.3.4.1"));
    assert_eq!(document.version.as_deref(), Some("2"));
    assert_eq!(document.replaces, ["1.2.3.4^6"]);
    assert_eq!(document.confidentiality.as_deref(), Some("N"));
    assert_eq!(document.effective_time.as_deref(), Some("20261123080000+0100"));
    assert_eq!(document.hash.as_deref(), Some("da39a3ee5e6b4b0d3255bfef95601890afd80709"));
    let patient = document.patient.as_ref().unwrap();
    assert_eq!(patient.ins.as_ref().unwrap().reveal(), DOMINIQUE);
    assert!(patient.qualified && patient.oid == INS_OID);
    assert!(found.replaces() && !found.is_prescription() && !found.hides_something());
    assert_eq!((found.codes().as_deref(), found.qualified()), (Some("34112-3"), Some(true)));
}

#[test]
fn nothing_found_is_shown() {
    let shown = format!("{:?}", examined(&honest(DOMINIQUE)));
    for hidden in [DOMINIQUE, "PAT-TROIS", "IHE_XDM", "1.2.3.4"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn an_ins_without_its_four_traits_is_not_qualified() {
    let cda = cda(DOMINIQUE, "34112-3");
    for (trait_of, without) in [
        (r#"<family qualifier="BR">PAT-TROIS</family>"#, ""),
        ("PAT-TROIS", " "),
        ("DOMINIQUE", ""),
        (r#"birthTime value="19790328""#, r#"birthTime nullFlavor="UNK""#),
        (r#"birthTime value="19790328""#, r#"birthTime value="1979""#),
        (r#"GenderCode code="F""#, r#"GenderCode code="UN""#),
        (INS_OID, "1.2.250.1.213.1.4.6"),
        (DOMINIQUE, "279035121518988"),
    ] {
        let archive = zip(&[Raw::deflated("DOC.XML", cda.replace(trait_of, without).as_bytes())]);
        let found = examined(&archive).documents;
        assert_eq!((found.documents.len(), found.qualified()), (1, Some(false)), "{trait_of}");
    }
}

#[test]
fn codes_stand_in_the_order_of_the_archive() {
    let mut entries = entries(&metadata(DOMINIQUE, "DOC0001.XML"), &cda(DOMINIQUE, "34112-3"));
    entries.push(Raw::deflated("IHE_XDM/SUBSET01/DOC0002.XML", cda(DOMINIQUE, "PRESC-BIO").as_bytes()));
    entries.push(Raw::deflated("IHE_XDM/SUBSET01/DOC0003.XML", cda(DOMINIQUE, "15508-5").as_bytes()));
    let found = examined(&zip(&entries)).documents;
    assert_eq!(found.codes().as_deref(), Some("34112-3,PRESC-BIO,15508-5"));
    assert!(found.is_prescription());
    assert_eq!(found.findings, []);
}

#[test]
fn prescriptions_are_known_by_their_codes() {
    for (code, expected) in [
        ("57833-6", true),
        ("PRESC-BIO", true),
        ("PRESC-KINE", true),
        ("PRESC-INF", true),
        ("PRESC-AAT", true),
        ("PRESC-PEDI", true),
        ("PRESC-ORTHOPHO", true),
        ("34112-3", false),
        ("PRESCRIPTION", false),
    ] {
        let archive = zip(&[Raw::deflated("DOC.XML", cda(DOMINIQUE, code).as_bytes())]);
        assert_eq!(examined(&archive).documents.is_prescription(), expected, "{code}");
    }
    let elsewhere = cda(DOMINIQUE, "57833-6").replace("2.16.840.1.113883.6.1", "1.2.3");
    assert!(!examined(&zip(&[Raw::deflated("DOC.XML", elsewhere.as_bytes())])).documents.is_prescription());
}

#[test]
fn a_document_that_is_no_cda_is_known_by_its_metadata() {
    let entries = [
        Raw::deflated(METADATA, metadata_of(&[(DOMINIQUE, "SCAN.PDF", "application/pdf")]).as_bytes()),
        Raw::stored("IHE_XDM/SUBSET01/SCAN.PDF", b"%PDF-1.4"),
    ];
    let found = examined(&zip(&entries)).documents;
    assert_eq!(found.findings, []);
    assert_eq!(found.documents[0].format, Format::Other);
    assert_eq!(found.documents[0].replaces, ["urn:uuid:old"]);
    assert_eq!(found.patients_ins().len(), 1);
    // The two headers speak of clinical documents only.
    assert_eq!((found.codes(), found.qualified()), (None, None));
}

#[test]
fn documents_are_found_however_their_place_is_written() {
    for uri in ["DOC0001.XML", "./doc0001.xml", "IHE_XDM/SUBSET01/DOC0001.XML", "1|DOC0001.XML"] {
        let archive = zip(&entries(&metadata(DOMINIQUE, uri), &cda(DOMINIQUE, "34112-3")));
        let found = examined(&archive).documents;
        assert_eq!(found.findings, [], "{uri}");
        assert!(found.documents[0].hash.is_some(), "{uri}");
    }
    let mut windows = entries(&metadata(DOMINIQUE, "DOC0001.XML"), &cda(DOMINIQUE, "34112-3"));
    for entry in &mut windows {
        entry.name = entry.name.replace('/', "\\");
    }
    assert_eq!(findings(&zip(&windows)), []);
    let elsewhere = entries(&metadata(DOMINIQUE, "DOC0009.XML"), &cda(DOMINIQUE, "34112-3"));
    assert_eq!(findings(&zip(&elsewhere)), [Finding::DocumentMissing]);
}

#[test]
fn a_document_in_another_encoding_is_read() {
    let cda = cda(DOMINIQUE, "34112-3").replace("PAT-TROIS", "PAT-É");
    let latin = cda.replace("UTF-8", "ISO-8859-1").chars().map(|letter| letter as u8).collect::<Vec<u8>>();
    let wide: Vec<u8> = format!("\u{feff}{cda}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wrong: Vec<u8> = cda.chars().map(|letter| letter as u8).collect();
    let metadata = metadata(DOMINIQUE, "DOC0001.XML");
    for (bytes, expected) in [(latin, &[][..]), (wide, &[]), (wrong, &[Finding::Encoding])] {
        let archive = zip(&[Raw::deflated(METADATA, metadata.as_bytes()), Raw::deflated(DOCUMENT, &bytes)]);
        let found = examined(&archive).documents;
        assert_eq!((found.findings.as_slice(), found.qualified()), (expected, Some(true)));
    }
}
