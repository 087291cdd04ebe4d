//! The story of a message: by what it is found, and what became of it for each recipient.

use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{LookupKey, MailboxId, MessageId, QueueId};

/// What is kept of a new message to find it by. No address is in it: keys are made under the operator's masking key.
#[derive(Debug, Clone)]
pub struct NewStory {
    /// Of the envelope's sender; none for the null path.
    pub sender: Option<LookupKey>,
    /// Of its Message-ID, if it has one.
    pub message_id: Option<LookupKey>,
    /// Its recipients, in the order of the envelope.
    pub parties: Vec<NewParty>,
}

/// A recipient of a new message.
#[derive(Debug, Clone)]
pub struct NewParty {
    /// Of the recipient's address.
    pub recipient: LookupKey,
    /// Where the message goes for him.
    pub way: PartyWay,
}

/// Where a message goes for one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartyWay {
    /// Into a mailbox here.
    Mailbox(MailboxId),
    /// Into the queue: to another server, back, or held.
    Row(QueueId),
}

/// What became of a message for one recipient. A state never goes back, except that what was held and goes on waits again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartyState {
    /// It waits for its way, or for its report.
    Accepted,
    /// It waits for an admin.
    Held,
    /// The next server has it.
    Relayed,
    /// It lies in his mailbox.
    Delivered,
    /// He has opened it.
    Opened,
    /// His software has taken it in.
    Integrated,
    /// He does not get it.
    Failed,
    /// He does not get it, and it was never tried: it was taken in to be reported back.
    Returned,
}

impl PartyState {
    /// All of them; the place of each is the number that a store keeps.
    pub const ALL: &'static [Self] = &[
        Self::Accepted,
        Self::Held,
        Self::Relayed,
        Self::Delivered,
        Self::Opened,
        Self::Integrated,
        Self::Failed,
        Self::Returned,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Held => "held",
            Self::Relayed => "relayed",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Integrated => "integrated",
            Self::Failed => "failed",
            Self::Returned => "returned",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }

    /// Has the message reached an end as far as this node takes it? Receipts may tell more later.
    #[must_use]
    pub fn is_end(self) -> bool {
        self >= Self::Relayed
    }
}

/// What a message that is taken in, a report, says of one that was taken in before.
#[derive(Debug, Clone)]
pub struct ReportedState {
    /// Of the Message-ID of that message.
    pub message_id: LookupKey,
    /// Of those whom the report is for: only a message that one of them has sent goes on.
    pub senders: Vec<LookupKey>,
    /// By what the recipient may be known for whom it goes on. Whoever brings the report must be able to speak for each.
    pub parties: Vec<LookupKey>,
    /// What became of it for him.
    pub state: PartyState,
    /// The code of the report, if it has one.
    pub code: Option<String>,
    /// What goes into the record of that message, if this is news.
    pub event: Event,
}

/// The story of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// Which.
    pub message: MessageId,
    /// When it was taken in.
    pub accepted_at: Timestamp,
    /// Of the envelope's sender; none for the null path.
    pub sender: Option<LookupKey>,
    /// When the last of its parties came to an end; none until then.
    pub ended_at: Option<Timestamp>,
    /// Its recipients, in the order of the envelope.
    pub parties: Vec<Party>,
}

/// A recipient in a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// His place in the envelope, from 0.
    pub number: u32,
    /// Of his address.
    pub recipient: LookupKey,
    /// What became of it for him.
    pub state: PartyState,
    /// Since when.
    pub since: Timestamp,
    /// The stable code of the reason, or of the receipt, if there is one.
    pub code: Option<String>,
}

/// Which stories are asked for: those to which all apply that is said.
#[derive(Debug, Clone, Default)]
pub struct StoryFilter {
    /// Of the envelope's sender.
    pub sender: Option<LookupKey>,
    /// Of one of the recipients.
    pub recipient: Option<LookupKey>,
    /// Of the Message-ID.
    pub message_id: Option<LookupKey>,
    /// Taken in then or later.
    pub since: Option<Timestamp>,
    /// Taken in earlier than that.
    pub until: Option<Timestamp>,
    /// Those that come after this one in the list: the next page.
    pub before: Option<(Timestamp, MessageId)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_its_name_and_its_number() {
        for (number, state) in PartyState::ALL.iter().enumerate() {
            assert_eq!(PartyState::parse(state.as_str()), Some(*state));
            assert_eq!(*state as usize, number);
        }
        assert_eq!(PartyState::parse("lost"), None);
    }
}
