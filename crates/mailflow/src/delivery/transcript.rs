//! [`Transcript`]: what was said in one try, for who looks at the row afterwards. Never the content, and nothing that
//! names a patient: every line is scrubbed before it is kept.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pli_store::{Attempt, Outcome};
use pli_types::Masker;

use super::canonical::CanonicalMessage;
use super::dialogue::{Broken, SmtpDialogue};
use super::reply::{Offers, Reply};
use super::verdict::Server;
use crate::intake::record::foreign;

/// The most that is kept of one try. A dialogue with a hundred recipients loses its middle.
const BYTES_MAX: usize = 4 * 1024;

/// Lines at the beginning that are never given up for later ones.
const BEGINNING: usize = 12;

/// A try being written down, from several places.
#[derive(Debug)]
pub(crate) struct Transcript {
    masker: Masker,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    server: Option<String>,
    beginning: Vec<String>,
    end: VecDeque<String>,
    bytes: usize,
    left_out: usize,
}

impl Transcript {
    /// Of a try that begins.
    pub(crate) fn new(masker: &Masker) -> Self {
        Self { masker: masker.clone(), told: Mutex::default() }
    }

    /// The server that is tried now.
    pub(crate) fn server(&self, server: &Server) {
        self.told().server = Some(foreign(&self.masker, &server.to_string()));
    }

    /// Something that happened and was not said: `* …`
    pub(crate) fn note(&self, what: &str) {
        self.line('*', what);
    }

    /// What we said.
    fn sent(&self, line: &str) {
        self.line('>', &without_secrets(line));
    }

    /// What they said, or that they said nothing.
    fn heard(&self, answer: &Result<Reply, Broken>) {
        match answer {
            Ok(reply) => self.line('<', &reply.to_string()),
            Err(broken) => self.note(&broken.to_string()),
        }
    }

    fn line(&self, sign: char, text: &str) {
        let line = format!("{sign} {}", foreign(&self.masker, text));
        self.told().add(line);
    }

    /// What is kept of it in a row that ended so; nothing of a row that goes away.
    pub(crate) fn attempt(&self, at: Timestamp, outcome: &Outcome) -> Option<Attempt> {
        let Outcome::Deferred { reason, detail, .. } = outcome else { return None };
        let told = self.told();
        let (server, transcript) = (told.server.clone(), told.lines());
        // The store gives the number.
        Some(Attempt { number: 0, at, server, reason: reason.clone(), detail: detail.clone(), transcript })
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn add(&mut self, line: String) {
        self.bytes += line.len();
        if self.beginning.len() < BEGINNING {
            self.beginning.push(line);
            return;
        }
        self.end.push_back(line);
        while self.bytes > BYTES_MAX {
            let Some(line) = self.end.pop_front() else { return };
            self.bytes -= line.len();
            self.left_out += 1;
        }
    }

    fn lines(&self) -> Vec<String> {
        let gap = (self.left_out > 0).then(|| format!("* {} lines are left out here", self.left_out));
        self.beginning.iter().cloned().chain(gap).chain(self.end.iter().cloned()).collect()
    }
}

/// A command, but for what the sender's program put in for itself alone: an identifier written in xtext would not be
/// recognised (RFC 3461 §4).
fn without_secrets(line: &str) -> String {
    let words = line.split(' ').map(|word| match word.split_once('=') {
        Some((name @ ("ENVID" | "ORCPT"), _)) => format!("{name}=…"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A dialogue that is written down while it is spoken.
#[derive(Debug)]
pub(crate) struct Recorded<'a> {
    pub(crate) dialogue: &'a mut dyn SmtpDialogue,
    pub(crate) transcript: &'a Transcript,
}

#[async_trait]
impl SmtpDialogue for Recorded<'_> {
    fn offers(&self) -> Offers {
        self.dialogue.offers()
    }

    async fn command(&mut self, line: &str, patience: Duration) -> Result<Reply, Broken> {
        self.transcript.sent(line);
        let answer = self.dialogue.command(line, patience).await;
        self.transcript.heard(&answer);
        answer
    }

    async fn content(&mut self, message: &CanonicalMessage, patience: Duration) -> Result<Reply, Broken> {
        self.transcript.note(&format!("the message, {} bytes", message.bytes().len()));
        let answer = self.dialogue.content(message, patience).await;
        self.transcript.heard(&answer);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(transcript: &Transcript) -> Vec<String> {
        let outcome = Outcome::Deferred {
            until: Timestamp::UNIX_EPOCH,
            reason: "peer-refused".to_owned(),
            detail: "x".to_owned(),
        };
        transcript.attempt(Timestamp::UNIX_EPOCH, &outcome).unwrap().transcript
    }

    #[test]
    fn no_identifier_is_kept_whoever_wrote_it_and_in_whatever_spelling() {
        let transcript = Transcript::new(&Masker::new(&[1; 32]));
        transcript.sent("RCPT TO:<279035121518989@patient.mssante.fr> ORCPT=rfc822;+32+37+39035121518989@x.fr");
        transcript.sent("MAIL FROM:<a@x.fr> SIZE=11 ENVID=279035121518989");
        transcript.heard(&Ok(Reply { code: 550, text: "5.1.1 no 2 79 03 51 215 189 89 here".to_owned() }));
        let lines = kept(&transcript);
        let text = lines.join("\n");
        assert!(!text.contains("035121518989") && !text.contains("189 89"), "{text}");
        assert!(lines[0].starts_with("> RCPT TO:<ins-") && lines[0].ends_with(" ORCPT=…"), "{text}");
        assert_eq!(lines[1], "> MAIL FROM:<a@x.fr> SIZE=11 ENVID=…");
        assert!(lines[2].starts_with("< 550 5.1.1 no "), "{text}");
    }

    #[test]
    fn a_long_dialogue_keeps_its_beginning_and_its_end() {
        let transcript = Transcript::new(&Masker::new(&[1; 32]));
        for number in 0..1_000 {
            transcript.sent(&format!("RCPT TO:<r{number}@b.fr>"));
        }
        transcript.heard(&Err(Broken("the server closed the connection".to_owned())));
        let lines = kept(&transcript);
        let bytes: usize = lines.iter().map(String::len).sum();
        assert!((3_000..BYTES_MAX + 100).contains(&bytes), "{bytes}");
        assert_eq!(lines[0], "> RCPT TO:<r0@b.fr>");
        assert!(lines[BEGINNING].ends_with("lines are left out here"), "{}", lines[BEGINNING]);
        assert_eq!(lines.last().unwrap(), "* the server closed the connection");
    }

    #[test]
    fn nothing_is_kept_of_a_row_that_goes_away() {
        let transcript = Transcript::new(&Masker::new(&[1; 32]));
        let relayed = Outcome::Relayed { detail: "250".to_owned() };
        assert_eq!(transcript.attempt(Timestamp::UNIX_EPOCH, &relayed), None);
    }
}
