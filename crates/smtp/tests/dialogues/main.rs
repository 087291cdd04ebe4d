//! Runs the dialogues beside this file: one file, one promise. See `README.md` for how to write one.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may fail loudly"
)]

use std::collections::VecDeque;
use std::path::Path;

use libtest_mimic::{Arguments, Failed, Trial};
use pli_smtp::proto::{Door, Tls};

#[path = "../support/mod.rs"]
mod support;

use support::{Fake, Seen};

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut trials: Vec<Trial> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "smtp"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            Trial::test(name, move || play(&std::fs::read_to_string(&path)?))
        })
        .collect();
    assert!(trials.len() > 10, "the dialogues are not where they should be");
    trials.sort_by(|a, b| a.name().cmp(b.name()));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

struct Play {
    fake: Option<Fake>,
    size_max: u64,
    tokens: bool,
    /// What the client has said and the machine was not given yet.
    unsent: Vec<u8>,
    /// Reply lines not yet looked at.
    heard: VecDeque<String>,
    looked_at: usize,
}

fn play(script: &str) -> Result<(), Failed> {
    let mut play = Play {
        fake: None,
        size_max: 1_000_000,
        tokens: false,
        unsent: Vec::new(),
        heard: VecDeque::new(),
        looked_at: 0,
    };
    for (index, line) in script.lines().enumerate() {
        play.line(line).map_err(|what| format!("line {}: {line}\n  {what}", index + 1))?;
    }
    play.send();
    play.nothing_unheard().map_err(Failed::from)
}

impl Play {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (mark, text) = line.split_once(' ').unwrap_or((line, ""));
        let (mark, times) = match mark.strip_suffix(':').unwrap_or(mark).split_once('*') {
            Some((mark, times)) => (mark, times.parse().map_err(|_| "not a number")?),
            None => (mark.strip_suffix(':').unwrap_or(mark), 1),
        };
        match mark {
            "@" => self.directive(text),
            "C" => self.say(&[unescape(text), b"\r\n".to_vec()].concat(), times),
            "C-" => self.say(&unescape(text), times),
            "S" => (0..times).try_for_each(|_| self.hear(text)),
            "=" => self.check(text),
            _ => Err("not a line of a dialogue".to_owned()),
        }
    }

    fn directive(&mut self, text: &str) -> Result<(), String> {
        let words: Vec<&str> = text.split(' ').collect();
        let tls = match words.last() {
            Some(&"tls") => Some(Tls { certificate: false }),
            Some(&"certificate") => Some(Tls { certificate: true }),
            _ => None,
        };
        match (words[0], tls) {
            ("size", _) => self.size_max = words[1].parse().map_err(|_| "not a size")?,
            ("tokens", _) => self.tokens = true,
            ("operators", tls) => return self.connect(Door::Operators, tls),
            ("submission", tls) => return self.connect(Door::Submission, tls),
            ("handshake", Some(tls)) => {
                self.send();
                let fake = self.fake.as_mut().ok_or("no connection yet")?;
                if fake.seen.pop() != Some(Seen::StartTls) {
                    return Err("the machine does not want a handshake".to_owned());
                }
                fake.tls_established(tls);
            }
            _ => return Err("not a directive".to_owned()),
        }
        Ok(())
    }

    fn connect(&mut self, door: Door, tls: Option<Tls>) -> Result<(), String> {
        self.send();
        self.nothing_unheard()?;
        self.fake = Some(Fake::taking(self.tokens, door, tls, self.size_max));
        self.looked_at = 0;
        Ok(())
    }

    fn say(&mut self, bytes: &[u8], times: usize) -> Result<(), String> {
        if self.unsent.is_empty() {
            self.send();
            self.nothing_unheard()?;
        }
        for number in 0..times {
            // A counter, for addresses that must differ.
            let text = String::from_utf8_lossy(bytes);
            if text.contains('%') {
                self.unsent.extend_from_slice(text.replace('%', &number.to_string()).as_bytes());
            } else {
                self.unsent.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    fn send(&mut self) {
        let Some(fake) = &mut self.fake else { return };
        fake.receive(&std::mem::take(&mut self.unsent));
        for seen in &fake.seen[self.looked_at.min(fake.seen.len())..] {
            if let Seen::Reply(reply) = seen {
                self.heard.extend(reply.split("\r\n").map(str::to_owned));
            }
        }
        self.looked_at = fake.seen.len();
    }

    fn hear(&mut self, pattern: &str) -> Result<(), String> {
        self.send();
        let reply = self.heard.pop_front().ok_or("the server says nothing")?;
        if matches(pattern, &reply) { Ok(()) } else { Err(format!("the server says: {reply}")) }
    }

    fn check(&mut self, text: &str) -> Result<(), String> {
        self.send();
        let fake = self.fake.as_ref().ok_or("no connection yet")?;
        let (what, rest) = text.split_once(' ').unwrap_or((text, ""));
        let found = match what {
            "closed" => return fake.is_over().then_some(()).ok_or("still open".to_owned()),
            "open" => return (!fake.is_over()).then_some(()).ok_or("closed".to_owned()),
            "messages" => fake.messages.len().to_string(),
            "recipients" => fake.messages.last().map_or(0, |message| message.recipients).to_string(),
            "asked" => fake.seen.iter().filter(|seen| matches!(seen, Seen::Question(_))).count().to_string(),
            "body" => {
                let body = fake.messages.last().map(|message| message.body.clone()).unwrap_or_default();
                return (body == unescape(rest)).then_some(()).ok_or(format!("{:?}", String::from_utf8_lossy(&body)));
            }
            _ => return Err("not a check".to_owned()),
        };
        if found == rest { Ok(()) } else { Err(format!("found {found}")) }
    }

    fn nothing_unheard(&mut self) -> Result<(), String> {
        self.heard.pop_front().map_or(Ok(()), |reply| Err(format!("the server says more: {reply}")))
    }
}

/// `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(head) else { return false };
    (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(tail, &rest[at..]))
}

/// `\r`, `\n`, `\0`, `\\` and `\xNN`.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b'0') => 0,
                Some(b'\\') => b'\\',
                Some(b'x') => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => panic!("no such escape: {other:?}"),
            },
            other => other,
        });
    }
    out
}
