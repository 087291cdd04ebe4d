//! [`Indicators`]: what is counted of the record and of the mailboxes, month by month.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::usage::OTHER;
use pli_failpoint::failpoint;
use pli_types::{MailboxId, MessageId, PATIENT_DOMAIN};

use super::SqliteStore;
use super::bulk::Sql;
use super::rows::{Row, database_error, json_ids, json_texts, micros, some};
use super::tx::Tx;
use super::writer::Write;
use crate::{Connections, Counted, Indicator, Indicators, MailboxKind, Month, NewCounts, Result, StoreError};

#[async_trait]
impl Indicators for SqliteStore {
    async fn counted(&self) -> Result<Counted> {
        let row = self.readers.one(sqlx::query("SELECT only, seq, closed FROM indicator_progress")).await;
        let row = row.map_err(unread)?;
        let Some(row) = row.as_ref().map(|row| Row::new(row, "indicator_progress")) else {
            return Ok(Counted::default());
        };
        let closed = row.parse("closed", some(|month| Month::parse(month).ok_or("not a month")))?;
        Ok(Counted { entries: row.number("seq")?, closed })
    }

    async fn count(&self, counts: NewCounts) -> Result<bool> {
        if counts.to <= counts.from {
            return Err(StoreError::Conflict("counting that counts no entry"));
        }
        self.write(Count(counts)).await
    }

    async fn entries_of_messages(&self, messages: &[MessageId]) -> Result<Vec<(MessageId, Vec<u8>)>> {
        let sql = sqlx::query(
            "SELECT seq, message_id, event FROM audit
             WHERE message_id IN (SELECT unhex(value) FROM json_each(?)) ORDER BY seq",
        );
        let rows = self.readers.all(sql.bind(json_ids(messages.iter().map(MessageId::as_bytes)))).await;
        let rows = rows.map_err(|error| database_error("the record could not be read", error))?;
        let each = rows.iter().map(|row| Row::new(row, "audit"));
        each.map(|row| Ok((row.message("message_id")?, row.get("event")?))).collect()
    }

    async fn holders(&self, keys: &[String]) -> Result<HashMap<String, (MailboxId, MailboxKind)>> {
        let sql = sqlx::query(
            "SELECT address_key, mailbox_id, kind FROM former_addresses
                WHERE address_key IN (SELECT value FROM json_each(?1))
             UNION ALL SELECT address_key, id, kind FROM mailboxes
                WHERE address_key IN (SELECT value FROM json_each(?1))",
        );
        let rows = self.readers.all(sql.bind(json_texts(keys.iter().map(String::as_str)))).await;
        let rows = rows.map_err(|error| database_error("mailboxes could not be read", error))?;
        // One that is there stands behind one that was, and counts.
        let each = rows.iter().map(|row| Row::new(row, "mailboxes"));
        each.map(|row| Ok((row.get("address_key")?, (row.mailbox("mailbox_id")?, row.parse("kind", kind)?)))).collect()
    }

    async fn mailboxes_counted(&self, begins: Timestamp, ends: Timestamp) -> Result<Vec<Indicator>> {
        let sql = sqlx::query(
            "WITH each AS (
                 SELECT domain, kind, created_at, NULL AS ended_at, unlisted,
                     CASE WHEN suspended_at < ?2 THEN 'suspended' ELSE state END AS state FROM mailboxes
                 UNION ALL
                 SELECT domain, mailbox_type, created_at, ended_at, 0, 'open' FROM indicator_endings)
             SELECT domain, kind,
                 sum(created_at < ?2 AND coalesce(ended_at, ?2) >= ?2 AND state = 'open') AS active,
                 sum(created_at < ?2 AND coalesce(ended_at, ?2) >= ?2 AND state = 'suspended') AS suspended,
                 sum(created_at < ?2 AND coalesce(ended_at, ?2) >= ?2 AND state <> 'closed' AND unlisted) AS unlisted,
                 sum(created_at >= ?1 AND created_at < ?2) AS created,
                 sum(coalesce(ended_at >= ?1 AND ended_at < ?2, 0)) AS deleted
             FROM each GROUP BY domain, kind
             UNION ALL
             SELECT ?3, 'PATIENT', NULL, NULL, NULL, state, spaces FROM patient_space_counts",
        );
        let sql = sql.bind(micros(begins)).bind(micros(ends)).bind(PATIENT_DOMAIN);
        let rows = self.readers.all(sql).await;
        let rows = rows.map_err(|error| database_error("mailboxes could not be counted", error))?;
        let mut counted = Vec::new();
        for row in rows.iter().map(|row| Row::new(row, "mailboxes")) {
            add_counted(row, &mut counted)?;
        }
        counted.retain(|indicator: &Indicator| indicator.value > 0);
        counted.sort();
        Ok(counted)
    }

    async fn close_month(
        &self,
        after: Option<Month>,
        month: Month,
        ends: Timestamp,
        mailboxes: Vec<Indicator>,
    ) -> Result<bool> {
        self.write(Close { after, month, ends, mailboxes }).await
    }

    async fn indicators(&self, month: Month) -> Result<Vec<Indicator>> {
        let sql = sqlx::query(
            "SELECT month, domain, mailbox_type, measure, label, value FROM indicators WHERE month = ?
             ORDER BY domain, mailbox_type, measure, label",
        );
        let rows = self.readers.all(sql.bind(month.to_string())).await.map_err(unread)?;
        rows.iter().map(|row| indicator(Row::new(row, "indicators"))).collect()
    }

    async fn connections(
        &self,
        month: Month,
        begins: Timestamp,
        ends: Timestamp,
        after: Option<MailboxId>,
        limit: usize,
    ) -> Result<Vec<Connections>> {
        let sql = sqlx::query(
            "WITH each AS (
                 SELECT id, address, domain, kind, last_sign_in_at FROM mailboxes
                     WHERE kind <> 'PATIENT' AND created_at < ?3 AND id > ?4
                 UNION ALL
                 SELECT mailbox_id, address, domain, kind, last_sign_in_at FROM former_addresses
                     WHERE kind <> 'PATIENT' AND created_at < ?3 AND deleted_at >= ?2 AND mailbox_id > ?4
                 ORDER BY 1 LIMIT ?5)
             SELECT id, address, domain, kind,
                 (SELECT max(at) FROM (
                     SELECT last_at AS at FROM indicator_connections WHERE mailbox_id = each.id AND month <= ?1
                     UNION ALL SELECT last_sign_in_at WHERE last_sign_in_at < ?3)) AS last_at,
                 coalesce((SELECT count FROM indicator_connections WHERE mailbox_id = each.id AND month = ?1), 0) AS count
             FROM each ORDER BY id",
        );
        let sql = sql.bind(month.to_string()).bind(micros(begins)).bind(micros(ends));
        let sql = sql.bind(after.map_or(0, |after| after.0)).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.readers.all(sql).await.map_err(unread)?;
        let each = rows.iter().map(|row| Row::new(row, "mailboxes"));
        each.map(connections).collect()
    }
}

fn unread(error: sqlx::Error) -> StoreError {
    database_error("what is counted could not be read", error)
}

fn kind(name: &str) -> std::result::Result<MailboxKind, &'static str> {
    MailboxKind::parse(name).ok_or("no such kind of mailbox")
}

fn indicator(row: Row<'_>) -> Result<Indicator> {
    Ok(Indicator {
        domain: row.get("domain")?,
        mailbox_type: row.get("mailbox_type")?,
        measure: row.get("measure")?,
        label: row.get("label")?,
        value: row.number("value")?,
    })
}

fn connections(row: Row<'_>) -> Result<Connections> {
    Ok(Connections {
        mailbox: row.mailbox("id")?,
        address: row.get("address")?,
        domain: row.get("domain")?,
        mailbox_type: row.get("kind")?,
        last_at: row.instant_if_any("last_at")?,
        count: row.number("count")?,
    })
}

/// The mailboxes of one domain and kind. Where they are not counted, it is the patients' spaces in one state.
fn add_counted(row: Row<'_>, counted: &mut Vec<Indicator>) -> Result<()> {
    let (domain, mailbox_type): (String, String) = (row.get("domain")?, row.get("kind")?);
    let mut add = |measure: &str, value: u64| {
        let (domain, mailbox_type) = (domain.clone(), mailbox_type.clone());
        counted.push(Indicator { domain, mailbox_type, measure: measure.to_owned(), label: String::new(), value });
    };
    if row.get::<Option<i64>>("active")?.is_none() {
        let is_open = row.get::<i64>("created")? == 0;
        add(if is_open { "spaces-open" } else { "spaces-closed" }, row.number("deleted")?);
        return Ok(());
    }
    add("mailboxes-active", row.number("active")?);
    add("mailboxes-suspended", row.number("suspended")?);
    add("mailboxes-unlisted", row.number("unlisted")?);
    add("mailboxes-created", row.number("created")?);
    add("mailboxes-deleted", row.number("deleted")?);
    Ok(())
}

struct Count(NewCounts);

#[async_trait]
impl Write for Count {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(counts) = self;
        let sql = sqlx::query("UPDATE indicator_progress SET seq = ? WHERE only = 0 AND seq = ?");
        if tx.execute(sql.bind(whole(counts.to)).bind(whole(counts.from))).await? == 0 {
            return Ok(false);
        }
        failpoint!("store.count.run", StoreError::unavailable("a failpoint"));
        for (month, indicator) in &counts.added {
            tx.execute(add(*month, indicator)).await?;
        }
        for connections in &counts.connections {
            let sql = sqlx::query(
                "INSERT INTO indicator_connections (mailbox_id, month, count, last_at) VALUES (?, ?, ?, ?)
                 ON CONFLICT (mailbox_id, month) DO UPDATE SET
                    count = count + excluded.count, last_at = max(last_at, excluded.last_at)",
            );
            let sql = sql.bind(connections.mailbox.0).bind(connections.month.to_string());
            tx.execute(sql.bind(whole(connections.count)).bind(micros(connections.last_at))).await?;
        }
        Ok(true)
    }
}

/// Kinds that are counted of one thing, of one sort of mailboxes in one month. What comes beyond is counted as others:
/// senders write the words.
const LABELS_MAX: i64 = 500;

fn add(month: Month, indicator: &Indicator) -> Sql<'_> {
    let sql = sqlx::query(
        "INSERT INTO indicators (month, domain, mailbox_type, measure, label, value)
         SELECT ?1, ?2, ?3, ?4,
             CASE WHEN ?5 = '' OR ?7 > (SELECT count(*) FROM indicators
                     WHERE month = ?1 AND domain = ?2 AND mailbox_type = ?3 AND measure = ?4 AND label <> ?5)
                 OR EXISTS (SELECT 1 FROM indicators WHERE (month, domain, mailbox_type, measure, label)
                     = (?1, ?2, ?3, ?4, ?5))
                 THEN ?5 ELSE ?8 END,
             ?6 WHERE TRUE
         ON CONFLICT (month, domain, mailbox_type, measure, label) DO UPDATE SET value = value + excluded.value",
    );
    let sql = sql.bind(month.to_string()).bind(indicator.domain.as_str()).bind(indicator.mailbox_type.as_str());
    let sql = sql.bind(indicator.measure.as_str()).bind(indicator.label.as_str()).bind(whole(indicator.value));
    sql.bind(LABELS_MAX).bind(OTHER)
}

struct Close {
    after: Option<Month>,
    month: Month,
    ends: Timestamp,
    mailboxes: Vec<Indicator>,
}

#[async_trait]
impl Write for Close {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let sql = sqlx::query("UPDATE indicator_progress SET closed = ? WHERE only = 0 AND closed IS ?");
        let sql = sql.bind(self.month.to_string()).bind(self.after.map(|month| month.to_string()));
        if tx.execute(sql).await? == 0 {
            return Ok(false);
        }
        for indicator in &self.mailboxes {
            tx.execute(add(self.month, indicator)).await?;
        }
        let counted = sqlx::query("DELETE FROM indicator_endings WHERE ended_at < ?");
        tx.execute(counted.bind(micros(self.ends))).await?;
        Ok(true)
    }
}

/// As the database counts. Nothing is counted so far.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
