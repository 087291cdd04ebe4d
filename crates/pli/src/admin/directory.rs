//! Our own entries of the directory, at the desk: what is asked, what is told, and how it is done.

use std::collections::BTreeMap;

use pli_addressbook::ENTRY_COLUMNS;
use pli_audit::{Event, EventKind};
use pli_directory::extraction::Column;
use pli_store::{DirectoryEntry, MailboxKind, MailboxRecord, Store};
use pli_types::{MailAddress, Marked, hide_identifiers};
use serde::{Deserialize, Serialize};

use super::desk::{Desk, Office, checked_reason, unable};
use super::effect::Effect;
use super::protocol::Request;
use crate::exit::{Exit, Failure};
use crate::trust::Author;

/// The most lines of an address.
const LINES_MAX: usize = 50;
/// The most that a column may say.
const TEXT_CHARS_MAX: usize = 200;

/// What a line says, by the stable names of its columns ([`ENTRY_COLUMNS`]).
pub(crate) type Columns = BTreeMap<String, String>;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub(crate) enum Ask {
    /// Let this address have a line that says this, and nothing else.
    Add { address: String, columns: Columns, dry_run: bool },
    /// Let a line say this from now on; an empty text says nothing any more. Its only one, if none is named.
    Set { address: String, line: Option<u16>, columns: Columns, dry_run: bool },
    /// Let it have no such line, or none at all.
    Rm { address: String, line: Option<u16>, reason: String, dry_run: bool },
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Told {
    pub(crate) effect: Effect,
    /// Which line; `None` for all.
    pub(crate) line: Option<u16>,
    /// The columns that say something else than before.
    pub(crate) columns: Vec<String>,
    /// How many lines the address has then.
    pub(crate) lines: usize,
}

impl Ask {
    /// Does it change anything?
    pub(crate) fn writes(&self) -> bool {
        match self {
            Self::Add { dry_run, .. } | Self::Set { dry_run, .. } | Self::Rm { dry_run, .. } => !dry_run,
        }
    }

    fn address(&self) -> &str {
        match self {
            Self::Add { address, .. } | Self::Set { address, .. } | Self::Rm { address, .. } => address,
        }
    }
}

impl Desk {
    /// Answers.
    pub(super) async fn directory(&self, ask: Ask, actor: &str) -> Result<Told, Failure> {
        let request = Request::Directory(ask.clone());
        let store = self.store.as_deref().ok_or_else(|| unable(&request))?;
        let office = if request.writes() { Some(self.office(&request)?) } else { None };
        let record = self.behind(store, ask.address()).await?;
        let entries = store.directory_entries(&[record.mailbox.id]).await?;
        let entries = entries.into_iter().map(|(_, entry)| entry).collect();
        let page = Page { store, actor, office, record, entries };
        match ask {
            Ask::Add { columns, .. } => self.add_entry(&page, &checked(columns)?).await,
            Ask::Set { line, columns, .. } => self.set_entry(&page, line, checked(columns)?).await,
            Ask::Rm { line, reason, .. } => self.remove_entries(&page, line, checked_reason(&reason)?).await,
        }
    }

    /// The mailbox whose lines are meant.
    async fn behind(&self, store: &dyn Store, address: &str) -> Result<MailboxRecord, Failure> {
        let unknown = || Failure::told(Exit::NotFound, "directory-mailbox-unknown", &[]);
        let address = MailAddress::parse(address).map_err(|_| unknown())?;
        if !self.connectors.hosts(address.domain()) {
            return Err(Failure::told(Exit::Usage, "directory-not-hosted", &[("domain", address.domain())]));
        }
        let record = store.mailbox_record(&address).await?.filter(|record| record.deleted_at.is_none());
        let record = record.ok_or_else(unknown)?;
        if record.mailbox.kind == MailboxKind::Patient {
            return Err(Failure::told(Exit::Conflict, "directory-patient", &[]));
        }
        Ok(record)
    }

    async fn add_entry(&self, page: &Page<'_>, wanted: &Columns) -> Result<Told, Failure> {
        let wanted = changed(&Columns::new(), wanted);
        if wanted.is_empty() {
            return Err(Failure::told(Exit::Usage, "directory-entry-empty", &[]));
        }
        if let Some(entry) = page.entries.iter().find(|entry| entry.columns == wanted) {
            return Ok(page.told(Effect::Unchanged, Some(entry.number), Vec::new(), 0));
        }
        if page.entries.len() >= LINES_MAX {
            return Err(Failure::told(Exit::Conflict, "directory-entries-many", &[("count", &LINES_MAX)]));
        }
        // Never the number of a line that may still be meant by somebody.
        let number = page.entries.last().map_or(1, |entry| entry.number.saturating_add(1));
        self.put_entry(page, None, DirectoryEntry { number, columns: wanted }).await
    }

    async fn set_entry(&self, page: &Page<'_>, line: Option<u16>, change: Columns) -> Result<Told, Failure> {
        let entry = match (line, page.entries.as_slice()) {
            (Some(line), entries) => entries.iter().find(|entry| entry.number == line),
            (None, [only]) => Some(only),
            (None, []) => None,
            (None, several) => {
                let numbers: Vec<String> = several.iter().map(|entry| entry.number.to_string()).collect();
                return Err(Failure::told(Exit::Usage, "directory-entry-which", &[("numbers", &numbers.join(", "))]));
            }
        };
        let entry = entry.ok_or_else(|| Failure::told(Exit::NotFound, "directory-entry-unknown", &[]))?;
        let columns = changed(&entry.columns, &change);
        if columns == entry.columns {
            return Ok(page.told(Effect::Unchanged, Some(entry.number), Vec::new(), 0));
        }
        if columns.is_empty() {
            return Err(Failure::told(Exit::Usage, "directory-entry-empty", &[]));
        }
        self.put_entry(page, Some(entry), DirectoryEntry { number: entry.number, columns }).await
    }

    async fn put_entry(
        &self,
        page: &Page<'_>,
        before: Option<&DirectoryEntry>,
        entry: DirectoryEntry,
    ) -> Result<Told, Failure> {
        let none = Columns::new();
        let columns = differing(before.map_or(&none, |entry| &entry.columns), &entry.columns);
        let (effect, word) = if before.is_none() { (Effect::Created, "added") } else { (Effect::Changed, "changed") };
        let told = page.told(effect, Some(entry.number), columns, usize::from(before.is_none()).cast_signed());
        if page.office.is_some() {
            // Which columns, and nothing of what they say: it is somebody's.
            let detail = format!("directory entry {} {word}: {}", entry.number, told.columns.join(", "));
            let event = self.entry_event(page, &detail);
            page.store.put_directory_entry(page.record.mailbox.id, before, entry, vec![event]).await?;
        }
        Ok(told)
    }

    async fn remove_entries(&self, page: &Page<'_>, line: Option<u16>, reason: &str) -> Result<Told, Failure> {
        let there = page.entries.iter().filter(|entry| line.is_none_or(|line| line == entry.number)).count();
        if there == 0 {
            return Ok(page.told(Effect::Unchanged, line, Vec::new(), 0));
        }
        if page.office.is_some() {
            let which =
                line.map_or_else(|| "all directory entries".to_owned(), |line| format!("directory entry {line}"));
            let event = self.entry_event(page, &format!("{which} removed; {reason}"));
            page.store.remove_directory_entries(page.record.mailbox.id, line, vec![event]).await?;
        }
        Ok(page.told(Effect::Removed, line, Vec::new(), there.cast_signed().saturating_neg()))
    }

    fn entry_event(&self, page: &Page<'_>, detail: &str) -> Event {
        Event {
            mailbox: Some(Marked::address(&page.record.mailbox.address)),
            detail: Some(Marked::text(detail)),
            ..Author::Admin(page.actor.to_owned()).event(EventKind::Changed, self.clock.now())
        }
    }
}

/// A mailbox, its lines, who wants something, and by what it is done: `None` if it is only tried.
struct Page<'a> {
    store: &'a dyn Store,
    actor: &'a str,
    office: Option<&'a Office>,
    record: MailboxRecord,
    entries: Vec<DirectoryEntry>,
}

impl Page<'_> {
    fn told(&self, effect: Effect, line: Option<u16>, columns: Vec<String>, more: isize) -> Told {
        let effect = if self.office.is_none() { effect.tried() } else { effect };
        Told { effect, line, columns, lines: self.entries.len().saturating_add_signed(more) }
    }
}

/// Columns that there are, with texts that fit into one.
fn checked(columns: Columns) -> Result<Columns, Failure> {
    let known = |name: &str| ENTRY_COLUMNS.iter().any(|column: &Column| column.member() == name);
    let mut out = Columns::new();
    for (name, text) in columns {
        let text = text.trim();
        let refused = |key| Failure::told(Exit::Usage, key, &[("column", &hide_identifiers(&name))]);
        if !known(&name) {
            return Err(refused("directory-column-unknown"));
        }
        if text.chars().count() > TEXT_CHARS_MAX || text.chars().any(|c| c == '|' || c.is_control()) {
            return Err(refused("directory-text"));
        }
        if hide_identifiers(text) != text {
            return Err(refused("directory-text.identifier"));
        }
        out.insert(name, text.to_owned());
    }
    Ok(out)
}

/// A line's columns, changed. An empty text is none.
fn changed(before: &Columns, change: &Columns) -> Columns {
    let mut columns = before.clone();
    columns.extend(change.iter().map(|(name, text)| (name.clone(), text.clone())));
    columns.retain(|_, text| !text.is_empty());
    columns
}

/// The columns that are not the same.
fn differing(before: &Columns, after: &Columns) -> Vec<String> {
    let other = ENTRY_COLUMNS.iter().map(|column| column.member()).filter(|name| before.get(*name) != after.get(*name));
    other.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(pairs: &[(&str, &str)]) -> Columns {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_text_that_would_end_a_column_or_name_a_patient_is_refused() {
        let long = "x".repeat(TEXT_CHARS_MAX + 1);
        for (name, text, code) in [
            ("town", "A|B", "directory-text"),
            ("town", "A\nB", "directory-text"),
            ("town", &long, "directory-text"),
            ("structure", "279035121518989", "directory-text"),
            ("address", "x@y.fr", "directory-column-unknown"),
            ("person_id", "1", "directory-column-unknown"),
        ] {
            let failure = checked(columns(&[(name, text)])).unwrap_err();
            assert_eq!(failure.code, code, "{name}");
            assert!(!failure.to_string().contains("27903512151"), "{failure}");
        }
        assert_eq!(checked(columns(&[("town", " Paris ")])).unwrap(), columns(&[("town", "Paris")]));
    }

    #[test]
    fn an_empty_text_takes_a_column_away_and_the_rest_stays() {
        let before = columns(&[("town", "Paris"), ("sign", "X")]);
        let after = changed(&before, &columns(&[("town", ""), ("street", "RUE"), ("sign", "X")]));
        assert_eq!(after, columns(&[("sign", "X"), ("street", "RUE")]));
        assert_eq!(differing(&before, &after), ["street", "town"]);
    }
}
