//! Odd MIME, byte for byte.

use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::fetch::{MacroOrMessageDataItemNames, MessageDataItemName};
use imap_codec::{CommandCodec, decode::Decoder};

use super::*;
use crate::message::{bodystructure, section};

/// `BODY[section]` of a message, as the client would get it; `None` where it gets NIL.
fn body(message: &str, section_text: &str) -> Option<String> {
    let command = format!("A FETCH 1 BODY[{section_text}]\r\n");
    let (_, command) = CommandCodec::default().decode(command.as_bytes()).unwrap();
    let CommandBody::Fetch { macro_or_item_names: MacroOrMessageDataItemNames::MessageDataItemNames(items), .. } =
        command.body
    else {
        panic!("not a FETCH")
    };
    let Some(MessageDataItemName::BodyExt { section, .. }) = items.first() else { panic!("not a BODY[…]") };
    let bytes = message.as_bytes();
    let found = match section::find(&walk(bytes), section.as_ref()) {
        section::Bytes::Range(range) => bytes.get(range).unwrap().to_vec(),
        section::Bytes::Fields { header, names, except } => section::filter(bytes.get(header).unwrap(), &names, except),
        section::Bytes::Nothing => return None,
    };
    Some(String::from_utf8(found).unwrap())
}

fn structure(message: &str) -> String {
    let mut out = Vec::new();
    bodystructure::write(&mut out, &walk(message.as_bytes()), false);
    String::from_utf8(out).unwrap()
}

const LETTER: &str = concat!(
    "From: labo@ch.fr\r\nSubject: Compte rendu\r\n",
    "Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n",
    "preamble\r\n",
    "--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour é\r\n",
    "--b1 \t\r\nContent-Type: message/rfc822\r\n\r\n",
    "Subject: dedans\r\nTo: x@y.fr\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n",
    "--b2\r\n\r\nun\r\n\r\n--b2\r\nContent-Type: text/html\r\n\r\n<p>deux\r\n--b2--\r\n",
    "--b1\r\nContent-Type: application/zip; name=\"IHE_XDM.zip\"\r\n",
    "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=IHE_XDM.zip\r\n\r\n",
    "UEsDBA==\r\n",
    "--b1--\r\nepilogue\r\n"
);

#[test]
fn sections_are_the_very_bytes() {
    for (section, expected) in [
        ("1", Some("Bonjour é")),
        ("1.MIME", Some("Content-Type: text/plain; charset=utf-8\r\n\r\n")),
        ("2.HEADER", Some("Subject: dedans\r\nTo: x@y.fr\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n")),
        ("2.HEADER.FIELDS (TO)", Some("To: x@y.fr\r\n\r\n")),
        ("2.HEADER.FIELDS.NOT (TO Content-Type)", Some("Subject: dedans\r\n\r\n")),
        ("2.TEXT", Some("--b2\r\n\r\nun\r\n\r\n--b2\r\nContent-Type: text/html\r\n\r\n<p>deux\r\n--b2--")),
        ("2.1", Some("un\r\n")),
        ("2.1.MIME", Some("\r\n")),
        ("2.2", Some("<p>deux")),
        ("2.3", None),
        ("2.1.1", None),
        ("3", Some("UEsDBA==")),
        ("4", None),
        ("1.TEXT", None),
        ("3.HEADER", None),
        ("HEADER.FIELDS (SUBJECT from)", Some("From: labo@ch.fr\r\nSubject: Compte rendu\r\n\r\n")),
        ("HEADER.FIELDS (X-ABSENT)", Some("\r\n")),
    ] {
        assert_eq!(body(LETTER, section).as_deref(), expected, "{section}");
    }
    assert_eq!(body(LETTER, "").as_deref(), Some(LETTER));
    assert_eq!(body(LETTER, "HEADER").unwrap() + &body(LETTER, "TEXT").unwrap(), LETTER);
}

#[test]
fn the_structure_names_what_is_there() {
    assert_eq!(
        structure(LETTER),
        concat!(
            r#"(("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 10 1)"#,
            r#"("message" "rfc822" NIL NIL NIL "7bit" 143 "#,
            r#"(NIL "dedans" NIL NIL NIL ((NIL NIL "x" "y.fr")) NIL NIL NIL NIL) "#,
            r#"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 1)"#,
            r#"("text" "html" NIL NIL NIL "7bit" 7 1) "alternative") 13)"#,
            r#"("application" "zip" ("name" "IHE_XDM.zip") NIL NIL "base64" 8) "mixed")"#
        )
    );
}

#[test]
fn a_message_without_parts_has_part_one() {
    let message = "Subject: a\r\n\r\nbody without line end";
    assert_eq!(body(message, "1").as_deref(), Some("body without line end"));
    assert_eq!(body(message, "TEXT").as_deref(), Some("body without line end"));
    assert_eq!(body(message, "1.1"), None);
    assert_eq!(body(message, "2"), None);
    assert_eq!(structure(message), r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 21 1)"#);
}

#[test]
fn a_header_alone_has_an_empty_text() {
    for message in ["Subject: a\r\n", "Subject: a\r\n\r\n", "Subject: a"] {
        assert_eq!(body(message, "HEADER").as_deref(), Some(message));
        assert_eq!(body(message, "TEXT").as_deref(), Some(""));
        assert_eq!(body(message, "1").as_deref(), Some(""));
    }
}

#[test]
fn a_multipart_never_closed_goes_to_the_end() {
    let message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n";
    assert_eq!(body(message, "1").as_deref(), Some("one"));
    assert_eq!(body(message, "2").as_deref(), Some("two\r\n"));
}

#[test]
fn a_multipart_without_any_boundary_has_one_empty_part() {
    let message = "Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing here\r\n";
    assert_eq!(body(message, "1").as_deref(), Some(""));
    assert_eq!(body(message, "TEXT").as_deref(), Some("nothing here\r\n"));
}

#[test]
fn a_longer_boundary_is_another_boundary() {
    let message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--bb\r\nstill one\r\n--b--\r\n";
    assert_eq!(body(message, "1").as_deref(), Some("one\r\n--bb\r\nstill one"));
}

#[test]
fn an_inner_part_ends_where_the_outer_boundary_stands() {
    let message = concat!(
        "Content-Type: multipart/mixed; boundary=out\r\n\r\n",
        "--out\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n\r\nnever closed\r\n",
        "--out\r\n\r\nlast\r\n--out--\r\n"
    );
    assert_eq!(body(message, "1.1").as_deref(), Some("never closed"));
    assert_eq!(body(message, "2").as_deref(), Some("last"));
}

#[test]
fn parts_of_a_digest_are_messages() {
    let message = "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n\r\ntext\r\n--b--\r\n";
    assert_eq!(body(message, "1.HEADER").as_deref(), Some("Subject: in\r\n\r\n"));
    assert_eq!(body(message, "1.1").as_deref(), Some("text"));
}

#[test]
fn bare_line_feeds_part_lines_too() {
    let message = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n";
    assert_eq!(body(message, "1").as_deref(), Some("one"));
}

#[test]
fn a_message_nested_without_end_is_walked_to_a_depth_only() {
    let message = "Content-Type: message/rfc822\r\n\r\n".repeat(50_000);
    let mut depth = 0;
    let mut part = &walk(message.as_bytes());
    let root = walk(message.as_bytes());
    part = if depth == 0 { &root } else { part };
    while let Content::Message(inner) = &part.content {
        depth += 1;
        part = &inner.part;
    }
    assert_eq!(depth, DEPTH_MAX);
    assert_eq!(part.mime.kind, b"application");
}

#[test]
fn parts_without_number_are_bounded() {
    let message = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\n".repeat(50_000));
    let Content::Multipart(parts) = walk(message.as_bytes()).content else { panic!("not multipart") };
    assert!(parts.len() <= PARTS_MAX);
}

/// A forwarded message with this header.
fn forwarded(header: &str) -> String {
    format!("Content-Type: message/rfc822\r\n\r\n{header}\r\ntext\r\n")
}

#[test]
fn addresses_without_number_make_no_long_answer() {
    let message = forwarded(&format!("From: a@b.fr{}\r\n", ",\r\n a@b.fr".repeat(400_000)));
    let shown = structure(&message);
    assert_eq!(shown.matches("(NIL NIL \"a\" \"b.fr\")").count(), 3 * 1_000);
    assert!(shown.len() < 128 * 1024, "{} bytes", shown.len());
    // What is shown ends in time; what is sent does not end early.
    assert_eq!(body(&message, "1.TEXT").as_deref(), Some("text\r\n"));
    assert_eq!(body(&message, "1.HEADER").map(|header| header.len()), Some(message.len() - 38));
}

#[test]
fn messages_with_many_addresses_each_make_no_long_answer_together() {
    let one = forwarded(&format!("From: {}\r\nTo: {}\r\n", "a,".repeat(900), "a,".repeat(900)));
    let message =
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", format!("--b\r\n{one}\r\n").repeat(1_500));
    let shown = structure(&message);
    assert_eq!(shown.matches("\"rfc822\"").count(), 999, "as many as before, some without their addresses");
    assert!(shown.len() < 1024 * 1024, "{} bytes", shown.len());
}

#[test]
fn a_forwarded_header_without_end_is_read_to_a_length_only() {
    let names = format!("\"{}\" <a@b.fr>,\r\n ", "n".repeat(900)).repeat(900);
    let shown = structure(&forwarded(&format!("Subject: s\r\nTo: {names}x@y.fr\r\nDate: never\r\n")));
    assert!(shown.contains("(NIL \"s\" NIL NIL NIL (("), "what comes before is there, what comes behind is not");
    assert!(shown.len() < 512 * 1024, "{} bytes", shown.len());
}

#[test]
fn parameters_without_number_make_no_long_answer() {
    let many = ";\r\n p=v".repeat(100_000);
    let shown = structure(&format!("Content-Type: application/zip{many}\r\n\r\n"));
    assert_eq!(shown.matches("\"v\"").count(), 64);
    let long = "v".repeat(100_000);
    let shown = structure(&format!(
        "Content-Type: application/zip; long={long}; name=z\r\nContent-Description: {long}\r\n\r\n"
    ));
    assert!(shown.starts_with("(\"application\" \"zip\" (\"name\" \"z\") NIL {16"), "a cut name would be a wrong name");
    assert!(shown.len() < 32 * 1024, "{} bytes", shown.len());
}

#[test]
fn types_without_end_leave_parts_that_say_nothing_false() {
    let part = format!("--b\r\nContent-Type: image/png; name={}\r\n\r\nx\r\n", "n".repeat(10_000));
    let message = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", part.repeat(1_000));
    let shown = structure(&message);
    assert!(shown.len() < 3 * 1024 * 1024, "{} bytes", shown.len());
    let parts =
        shown.matches("\"image\" \"png\"").count() + shown.matches("\"application\" \"octet-stream\" NIL").count();
    assert_eq!(parts, 1_000);
    assert_eq!(body(&message, "1000").as_deref(), Some("x"));
}
