//! What goes in and out of a mailbox at an admin's hands. Files are the command's; the record and the store are ours.

use jiff::Timestamp;
use pli_audit::{Event, EventKind, Face};
use pli_store::{Flags, NewEntry};
use pli_types::{Marked, MessageId};
use serde::{Deserialize, Serialize};

use super::list::not_deleted;
use super::{Clerk, Told, refusal};
use crate::admin::checked_reason;
use crate::exit::{Exit, Failure};

/// A message on its way into a mailbox; its body is attached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Carried {
    pub(crate) folder: String,
    /// `\Seen` and its like, and keywords.
    pub(crate) flags: Vec<String>,
    pub(crate) internal_date: Timestamp,
}

impl Carried {
    /// As the flags of a message.
    pub(crate) fn flags(flags: &Flags) -> Vec<String> {
        let named = [
            (flags.seen, "\\Seen"),
            (flags.answered, "\\Answered"),
            (flags.flagged, "\\Flagged"),
            (flags.deleted, "\\Deleted"),
            (flags.draft, "\\Draft"),
        ];
        let named = named.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_owned());
        named.chain(flags.keywords.iter().cloned()).collect()
    }

    fn as_flags(&self) -> Flags {
        let has = |name: &str| self.flags.iter().any(|flag| flag == name);
        Flags {
            seen: has("\\Seen"),
            answered: has("\\Answered"),
            flagged: has("\\Flagged"),
            deleted: has("\\Deleted"),
            draft: has("\\Draft"),
            keywords: self.flags.iter().filter(|flag| !flag.starts_with('\\')).cloned().collect(),
        }
    }
}

impl Clerk<'_> {
    /// An admin reads everything: that is on record before he does.
    pub(super) async fn note_export(&self, address: &str, reason: &str) -> Result<Told, Failure> {
        let (reason, record) = (checked_reason(reason)?, self.record(address).await?);
        not_deleted(&record, &self.shown(&record))?;
        let event = Event {
            actor: Some(Marked::text(self.actor)),
            mailbox: Some(Marked::address(&record.mailbox.address)),
            detail: Some(Marked::text(&format!("content exported by an admin: {reason}"))),
            ..Event::new(self.now, EventKind::Opened, Face::Cli)
        };
        self.store.append_audit(vec![event]).await?;
        Ok(Told::Noted)
    }

    pub(super) async fn import_folder(&self, address: &str, name: &str, subscribed: bool) -> Result<Told, Failure> {
        let record = self.taking(address).await?;
        let there = self.store.folders(record.mailbox.id).await?;
        if !there.iter().any(|folder| folder.name == name && folder.selectable) {
            self.store.create_folder(record.mailbox.id, name).await?;
        }
        if subscribed {
            self.store.set_subscribed(record.mailbox.id, name, true).await?;
        }
        Ok(Told::Noted)
    }

    pub(super) async fn import_message(
        &self,
        address: &str,
        carried: Carried,
        attached: Option<Vec<u8>>,
    ) -> Result<Told, Failure> {
        let record = self.taking(address).await?;
        let body = attached.unwrap_or_default();
        let fits = u64::try_from(body.len()).is_ok_and(|length| length <= self.house.message_bytes_max);
        if !fits || body.is_empty() || body.contains(&0) {
            let what = "the attached message is empty, too large, or holds a NUL";
            return Err(Failure::told(Exit::Usage, "admin-request", &[("what", &what)]));
        }
        let folders = self.store.folders(record.mailbox.id).await?;
        let Some(folder) = folders.iter().find(|folder| folder.name == carried.folder && folder.selectable) else {
            let what = "there is no such folder in the mailbox";
            return Err(Failure::told(Exit::Usage, "admin-request", &[("what", &what)]));
        };
        let id = MessageId::at(self.now);
        let mut writer = self.store.stage(id)?;
        writer.write(&body).await?;
        let body = writer.finish().await?;
        let (flags, internal_date) = (carried.as_flags(), carried.internal_date);
        let audit = self.event(&record, "message imported by an admin", None);
        let audit = audit.into_iter().map(|event| Event { message: Some(id), ..event }).collect();
        self.store.append(folder.id, NewEntry { id, body, flags, internal_date, audit }).await?;
        Ok(Told::Noted)
    }

    pub(super) async fn note_import(&self, address: &str, taken: usize, reason: Option<&str>) -> Result<Told, Failure> {
        let record = self.taking(address).await?;
        let reason = reason.map(checked_reason).transpose()?;
        let event = self.event(&record, &format!("{taken} messages imported by an admin"), reason);
        self.store.append_audit(event).await?;
        Ok(Told::Noted)
    }

    /// The mailbox, if something may be put into it.
    async fn taking(&self, address: &str) -> Result<pli_store::MailboxRecord, Failure> {
        let record = self.living(address).await?;
        if record.suspended_at.is_some() {
            return Err(refusal::suspended(&self.shown(&record)));
        }
        Ok(record)
    }
}
