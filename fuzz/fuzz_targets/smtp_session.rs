//! A whole connection: never a panic, no loop without end, the same bytes mean the same however they are cut, and
//! nothing is taken whose line ends are not CR LF.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pli_smtp::proto::{Door, Tls};

#[path = "../../crates/smtp/tests/support/mod.rs"]
mod support;

use support::{Fake, Seen};

const OPENING: &[u8] = b"EHLO a.test\r\nAUTH EXTERNAL =\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n";

fn play(door: Door, input: &[u8], opening: bool, piece: usize) -> (Vec<Seen>, Vec<Vec<u8>>) {
    let tls = (door == Door::Operators || opening).then_some(Tls { certificate: true });
    let mut fake = Fake::new(door, tls, 500);
    fake.drain();
    if opening {
        fake.receive(OPENING);
    }
    for piece in input.chunks(piece) {
        fake.receive(piece);
    }
    fake.seen.retain(|seen| !matches!(seen, Seen::Body(_)));
    (fake.seen, fake.messages.into_iter().map(|message| message.body).collect())
}

fuzz_target!(|data: &[u8]| {
    let [flags, piece, input @ ..] = data else { return };
    let door = if flags & 1 == 0 { Door::Submission } else { Door::Operators };
    let opening = flags & 2 == 0;
    let whole = play(door, input, opening, usize::MAX);
    // What comes behind STARTTLS is the handshake's if it comes later, and an attack if it comes along.
    if !whole.0.contains(&Seen::StartTls) && !in_clear(door, opening) {
        assert_eq!(play(door, input, opening, usize::from(*piece).max(1)), whole);
    }
    for body in &whole.1 {
        assert!(body.is_empty() || body.ends_with(b"\r\n"));
        let lines = body.split(|byte| *byte == b'\n').collect::<Vec<_>>();
        let (last, whole_lines) = lines.split_last().expect("split gives one at least");
        assert!(last.is_empty());
        for line in whole_lines {
            let line = line.strip_suffix(b"\r").expect("a bare LF was taken");
            assert!(!line.contains(&b'\r') && !line.contains(&0) && line.len() <= 998);
        }
    }
});

fn in_clear(door: Door, opening: bool) -> bool {
    door == Door::Submission && !opening
}
