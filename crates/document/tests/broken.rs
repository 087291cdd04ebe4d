//! Archives that somebody broke, or built to break us: each is told by its name, costs little, and loses nothing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use pli_document::Finding;
use support::*;

/// What is inflated of a message at most.
const INFLATED_MAX: u64 = 12 * 1024 * 1024;

fn honest_entries() -> Vec<Raw> {
    entries(&metadata(DOMINIQUE, "DOC0001.XML"), &cda(DOMINIQUE, "34112-3"))
}

/// The archive has these findings, and the document beside what is broken was read, or not.
#[track_caller]
fn check(archive: &[u8], expected: &[Finding], documents: usize) {
    let found = examined(archive);
    assert_eq!(found.documents.findings, expected);
    assert_eq!(found.documents.documents.len(), documents);
    assert!(found.documents.has_archive);
    assert!(found.documents.inflated_bytes() <= INFLATED_MAX);
    assert_eq!(found.attachments.len(), 1);
}

#[test]
fn an_honest_archive_has_no_findings() {
    check(&honest(DOMINIQUE), &[], 1);
}

#[test]
fn without_metadata_the_document_is_read_all_the_same() {
    check(&zip(&[Raw::deflated("DOC.XML", cda(DOMINIQUE, "34112-3").as_bytes())]), &[Finding::NoMetadata], 1);
    check(&zip(&[]), &[Finding::NoMetadata], 0);
}

#[test]
fn two_patients_in_two_documents() {
    let mut entries = honest_entries();
    let both = metadata_of(&[(DOMINIQUE, "DOC0001.XML", "text/xml"), (ZOE, "DOC0002.XML", "text/xml")]);
    entries[2] = Raw::deflated(METADATA, both.as_bytes());
    entries.push(Raw::deflated("IHE_XDM/SUBSET01/DOC0002.XML", cda(ZOE, "57833-6").as_bytes()));
    // The set is about one of them.
    check(&zip(&entries), &[Finding::MetadataAndCdaDiffer, Finding::SeveralPatients], 2);
}

#[test]
fn two_patients_in_one_document() {
    let cda = cda(DOMINIQUE, "34112-3");
    let target = cda[cda.find("<recordTarget>").unwrap()..cda.find("<author>").unwrap()].to_owned();
    let cda = cda.replace(&target, &(target.clone() + &target.replace(DOMINIQUE, ZOE)));
    check(&zip(&entries(&metadata(DOMINIQUE, "DOC0001.XML"), &cda)), &[Finding::SeveralPatients], 1);
}

#[test]
fn metadata_of_another_patient_than_the_documents() {
    let archive = zip(&entries(&metadata(ZOE, "DOC0001.XML"), &cda(DOMINIQUE, "34112-3")));
    check(&archive, &[Finding::MetadataAndCdaDiffer, Finding::SeveralPatients], 1);
    let named: Vec<String> =
        examined(&archive).documents.patients_ins().iter().map(|ins| ins.reveal().to_owned()).collect();
    assert_eq!(named, [DOMINIQUE, ZOE]);
}

#[test]
fn a_bomb_that_says_what_it_is() {
    let mut entries = honest_entries();
    entries.push(Raw::spaces("IHE_XDM/SUBSET01/IMAGE.DCM", "", 101, 101 << 20));
    check(&zip(&entries), &[Finding::Bomb], 0);
    entries[4] = Raw::spaces("IHE_XDM/SUBSET01/IMAGE.DCM", "", 20, 20 << 20);
    check(&zip(&entries), &[Finding::Bomb], 0);
}

#[test]
fn a_gigabyte_of_spaces_that_says_that_it_is_small() {
    let mut entries = honest_entries();
    entries[3] = Raw::spaces(DOCUMENT, "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">", 1024, 300_000);
    check(&zip(&entries), &[Finding::Bomb], 1);
    let mut entries = honest_entries();
    entries[2] = Raw::spaces(METADATA, "", 1024, 1 << 20);
    check(&zip(&entries), &[Finding::Bomb], 1);
}

#[test]
fn entries_that_share_their_bytes() {
    let mut entries = honest_entries();
    for at in 0..90 {
        entries.push(Raw { shares_data: true, name: format!("{at}.XML"), ..entries[3].clone() });
    }
    check(&zip(&entries), &[Finding::DirectoriesDiffer, Finding::Bomb], 0);
}

#[test]
fn paths_that_lead_outside() {
    for name in
        ["../evil.xml", "/etc/evil.xml", "a/../../evil.xml", "..\\evil.xml", "\\evil.xml", "C:\\evil.xml", "a\0b"]
    {
        let mut entries = honest_entries();
        entries.push(Raw::deflated(name, cda(ZOE, "34112-3").as_bytes()));
        check(&zip(&entries), &[Finding::PathOutside], 1);
    }
    let archive = zip(&entries(&metadata(DOMINIQUE, "../../etc/passwd"), &cda(DOMINIQUE, "34112-3")));
    check(&archive, &[Finding::PathOutside], 1);
}

#[test]
fn a_symbolic_link() {
    let mut entries = honest_entries();
    entries.push(Raw { attributes: 0o120_777 << 16, ..Raw::stored("link.xml", b"/etc/passwd") });
    check(&zip(&entries), &[Finding::Symlink], 1);
}

#[test]
fn an_encrypted_document() {
    for (flags, method) in [(1, 8), (1 << 6, 8), (0, 99)] {
        let mut entries = honest_entries();
        entries[3] = Raw { flags, method, ..entries[3].clone() };
        check(&zip(&entries), &[Finding::Encrypted], 1);
        assert!(examined(&zip(&entries)).documents.hides_something());
    }
}

#[test]
fn an_archive_cut_short_anywhere() {
    let whole = honest(DOMINIQUE);
    for length in (0..whole.len()).step_by(13).chain(whole.len() - 30..whole.len()) {
        let found = examined(&whole[..length]);
        assert_eq!(found.documents.documents.len(), 0, "{length}");
        let expected = if length < 4 { Finding::ArchiveMalformed } else { Finding::Truncated };
        assert_eq!(found.documents.findings, [expected], "{length}");
    }
}

#[test]
fn a_document_cut_short_or_damaged_within() {
    let mut entries = honest_entries();
    let data = entries[3].data.clone();
    entries[3].data.truncate(data.len() / 2);
    check(&zip(&entries), &[Finding::Truncated], 1);
    entries[3].data = data;
    entries[3].crc ^= 1;
    check(&zip(&entries), &[Finding::ArchiveMalformed], 1);
    entries[3].data.fill(0xff);
    check(&zip(&entries), &[Finding::ArchiveMalformed], 1);
}

#[test]
fn ten_thousand_entries() {
    let many: Vec<Raw> = (0..10_000).map(|at| Raw::stored(&at.to_string(), b"")).collect();
    check(&zip(&many), &[Finding::TooManyEntries], 0);
}

#[test]
fn a_directory_that_tells_another_story_than_the_entries() {
    let mut entries = honest_entries();
    entries[3].local_name = Some("IHE_XDM/SUBSET01/OTHER.XML".to_owned());
    check(&zip(&entries), &[Finding::DirectoriesDiffer], 1);
    let mut behind = honest(DOMINIQUE);
    behind.extend_from_slice(&honest(ZOE));
    check(&behind, &[Finding::ArchiveMalformed], 0);
}

#[test]
fn names_that_stand_twice_are_both_read() {
    let mut entries = honest_entries();
    entries.push(Raw::deflated(&DOCUMENT.to_ascii_lowercase(), cda(ZOE, "34112-3").as_bytes()));
    check(&zip(&entries), &[Finding::DuplicateEntries, Finding::SeveralPatients], 2);
}

#[test]
fn an_archive_in_the_archive_stays_closed() {
    let mut entries = honest_entries();
    entries.push(Raw::stored("more.zip", &honest(ZOE)));
    check(&zip(&entries), &[Finding::NestedArchive], 1);
}

#[test]
fn entities_are_never_expanded() {
    let declared = "<!DOCTYPE x [<!ENTITY xxe SYSTEM \"file:///etc/passwd\">]>";
    let with = |xml: String| xml.replacen("?>", &format!("?>{declared}"), 1);
    let (metadata, cda) = (metadata(DOMINIQUE, "DOC0001.XML"), cda(DOMINIQUE, "34112-3"));
    check(&zip(&entries(&with(metadata.clone()), &cda)), &[Finding::ExternalEntity], 1);
    // Without its header, the document is known by its metadata alone.
    check(&zip(&entries(&metadata, &with(cda.clone()))), &[Finding::ExternalEntity], 1);
    let used = cda.replace("PAT-TROIS", "&xxe;");
    check(&zip(&entries(&metadata, &used)), &[Finding::ExternalEntity], 1);
}

#[test]
fn xml_that_is_none() {
    let (metadata, cda) = (metadata(DOMINIQUE, "DOC0001.XML"), cda(DOMINIQUE, "34112-3"));
    let cut = |text: &str| text.split_at(text.len() / 3).0.to_owned();
    check(&zip(&entries(&cut(&metadata), &cda)), &[Finding::MetadataMalformed], 1);
    check(&zip(&entries(&metadata, &cut(&cda))), &[Finding::CdaMalformed], 1);
    check(&zip(&entries(&metadata, "")), &[], 1);
    let no_code = cda.replace("<code ", "<kode ");
    check(&zip(&entries(&metadata, &no_code)), &[Finding::CdaMalformed], 1);
    // A code that would write a second header.
    let injected = cda.replace("34112-3", "34112-3&#13;&#10;X-Evil: 1");
    check(&zip(&entries(&metadata, &injected)), &[Finding::CdaMalformed], 1);
}

#[test]
fn a_header_that_never_ends_is_left() {
    let beginning = "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">";
    let long = format!("{beginning}{}</ClinicalDocument>", "<a>b</a>".repeat(400_000));
    let archive = zip(&entries(&metadata(DOMINIQUE, "DOC0001.XML"), &long));
    check(&archive, &[Finding::Bomb], 0);
    let stored = vec![
        Raw::deflated(METADATA, metadata(DOMINIQUE, "DOC0001.XML").as_bytes()),
        Raw::stored(DOCUMENT, long.as_bytes()),
    ];
    check(&zip(&stored), &[Finding::CdaMalformed], 1);
}

#[test]
fn a_header_longer_than_usual_is_read_to_its_end() {
    let cda = cda(DOMINIQUE, "34112-3").replace("<author>", &format!("<!-- {} --><author>", "x ".repeat(100_000)));
    let cda = cda.replace("<component><structured", "<!-- y --><component><structured");
    check(&zip(&entries(&metadata(DOMINIQUE, "DOC0001.XML"), &cda)), &[], 1);
}

#[test]
fn documents_without_end_are_no_more_than_a_message_may_cost() {
    let long = format!("<ClinicalDocument xmlns=\"urn:hl7-org:v3\">{}", "<a>b</a>".repeat(50_000));
    let many: Vec<Raw> = (0..90).map(|at| Raw::deflated(&format!("{at}.xml"), long.as_bytes())).collect();
    check(&zip(&many), &[Finding::NoMetadata, Finding::CdaMalformed, Finding::Bomb], 0);
}
