//! A reveal is on record before anything is shown in clear.

use pli_audit::{Event, EventKind};
use pli_types::MessageId;
use serde::{Deserialize, Serialize};

use super::desk::{Desk, checked_reason, unable};
use super::protocol::Request;
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
    /// Why, for the record.
    pub(crate) reason: String,
}

/// The most that the name of a command has.
const ASKED_CHARS_MAX: usize = 100;

impl Desk {
    /// Writes it down; returns when that is on stable storage.
    pub(super) async fn reveal(&self, request: &Request, ask: &Ask, actor: &str) -> Result<(), Failure> {
        let (store, office) = self.store.as_ref().zip(self.office.as_ref()).ok_or_else(|| unable(request))?;
        let reason = checked_reason(&ask.reason)?;
        if ask.asked.is_empty() || ask.asked.chars().count() > ASKED_CHARS_MAX {
            return Err(Failure::told(Exit::Usage, "admin-request", &[("what", &"a reveal names its command")]));
        }
        let event = Event {
            message: ask.message.as_deref().and_then(|id| MessageId::parse(id).ok()),
            detail: Some(office.custodian.masker.scrub(&format!("{}: {reason}", ask.asked))),
            ..Author::Admin(actor.to_owned()).event(EventKind::Revealed, self.clock.now())
        };
        Ok(store.append_audit(vec![event]).await?)
    }
}
