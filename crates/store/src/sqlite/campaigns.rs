//! [`Campaigns`].

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{CampaignId, Ins, Pace};
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::campaign_values::{self, ValueKey};
use super::intake::{AuditRows, Intake, audit_rows};
use super::rows::{Row, database_error, hex, json_numbers, micros};
use super::space_rows::{key_of, patient_of};
use super::tx::Tx;
use super::writer::Write;
use crate::{
    CampaignOutcome, CampaignRecipient, CampaignRecord, Campaigns, Change, Enlisted, NewCampaign, OutcomeCount, Result,
    StoreError,
};

/// The outcome of those who wait, in `campaign_counts`.
const WAITING: &str = "";
/// The part of a campaign's own key that its template is.
const TEMPLATE: u64 = 0;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, seal, key_id, wrapped_key, template, messages, seconds, paused, created_at FROM campaigns ",
            $rest
        )
    };
}

#[async_trait]
impl Campaigns for SqliteStore {
    async fn begin_campaign(&self, new: NewCampaign, audit: Vec<Event>) -> Result<bool> {
        let there = self.campaign(&new.name).await?;
        if there.as_ref().is_some_and(|there| there.template != new.template) {
            return Err(StoreError::Conflict("the name is another template's"));
        }
        let key = ValueKey::new(&self.master, new.at)?;
        let sealed = key.seal(TEMPLATE, new.template)?;
        let begin = Begin { name: new.name, pace: new.pace, at: new.at, there: there.is_some(), key, sealed };
        self.write(Recorded { write: begin, audit: audit_rows(&audit) }).await
    }

    async fn campaign(&self, name: &str) -> Result<Option<CampaignRecord>> {
        let row = self.readers.one(sqlx::query(select!("WHERE name = ?")).bind(name)).await.map_err(read_error)?;
        match row {
            Some(row) => self.record(&row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn campaigns(&self, after: Option<CampaignId>, limit: usize) -> Result<Vec<CampaignRecord>> {
        let sql = sqlx::query(select!("WHERE id > ? ORDER BY id LIMIT ?")).bind(after.map_or(0, |after| after.0));
        self.records(self.readers.all(sql.bind(row_limit(limit))).await.map_err(read_error)?).await
    }

    async fn campaigns_at_work(&self, limit: usize) -> Result<Vec<CampaignRecord>> {
        let sql = sqlx::query(select!(
            "WHERE NOT paused AND EXISTS (SELECT 1 FROM campaign_counts
                 WHERE campaign_id = campaigns.id AND outcome = '' AND recipients > 0)
             ORDER BY id LIMIT ?"
        ));
        self.records(self.readers.all(sql.bind(row_limit(limit))).await.map_err(read_error)?).await
    }

    async fn pause_campaign(&self, campaign: CampaignId, paused: bool, audit: Vec<Event>) -> Result<bool> {
        self.write(Recorded { write: Pause { campaign, paused }, audit: audit_rows(&audit) }).await
    }

    async fn enlist(
        &self,
        campaign: CampaignId,
        recipients: Vec<CampaignRecipient>,
        at: Timestamp,
    ) -> Result<Enlisted> {
        let mut key = None;
        let mut rows = Vec::with_capacity(recipients.len());
        for (part, CampaignRecipient { patient, values }) in (0..).zip(&recipients) {
            let sealed = if values.is_empty() {
                None
            } else {
                let key = match &mut key {
                    Some(key) => key,
                    none => none.insert(ValueKey::new(&self.master, at)?),
                };
                Some(key.seal(part, campaign_values::written(values)?)?)
            };
            let sealed = sealed.map_or_else(|| "null".to_owned(), |sealed| format!("\"{}\"", hex(&sealed)));
            rows.push(format!("[{},{part},{sealed}]", key_of(patient)));
        }
        let given = recipients.len() as u64;
        self.write(Enlist { campaign, rows: json_numbers(&rows), given, key, at: micros(at) }).await
    }

    async fn enlisted(&self, campaign: CampaignId, patients: &[Ins]) -> Result<u64> {
        let sql = sqlx::query(
            "SELECT count(*) AS recipients FROM campaign_recipients
             WHERE campaign_id = ? AND patient IN (SELECT value FROM json_each(?))",
        );
        let sql = sql.bind(campaign.0).bind(json_numbers(patients.iter().map(key_of)));
        let row = self.readers.one(sql).await.map_err(read_error)?;
        row.map_or(Ok(0), |row| Row::new(&row, "campaign_recipients").number("recipients"))
    }

    async fn waiting_recipients(&self, campaign: CampaignId, limit: usize) -> Result<Vec<CampaignRecipient>> {
        // By the index that those leave who are done: the table grows, what is read does not.
        let sql = sqlx::query(
            "SELECT r.patient, r.value_part, r.value_sealed, k.id AS value_key, k.seal, k.key_id, k.wrapped_key
             FROM campaign_recipients AS r INDEXED BY campaign_recipients_waiting
                  LEFT JOIN campaign_keys AS k ON k.id = r.value_key
             WHERE r.campaign_id = ? AND r.outcome IS NULL ORDER BY r.patient LIMIT ?",
        );
        let rows = self.readers.all(sql.bind(campaign.0).bind(row_limit(limit))).await.map_err(read_error)?;
        let mut last: Option<(i64, ValueKey)> = None;
        let mut recipients = Vec::with_capacity(rows.len());
        // A fault is told by the key's number: the row's own is a person's.
        for row in rows.iter().map(|row| Row::new(row, "campaign_recipients").of("campaign_recipients", "value_key")) {
            let patient = row.parse("patient", patient_of)?;
            let values = match row.get::<Option<i64>>("value_key")? {
                None => Vec::new(),
                Some(id) => {
                    let key = match &mut last {
                        Some((known, key)) if *known == id => &*key,
                        last => &last.insert((id, self.value_key(row)?)).1,
                    };
                    values(row, key)?
                }
            };
            recipients.push(CampaignRecipient { patient, values });
        }
        Ok(recipients)
    }

    async fn settle_recipient(
        &self,
        campaign: CampaignId,
        patient: &Ins,
        outcome: CampaignOutcome,
        at: Timestamp,
        audit: Vec<Event>,
    ) -> Result<bool> {
        let (outcome, intake) = match outcome {
            CampaignOutcome::Sent(message) => {
                (CampaignOutcome::SENT.to_owned(), Some(Arc::new(Intake::new(*message)?)))
            }
            CampaignOutcome::Returned(reason) => (reason, None),
        };
        let patient = key_of(patient);
        self.write(Settle { campaign, patient, outcome, intake, at: micros(at), audit: audit_rows(&audit) }).await
    }
}

impl SqliteStore {
    /// A campaign and its counts.
    async fn record(&self, row: &SqliteRow) -> Result<CampaignRecord> {
        let row = Row::new(row, "campaigns");
        let id = CampaignId(row.get("id")?);
        let template = ValueKey::of(row, &self.master)?.open(TEMPLATE, row.get("template")?);
        let (messages, seconds) = (row.number::<u32>("messages")?, row.number::<u32>("seconds")?);
        let mut record = CampaignRecord {
            id,
            name: row.get("name")?,
            template: template.ok_or_else(|| row.corrupt("template", "it is not what was kept"))?,
            pace: Pace::of(messages, seconds).ok_or_else(|| row.corrupt("messages", "no such pace"))?,
            paused: row.get("paused")?,
            created_at: row.instant("created_at")?,
            waiting: 0,
            outcomes: Vec::new(),
        };
        let sql = sqlx::query(
            "SELECT outcome, recipients, first_at, last_at FROM campaign_counts WHERE campaign_id = ? ORDER BY outcome",
        );
        for row in &self.readers.all(sql.bind(id.0)).await.map_err(read_error)? {
            let row = Row::new(row, "campaign_counts");
            let (outcome, recipients) = (row.get::<String>("outcome")?, row.number("recipients")?);
            if outcome == WAITING {
                record.waiting = recipients;
                continue;
            }
            let (first_at, last_at) = (row.instant("first_at")?, row.instant("last_at")?);
            record.outcomes.push(OutcomeCount { outcome, recipients, first_at, last_at });
        }
        Ok(record)
    }

    async fn records(&self, rows: Vec<SqliteRow>) -> Result<Vec<CampaignRecord>> {
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            records.push(self.record(row).await?);
        }
        Ok(records)
    }

    fn value_key(&self, row: Row<'_>) -> Result<ValueKey> {
        ValueKey::of(row.of("campaign_keys", "value_key"), &self.master)
    }
}

fn values(row: Row<'_>, key: &ValueKey) -> Result<Vec<String>> {
    let text = key.open(row.number("value_part")?, row.get("value_sealed")?);
    let text = text.ok_or_else(|| row.corrupt("value_sealed", "it is not what was kept"))?;
    campaign_values::read(&text).map_err(|_| row.corrupt("value_sealed", "these are no values"))
}

/// A write that is put on record if it changes anything.
struct Recorded<W> {
    write: W,
    audit: AuditRows,
}

#[async_trait]
impl<W: Write<Output = bool>> Write for Recorded<W> {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let changed = self.write.run(tx).await?;
        if changed {
            tx.record(&self.audit);
        }
        Ok(changed)
    }
}

struct Begin {
    name: String,
    pace: Pace,
    at: Timestamp,
    /// Was it there, with this template?
    there: bool,
    key: ValueKey,
    sealed: Vec<u8>,
}

#[async_trait]
impl Write for Begin {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let (messages, seconds) = self.pace.parts();
        tx.tell(Change::Campaigns);
        if self.there {
            let sql = sqlx::query("UPDATE campaigns SET messages = ?, seconds = ? WHERE name = ?");
            tx.execute(sql.bind(messages).bind(seconds).bind(self.name.as_str())).await?;
            return Ok(false);
        }
        // Someone else's of the same name, begun at the same moment, is a `Conflict`.
        let sql = sqlx::query(
            "INSERT INTO campaigns (name, seal, key_id, wrapped_key, template, messages, seconds, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        );
        let sql = sql.bind(self.name.as_str()).bind(&self.key.seal.as_bytes()[..]).bind(&self.key.key_id[..]);
        let sql = sql.bind(self.key.wrapped.as_slice()).bind(self.sealed.as_slice());
        tx.execute(sql.bind(messages).bind(seconds).bind(micros(self.at))).await?;
        Ok(true)
    }
}

struct Pause {
    campaign: CampaignId,
    paused: bool,
}

#[async_trait]
impl Write for Pause {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let sql = sqlx::query("UPDATE campaigns SET paused = ?1 WHERE id = ?2 AND paused <> ?1");
        if tx.execute(sql.bind(self.paused).bind(self.campaign.0)).await? > 0 {
            tx.tell(Change::Campaigns);
            return Ok(true);
        }
        exists(tx, self.campaign).await.map(|()| false)
    }
}

async fn exists(tx: &mut Tx<'_>, campaign: CampaignId) -> Result<()> {
    let sql = sqlx::query("SELECT id FROM campaigns WHERE id = ?");
    tx.fetch_one(sql.bind(campaign.0)).await?.map(drop).ok_or(StoreError::NotFound("campaign"))
}

struct Enlist {
    campaign: CampaignId,
    /// `[patient, part, sealed]` each, as JSON.
    rows: String,
    given: u64,
    key: Option<ValueKey>,
    at: i64,
}

#[async_trait]
impl Write for Enlist {
    type Output = Enlisted;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Enlisted> {
        exists(tx, self.campaign).await?;
        let key = match &self.key {
            Some(key) => Some(add_key(tx, key).await?),
            None => None,
        };
        let sql = sqlx::query(
            "INSERT INTO campaign_recipients (campaign_id, patient, value_key, value_part, value_sealed)
             SELECT ?1, value ->> 0, iif(value ->> 2 IS NULL, NULL, ?2), iif(value ->> 2 IS NULL, NULL, value ->> 1),
                    unhex(value ->> 2)
             FROM json_each(?3) WHERE true ON CONFLICT DO NOTHING",
        );
        let added = tx.execute(sql.bind(self.campaign.0).bind(key).bind(self.rows.as_str())).await?;
        if added > 0 {
            count_waiting(tx, self.campaign, added, self.at).await?;
            tx.tell(Change::Campaigns);
        } else if let Some(key) = key {
            tx.execute(sqlx::query("DELETE FROM campaign_keys WHERE id = ?").bind(key)).await?;
        }
        Ok(Enlisted { added, known: self.given.saturating_sub(added) })
    }
}

async fn add_key(tx: &mut Tx<'_>, key: &ValueKey) -> Result<i64> {
    let sql = sqlx::query("INSERT INTO campaign_keys (seal, key_id, wrapped_key) VALUES (?, ?, ?) RETURNING id");
    let sql = sql.bind(&key.seal.as_bytes()[..]).bind(&key.key_id[..]).bind(key.wrapped.as_slice());
    let rows = tx.change(sql).await?;
    let row = rows.first().ok_or(StoreError::unavailable("a key was not kept"))?;
    Row::new(row, "campaign_keys").get("id")
}

/// Keeps the counts in step: so many more wait.
async fn count_waiting(tx: &mut Tx<'_>, campaign: CampaignId, added: u64, at: i64) -> Result<()> {
    let sql = sqlx::query(
        "INSERT INTO campaign_counts (campaign_id, outcome, recipients, first_at, last_at) VALUES (?1, '', ?2, ?3, ?3)
         ON CONFLICT DO UPDATE SET recipients = recipients + excluded.recipients, last_at = excluded.last_at",
    );
    tx.execute(sql.bind(campaign.0).bind(added.cast_signed()).bind(at)).await.map(drop)
}

/// Keeps the counts in step: one who waited came to this end.
async fn count_settled(tx: &mut Tx<'_>, campaign: CampaignId, outcome: &str, at: i64) -> Result<()> {
    let sql = sqlx::query(
        "INSERT INTO campaign_counts (campaign_id, outcome, recipients, first_at, last_at)
         VALUES (?1, '', -1, ?3, ?3), (?1, ?2, 1, ?3, ?3)
         ON CONFLICT DO UPDATE SET recipients = recipients + excluded.recipients, last_at = excluded.last_at",
    );
    tx.execute(sql.bind(campaign.0).bind(outcome).bind(at)).await.map(drop)
}

struct Settle {
    campaign: CampaignId,
    patient: i64,
    outcome: String,
    intake: Option<Arc<Intake>>,
    at: i64,
    audit: AuditRows,
}

#[async_trait]
impl Write for Settle {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let message = self.intake.as_ref().and_then(|intake| intake.message.as_ref()).map(|message| &message.id[..]);
        let sql = sqlx::query(
            "UPDATE campaign_recipients
             SET outcome = ?1, settled_at = ?2, message_id = ?3, value_key = NULL, value_part = NULL, value_sealed = NULL
             WHERE campaign_id = ?4 AND patient = ?5 AND outcome IS NULL",
        );
        let sql = sql.bind(self.outcome.as_str()).bind(self.at).bind(message).bind(self.campaign.0).bind(self.patient);
        if tx.execute(sql).await? == 0 {
            return Ok(false);
        }
        count_settled(tx, self.campaign, &self.outcome, self.at).await?;
        if let Some(intake) = &self.intake {
            tx.take_in(Arc::clone(intake));
        }
        tx.record(&self.audit);
        Ok(true)
    }
}

fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("a campaign could not be read", error)
}
