//! A letter read back by others: a MIME parser, a zip reader, an XML parser.

use std::io::{Cursor, Read};

use mail_parser::{MessageParser, MimeHeaders};

use super::*;

fn letter(cda: &[u8]) -> Built {
    build(&Letter {
        from: "cardiologie@ch-exemple.mssante.fr",
        from_name: "Service de cardiologie, CH Exemple",
        to: &["medecin.exemple@clinique-voisine.mssante.fr".into(), "279035121518989@patient.mssante.fr".into()],
        cda,
        sent_at: now(),
    })
    .unwrap()
}

fn now() -> Timestamp {
    "2026-03-14T09:15:00Z".parse().unwrap()
}

fn entry(zip: &[u8], name: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut content = Vec::new();
    archive.by_name(name).unwrap().read_to_end(&mut content).unwrap();
    content
}

#[test]
fn a_letter_has_the_subject_and_headers_of_the_specification() {
    let built = letter(&discharge::DISCHARGE.cda(now()));
    let message = MessageParser::default().parse(&built.bytes).unwrap();
    assert_eq!(message.subject(), Some("XDM/1.0/DDM+CR hospitalier PAT-TROIS DOMINIQUE 28/03/1979"));
    assert_eq!(message.message_id(), Some(built.message_id.as_str()));
    assert_eq!(message.date().unwrap().to_rfc3339(), "2026-03-14T09:15:00Z");
    for (name, value) in [("X-MSS-CODECDA", "34112-3"), ("X-MSS-INS", "O"), ("X-MSS-NIL", PRODUCT)] {
        assert_eq!(message.header_raw(name).map(str::trim), Some(value), "{name}");
    }
    assert!(message.body_text(0).unwrap().contains("Compte rendu d'hospitalisation de jour"));
    let names: Vec<_> = message.attachments().map(|part| part.attachment_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["IHE_XDM.zip", "20260314_CR_hospitalier_PAT-TROIS_DOMINIQUE.pdf"]);
}

#[test]
fn a_letter_has_no_line_that_smtp_would_refuse() {
    let built = letter(&discharge::DISCHARGE.cda(now()));
    assert!(built.bytes.ends_with(b"\r\n"));
    for line in built.bytes.split_inclusive(|byte| *byte == b'\n') {
        assert!(line.ends_with(b"\r\n") && line.len() <= 1000);
        assert!(!line[..line.len() - 2].contains(&b'\r') && !line.contains(&0));
    }
}

#[test]
fn the_archive_has_the_layout_of_ihe_xdm_and_metadata_that_fit_the_document() {
    let cda = discharge::DISCHARGE.cda(now());
    let built = letter(&cda);
    let message = MessageParser::default().parse(&built.bytes).unwrap();
    let zip = message.attachment(0).unwrap().contents();
    assert!(entry(zip, "README.TXT").is_ascii());
    assert!(String::from_utf8(entry(zip, "INDEX.HTM")).unwrap().contains("IHE_XDM/SUBSET01/DOC0001.XML"));
    assert_eq!(entry(zip, "IHE_XDM/SUBSET01/DOC0001.XML"), cda);

    let metadata = String::from_utf8(entry(zip, "IHE_XDM/SUBSET01/METADATA.XML")).unwrap();
    let document = roxmltree::Document::parse(&metadata).unwrap();
    let slot = |name: &str| {
        let slot = document.descendants().find(|node| node.attribute("name") == Some(name)).unwrap();
        slot.descendants().find_map(|node| node.has_tag_name((RIM, "Value")).then(|| node.text())).flatten().unwrap()
    };
    assert_eq!(slot("URI"), "DOC0001.XML");
    assert_eq!(slot("size"), cda.len().to_string());
    assert_eq!(slot("creationTime"), "20260314091500");
    let patients: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name((RIM, "ExternalIdentifier")))
        .filter_map(|node| node.attribute("value").filter(|value| value.ends_with("^NH")))
        .collect();
    assert_eq!(patients, ["279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"; 2]);
    let mut ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "two objects of the registry have one id");
}

const RIM: &str = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0";

#[test]
fn the_pdf_says_where_each_of_its_objects_begins() {
    let bytes = pdf::render(&Cda::read(&discharge::DISCHARGE.cda(now())).unwrap());
    let at = |needle: &[u8]| bytes.windows(needle.len()).rposition(|window| window == needle).unwrap();
    let number = |from: usize| -> usize {
        let digits: Vec<u8> = bytes[from..].iter().copied().take_while(u8::is_ascii_digit).collect();
        String::from_utf8(digits).unwrap().parse().unwrap()
    };
    let table = number(at(b"startxref\n") + 10);
    assert!(bytes[table..].starts_with(b"xref\n0 "));
    let size = number(table + 7);
    let first = table + 7 + size.to_string().len() + 1;
    for object in 1..size {
        let offset = number(first + 20 * object);
        assert!(bytes[offset..].starts_with(format!("{object} 0 obj\n").as_bytes()), "object {object}");
    }
    // WinAnsiEncoding: one byte a letter, accents included.
    let word: Vec<u8> = "artérielle".chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert!(bytes.windows(word.len()).any(|window| window == word));
}

#[test]
fn a_document_without_a_patient_is_no_letter() {
    let cda = String::from_utf8(discharge::DISCHARGE.cda(now())).unwrap().replace("recordTarget", "nobody");
    assert!(Cda::read(cda.as_bytes()).unwrap_err().to_string().contains("no patient"));
    assert!(Cda::read(b"<a/>").is_err());
    assert!(Cda::read(b"<!DOCTYPE x [<!ENTITY e 'x'>]><ClinicalDocument xmlns='urn:hl7-org:v3'/>").is_err());
}

#[test]
fn an_ins_that_is_not_qualified_is_said_so() {
    let cda = String::from_utf8(discharge::DISCHARGE.cda(now())).unwrap().replace("1.2.250.1.213.1.4.10", "1.2.3");
    let built = letter(cda.as_bytes());
    let message = MessageParser::default().parse(&built.bytes).unwrap();
    assert_eq!(message.header_raw("X-MSS-INS").map(str::trim), Some("N"));
}

/// Needs the reference data: `PLI_REFERENCE_DATA=… cargo test -- --ignored`.
#[test]
#[ignore = "needs the official CDA samples: set PLI_REFERENCE_DATA"]
fn every_sample_of_the_reference_data_makes_a_letter() {
    let folder = std::env::var_os("PLI_REFERENCE_DATA").expect("PLI_REFERENCE_DATA is not set");
    let mut count = 0;
    for file in std::fs::read_dir(std::path::Path::new(&folder).join("cda")).unwrap() {
        let path = file.unwrap().path();
        let cda = std::fs::read(&path).unwrap();
        let document = Cda::read(&cda).unwrap_or_else(|error| panic!("{}: {error:#}", path.display()));
        assert_eq!(document.patient.id, "279035121518989", "{}", path.display());
        assert!(document.patient.has_qualified_ins(), "{}", path.display());
        assert!(document.embedded_pdf.is_some() || !document.sections.is_empty(), "{}", path.display());
        if let Some(pdf) = &document.embedded_pdf {
            assert!(pdf.starts_with(b"%PDF-"), "{}", path.display());
        }
        let built = letter(&cda);
        let message = MessageParser::default().parse(&built.bytes).unwrap();
        assert_eq!(entry(message.attachment(0).unwrap().contents(), "IHE_XDM/SUBSET01/DOC0001.XML"), cda);
        count += 1;
    }
    assert!(count >= 6, "only {count} samples");
}
