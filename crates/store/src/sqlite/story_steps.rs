//! How stories begin, with their messages, and how they go on.

use std::sync::Arc;

use pli_types::{LookupKey, MailboxId, MessageId, QueueId};

use super::bulk::{Bulk, Sql};
use super::intake::{Intake, RelayRow};
use super::rows::{hex, json_ids};
use super::tx::Tx;
use crate::{NewStory, PartyState, PartyWay, Result, Target};

/// A row of `stories` with its parties.
#[derive(Clone)]
pub(super) struct StoryRow {
    message: [u8; 16],
    accepted_at: i64,
    sender: Option<[u8; 16]>,
    message_id: Option<[u8; 16]>,
    ended_at: Option<i64>,
    parties: Vec<PartyRow>,
}

/// A row of `story_parties`.
#[derive(Clone)]
pub(super) struct PartyRow {
    number: i64,
    recipient: [u8; 16],
    row: Option<[u8; 16]>,
    mailbox: Option<MailboxId>,
    state: PartyState,
    code: Option<String>,
}

impl StoryRow {
    /// Of a new message: what lies in a mailbox is delivered, what is held says why.
    pub(super) fn new(message: MessageId, accepted_at: i64, story: &NewStory, relays: &[RelayRow]) -> Self {
        let parties: Vec<PartyRow> = (0..)
            .zip(&story.parties)
            .map(|(number, party)| {
                let recipient = *party.recipient.as_bytes();
                let (row, mailbox, state, code) = match party.way {
                    PartyWay::Mailbox(mailbox) => (None, Some(mailbox), PartyState::Delivered, None),
                    PartyWay::Row(row) => {
                        let held = relays
                            .iter()
                            .find(|relay| relay.id == *row.as_bytes())
                            .and_then(|relay| relay.held.clone());
                        let state = if held.is_some() { PartyState::Held } else { PartyState::Accepted };
                        (Some(*row.as_bytes()), None, state, held)
                    }
                };
                PartyRow { number, recipient, row, mailbox, state, code }
            })
            .collect();
        let bytes = |key: Option<LookupKey>| key.map(|key| *key.as_bytes());
        Self {
            message: *message.as_bytes(),
            accepted_at,
            sender: bytes(story.sender),
            message_id: bytes(story.message_id),
            ended_at: None,
            parties,
        }
        .ended()
    }

    /// The same, but for the parties who have the message by an earlier one.
    pub(super) fn without(&self, is_out: impl Fn(Target) -> bool) -> Self {
        let mut story = self.clone();
        story.parties.retain(|party| !party.target().is_some_and(&is_out));
        story.ended()
    }

    fn ended(self) -> Self {
        let ended_at = self.parties.iter().all(|party| party.state.is_end()).then_some(self.accepted_at);
        Self { ended_at, ..self }
    }
}

impl PartyRow {
    fn target(&self) -> Option<Target> {
        let row = self.row.map(|row| Target::Row(QueueId::from_bytes(row)));
        row.or(self.mailbox.map(Target::Mailbox))
    }
}

/// The stories of a batch.
pub(super) fn stories_of(intakes: &[Arc<Intake>]) -> Vec<&StoryRow> {
    intakes.iter().filter_map(|intake| intake.story.as_ref()).collect()
}

/// Their parties.
pub(super) fn parties_of<'s>(stories: &[&'s StoryRow]) -> Vec<(&'s StoryRow, &'s PartyRow)> {
    stories.iter().flat_map(|story| story.parties.iter().map(move |party| (*story, party))).collect()
}

pub(super) static STORIES: Bulk =
    Bulk::new("INSERT INTO stories (message_id, accepted_at, sender_key, message_id_key, ended_at)", 5);

pub(super) fn bind_story<'r>(sql: Sql<'r>, row: &'r StoryRow) -> Sql<'r> {
    sql.bind(&row.message[..])
        .bind(row.accepted_at)
        .bind(row.sender.as_ref().map(|key| &key[..]))
        .bind(row.message_id.as_ref().map(|key| &key[..]))
        .bind(row.ended_at)
}

pub(super) static PARTIES: Bulk = Bulk::new(
    "INSERT INTO story_parties (message_id, number, accepted_at, recipient_key, row_id, mailbox_id, state, since, code)",
    9,
);

pub(super) fn bind_party<'r>(sql: Sql<'r>, (story, row): &(&'r StoryRow, &'r PartyRow)) -> Sql<'r> {
    sql.bind(&story.message[..])
        .bind(row.number)
        .bind(story.accepted_at)
        .bind(&row.recipient[..])
        .bind(row.row.as_ref().map(|id| &id[..]))
        .bind(row.mailbox.map(|mailbox| mailbox.0))
        .bind(row.state as i64)
        .bind(story.accepted_at)
        .bind(row.code.as_deref())
}

/// Which of a story's parties.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    /// Whose queue row this is, or was.
    Row(QueueId),
    /// Whose mailbox this is.
    Mailbox(MailboxId),
    /// Who has this address.
    Recipient(LookupKey),
}

/// A step of one message for one of its parties.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) message: MessageId,
    pub(super) which: Which,
    pub(super) state: PartyState,
    pub(super) code: Option<String>,
}

/// One message goes on for one party: `false` if that is no news, for a state never goes back. A message without a
/// story (any more) is no error.
pub(super) async fn advance(
    tx: &mut Tx<'_>,
    message: MessageId,
    which: Which,
    state: PartyState,
    at: i64,
    code: Option<String>,
) -> Result<bool> {
    advance_all(tx, &[Step { message, which, state, code }], at).await
}

/// Several go on at the same time, each as [`advance`] does; was any of it news?
pub(super) async fn advance_all(tx: &mut Tx<'_>, steps: &[Step], at: i64) -> Result<bool> {
    if steps.is_empty() {
        return Ok(false);
    }
    let list: Vec<serde_json::Value> = steps.iter().map(Step::json).collect();
    let messages = json_ids(steps.iter().map(|step| step.message.as_bytes()));
    let sql = sqlx::query(ADVANCE).bind(serde_json::Value::from(list).to_string()).bind(at).bind(messages);
    Ok(!tx.change(sql).await?.is_empty())
}

impl Step {
    fn json(&self) -> serde_json::Value {
        let (row, mailbox, recipient) = match self.which {
            Which::Row(row) => (Some(hex(row.as_bytes())), None, None),
            Which::Mailbox(mailbox) => (None, Some(mailbox.0), None),
            Which::Recipient(key) => (None, None, Some(hex(key.as_bytes()))),
        };
        serde_json::json!([hex(self.message.as_bytes()), row, mailbox, recipient, self.state as i64, self.code])
    }
}

/// `?1` the steps, `?2` when, `?3` the messages. A later state replaces an earlier one (their numbers grow), except that
/// nothing follows `integrated` (5), `failed` and `returned`.
pub(super) const ADVANCE: &str = "UPDATE story_parties AS p SET state = step.state, since = ?2, code = step.code
     FROM (SELECT unhex(value ->> 0) AS message, unhex(value ->> 1) AS row, value ->> 2 AS mailbox,
               unhex(value ->> 3) AS recipient, value ->> 4 AS state, value ->> 5 AS code FROM json_each(?1)) AS step
     WHERE p.message_id = step.message AND p.state < min(step.state, 5)
         AND (p.row_id = step.row OR p.mailbox_id = step.mailbox OR p.recipient_key = step.recipient)
     RETURNING number;
     UPDATE stories SET ended_at = ?2
     WHERE message_id IN (SELECT unhex(value) FROM json_each(?3)) AND ended_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM story_parties AS p WHERE p.message_id = stories.message_id AND p.state < 2)";

/// What was held goes on, and waits again: into the queue, or into this mailbox, where [`advance`] takes it up.
pub(super) async fn free(
    tx: &mut Tx<'_>,
    message: MessageId,
    row: QueueId,
    mailbox: Option<MailboxId>,
    at: i64,
) -> Result<()> {
    let sql = sqlx::query(FREE).bind(at).bind(mailbox.map(|mailbox| mailbox.0));
    tx.execute(sql.bind(&message.as_bytes()[..]).bind(&row.as_bytes()[..])).await.map(drop)
}

pub(super) const FREE: &str = "UPDATE story_parties SET state = 0, since = ?1, code = NULL, mailbox_id = ?2
    WHERE message_id = ?3 AND row_id = ?4 AND state = 1";
