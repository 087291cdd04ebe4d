//! One message over one dialogue: MAIL, RCPT by RCPT, DATA, the content; a verdict for each recipient.

use std::time::Duration;

use pli_failpoint::failpoint;
use pli_policy::Reason;
use pli_types::Masker;
use tokio::time::Instant;

use super::canonical::CanonicalMessage;
use super::commands::{self, Outgoing};
use super::dialogue::{Broken, SmtpDialogue};
use super::reply::Reply;
use super::verdict::{Server, Trouble, Verdict};

/// RFC 5321 §4.5.3.2.2 and .3: MAIL and RCPT.
const COMMAND_PATIENCE: Duration = Duration::from_mins(5);
/// RFC 5321 §4.5.3.2.4: the `354` after DATA.
const DATA_PATIENCE: Duration = Duration::from_mins(2);
/// RFC 5321 §4.5.3.2.6: the reply to the final dot. Giving up sooner sends messages twice.
const DOT_PATIENCE: Duration = Duration::from_mins(10);
/// The slowest transfer that is borne, in bytes a second.
const BYTES_A_SECOND_MIN: u64 = 128 * 1024;
/// All commands before the content together: the row's lease must outlive the try.
const ENVELOPE_PATIENCE: Duration = Duration::from_mins(6);

/// How an exchange ended.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// One a recipient, in their order.
    pub(crate) verdicts: Vec<Verdict>,
    /// May the dialogue carry another message?
    pub(crate) reusable: bool,
    /// Did the server answer nothing at all? On a connection that lay idle this only says that it was closed.
    pub(crate) unanswered: bool,
    /// Set if the server refuses us, whatever the message.
    pub(crate) refuses_us: Option<Trouble>,
}

fn content_patience(bytes: usize) -> Duration {
    DOT_PATIENCE + Duration::from_secs(u64::try_from(bytes).unwrap_or(u64::MAX) / BYTES_A_SECOND_MIN)
}

/// Sends the message to all of its recipients at once.
pub(crate) async fn exchange(
    dialogue: &mut dyn SmtpDialogue,
    server: &Server,
    masker: &Masker,
    outgoing: &Outgoing<'_>,
) -> Exchange {
    let verdicts = vec![None; outgoing.recipients.len()];
    let until = Instant::now() + ENVELOPE_PATIENCE;
    let mut talk = Talk { dialogue, server, masker, until, verdicts, answered: false };
    let mut refuses_us = None;
    let reusable = match talk.run(outgoing).await {
        Ok(()) => true,
        Err(End::Closing(reply)) => {
            talk.settle_rest(|talk| Verdict::of_refusal(talk.masker, talk.server, &reply));
            false
        }
        Err(End::RefusesUs(trouble)) => {
            talk.settle_rest(|_| Verdict::Later(trouble.clone()));
            refuses_us = Some(trouble);
            false
        }
        Err(End::Broken(broken)) => {
            let detail = format!("{server}: {broken}");
            talk.settle_rest(|talk| Verdict::Later(Trouble::new(talk.masker, Reason::PeerUnreachable, &detail)));
            false
        }
    };
    let unanswered = !talk.answered;
    let verdicts = talk.verdicts.into_iter().flatten().collect();
    Exchange { verdicts, reusable, unanswered, refuses_us }
}

struct Talk<'a> {
    dialogue: &'a mut dyn SmtpDialogue,
    server: &'a Server,
    masker: &'a Masker,
    until: Instant,
    /// What is already known of each recipient.
    verdicts: Vec<Option<Verdict>>,
    answered: bool,
}

/// Why a talk ended before its end.
enum End {
    /// `421`.
    Closing(Reply),
    /// A refusal of MAIL that speaks of us as a server. A new connection shows what we are by then.
    RefusesUs(Trouble),
    /// No reply, or none that makes sense.
    Broken(Broken),
}

impl Talk<'_> {
    async fn run(&mut self, outgoing: &Outgoing<'_>) -> Result<(), End> {
        let offers = self.dialogue.offers();
        let mail = match outgoing.mail(offers) {
            Ok(line) => line,
            Err(unoffered) => {
                let text = format!("{} {unoffered}", unoffered.status());
                let reply = Reply { code: 554, text };
                self.settle_rest(|talk| Verdict::of_refusal(talk.masker, talk.server, &reply));
                return Ok(());
            }
        };
        let answer = self.command(&mail, COMMAND_PATIENCE).await?;
        if let Some(reason) = answer.refuses_us() {
            return Err(End::RefusesUs(Trouble::of_reply(self.masker, reason, self.server, &answer)));
        }
        if !answer.is_done() {
            return self.refused_all(&answer);
        }
        for (index, recipient) in outgoing.recipients.iter().enumerate() {
            let answer = self.command(&commands::rcpt(recipient, offers), COMMAND_PATIENCE).await?;
            if !answer.is_done() {
                let verdict = Verdict::of_refusal(self.masker, self.server, &answer);
                if let Some(slot) = self.verdicts.get_mut(index) {
                    *slot = Some(verdict);
                }
            }
        }
        if self.verdicts.iter().all(Option::is_some) {
            // Nobody is left.
            return self.take_back().await;
        }
        self.data(outgoing.message).await
    }

    async fn data(&mut self, message: &CanonicalMessage) -> Result<(), End> {
        let answer = self.command("DATA", DATA_PATIENCE).await?;
        if answer.code != 354 {
            self.refused_all(&answer)?;
            return self.take_back().await;
        }
        failpoint!("delivery.content.before");
        let patience = content_patience(message.bytes().len());
        let answer = self.dialogue.content(message, patience).await.map_err(End::Broken)?;
        failpoint!("delivery.replied", End::Broken(Broken("a failpoint".to_owned())));
        if answer.closes() {
            return Err(End::Closing(answer));
        }
        if !answer.is_done() {
            self.refused_all(&answer)?;
            return self.take_back().await;
        }
        let detail = crate::intake::record::foreign(self.masker, &format!("{}: {answer}", self.server));
        let reports = self.dialogue.offers().dsn;
        let relayed = |talk: &Self| {
            let (detail, host) = (detail.clone(), talk.server.host.clone());
            Verdict::Relayed { detail, host, reports }
        };
        self.settle_rest(relayed);
        Ok(())
    }

    /// A server goes on with a transaction until it has taken the message (RFC 5321 §4.1.4; of one whose content it refused
    /// the RFC says otherwise, but Postfix keeps that too): without this it would refuse the next one's MAIL for ever.
    async fn take_back(&mut self) -> Result<(), End> {
        let answer = self.command("RSET", COMMAND_PATIENCE).await?;
        if answer.is_done() { Ok(()) } else { Err(End::Closing(answer)) }
    }

    /// A refusal of MAIL, DATA or the content is one of every recipient that is not refused yet. The dialogue is in
    /// order after a 4yz or 5yz; after anything else it is not known what the server thinks.
    fn refused_all(&mut self, answer: &Reply) -> Result<(), End> {
        self.settle_rest(|talk| Verdict::of_refusal(talk.masker, talk.server, answer));
        match answer.code {
            400..600 => Ok(()),
            _ => Err(End::Closing(answer.clone())),
        }
    }

    fn settle_rest(&mut self, verdict: impl Fn(&Self) -> Verdict) {
        let verdict = verdict(self);
        for slot in self.verdicts.iter_mut().filter(|slot| slot.is_none()) {
            *slot = Some(verdict.clone());
        }
    }

    async fn command(&mut self, line: &str, patience: Duration) -> Result<Reply, End> {
        let left = self.until.saturating_duration_since(Instant::now());
        let answer = self.dialogue.command(line, patience.min(left)).await.map_err(End::Broken)?;
        if answer.closes() {
            // A connection that lay idle too long ends so: that is no answer to the command.
            return Err(End::Closing(answer));
        }
        self.answered = true;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use bytes::Bytes;
    use pli_types::{DsnNotify, EnvelopeParameters, MailAddress, Recipient, ReversePath};

    use super::*;
    use crate::delivery::reply::Offers;

    /// Answers from a script, one line a command; an empty line is a lost connection. Keeps what it was sent.
    #[derive(Debug)]
    struct Script {
        answers: Vec<&'static str>,
        heard: Vec<String>,
    }

    impl Script {
        fn answer(&mut self, line: &str) -> Result<Reply, Broken> {
            self.heard.push(line.to_owned());
            assert!(!self.answers.is_empty(), "nothing was expected after {:?}", self.heard);
            let answer = self.answers.remove(0);
            let (code, text) = answer.split_once(' ').ok_or_else(|| Broken("lost".to_owned()))?;
            Ok(Reply { code: code.parse().unwrap(), text: text.to_owned() })
        }
    }

    #[async_trait]
    impl SmtpDialogue for Script {
        fn offers(&self) -> Offers {
            Offers { eight_bit_mime: true, ..Offers::default() }
        }

        async fn command(&mut self, line: &str, _patience: Duration) -> Result<Reply, Broken> {
            self.answer(line)
        }

        async fn content(&mut self, _message: &CanonicalMessage, _patience: Duration) -> Result<Reply, Broken> {
            self.answer("(content)")
        }
    }

    /// One letter per recipient: `+` relayed, `4` later, `5` never, `!` later because the connection was lost. Then the
    /// flags and what was heard.
    async fn play(recipients: usize, answers: &[&'static str]) -> (String, Exchange, Vec<String>) {
        let mut script = Script { answers: answers.to_vec(), heard: Vec::new() };
        let address = |n: usize| MailAddress::parse(&format!("r{n}@b.fr")).unwrap();
        let recipients: Vec<_> = (0..recipients)
            .map(|n| Recipient { address: address(n), notify: DsnNotify::default(), orcpt: None })
            .collect();
        let message = CanonicalMessage::check(Bytes::from_static(b"A: b\r\n\r\nc\r\n")).unwrap();
        let outgoing = Outgoing {
            sender: &ReversePath::Null,
            parameters: &EnvelopeParameters::default(),
            recipients: recipients.iter().collect(),
            message: &message,
        };
        let server = Server { host: "mx.b.fr".to_owned(), address: "192.0.2.1:25".parse().unwrap() };
        let masker = Masker::new(&[1; 32]);
        let exchange = exchange(&mut script, &server, &masker, &outgoing).await;
        assert!(script.answers.is_empty(), "not asked for: {:?}", script.answers);
        let letters = exchange.verdicts.iter().map(|verdict| match verdict {
            Verdict::Relayed { .. } | Verdict::Delivered => '+',
            Verdict::Later(trouble) if trouble.reason == Reason::PeerUnreachable => '!',
            Verdict::Later(_) | Verdict::NotNow { .. } => '4',
            Verdict::Never(_) => '5',
        });
        (letters.collect(), exchange, script.heard)
    }

    #[tokio::test]
    async fn each_recipient_gets_the_answer_that_is_its_own() {
        let answers = ["250 ok", "250 ok", "550 5.1.1 no", "450 4.2.1 later", "354 go", "250 2.0.0 kept"];
        let (letters, exchange, heard) = play(3, &answers).await;
        assert_eq!(letters, "+54");
        assert!(exchange.reusable && !exchange.unanswered);
        assert_eq!(heard.last().map(String::as_str), Some("(content)"));
        let Verdict::Relayed { detail, .. } = &exchange.verdicts[0] else { panic!("not relayed") };
        assert_eq!(detail, "mx.b.fr[192.0.2.1]:25: 250 2.0.0 kept");
    }

    #[tokio::test]
    async fn an_answer_to_all_spares_those_already_refused() {
        let cases: [(&[&str], &str, bool); 10] = [
            (&["550 no"], "55", true),
            (&["451 later"], "44", true),
            (&["250 ok", "250 ok", "550 no", "451 full", "250 reset"], "45", true),
            (&["250 ok", "250 ok", "450 no", "554 no", "250 reset"], "54", true),
            (&["250 ok", "250 ok", "550 no", "354 go", "451 later", "250 reset"], "45", true),
            (&["250 ok", "250 ok", "450 no", "354 go", "552 big", "250 reset"], "54", true),
            (&["250 ok", "550 no", "450 no", "250 reset"], "54", true),
            (&["250 ok", "550 no", "450 no", "503 what"], "54", false),
            (&["250 ok", "250 ok", "250 ok", "250 what"], "44", false),
            (&["354 what"], "44", false),
        ];
        for (answers, expected, reusable) in cases {
            let (letters, exchange, _) = play(2, answers).await;
            assert_eq!((letters.as_str(), exchange.reusable), (expected, reusable), "{answers:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_lost_at_any_step_only_puts_off() {
        let whole = ["250 ok", "550 no", "250 ok", "354 go", ""];
        let expected = ["!!", "!!", "5!", "5!", "5!"];
        for (step, expected) in expected.into_iter().enumerate() {
            let mut answers = whole[..step].to_vec();
            answers.push("");
            let (letters, exchange, _) = play(2, &answers).await;
            assert_eq!(letters, expected, "lost at step {step}");
            assert!(!exchange.reusable);
            assert_eq!(exchange.unanswered, step == 0);
        }
    }

    #[tokio::test]
    async fn a_server_that_closes_has_judged_nobody() {
        let (letters, exchange, _) = play(2, &["250 ok", "250 ok", "421 bye"]).await;
        assert_eq!((letters.as_str(), exchange.reusable), ("44", false));
        let (letters, exchange, _) = play(2, &["421 idle too long"]).await;
        assert_eq!((letters.as_str(), exchange.unanswered), ("44", true));
    }

    /// A server that agrees to everything, 20 ms away.
    #[derive(Debug)]
    struct Distant;

    const ROUND_TRIP: Duration = Duration::from_millis(20);

    #[async_trait]
    impl SmtpDialogue for Distant {
        fn offers(&self) -> Offers {
            Offers::default()
        }

        async fn command(&mut self, line: &str, _patience: Duration) -> Result<Reply, Broken> {
            tokio::time::sleep(ROUND_TRIP).await;
            Ok(Reply { code: if line == "DATA" { 354 } else { 250 }, text: "ok".to_owned() })
        }

        async fn content(&mut self, _message: &CanonicalMessage, _patience: Duration) -> Result<Reply, Broken> {
            self.command("(content)", Duration::ZERO).await
        }
    }

    /// What pipelining could spare (docs/adr/0017-one-command-at-a-time.md).
    #[tokio::test(start_paused = true)]
    async fn a_transaction_takes_three_round_trips_and_one_for_each_recipient() {
        for (count, expected) in [(1_u32, 4), (3, 6), (100, 103)] {
            let recipients: Vec<_> = (0..count)
                .map(|n| Recipient {
                    address: MailAddress::parse(&format!("r{n}@b.fr")).unwrap(),
                    notify: DsnNotify::default(),
                    orcpt: None,
                })
                .collect();
            let message = CanonicalMessage::check(Bytes::from_static(b"A: b\r\n\r\nc\r\n")).unwrap();
            let outgoing = Outgoing {
                sender: &ReversePath::Null,
                parameters: &EnvelopeParameters::default(),
                recipients: recipients.iter().collect(),
                message: &message,
            };
            let server = Server { host: "mx.b.fr".to_owned(), address: "192.0.2.1:25".parse().unwrap() };
            let begun = Instant::now();
            exchange(&mut Distant, &server, &Masker::new(&[1; 32]), &outgoing).await;
            let trips = begun.elapsed().as_millis() / ROUND_TRIP.as_millis();
            assert_eq!(trips, expected, "{count} recipients");
        }
    }
}
