//! The last tries of a row, and what was said in them.

use pli_types::QueueId;

use super::readers::Readers;
use super::rows::{Row, database_error, micros};
use super::tx::Tx;
use crate::{Attempt, Result, StoreError};

/// Tries of one row that are kept: the last ones.
const KEPT: i64 = 10;

/// Keeps one more try of a row whose counter counts it already, and forgets the oldest beyond those that are kept.
pub(super) async fn keep(tx: &mut Tx<'_>, row: QueueId, attempt: &Attempt) -> Result<()> {
    let transcript = serde_json::to_string(&attempt.transcript).map_err(|error| StoreError::Unavailable {
        what: "a transcript could not be written down",
        full: false,
        source: Some(error.into()),
    })?;
    let sql = sqlx::query(
        "INSERT OR REPLACE INTO attempts (row_id, number, at, server, reason, detail, transcript)
         SELECT id, attempts, ?2, ?3, ?4, ?5, ?6 FROM queue WHERE id = ?1",
    );
    let sql = sql.bind(&row.as_bytes()[..]).bind(micros(attempt.at)).bind(attempt.server.as_deref());
    tx.execute(sql.bind(attempt.reason.as_str()).bind(attempt.detail.as_str()).bind(transcript)).await?;
    let sql = sqlx::query(
        "DELETE FROM attempts WHERE row_id = ?1 AND number <= (SELECT attempts FROM queue WHERE id = ?1) - ?2",
    );
    tx.execute(sql.bind(&row.as_bytes()[..]).bind(KEPT)).await.map(drop)
}

/// What is kept of a row, the first try first.
pub(super) async fn of_row(readers: &Readers, row: QueueId) -> Result<Vec<Attempt>> {
    let sql = sqlx::query(
        "SELECT row_id, number, at, server, reason, detail, transcript FROM attempts WHERE row_id = ? ORDER BY number",
    );
    let rows = readers.all(sql.bind(&row.as_bytes()[..])).await;
    let rows = rows.map_err(|error| database_error("the tries of a row could not be read", error))?;
    let attempt = |row: Row<'_>| {
        Ok(Attempt {
            number: row.number("number")?,
            at: row.instant("at")?,
            server: row.get("server")?,
            reason: row.get("reason")?,
            detail: row.get("detail")?,
            transcript: row.parse("transcript", |text: &str| serde_json::from_str(text))?,
        })
    };
    rows.iter().map(|row| attempt(Row::new(row, "attempts"))).collect()
}
