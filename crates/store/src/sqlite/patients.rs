//! [`Patients`].

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{Ins, MailAddress, MailboxId};
use sqlx::sqlite::SqliteConnection;

use super::SqliteStore;
use super::intake::{AuditRows, audit_rows};
use super::mailbox_making::AddMailbox;
use super::rows::{Row, database_error};
use super::space_rows::{self, SpaceRows, day_from, key_of, patient_of, state_from, state_number};
use super::tx::Tx;
use super::writer::Write;
use crate::seal::MasterKey;
use crate::{Loaded, MailboxKind, NewMailbox, NewSpace, Patients, Result, Space, SpaceState, StoreError};

/// Mailboxes whose spaces are made together after a migration.
const FILLED_TOGETHER: i64 = 500;

/// A space and the number of its mailbox, if that is made. `?`: the patient.
const SPACE: &str = "SELECT s.number, s.state, s.born, m.id AS mailbox_id FROM patient_spaces AS s
     LEFT JOIN mailboxes AS m ON m.patient = s.number WHERE s.number = ?";

#[async_trait]
impl Patients for SqliteStore {
    async fn space(&self, patient: &Ins) -> Result<Option<Space>> {
        let row = self.readers.one(sqlx::query(SPACE).bind(key_of(patient))).await.map_err(read_error)?;
        row.as_ref().map(|row| space(Row::new(row, "patient_spaces"))).transpose()
    }

    async fn put_spaces(&self, spaces: Vec<NewSpace>, audit: Vec<Event>) -> Result<Loaded> {
        self.write(PutSpaces { rows: SpaceRows::new(&spaces), audit: audit_rows(&audit) }).await
    }

    async fn compare_spaces(&self, spaces: Vec<NewSpace>) -> Result<Loaded> {
        let mut reader = self.readers.take().await.map_err(read_error)?;
        let loaded = SpaceRows::new(&spaces).compare(&mut reader.connection).await?;
        self.readers.give_back(reader);
        Ok(loaded)
    }

    async fn mailbox_of_space(&self, patient: &Ins) -> Result<MailboxId> {
        match open_mailbox(self.space(patient).await?.as_ref())? {
            Some(mailbox) => Ok(mailbox),
            None => self.write(MailboxOfSpace { patient: patient.clone(), now: self.clock.now() }).await,
        }
    }

    async fn count_spaces(&self, state: SpaceState) -> Result<u64> {
        let sql = sqlx::query("SELECT state, spaces FROM patient_space_counts WHERE state = ?");
        let row = self.readers.one(sql.bind(state_number(state))).await.map_err(read_error)?;
        row.map_or(Ok(0), |row| Row::new(&row, "patient_space_counts").number("spaces"))
    }
}

struct PutSpaces {
    rows: SpaceRows,
    audit: AuditRows,
}

#[async_trait]
impl Write for PutSpaces {
    type Output = Loaded;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Loaded> {
        let loaded = self.rows.put(tx).await?;
        tx.record(&self.audit);
        Ok(loaded)
    }
}

struct MailboxOfSpace {
    patient: Ins,
    now: Timestamp,
}

#[async_trait]
impl Write for MailboxOfSpace {
    type Output = MailboxId;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<MailboxId> {
        // Another message may have come first.
        let row = tx.fetch_one(sqlx::query(SPACE).bind(key_of(&self.patient))).await?;
        let there = row.as_ref().map(|row| space(Row::new(row, "patient_spaces"))).transpose()?;
        if let Some(mailbox) = open_mailbox(there.as_ref())? {
            return Ok(mailbox);
        }
        let new = NewMailbox::new(MailAddress::of_patient(&self.patient), MailboxKind::Patient);
        AddMailbox { new, now: self.now, audit: audit_rows(&[]) }.run(tx).await
    }
}

/// The mailbox of a space that must be open; `None` if it has to be made.
fn open_mailbox(space: Option<&Space>) -> Result<Option<MailboxId>> {
    match space {
        None => Err(StoreError::NotFound("patient's space")),
        Some(Space { state: SpaceState::Closed, .. }) => Err(StoreError::Conflict("the patient's space is closed")),
        Some(Space { mailbox, .. }) => Ok(*mailbox),
    }
}

fn space(row: Row<'_>) -> Result<Space> {
    Ok(Space {
        patient: row.parse("number", patient_of)?,
        state: row.parse("state", state_from)?,
        born: row.parse("born", day_from)?,
        mailbox: row.get::<Option<i64>>("mailbox_id")?.map(MailboxId),
    })
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("a patient's space could not be read", error)
}

/// Makes the spaces of mailboxes that are older than spaces. What is done stays done if this is cut short. A mailbox
/// whose address is not made of an INS has none: nobody can have written to it.
pub(super) async fn fill_in(connection: &mut SqliteConnection, master: &MasterKey) -> Result<()> {
    loop {
        let mut tx = Tx::new(connection, master);
        let sql = sqlx::query(
            "SELECT m.id, m.address, m.state FROM patient_spaces_due AS d JOIN mailboxes AS m ON m.id = d.mailbox_id
             ORDER BY m.id LIMIT ?",
        );
        let due = tx.fetch(sql.bind(FILLED_TOGETHER)).await?;
        for row in &due {
            fill_in_one(&mut tx, Row::new(row, "mailboxes")).await?;
        }
        let done = sqlx::query("COMMIT").execute(&mut *connection).await;
        done.map_err(|error| database_error("the spaces of patients could not be kept", error))?;
        if due.is_empty() {
            return Ok(());
        }
    }
}

async fn fill_in_one(tx: &mut Tx<'_>, row: Row<'_>) -> Result<()> {
    let mailbox = row.mailbox("id")?;
    if let Some(patient) = row.parse("address", MailAddress::parse)?.ins() {
        let sql = sqlx::query("UPDATE mailboxes SET patient = ? WHERE id = ?");
        tx.execute(sql.bind(key_of(&patient)).bind(mailbox.0)).await?;
        let state = row.parse("state", |state: &str| SpaceState::parse(state).ok_or("no such state of a space"))?;
        space_rows::follow_mailbox(tx, &patient, state).await?;
    }
    tx.execute(sqlx::query("DELETE FROM patient_spaces_due WHERE mailbox_id = ?").bind(mailbox.0)).await.map(drop)
}
