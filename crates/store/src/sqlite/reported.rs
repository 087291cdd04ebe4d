//! What reports that are taken in say of earlier messages: their stories go on, in the report's own transaction.

use std::sync::Arc;

use pli_audit::Event;
use pli_types::{LookupKey, MessageId};

use super::intake::{Intake, audit_rows};
use super::rows::{Row, json_ids};
use super::story_steps::{Which, advance};
use super::tx::Tx;
use crate::{ReportedState, Result};

/// Messages of one Message-ID that a report goes on: a program that sends one again and again does not make it dear.
const FOUND_MAX: i64 = 10;

/// Takes what the reports of a batch say into the stories of what they are on.
pub(super) async fn go_on(tx: &mut Tx<'_>, intakes: &[Arc<Intake>]) -> Result<()> {
    for intake in intakes {
        let Some(at) = intake.message.as_ref().map(|message| message.accepted_at) else { continue };
        for reported in &intake.reported {
            one(tx, reported, at).await?;
        }
    }
    Ok(())
}

/// A message that nobody here has sent to the one who reports is no error: a report says what it likes.
async fn one(tx: &mut Tx<'_>, reported: &ReportedState, at: i64) -> Result<()> {
    let sql = sqlx::query(
        "SELECT s.message_id, p.recipient_key
         FROM stories AS s JOIN story_parties AS p ON p.message_id = s.message_id
         WHERE s.message_id_key = ?1 AND s.sender_key IN (SELECT unhex(value) FROM json_each(?2))
             AND p.recipient_key IN (SELECT unhex(value) FROM json_each(?3))
         ORDER BY s.accepted_at DESC LIMIT ?4",
    );
    let keys = |keys: &[LookupKey]| json_ids(keys.iter().map(LookupKey::as_bytes));
    let sql = sql.bind(&reported.message_id.as_bytes()[..]).bind(keys(&reported.senders));
    let rows = tx.fetch(sql.bind(keys(&reported.parties)).bind(FOUND_MAX)).await?;
    for row in rows.iter().map(|row| Row::new(row, "stories")) {
        let message = row.message("message_id")?;
        let party = row.parse("recipient_key", |bytes: &[u8]| bytes.try_into().map(LookupKey::from_bytes))?;
        let (state, code) = (reported.state, reported.code.clone());
        if advance(tx, message, Which::Recipient(party), state, at, code).await? {
            tx.record(&audit_rows(&[of(message, &reported.event)]));
        }
    }
    Ok(())
}

fn of(message: MessageId, event: &Event) -> Event {
    Event { message: Some(message), ..event.clone() }
}
