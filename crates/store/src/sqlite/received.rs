//! What is remembered of messages that mailboxes received: a row a mailbox, found by a digest of the Message-ID.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use pli_types::{MailAddress, MailboxId, MessageId};

use super::bulk::{Bulk, Sql};
use super::intake::{Intake, MessageRow};
use super::rows::{Row, json_texts, micros, some};
use super::tx::Tx;
use super::writer::Write;
use crate::{Correspondence, ReceivedMessage, Result};

/// Enough that nobody finds two Message-IDs of one digest by chance; who made one on purpose would only hide his own
/// message behind his own.
const DIGEST_BYTES: usize = 16;

/// The first bytes of the SHA-256 of a Message-ID, angle brackets taken off.
pub(super) fn message_id_digest(message_id: &str) -> [u8; DIGEST_BYTES] {
    let bare = message_id.trim().trim_start_matches('<').trim_end_matches('>');
    let whole = digest(&SHA256, bare.as_bytes());
    std::array::from_fn(|position| whole.as_ref().get(position).copied().unwrap_or_default())
}

/// A [`Correspondence`] as the part of a row that all mailboxes share.
#[derive(Clone)]
pub(super) struct CorrespondenceRow {
    digest: [u8; DIGEST_BYTES],
    author: String,
    reply_to: Option<String>,
    answerable: bool,
    receipt_to: Option<String>,
}

impl CorrespondenceRow {
    pub(super) fn new(correspondence: &Correspondence) -> Self {
        let Correspondence { message_id, from, reply_to, answerable, receipt_to } = correspondence;
        let addresses: Vec<String> = reply_to.iter().map(MailAddress::reveal).collect();
        Self {
            digest: message_id_digest(message_id),
            author: from.reveal(),
            reply_to: (!addresses.is_empty()).then(|| json_texts(addresses.iter().map(String::as_str))),
            answerable: *answerable,
            receipt_to: receipt_to.as_ref().map(MailAddress::reveal),
        }
    }
}

/// A row of `received` to insert.
pub(super) type ReceivedRow<'r> = (MailboxId, &'r MessageRow, &'r CorrespondenceRow);

/// Those of a batch.
pub(super) fn rows_of(intakes: &[Arc<Intake>]) -> Vec<ReceivedRow<'_>> {
    let told = intakes
        .iter()
        .filter_map(|intake| Some((intake.message.as_deref()?, intake.correspondence.as_ref()?, &intake.deliveries)));
    told.flat_map(|(message, row, mailboxes)| mailboxes.iter().map(move |mailbox| (*mailbox, message, row))).collect()
}

pub(super) static RECEIVED: Bulk = Bulk::new(
    "INSERT OR REPLACE INTO received (mailbox_id, digest, message_id, received_at, author, reply_to, answerable,
        receipt_to)",
    8,
);

pub(super) fn bind_received<'r>(sql: Sql<'r>, (mailbox, message, row): &ReceivedRow<'r>) -> Sql<'r> {
    sql.bind(mailbox.0)
        .bind(&row.digest[..])
        .bind(&message.id[..])
        .bind(message.accepted_at)
        .bind(row.author.as_str())
        .bind(row.reply_to.as_deref())
        .bind(row.answerable)
        .bind(row.receipt_to.as_deref())
}

/// Remembers one message of one mailbox, in a transaction that inserts nothing else of the kind.
pub(super) async fn remember(
    tx: &mut Tx<'_>,
    mailbox: MailboxId,
    message: MessageId,
    at: i64,
    row: &CorrespondenceRow,
) -> Result<()> {
    let sql = sqlx::query(
        "INSERT OR REPLACE INTO received (mailbox_id, digest, message_id, received_at, author, reply_to, answerable,
            receipt_to) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let sql = sql.bind(mailbox.0).bind(&row.digest[..]).bind(&message.as_bytes()[..]).bind(at);
    let sql = sql.bind(row.author.as_str()).bind(row.reply_to.as_deref());
    tx.execute(sql.bind(row.answerable).bind(row.receipt_to.as_deref())).await.map(drop)
}

/// From a row of `received`.
pub(super) fn received_message(row: Row<'_>) -> Result<ReceivedMessage> {
    let reply_to: Vec<String> = row.parse("reply_to", |text: Option<&str>| match text {
        Some(text) => serde_json::from_str(text),
        None => Ok(Vec::new()),
    })?;
    let reply_to = reply_to.iter().map(|text| MailAddress::parse(text)).collect::<std::result::Result<_, _>>();
    Ok(ReceivedMessage {
        message: row.message("message_id")?,
        received_at: row.instant("received_at")?,
        from: row.parse("author", MailAddress::parse)?,
        reply_to: reply_to.map_err(|error| row.corrupt("reply_to", error))?,
        answerable: row.get("answerable")?,
        receipt_to: row.parse("receipt_to", some(MailAddress::parse))?,
    })
}

/// `forget_received`.
pub(super) struct Forget {
    pub(super) before: Timestamp,
    pub(super) limit: i64,
}

#[async_trait::async_trait]
impl Write for Forget {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let sql = sqlx::query(
            "DELETE FROM received WHERE (mailbox_id, digest) IN
                (SELECT mailbox_id, digest FROM received WHERE received_at < ? ORDER BY received_at LIMIT ?)",
        );
        let forgotten = tx.execute(sql.bind(micros(self.before)).bind(self.limit)).await?;
        // Opened before, and received earlier still: nothing could be owed for it again.
        let receipts = sqlx::query(
            "DELETE FROM receipts WHERE id IN
                (SELECT id FROM receipts WHERE opened_at < ? AND message_id IS NULL ORDER BY opened_at LIMIT ?)",
        );
        tx.execute(receipts.bind(micros(self.before)).bind(self.limit)).await?;
        Ok(forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angle_brackets_are_no_part_of_a_message_id() {
        assert_eq!(message_id_digest("<a@b.test>"), message_id_digest("a@b.test"));
        assert_ne!(message_id_digest("a@b.test"), message_id_digest("A@b.test"));
    }
}
