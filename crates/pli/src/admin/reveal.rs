//! A reveal is on record before anything is shown in clear.

use pli_audit::{Event, EventKind};
use pli_types::{MailAddress, Marked, MessageId};
use serde::{Deserialize, Serialize};

use super::Sight;
use super::desk::{Desk, checked_reason};
use crate::exit::{Exit, Failure};
use crate::trust::Author;

/// Who will be shown what, and why.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Ask {
    /// The command: `queue list`. What was typed after it may hold identifiers.
    pub(crate) asked: String,
    /// The message that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// The address, or the patient's, that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mailbox: Option<String>,
    /// Why, for the record.
    pub(crate) reason: String,
}

/// The most that the name of a command has.
const ASKED_CHARS_MAX: usize = 100;

impl Desk {
    /// Writes down what a command will show; returns when that is on stable storage.
    pub(super) async fn reveal(&self, ask: &Ask, actor: &str) -> Result<(), Failure> {
        if ask.asked.is_empty() || ask.asked.chars().count() > ASKED_CHARS_MAX {
            return Err(Failure::told(Exit::Usage, "admin-request", &[("what", &"a reveal names its command")]));
        }
        let message = ask.message.as_deref().and_then(|id| MessageId::parse(id).ok());
        let mailbox = ask.mailbox.as_deref().and_then(marked);
        self.note_reveal(&ask.asked, &ask.reason, Event { message, mailbox, ..self.revealed(actor) }).await
    }

    /// How mailboxes are shown: in clear for who says why, after that is on record. `mailbox` is the one that is asked
    /// about, if it is about one.
    pub(super) async fn sight(
        &self,
        asked: &str,
        mailbox: Option<&str>,
        reason: Option<&str>,
        actor: &str,
    ) -> Result<Sight, Failure> {
        let masker = self.store_and_house()?.1.masker.clone();
        let Some(reason) = reason else { return Ok(Sight::masked(masker)) };
        let mailbox = mailbox.and_then(marked);
        self.note_reveal(asked, reason, Event { mailbox, ..self.revealed(actor) }).await?;
        Ok(Sight::in_clear(masker))
    }

    fn revealed(&self, actor: &str) -> Event {
        Author::Admin(actor.to_owned()).event(EventKind::Revealed, self.clock.now())
    }

    async fn note_reveal(&self, asked: &str, reason: &str, event: Event) -> Result<(), Failure> {
        let reason = checked_reason(reason)?;
        let unable = || Failure::told(Exit::Conflict, "node-not-running", &[("request", &"reveal")]);
        let store = self.store.as_ref().ok_or_else(unable)?;
        let detail = Some(Marked::text(&format!("{asked}: {reason}")));
        Ok(store.append_audit(vec![Event { detail, ..event }]).await?)
    }
}

fn marked(address: &str) -> Option<Marked> {
    MailAddress::parse(address).ok().map(|address| Marked::address(&address))
}
