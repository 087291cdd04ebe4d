//! What a message carries, however it is put together.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use pli_document::{Examination, Examined, Finding, examine};
use support::*;

fn names(found: &Examined) -> Vec<&str> {
    found.attachments.iter().map(|attachment| attachment.name.as_deref().unwrap_or("-")).collect()
}

fn part(header: &str, content: &str) -> String {
    format!("--b1\r\n{header}\r\n\r\n{content}\r\n")
}

fn mixed(parts: &[String]) -> String {
    format!(
        "Subject: x\r\nContent-Type: multipart/mixed;\r\n boundary=b1\r\n\r\nPreamble\r\n{}--b1--\r\nEnd\r\n",
        parts.concat()
    )
}

#[test]
fn names_are_decoded_however_they_are_written() {
    for (header, name) in [
        ("Content-Disposition: attachment; filename=\"Radio.pdf\"", "Radio.pdf"),
        ("Content-Disposition: attachment; filename*=UTF-8''R%C3%A9sum%C3%A9.pdf", "Résumé.pdf"),
        (
            "Content-Disposition: attachment; filename*0*=UTF-8'fr'R%C3%A9s;\r\n filename*1*=um%C3%A9;\r\n filename*2=.pdf",
            "Résumé.pdf",
        ),
        ("Content-Disposition: attachment; filename=\"=?UTF-8?B?UsOpc3Vtw6kucGRm?=\"", "Résumé.pdf"),
        ("Content-Disposition: attachment; filename=\"=?iso-8859-1?Q?R=E9sum=E9.pdf?=\"", "Résumé.pdf"),
        ("Content-Type: application/pdf; name=\"Résumé.pdf\"", "Résumé.pdf"),
    ] {
        let found = examine(mixed(&[part(header, "x")]).as_bytes());
        assert_eq!(names(&found), [name], "{header}");
    }
}

#[test]
fn files_are_listed_with_type_and_size() {
    let found = examine(
        mixed(&[
            part("Content-Type: text/plain; charset=utf-8", "Bonjour"),
            part("Content-Type: text/html\r\nContent-Disposition: inline", "<p>"),
            part("Content-Type: IMAGE/Png\r\nContent-Transfer-Encoding: base64", "aGVsbG8="),
            part("Content-Type: text/plain; name=a.txt\r\nContent-Transfer-Encoding: quoted-printable", "=C3=A9="),
            part("Content-Disposition: attachment", "1\r\n2"),
        ])
        .as_bytes(),
    );
    let listed: Vec<_> = found.attachments.iter().map(|file| (file.media_type.as_str(), file.size_bytes)).collect();
    assert_eq!(listed, [("image/png", 5), ("text/plain", 2), ("text/plain", 4)]);
    assert!(!found.documents.has_archive);
}

#[test]
fn an_archive_is_known_by_its_name_alone() {
    let archive = base64(&honest(DOMINIQUE));
    for header in [
        "Content-Type: application/zip; name=ihe_xdm.ZIP",
        "Content-Type: application/octet-stream\r\nContent-Disposition: inline; filename*=utf-8''IHE%5FXDM.zip",
        "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=\" IHE_XDM.zip \"",
    ] {
        let found =
            examine(mixed(&[part(&format!("{header}\r\nContent-Transfer-Encoding: base64"), &archive)]).as_bytes());
        assert_eq!(found.documents.codes().as_deref(), Some("34112-3"), "{header}");
    }
    let other = part("Content-Type: application/zip; name=other.zip\r\nContent-Transfer-Encoding: base64", &archive);
    assert!(!examine(mixed(&[other]).as_bytes()).documents.has_archive);
}

#[test]
fn an_archive_may_be_the_whole_message_and_come_in_any_encoding() {
    let archive = honest(DOMINIQUE);
    let mut binary = b"Content-Type: application/zip; name=IHE_XDM.zip\r\n\r\n".to_vec();
    binary.extend_from_slice(&archive);
    assert_eq!(examine(&binary).documents.codes().as_deref(), Some("34112-3"));
    let quoted = archive.iter().map(|byte| format!("={byte:02X}=\r\n")).collect::<Vec<_>>().concat();
    let header = "Content-Type: application/zip; name=IHE_XDM.zip\r\nContent-Transfer-Encoding: quoted-printable";
    assert_eq!(examine(mixed(&[part(header, &quoted)]).as_bytes()).documents.codes().as_deref(), Some("34112-3"));
}

#[test]
fn a_forwarded_letter_is_looked_into() {
    let letter = String::from_utf8(message(&honest(DOMINIQUE))).unwrap();
    let forwarded = mixed(&[
        part("Content-Type: message/rfc822", &letter.replace("b1", "b2")),
        part("Content-Type: application/pdf; name=after.pdf", "x"),
    ]);
    let found = examine(forwarded.as_bytes());
    assert_eq!(names(&found), ["-", "IHE_XDM.zip", "after.pdf"]);
    assert_eq!(found.documents.codes().as_deref(), Some("34112-3"));
}

#[test]
fn several_archives_are_judged_as_one_message() {
    let archive = |ins| {
        part(
            "Content-Type: application/zip; name=IHE_XDM.zip\r\nContent-Transfer-Encoding: base64",
            &base64(&honest(ins)),
        )
    };
    let found = examine(mixed(&[archive(DOMINIQUE), archive(ZOE)]).as_bytes()).documents;
    assert_eq!((found.documents.len(), found.findings.as_slice()), (2, &[Finding::SeveralPatients][..]));
    let many: Vec<String> = (0..20).map(|_| archive(DOMINIQUE)).collect();
    let found = examine(mixed(&many).as_bytes()).documents;
    assert_eq!((found.documents.len(), found.findings.as_slice()), (8, &[Finding::TooManyArchives][..]));
}

#[test]
fn lines_and_pieces_may_be_cut_anywhere() {
    let message = message(&honest(DOMINIQUE));
    let whole = examine(&message);
    for size in [1, 2, 3, 7, 64, 1_000, 4_096] {
        let mut examination = Examination::of_size(message.len() as u64);
        message.chunks(size).for_each(|piece| examination.feed(piece));
        assert_eq!(examination.finish(), whole, "{size}");
    }
    let bare: Vec<u8> = message.iter().copied().filter(|&byte| byte != b'\r').collect();
    assert_eq!(examine(&bare), whole);
}

#[test]
fn a_message_of_millions_of_parts_is_left_early() {
    let message = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\n".repeat(500_000));
    let found = examine(message.as_bytes());
    assert_eq!((found.attachments.len(), found.documents.findings.as_slice()), (0, &[Finding::TooManyParts][..]));
    assert!(found.documents.hides_something());
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
    assert_eq!(examine(deep.as_bytes()).documents.findings, [Finding::TooManyParts]);
    let one = |at| format!("Content-Type: multipart/mixed; boundary=b{at}\r\n\r\n--b{at}\r\n");
    let nested = (0..3_000).map(one).collect::<Vec<_>>().concat();
    assert_eq!(examine(nested.as_bytes()).documents.findings, [Finding::TooManyParts]);
}

#[test]
fn a_part_that_another_ends_is_ended() {
    let inner = "Content-Type: multipart/alternative; boundary=b2\r\n\r\n--b2\r\nContent-Type: image/png\r\n\r\nx";
    let found = examine(mixed(&[part(inner, ""), part("Content-Type: application/pdf; name=a.pdf", "y")]).as_bytes());
    assert_eq!(names(&found), ["-", "a.pdf"]);
    assert_eq!(found.attachments[0].size_bytes, 5);
}
