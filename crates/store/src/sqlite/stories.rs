//! [`Stories`]: found and forgotten. How a story goes on has a file of its own (`story_steps.rs`).

use async_trait::async_trait;
use jiff::Timestamp;
use pli_types::{LookupKey, MessageId};
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::bulk::Sql;
use super::rows::{Row, database_error, json_ids, micros};
use super::tx::Tx;
use super::writer::Write;
use crate::{Party, PartyState, Result, StoreError, Stories, Story, StoryFilter};

/// Rows of one key that are counted at most to learn which of two keys has fewer.
const COUNTED: i64 = 10_000;

#[async_trait]
impl Stories for SqliteStore {
    async fn find_stories(&self, filter: &StoryFilter, limit: usize) -> Result<Vec<Story>> {
        let by = self.narrowest(filter).await?;
        let rows = self.readers.all(Range::of(filter).bind(sqlx::query(by.text()), filter, limit)).await;
        let rows = rows.map_err(read_error)?;
        let found =
            rows.iter().map(|row| Row::new(row, "stories").message("message_id")).collect::<Result<Vec<_>>>()?;
        self.stories_of(&found).await
    }

    async fn story(&self, message: MessageId) -> Result<Option<Story>> {
        Ok(self.stories_of(&[message]).await?.pop())
    }

    async fn forget_stories(&self, ended_before: Timestamp, limit: usize) -> Result<u64> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.write(Forget { before: micros(ended_before), limit }).await
    }
}

impl SqliteStore {
    /// By which index to look: a Message-ID is one message's, and of sender and recipient it is who has fewer.
    async fn narrowest(&self, filter: &StoryFilter) -> Result<By> {
        Ok(match (filter.message_id, filter.sender, filter.recipient) {
            (Some(_), _, _) => By::MessageId,
            (None, Some(sender), Some(recipient)) => {
                if self.count(COUNT_SENT, sender).await? <= self.count(COUNT_RECEIVED, recipient).await? {
                    By::Sender
                } else {
                    By::Recipient
                }
            }
            (None, Some(_), None) => By::Sender,
            (None, None, Some(_)) => By::Recipient,
            (None, None, None) => By::Time,
        })
    }

    async fn count(&self, sql: &'static str, key: LookupKey) -> Result<i64> {
        let row = self.readers.one(sqlx::query(sql).bind(key.as_bytes().to_vec()).bind(COUNTED)).await;
        row.map_err(read_error)?.map_or(Ok(0), |row| Row::new(&row, "stories").get("found"))
    }

    /// The stories of these messages, in this order.
    async fn stories_of(&self, messages: &[MessageId]) -> Result<Vec<Story>> {
        let ids = json_ids(messages.iter().map(MessageId::as_bytes));
        let rows = self.readers.all(sqlx::query(READ).bind(ids)).await.map_err(read_error)?;
        let mut stories: Vec<Story> = Vec::with_capacity(messages.len());
        for row in &rows {
            let story = story(row)?;
            if stories.last().is_none_or(|last| last.message != story.message) {
                stories.push(story);
            }
            if let (Some(party), Some(story)) = (party(row)?, stories.last_mut()) {
                story.parties.push(party);
            }
        }
        Ok(stories)
    }
}

/// The index by which stories are looked for.
#[derive(Debug, Clone, Copy)]
enum By {
    MessageId,
    Sender,
    Recipient,
    Time,
}

impl By {
    fn text(self) -> &'static str {
        match self {
            Self::MessageId => BY_MESSAGE_ID,
            Self::Sender => BY_SENDER,
            Self::Recipient => BY_RECIPIENT,
            Self::Time => BY_TIME,
        }
    }

    #[cfg(test)]
    const ALL: [Self; 4] = [Self::MessageId, Self::Sender, Self::Recipient, Self::Time];
}

/// `?1` sender, `?2` recipient, `?3` Message-ID, each NULL if any will do; `?4` since, `?5` and `?6` before, `?7` the limit.
/// The key that drives comes first, and after it the range of time that its index is ordered by.
macro_rules! by {
    ($key:literal, $($other:literal),*) => {
        concat!(
            "SELECT s.message_id FROM stories AS s WHERE ", $key,
            " AND s.accepted_at >= ?4 AND s.accepted_at <= ?5 AND (s.accepted_at, s.message_id) < (?5, ?6)",
            $(" AND ", $other,)*
            " ORDER BY s.accepted_at DESC, s.message_id DESC LIMIT ?7"
        )
    };
}

const BY_MESSAGE_ID: &str = by!(
    "s.message_id_key = ?3",
    "(?1 IS NULL OR s.sender_key = ?1)",
    "(?2 IS NULL OR EXISTS (SELECT 1 FROM story_parties AS p WHERE p.message_id = s.message_id AND p.recipient_key = ?2))"
);
const BY_SENDER: &str = by!(
    "s.sender_key = ?1",
    "(?2 IS NULL OR EXISTS (SELECT 1 FROM story_parties AS p WHERE p.message_id = s.message_id AND p.recipient_key = ?2))",
    "(?3 IS NULL OR s.message_id_key = ?3)"
);
const BY_TIME: &str = by!("TRUE", "?1 IS NULL", "?2 IS NULL", "?3 IS NULL");
const BY_RECIPIENT: &str = "SELECT DISTINCT p.accepted_at, p.message_id FROM story_parties AS p
    WHERE p.recipient_key = ?2 AND p.accepted_at >= ?4 AND p.accepted_at <= ?5
        AND (p.accepted_at, p.message_id) < (?5, ?6) AND ?3 IS NULL
        AND (?1 IS NULL OR EXISTS (SELECT 1 FROM stories AS s WHERE s.message_id = p.message_id AND s.sender_key = ?1))
    ORDER BY p.accepted_at DESC, p.message_id DESC LIMIT ?7";

const COUNT_SENT: &str = "SELECT count(*) AS found FROM (SELECT 1 FROM stories WHERE sender_key = ?1 LIMIT ?2)";
const COUNT_RECEIVED: &str =
    "SELECT count(*) AS found FROM (SELECT 1 FROM story_parties WHERE recipient_key = ?1 LIMIT ?2)";

const READ: &str = "SELECT s.message_id, s.accepted_at, s.sender_key, s.ended_at,
        p.number, p.recipient_key, p.state, p.since, p.code
    FROM json_each(?1) AS asked CROSS JOIN stories AS s ON s.message_id = unhex(asked.value)
        LEFT JOIN story_parties AS p ON p.message_id = s.message_id
    ORDER BY asked.key, p.number";

/// The range of time that a filter asks for: from `since` on, and before the place of a message.
struct Range {
    since: i64,
    before: (i64, Vec<u8>),
}

impl Range {
    fn of(filter: &StoryFilter) -> Self {
        let since = filter.since.map_or(i64::MIN, micros);
        // No id is smaller than no bytes: whatever was taken in at that moment is no longer before it.
        let until = filter.until.map_or((i64::MAX, vec![0xff; 16]), |until| (micros(until), Vec::new()));
        let page = filter.before.map(|(at, message)| (micros(at), message.as_bytes().to_vec()));
        Self { since, before: page.into_iter().fold(until, Ord::min) }
    }

    fn bind<'q>(self, sql: Sql<'q>, filter: &StoryFilter, limit: usize) -> Sql<'q> {
        let bytes = |key: Option<LookupKey>| key.map(|key| key.as_bytes().to_vec());
        sql.bind(bytes(filter.sender))
            .bind(bytes(filter.recipient))
            .bind(bytes(filter.message_id))
            .bind(self.since)
            .bind(self.before.0)
            .bind(self.before.1)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    }
}

fn story(row: &SqliteRow) -> Result<Story> {
    let row = Row::new(row, "stories");
    Ok(Story {
        message: row.message("message_id")?,
        accepted_at: row.instant("accepted_at")?,
        sender: match row.get::<Option<&[u8]>>("sender_key")? {
            Some(_) => Some(lookup_key(row, "sender_key")?),
            None => None,
        },
        ended_at: row.instant_if_any("ended_at")?,
        parties: Vec::new(),
    })
}

fn party(row: &SqliteRow) -> Result<Option<Party>> {
    let row = Row::new(row, "story_parties");
    if row.get::<Option<i64>>("number")?.is_none() {
        return Ok(None);
    }
    let state = |number: i64| {
        let state = usize::try_from(number).ok().and_then(|number| PartyState::ALL.get(number));
        state.copied().ok_or("no such state")
    };
    Ok(Some(Party {
        number: row.number("number")?,
        recipient: lookup_key(row, "recipient_key")?,
        state: row.parse("state", state)?,
        since: row.instant("since")?,
        code: row.get("code")?,
    }))
}

fn lookup_key(row: Row<'_>, column: &'static str) -> Result<LookupKey> {
    row.parse(column, |bytes: &[u8]| bytes.try_into().map(LookupKey::from_bytes))
}

struct Forget {
    before: i64,
    limit: i64,
}

#[async_trait]
impl Write for Forget {
    type Output = u64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let rows = tx.change(sqlx::query(FORGET).bind(self.before).bind(self.limit)).await?;
        let forgotten = rows.iter().map(|row| Row::new(row, "stories").message("message_id"));
        let forgotten = forgotten.collect::<Result<Vec<_>>>()?;
        if !forgotten.is_empty() {
            let ids = json_ids(forgotten.iter().map(MessageId::as_bytes));
            tx.execute(sqlx::query(FORGET_PARTIES).bind(ids)).await?;
        }
        Ok(u64::try_from(forgotten.len()).unwrap_or(u64::MAX))
    }
}

const FORGET: &str = "DELETE FROM stories WHERE message_id IN
        (SELECT message_id FROM stories WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2)
    RETURNING message_id";
const FORGET_PARTIES: &str = "DELETE FROM story_parties WHERE message_id IN (SELECT unhex(value) FROM json_each(?1))";

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("the stories of messages could not be read", error)
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{AssertSqlSafe, ConnectOptions, Row as _};

    use super::super::story_steps::{ADVANCE, FREE};
    use super::*;

    #[tokio::test]
    async fn nothing_that_grows_is_ever_scanned() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(folder.path().join("pli.db")).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        for tables in super::super::setup::MIGRATIONS {
            let tables = tables.replace(":now", "0");
            sqlx::raw_sql(AssertSqlSafe(tables)).execute(&mut connection).await.unwrap();
        }
        let steps = ADVANCE.split(';').chain(FREE.split(';'));
        let others = [COUNT_SENT, COUNT_RECEIVED, READ, FORGET, FORGET_PARTIES];
        let events = ["SELECT seq, event FROM audit WHERE message_id = ?1 ORDER BY seq"];
        for sql in By::ALL.map(By::text).into_iter().chain(others).chain(steps).chain(events) {
            let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
            let plan: Vec<String> =
                plan.fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get("detail")).collect();
            let tables = ["stories", "s", "story_parties", "p", "audit"];
            let scanned = |line: &&String| {
                line.strip_prefix("SCAN ")
                    .is_some_and(|rest| tables.iter().any(|table| rest.split(' ').next() == Some(table)))
            };
            // In the order of time, with a limit: an end of the index, not all of it.
            let by_time = |line: &&String| line.ends_with("USING COVERING INDEX stories_by_time");
            let bad: Vec<_> = plan.iter().filter(|line| scanned(line) && !by_time(line)).collect();
            assert!(bad.is_empty() && !plan.is_empty(), "{sql}\n{plan:#?}");
            if sql.ends_with("LIMIT ?7") {
                assert!(!plan.iter().any(|line| line.contains("FOR ORDER BY")), "{sql}\n{plan:#?}");
            }
        }
    }
}
