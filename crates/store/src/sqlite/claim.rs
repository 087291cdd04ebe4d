//! `claim_due`: whose turn it is. Where all that is due fits, all of it is taken; else destinations take turns, so that
//! a hundred thousand rows for one of them keep nobody else's row waiting. Notices go first.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use pli_failpoint::failpoint;
use pli_types::{Domain, MailAddress, Recipient, ReversePath};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteRow;

use super::intake::notify_from;
use super::rows::{Row, json_ids, json_texts};
use super::tx::Tx;
use super::writer::Write;
use crate::{Lease, Result};

pub(super) struct ClaimDue {
    pub(super) now: i64,
    pub(super) until: i64,
    pub(super) limit: usize,
    /// As JSON: destinations that have enough for now.
    pub(super) sated: String,
}

#[async_trait]
impl Write for ClaimDue {
    type Output = Vec<Lease>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Lease>> {
        let mut leases = if self.fits(tx).await? {
            self.all(tx).await?
        } else {
            let mut leases = self.round(tx, &NOTICES).await?;
            if leases.len() < self.limit {
                let more = self.round(tx, &ANYTHING).await?;
                let new = |lease: &Lease| !leases.iter().any(|taken| taken.row == lease.row);
                let more: Vec<_> = more.into_iter().filter(new).collect();
                leases.extend(more);
            }
            leases
        };
        leases.truncate(whole_groups(&leases, self.limit));
        if !leases.is_empty() {
            let sql = sqlx::query(
                "UPDATE queue SET leased = 1, lease_token = lease_token + 1, claimable_at = ?
                 WHERE id IN (SELECT unhex(value) FROM json_each(?))",
            );
            let ids = json_ids(leases.iter().map(|lease| lease.row.as_bytes()));
            tx.execute(sql.bind(self.until).bind(ids)).await?;
            failpoint!("store.claim.run", crate::StoreError::unavailable("a failpoint"));
        }
        Ok(leases)
    }
}

impl ClaimDue {
    /// Is no more due than may be taken?
    async fn fits(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let sql = sqlx::query("SELECT count(*) AS due FROM (SELECT 1 FROM queue WHERE claimable_at <= ? LIMIT ?)");
        let counted = tx.fetch_one(sql.bind(self.now).bind(row_limit(self.limit.saturating_add(1)))).await?;
        let due: usize = counted.as_ref().map_or(Ok(0), |row| Row::new(row, "queue").number("due"))?;
        Ok(due <= self.limit)
    }

    async fn all(&self, tx: &mut Tx<'_>) -> Result<Vec<Lease>> {
        let rows =
            tx.fetch(sqlx::query(AssertSqlSafe(Arc::clone(&ALL))).bind(self.now).bind(self.sated.as_str())).await?;
        rows.iter().map(lease).collect()
    }

    /// The destinations whose oldest rows have waited longest, and the same share of the limit for each of them.
    async fn round(&self, tx: &mut Tx<'_>, round: &Round) -> Result<Vec<Lease>> {
        let sql = sqlx::query(AssertSqlSafe(Arc::clone(&round.turns)))
            .bind(self.now)
            .bind(self.sated.as_str())
            .bind(row_limit(self.limit));
        let turns = tx.fetch(sql).await?;
        let turns = turns.iter().map(|row| Row::new(row, "queue").parse("destination", Domain::parse));
        let turns = turns.collect::<Result<Vec<_>>>()?;
        if turns.is_empty() {
            return Ok(Vec::new());
        }
        let share = row_limit((self.limit / turns.len()).max(1));
        let sql = sqlx::query(AssertSqlSafe(Arc::clone(&round.rows)));
        let sql = sql.bind(self.now).bind(json_texts(turns.iter().map(Domain::as_str))).bind(share);
        tx.fetch(sql).await?.iter().map(lease).collect()
    }
}

/// All that is due, notices first, then the oldest; rows of one message for one destination together.
static ALL: LazyLock<Arc<str>> = LazyLock::new(|| {
    leases_of(
        "(SELECT message_id, destination, max(notice) AS notice, min(claimable_at) AS since FROM queue
          WHERE claimable_at <= ?1 AND destination NOT IN (SELECT value FROM json_each(?2))
          GROUP BY message_id, destination)",
        "due.notice DESC, due.since, q.message_id, q.destination, q.seq",
    )
});

/// The statements of a round, made of literals only.
struct Round {
    /// Which destinations are next.
    turns: Arc<str>,
    /// A share of what is due for each of these.
    rows: Arc<str>,
}

static NOTICES: LazyLock<Round> = LazyLock::new(|| Round::of("notice AND"));
static ANYTHING: LazyLock<Round> = LazyLock::new(|| Round::of(""));

impl Round {
    /// `only` says of which rows. Each step of the recursion is one search in an index, however much waits for one
    /// destination.
    fn of(only: &str) -> Self {
        let turns = format!(
            "WITH RECURSIVE places (destination) AS (
                 SELECT (SELECT destination FROM queue WHERE {only} destination >= '' ORDER BY destination LIMIT 1)
                 UNION ALL
                 SELECT (SELECT destination FROM queue WHERE {only} destination > places.destination
                         ORDER BY destination LIMIT 1)
                 FROM places WHERE places.destination IS NOT NULL)
             SELECT destination, since FROM (
                 SELECT destination, (SELECT claimable_at FROM queue WHERE {only} destination = places.destination
                                      ORDER BY claimable_at LIMIT 1) AS since
                 FROM places WHERE destination IS NOT NULL)
             WHERE since <= ?1 AND destination NOT IN (SELECT value FROM json_each(?2))
             ORDER BY since, destination LIMIT ?3"
        );
        let rows = leases_of(
            &format!(
                "(SELECT DISTINCT turn.key AS turn, mine.message_id, mine.destination
                  FROM json_each(?2) AS turn CROSS JOIN queue AS mine ON mine.seq IN (
                      SELECT seq FROM queue WHERE {only} destination = turn.value AND claimable_at <= ?1
                      ORDER BY claimable_at LIMIT ?3))"
            ),
            "due.turn, q.message_id, q.seq",
        );
        Self { turns: turns.into(), rows }
    }
}

/// The due rows of these groups, as leases.
fn leases_of(groups: &str, order: &str) -> Arc<str> {
    format!(
        "WITH due AS MATERIALIZED {groups}
         SELECT q.id, q.message_id, q.recipient, q.notify, q.orcpt, q.destination, q.attempts, q.expires_at,
                q.delay_reported, q.lease_token, coalesce(q.returned, q.held) AS returned,
                max(q.steps - q.asked, 0) AS steps, q.asked, m.sender, m.parameters, m.accepted_at, m.size
         FROM due CROSS JOIN queue AS q ON q.message_id = due.message_id AND q.destination = due.destination
              JOIN messages AS m ON m.id = q.message_id
         WHERE q.claimable_at <= ?1
         ORDER BY {order}"
    )
    .into()
}

/// How many leases to take so that no group is cut: except the first one, if it alone is more than the limit.
fn whole_groups(leases: &[Lease], limit: usize) -> usize {
    let same = |a: &Lease, b: &Lease| a.message == b.message && a.destination == b.destination;
    let mut taken = 0;
    for group in leases.chunk_by(same) {
        if taken + group.len() > limit {
            return if taken == 0 { limit.min(group.len()) } else { taken };
        }
        taken += group.len();
    }
    taken
}

fn lease(row: &SqliteRow) -> Result<Lease> {
    let row = Row::new(row, "queue");
    let message = row.of("messages", "message_id");
    let recipient = Recipient {
        address: row.parse("recipient", MailAddress::parse)?,
        notify: notify_from(row.get("notify")?),
        orcpt: row.get("orcpt")?,
    };
    Ok(Lease {
        row: row.queue_id("id")?,
        // The token that the claim gives: one more than the last.
        token: row.number::<u64>("lease_token")? + 1,
        message: row.message("message_id")?,
        sender: message.parse("sender", reverse_path)?,
        parameters: message.parse("parameters", |text: &str| serde_json::from_str(text))?,
        recipient,
        destination: row.parse("destination", Domain::parse)?,
        attempts: row.number("attempts")?,
        accepted_at: message.instant("accepted_at")?,
        expires_at: row.instant("expires_at")?,
        delay_reported: row.get("delay_reported")?,
        size: message.number("size")?,
        returned: row.get("returned")?,
        steps: row.number("steps")?,
        asked: row.get("asked")?,
    })
}

pub(super) fn reverse_path(text: &str) -> std::result::Result<ReversePath, pli_types::AddressError> {
    if text.is_empty() { Ok(ReversePath::Null) } else { MailAddress::parse(text).map(ReversePath::Address) }
}

pub(super) fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use sqlx::{ConnectOptions, Row as _};

    use super::super::setup;
    use super::*;

    /// However much waits, no statement that a claim begins with reads it all: each step is a search in an index.
    #[tokio::test]
    async fn turns_are_found_by_searches_and_not_by_reading_the_queue() {
        let folder = tempfile::tempdir().unwrap();
        let config = crate::Config {
            url: format!("sqlite://{}", folder.path().join("pli.db").display()),
            master_key: std::path::PathBuf::new(),
        };
        let location = setup::Location::of(&config).unwrap();
        let options = setup::writer_options(&location).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        setup::migrate(&mut connection, &location, Timestamp::UNIX_EPOCH).await.unwrap();
        let statements = [
            (&NOTICES.turns, "queue_notices"),
            (&ANYTHING.turns, "queue_by_destination"),
            (&NOTICES.rows, "queue_notices"),
            (&ANYTHING.rows, "queue_by_destination"),
        ];
        for (statement, index) in statements {
            let explain = format!("EXPLAIN QUERY PLAN {statement}");
            let sql = sqlx::query(AssertSqlSafe(explain)).bind(0_i64).bind("[]").bind(9_i64);
            let plan = sql.fetch_all(&mut connection).await.unwrap();
            let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
            let plan = steps.join("\n");
            assert!(plan.contains(index), "{plan}");
            let of_the_queue =
                steps.iter().filter(|step| step.contains(" queue") || step.contains(" q ") || step.contains(" mine "));
            let scans: Vec<_> = of_the_queue.filter(|step| step.starts_with("SCAN")).collect();
            assert!(scans.is_empty(), "{plan}");
        }
    }
}
