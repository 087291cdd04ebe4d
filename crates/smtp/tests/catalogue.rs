//! The reply catalogue: one page with every text, and what must hold for all of them.

use std::path::Path;

use pli_policy::Reason;
use pli_smtp::proto::Reply;
use pli_smtp::replies;
use pli_store::Receipt;
use pli_types::MessageId;

fn refusals() -> impl Iterator<Item = (Reason, bool, Reply)> {
    Reason::ALL.iter().flat_map(|reason| {
        [false, true].map(|temporary| (*reason, temporary, replies::for_refusal(*reason, temporary)))
    })
}

fn everything() -> Vec<(String, Reply)> {
    let keywords = ["PIPELINING".to_owned(), "SIZE 26214400".to_owned()];
    let mut out = vec![
        ("greeting".to_owned(), replies::greeting("mss.example.test")),
        ("hello".to_owned(), replies::hello("mss.example.test")),
        ("extended_hello".to_owned(), replies::extended_hello("mss.example.test", &keywords)),
        ("accepted".to_owned(), replies::accepted(&Receipt { id: MessageId::from_bytes([0xa5; 16]) })),
    ];
    out.extend(replies::fixed().into_iter().map(|(name, reply)| (name.to_owned(), reply)));
    out.extend(refusals().map(|(reason, temporary, reply)| {
        (format!("{}{}", reason.code(), if temporary { ", for now" } else { "" }), reply)
    }));
    out
}

/// `UPDATE=1 cargo test -p pli-smtp --test catalogue` writes the page anew.
#[test]
fn the_catalogue_is_the_page_that_operators_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/replies.txt");
    let entries: Vec<String> = everything()
        .iter()
        .map(|(name, reply)| format!("# {name}\n{}\n\n", reply.to_string().replace("\r\n", "\n")))
        .collect();
    let page = entries.concat();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written == page, "tests/snapshots/replies.txt is not what the server says: run with UPDATE=1 and look");
}

#[test]
fn a_refusal_is_temporary_in_both_its_codes_or_in_neither() {
    for (reason, temporary, reply) in refusals() {
        let class = if temporary { '4' } else { '5' };
        let text = reply.to_string();
        let words: Vec<&str> = text.splitn(4, ' ').collect();
        assert!(words[0].starts_with(class) && words[0].len() == 3, "{text}");
        assert!(words[1].starts_with(class) && words[1].split('.').count() == 3, "{text}");
        assert_eq!(words[2], format!("[{}]", reason.code()));
        assert_eq!(reply.reason(), Some(reason));
    }
}

/// RFC 5321 §4.2.3 with its extensions (RFC 3207, 4954): codes that clients know.
#[test]
fn no_reply_has_a_code_that_clients_do_not_know() {
    let known = [
        214, 220, 221, 235, 250, 252, 334, 354, 421, 450, 451, 452, 454, 500, 501, 502, 503, 504, 530, 535, 550, 552,
        553, 554, 555,
    ];
    for (name, reply) in everything() {
        assert!(known.contains(&reply.code()), "{name}: {reply}");
    }
}

/// RFC 5321 §4.5.3.1.5.
#[test]
fn every_reply_line_fits_512_octets_of_printable_ascii() {
    for (name, reply) in everything() {
        for line in reply.to_string().split("\r\n") {
            assert!(line.len() <= 510, "{name}");
            assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}: {line}");
        }
    }
}

#[test]
fn the_contract_fixes_these() {
    let says = |reason, temporary, start: &str| {
        let reply = replies::for_refusal(reason, temporary).to_string();
        assert!(reply.starts_with(start), "{reply}");
    };
    says(Reason::TlsRequired, false, "530 5.7.0 [tls-required] ");
    says(Reason::CertificateNotListed, false, "550 5.7.1 [certificate-not-listed] ");
    says(Reason::RecipientUnknown, false, "550 5.1.1 [recipient-unknown] ");
    says(Reason::RecipientSuspended, false, "550 5.2.1 [recipient-suspended] ");
    says(Reason::MailboxFull, true, "452 4.2.2 [mailbox-full] ");
    says(Reason::MailboxFull, false, "552 5.2.2 [mailbox-full] ");
    says(Reason::MessageTooBig, false, "552 5.3.4 [message-too-big] ");
    says(Reason::ListUnavailable, true, "451 4.3.0 [list-unavailable] ");
    says(Reason::TooManyRecipients, true, "452 4.5.3 [too-many-recipients] ");
}
