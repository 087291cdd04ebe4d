//! One message over one dialogue: MAIL, RCPT by RCPT, DATA, the content; a verdict for each recipient.

use std::time::Duration;

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
    let reusable = match talk.run(outgoing).await {
        Ok(()) => true,
        Err(End::Closing(reply)) => {
            talk.settle_rest(|talk| Verdict::of_refusal(talk.masker, talk.server, &reply));
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
    Exchange { verdicts, reusable, unanswered }
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
            // Nobody is left: the transaction is taken back, the connection stays good.
            return self.command("RSET", COMMAND_PATIENCE).await.map(drop);
        }
        self.data(outgoing.message).await
    }

    async fn data(&mut self, message: &CanonicalMessage) -> Result<(), End> {
        let answer = self.command("DATA", DATA_PATIENCE).await?;
        if answer.code != 354 {
            return self.refused_all(&answer);
        }
        let patience = content_patience(message.bytes().len());
        let answer = self.dialogue.content(message, patience).await.map_err(End::Broken)?;
        if answer.closes() {
            return Err(End::Closing(answer));
        }
        if !answer.is_done() {
            return self.refused_all(&answer);
        }
        let detail = crate::intake::record::foreign(self.masker, &format!("{}: {answer}", self.server));
        self.settle_rest(|_| Verdict::Relayed { detail: detail.clone() });
        Ok(())
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
