//! Making a mailbox, and whether it may be used.

use async_trait::async_trait;
use jiff::Timestamp;
use pli_types::{Ins, MailboxId, RppsId, StructureId};

use super::intake::AuditRows;
use super::rows::{Row, micros, size};
use super::space_rows::key_of;
use super::tx::Tx;
use super::writer::Write;
use super::{directory_words, folders, publications, records, space_rows};
use crate::{Change, MailboxKind, MailboxState, NewMailbox, Result, SpaceState, StoreError};

pub(super) struct AddMailbox {
    pub(super) new: NewMailbox,
    pub(super) now: Timestamp,
    pub(super) audit: AuditRows,
}

#[async_trait]
impl Write for AddMailbox {
    type Output = MailboxId;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<MailboxId> {
        let NewMailbox { address, kind, rpps, structure, state, quota_bytes, details } = &self.new;
        let patient = self.patient()?;
        self.check_address(tx).await?;
        let sql = sqlx::query(
            "INSERT INTO mailboxes (address, address_key, domain, kind, state, suspended_at, rpps, structure,
                quota_bytes, created_at, display_name, description, service, responsible, unlisted, digitisation, rank,
                patient)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (address_key) DO NOTHING RETURNING id",
        );
        let (kept, suspended) = kept_state(*state);
        let sql = sql
            .bind(address.reveal())
            .bind(address.key())
            .bind(address.domain().as_str())
            .bind(kind.as_str())
            .bind(kept.as_str())
            .bind(suspended.then(|| micros(self.now)))
            .bind(rpps.as_ref().map(RppsId::as_str))
            .bind(structure.as_ref().map(StructureId::as_str))
            .bind(quota_bytes.map(size))
            .bind(micros(self.now))
            .bind(details.display_name.as_str())
            .bind(details.description.as_str())
            .bind(details.service.as_str())
            .bind(details.responsible.as_deref())
            .bind(details.unlisted)
            .bind(details.digitisation)
            .bind(details.rank)
            .bind(patient.as_ref().map(key_of));
        let rows = tx.change(sql).await?;
        let row = rows.first().ok_or(StoreError::Conflict("there is a mailbox with this address already"))?;
        let mailbox = Row::new(row, "mailboxes").mailbox("id")?;
        folders::create_standard(tx, mailbox, self.now.as_second()).await?;
        let former = sqlx::query("DELETE FROM former_addresses WHERE address_key = ?");
        tx.execute(former.bind(address.key())).await?;
        if let Some(patient) = &patient {
            space_rows::follow_mailbox(tx, patient, kept).await?;
        }
        tx.record(&self.audit);
        tx.tell(Change::Folders(mailbox));
        Ok(mailbox)
    }
}

impl AddMailbox {
    /// Whose space it is. A patient's mailbox has no other address than that of his INS.
    fn patient(&self) -> Result<Option<Ins>> {
        match (self.new.kind, self.new.address.ins()) {
            (MailboxKind::Patient, None) => Err(StoreError::Conflict("a patient's mailbox has the address of his INS")),
            (MailboxKind::Patient, patient) => Ok(patient),
            _ => Ok(None),
        }
    }

    /// The address of a mailbox that was deleted is kept for its holder (R-BAL-6). A patient's is made of who he is.
    async fn check_address(&self, tx: &mut Tx<'_>) -> Result<()> {
        let sql = sqlx::query(
            "SELECT address_key, kind, rpps, structure FROM former_addresses WHERE address_key = ? AND kept_until > ?",
        );
        let sql = sql.bind(self.new.address.key()).bind(micros(self.now));
        let Some(row) = tx.fetch_one(sql).await? else { return Ok(()) };
        let row = Row::new(&row, "former_addresses");
        let was = (row.get::<Option<String>>("rpps")?, row.get::<Option<String>>("structure")?);
        let is = (
            self.new.rpps.as_ref().map(|rpps| rpps.as_str().to_owned()),
            self.new.structure.as_ref().map(|structure| structure.as_str().to_owned()),
        );
        let of_a_patient = self.new.kind == MailboxKind::Patient && row.get::<String>("kind")? == "PATIENT";
        if of_a_patient || (was == is && was != (None, None)) {
            return Ok(());
        }
        Err(StoreError::Conflict("this address was another holder's, and is still kept for him"))
    }
}

pub(super) struct SetMailboxState {
    pub(super) mailbox: MailboxId,
    pub(super) state: MailboxState,
    pub(super) now: Timestamp,
    pub(super) audit: AuditRows,
}

#[async_trait]
impl Write for SetMailboxState {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let sql = match self.state {
            MailboxState::Suspended => "UPDATE mailboxes SET suspended_at = coalesce(suspended_at, ?2) WHERE id = ?1",
            MailboxState::Open => "UPDATE mailboxes SET suspended_at = NULL, state = 'open' WHERE id = ?1",
            MailboxState::Closed => "UPDATE mailboxes SET suspended_at = NULL, state = 'closed' WHERE id = ?1",
        };
        if tx.execute(sqlx::query(sql).bind(self.mailbox.0).bind(micros(self.now))).await? == 0 {
            return Err(StoreError::NotFound("mailbox"));
        }
        if self.state != MailboxState::Suspended
            && let Some(patient) = space_rows::patient_of_mailbox(tx, self.mailbox).await?
        {
            space_rows::follow_mailbox(tx, &patient, kept_state(self.state).0).await?;
        }
        let after = records::by_id(tx, self.mailbox).await?;
        publications::note(tx, &after.mailbox.address, after.is_shown(), self.now).await?;
        directory_words::renew(tx, &after).await?;
        tx.record(&self.audit);
        tx.tell(Change::Access);
        Ok(())
    }
}

/// How a state is kept: what it is but for a suspension, which is also that of a patient's space, and whether it is
/// suspended.
fn kept_state(state: MailboxState) -> (SpaceState, bool) {
    match state {
        MailboxState::Open => (SpaceState::Open, false),
        MailboxState::Suspended => (SpaceState::Open, true),
        MailboxState::Closed => (SpaceState::Closed, false),
    }
}
