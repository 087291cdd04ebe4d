//! Entries whose time is over: emptied, a few at a time. The tree needs no change, it has their hashes.

use std::collections::{BTreeSet, HashSet};

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::{Class, Event, Leaf, SubjectId};
use pli_types::Marked;
use serde_json::json;
use sqlx::sqlite::SqliteRow;

use super::intake::audit_rows;
use super::rows::{Row, hex, json_ids, json_numbers};
use super::tx::Tx;
use super::writer::Write;
use crate::{Prune, Pruned, Result};

/// While more wait for their seal, sealing has stopped or is far behind: who is still told of is not known then.
const UNSEALED_MAX: i64 = 10_000;

/// The place in the record up to which a class was looked at, in `counters`.
fn counter(class: Class) -> &'static str {
    match class {
        Class::Mail => "audit-pruned-mail",
        Class::Access => "audit-pruned-access",
        Class::Admin => "audit-pruned-admin",
    }
}

/// One step of it.
pub(super) struct PruneSome {
    pub(super) prune: Prune,
    pub(super) now: Timestamp,
}

/// Which rows to look at.
struct Range {
    /// Those after this one,
    from: i64,
    /// up to this one: all of them are sealed, and counted as indicators.
    to: i64,
    /// All are sealed up to this one.
    sealed: i64,
}

/// Entries whose time is over.
#[derive(Default)]
struct Over {
    /// Their numbers.
    rows: Vec<i64>,
    /// Whom they are about.
    about: Vec<(SubjectId, i64)>,
    /// The last entry that was looked at.
    to: i64,
    /// Is the next one to be kept?
    ended: bool,
}

#[async_trait]
impl Write for PruneSome {
    type Output = Pruned;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Pruned> {
        let Some(Range { from, to, sealed }) = self.range(tx).await? else { return Ok(Pruned::default()) };
        let limit = i64::try_from(self.prune.limit).unwrap_or(i64::MAX);
        let sql = sqlx::query("SELECT seq, event FROM audit WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?");
        let rows = tx.fetch(sql.bind(from).bind(to).bind(limit)).await?;
        let over = self.over(from, &rows)?;
        let more = !over.ended && rows.len() == self.prune.limit;
        if over.to == from {
            return Ok(Pruned { more, ..Pruned::default() });
        }
        let sql = "INSERT INTO counters (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
        tx.execute(sqlx::query(sql).bind(counter(self.prune.class)).bind(over.to)).await?;
        let (Some(first), Some(until)) = (over.rows.first(), over.rows.last()) else {
            return Ok(Pruned { more, ..Pruned::default() });
        };
        let list = json_numbers(over.rows.iter());
        let sql = "UPDATE audit SET event = x'', message_id = NULL WHERE seq IN (SELECT value FROM json_each(?))";
        let entries = tx.execute(sqlx::query(sql).bind(list)).await?;
        let subjects = forget(tx, &over.about, sealed).await?;
        let (class, before) = (self.prune.class.as_str(), self.prune.before);
        let told =
            format!("{class}: {entries} entries between {} and {}, recorded before {before}", first - 1, until - 1);
        let event = Event { detail: Some(Marked::plain(told)), ..self.prune.event.clone() };
        tx.record(&audit_rows(&[event]));
        Ok(Pruned { entries, subjects, more })
    }
}

impl PruneSome {
    /// Where to look; none while too many are not sealed.
    async fn range(&self, tx: &mut Tx<'_>) -> Result<Option<Range>> {
        let sql = sqlx::query(
            "SELECT coalesce((SELECT value FROM counters WHERE name = ?), 0) AS done,
                coalesce((SELECT max(size) FROM audit_checkpoints), 0) AS sealed,
                (SELECT seq FROM indicator_progress) AS counted,
                coalesce((SELECT max(seq) FROM audit), 0) AS last",
        );
        let Some(row) = tx.fetch_one(sql.bind(counter(self.prune.class))).await? else { return Ok(None) };
        let row = Row::new(&row, "counters");
        let (from, counted): (i64, i64) = (row.get("done")?, row.get("counted")?);
        let (sealed, last): (i64, i64) = (row.get("sealed")?, row.get("last")?);
        Ok((last - sealed <= UNSEALED_MAX).then_some(Range { from, to: sealed.min(counted), sealed }))
    }

    /// Those of the class whose time is over, up to the first entry of any class that is younger. One from the future was
    /// recorded under a wrong clock, and stops nobody; nor does what is no event that this version knows.
    fn over(&self, from: i64, rows: &[SqliteRow]) -> Result<Over> {
        let mut over = Over { to: from, ..Over::default() };
        for row in rows.iter().map(|row| Row::new(row, "audit")) {
            let seq = row.get("seq")?;
            if let Ok(leaf) = Leaf::parse(row.get("event")?) {
                let at: Option<Timestamp> = leaf.at().parse().ok();
                if at.is_some_and(|at| at >= self.prune.before && at <= self.now) {
                    over.ended = true;
                    break;
                }
                if leaf.kind().class() == self.prune.class && at.is_some_and(|at| at < self.prune.before) {
                    over.rows.push(seq);
                    over.about.extend(leaf.subjects().map(|subject| (subject, seq)));
                }
            }
            over.to = seq;
        }
        Ok(over)
    }
}

/// These entries are about nobody any more, and of whom nothing is left, his key goes. How many those are.
async fn forget(tx: &mut Tx<'_>, about: &[(SubjectId, i64)], sealed: i64) -> Result<u64> {
    if about.is_empty() {
        return Ok(0);
    }
    let pairs = json!(about.iter().map(|(subject, seq)| json!([hex(&subject.0), seq])).collect::<Vec<_>>());
    let sql = "DELETE FROM audit_about WHERE (subject, seq) IN
        (SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?))";
    tx.execute(sqlx::query(sql).bind(pairs.to_string())).await?;
    let waiting = waiting(tx, sealed).await?;
    let subjects: BTreeSet<SubjectId> =
        about.iter().map(|(subject, _)| *subject).filter(|subject| !waiting.contains(subject)).collect();
    let sql = "DELETE FROM audit_subjects WHERE subject IN (SELECT unhex(value) FROM json_each(?))
        AND NOT EXISTS (SELECT 1 FROM audit_about WHERE audit_about.subject = audit_subjects.subject)";
    tx.execute(sqlx::query(sql).bind(json_ids(subjects.iter().map(|subject| &subject.0)))).await
}

/// Who is told of by what waits for its seal: `audit_about` does not have those yet.
async fn waiting(tx: &mut Tx<'_>, sealed: i64) -> Result<HashSet<SubjectId>> {
    let rows = tx.fetch(sqlx::query("SELECT seq, event FROM audit WHERE seq > ?").bind(sealed)).await?;
    let mut subjects = HashSet::new();
    for row in &rows {
        if let Ok(leaf) = Leaf::parse(Row::new(row, "audit").get("event")?) {
            subjects.extend(leaf.subjects());
        }
    }
    Ok(subjects)
}
