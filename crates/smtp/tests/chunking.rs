//! However the network cuts what a client sends, the machine makes the same of it.

#[path = "support/mod.rs"]
mod support;

use pli_smtp::proto::{Door, Tls};
use proptest::prelude::*;
use support::{Fake, Seen};

/// The dialogue, and the messages taken. How a body is cut up, and how much of one that is refused was handed on before
/// its fault was seen, may differ.
fn play<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Seen>, Vec<Vec<u8>>) {
    let mut fake = Fake::new(Door::Submission, Some(Tls { certificate: true }), 200);
    fake.drain();
    for piece in pieces {
        fake.receive(piece);
    }
    fake.seen.retain(|seen| !matches!(seen, Seen::Body(_)));
    (fake.seen, fake.messages.into_iter().map(|message| message.body).collect())
}

/// What clients say, good and bad, cut up and put together at random.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&[u8]> = vec![
        b"EHLO a.test\r\n",
        b"AUTH EXTERNAL =\r\n",
        b"AUTH PLAIN\r\n",
        b"AGFuYQByaWdodA==\r\n",
        b"*\r\n",
        b"MAIL FROM:<a@b.test>\r\n",
        b"MAIL FROM:<relay-denied@b.test>\r\n",
        b"RCPT TO:<c@d.test>\r\n",
        b"DATA\r\n",
        b"some text\r\n",
        b".\r\n",
        b"..\r\n",
        b"\r\n",
        b"\r",
        b"\n",
        b".",
        b"\0",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"XYZZY\r\n",
        b"STARTTLS\r\n",
    ];
    prop_oneof![
        20 => proptest::sample::select(known).prop_map(<[u8]>::to_vec),
        1 => (900_usize..1100).prop_map(|length| vec![b'x'; length]),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ]
}

/// Half of the inputs begin as an honest client does, so that bodies are reached.
fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let honest = b"EHLO a.test\r\nAUTH EXTERNAL =\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n".as_slice();
    (any::<bool>(), proptest::collection::vec(fragment(), 0..40)).prop_map(move |(begin, fragments)| {
        let mut out = if begin { honest.to_vec() } else { Vec::new() };
        out.extend(fragments.concat());
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn the_same_bytes_have_the_same_meaning(input in conversation(), sizes in proptest::collection::vec(1_usize..60, 1..9)) {
        let whole = play([input.as_slice()]);
        let mut pieces = Vec::new();
        let mut rest = input.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (piece, tail) = rest.split_at(rest.len().min(*size));
            pieces.push(piece);
            rest = tail;
        }
        prop_assert_eq!(play(pieces), whole);
    }
}

/// The oracle for bodies: a message is taken only if nothing but CR LF ends its lines.
#[test]
fn what_was_taken_is_what_was_sent() {
    let body = b"..stuffed\r\n\r\n.. \r\nlast\r\n";
    let wire = [
        b"EHLO a.test\r\nAUTH EXTERNAL =\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n".as_slice(),
        body,
        b".\r\n",
    ]
    .concat();
    let mut fake = Fake::new(Door::Submission, Some(Tls { certificate: true }), 200);
    for byte in &wire {
        fake.receive(std::slice::from_ref(byte));
    }
    assert_eq!(fake.messages.len(), 1);
    assert_eq!(fake.messages[0].body, b".stuffed\r\n\r\n. \r\nlast\r\n");
}
