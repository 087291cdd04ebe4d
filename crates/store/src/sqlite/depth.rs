//! How deep the queue is. Every number comes from an index: nothing here reads a row of the queue, but for the few that are
//! held and older than all that wait.

use jiff::Timestamp;

use super::readers::Readers;
use super::rows::{Row, database_error, micros};
use crate::{QueueBacklog, Result};

/// `message_id` orders by the time of acceptance: its first bits are that instant.
const BACKLOG: &str = "SELECT
    (SELECT count(*) FROM queue) - (SELECT count(*) FROM queue WHERE held IS NOT NULL) AS waiting,
    (SELECT count(*) FROM queue WHERE claimable_at <= ?1) AS due,
    (SELECT min(claimable_at) FROM queue WHERE claimable_at <= ?1) AS due_since,
    (SELECT accepted_at FROM messages
        WHERE id = (SELECT message_id FROM queue WHERE held IS NULL ORDER BY message_id LIMIT 1)) AS oldest";

pub(super) async fn backlog(readers: &Readers, now: Timestamp) -> Result<QueueBacklog> {
    let row = readers.one(sqlx::query(BACKLOG).bind(micros(now))).await;
    let row = row.map_err(|error| database_error("the depth of the queue could not be read", error))?;
    let Some(row) = row.as_ref().map(|row| Row::new(row, "queue")) else { return Ok(QueueBacklog::default()) };
    Ok(QueueBacklog {
        waiting: row.number("waiting")?,
        due: row.number("due")?,
        due_since: row.instant_if_any("due_since")?,
        oldest_accepted_at: row.instant_if_any("oldest")?,
    })
}
