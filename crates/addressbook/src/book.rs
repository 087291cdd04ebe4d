//! [`AddressBook`]: what is asked, and what is answered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use pli_directory::extraction::Entry;
use pli_store::national::{About, LocalCopy, Search};
use pli_store::{DirectoryEntry, Life, MailboxFilter, MailboxRecord, Result, Store, StoreError};
use pli_types::{Domain, MailAddress, MailboxId};

use crate::found_by::found_by;
use crate::ours::{Hidden, Own};

/// Mailboxes that are read at a time.
pub(crate) const PAGE: usize = 500;
/// And by a search, which often has enough with the first ones.
const SEARCH_PAGE: usize = 100;

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From what is kept here.
    Own,
    /// From the copy of the national directory.
    National,
}

impl Source {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::National => "national",
        }
    }
}

/// A line, as the extraction writes it ([`Entry::parse`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it comes from.
    pub source: Source,
    /// Its number among the address's own, from 1.
    pub number: u16,
    /// The line.
    pub text: String,
}

/// All that is known of an address. For admins: also of one that is not shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Ours first.
    pub lines: Vec<Line>,
    /// Why nobody else finds it.
    pub hidden: Option<Hidden>,
}

/// Our own entries and the copy of the national directory, to be read.
pub struct AddressBook {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) copy: Option<LocalCopy>,
    pub(crate) hosted: BTreeSet<Domain>,
}

impl AddressBook {
    /// Opens the copy in this state folder, if there is one, beside this store. `hosted` are the domains whose mailboxes
    /// are here.
    pub async fn open(store: Arc<dyn Store>, state: &Path, hosted: impl IntoIterator<Item = Domain>) -> Result<Self> {
        Ok(Self { store, copy: LocalCopy::open(state).await?, hosted: hosted.into_iter().collect() })
    }

    /// What the copy is a copy of; `None` if there is none.
    #[must_use]
    pub fn about(&self) -> Option<&About> {
        self.copy.as_ref().map(LocalCopy::about)
    }

    /// Lines that fit, at most so many: ours first, by address, then the copy's, in its order. An address of ours that was
    /// found is not told again from the copy.
    pub async fn search(&mut self, search: &Search, limit: usize) -> Result<Vec<Line>> {
        let (mut found, mut ours) = (Vec::new(), BTreeSet::new());
        // Their words tell which of ours may fit, and the lines themselves which do.
        let likely = self.store.likely_mailboxes(search).await?;
        for page in likely.chunks(SEARCH_PAGE) {
            if found.len() >= limit {
                break;
            }
            let page = with_entries(&*self.store, self.store.records_of(page).await?).await?;
            for own in page.iter().filter(|own| own.hidden().is_none()) {
                for line in own_lines(own) {
                    if found.len() < limit && search.fits(&found_by(&parse(&line.text)?)) {
                        ours.insert(own.record.mailbox.address.key());
                        found.push(line);
                    }
                }
            }
        }
        let Some(copy) = &mut self.copy else { return Ok(found) };
        let mut lines = copy.matching(search).await?;
        while found.len() < limit
            && let Some(text) = lines.next().await?
        {
            let entry = parse(text)?;
            let address = entry.address();
            let is_told = ours.contains(&address.key());
            if !is_told && hidden(&*self.store, &self.hosted, address).await?.is_none() {
                found.push(Line { source: Source::National, number: 1, text: text.to_owned() });
            }
        }
        Ok(found)
    }

    /// All that is known of an address, ours and the copy's; no line if nothing is.
    pub async fn show(&mut self, address: &MailAddress) -> Result<Shown> {
        let record =
            if self.hosted.contains(address.domain()) { self.store.mailbox_record(address).await? } else { None };
        let (mut lines, mut why) = (Vec::new(), None);
        if let Some(record) = record {
            let entries = self.store.directory_entries(&[record.mailbox.id]).await?;
            let own = Own { record, entries: entries.into_iter().map(|(_, entry)| entry).collect() };
            why = own.hidden();
            if !matches!(why, Some(Hidden::Deleted | Hidden::Patient)) {
                lines = own_lines(&own);
            }
        }
        if let Some(copy) = &mut self.copy {
            let mut national = copy.of_address(&address.key()).await?;
            for number in 1.. {
                let Some(text) = national.next().await? else { break };
                lines.push(Line { source: Source::National, number, text: text.to_owned() });
            }
        }
        Ok(Shown { lines, hidden: why })
    }

    /// Hands over our lines that are shown, by address, until `take` says `false`.
    pub async fn each_own(&mut self, mut take: impl FnMut(Line) -> bool) -> Result<()> {
        let mut pages = Pages::new(&*self.store, MailboxFilter::default());
        while let Some(page) = pages.next().await? {
            for own in page.iter().filter(|own| own.hidden().is_none()) {
                if !own_lines(own).into_iter().all(&mut take) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Hands over the copy's lines in its order, those left out that are not shown, until `take` says `false`.
    pub async fn each_national(&mut self, mut take: impl FnMut(Line) -> bool) -> Result<()> {
        let hidden = self.hidden_keys().await?;
        let Some(copy) = &mut self.copy else { return Ok(()) };
        let mut lines = copy.all();
        while let Some(text) = lines.next().await? {
            let is_hidden = hidden.contains(&parse(text)?.address().key());
            if !is_hidden && !take(Line { source: Source::National, number: 1, text: text.to_owned() }) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The addresses of our mailboxes that are not shown, deleted ones included.
    async fn hidden_keys(&self) -> Result<BTreeSet<String>> {
        let mut keys = BTreeSet::new();
        for life in [None, Some(Life::Deleted)] {
            let mut pages = Pages::new(&*self.store, MailboxFilter { life, ..MailboxFilter::default() });
            while let Some(page) = pages.next().await? {
                let hidden = page.iter().filter(|own| own.hidden().is_some());
                keys.extend(hidden.map(|own| own.record.mailbox.address.key()));
            }
        }
        Ok(keys)
    }

    /// Lets go of the copy's file. The store is its owner's.
    pub async fn close(self) {
        if let Some(copy) = self.copy {
            copy.close().await;
        }
    }
}

impl std::fmt::Debug for AddressBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddressBook").field("copy", &self.copy).field("hosted", &self.hosted).finish_non_exhaustive()
    }
}

/// Why an address is not shown, if it is ours and is not.
pub(crate) async fn hidden(
    store: &dyn Store,
    hosted: &BTreeSet<Domain>,
    address: &MailAddress,
) -> Result<Option<Hidden>> {
    if !hosted.contains(address.domain()) {
        return Ok(None);
    }
    Ok(store.mailbox_record(address).await?.and_then(|record| Hidden::why(&record)))
}

pub(crate) fn own_lines(own: &Own) -> Vec<Line> {
    own.lines().into_iter().map(|(number, text)| Line { source: Source::Own, number, text }).collect()
}

/// A line that was one when it was put in.
pub(crate) fn parse(line: &str) -> Result<Entry<'_>> {
    Entry::parse(line).map_err(|fault| StoreError::Corrupt {
        table: "lines",
        column: "lines",
        // Nothing of the line itself: it is somebody's.
        row: fault.code().to_owned(),
        source: None,
    })
}

/// Our mailboxes with their entries, by address, a page at a time.
pub(crate) struct Pages<'s> {
    store: &'s dyn Store,
    filter: MailboxFilter,
    after: Option<MailAddress>,
    ended: bool,
}

impl<'s> Pages<'s> {
    pub(crate) fn new(store: &'s dyn Store, filter: MailboxFilter) -> Self {
        Self { store, filter, after: None, ended: false }
    }

    /// The next page; `None` at the end. Those that are not shown are among them.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Own>>> {
        if self.ended {
            return Ok(None);
        }
        let records = self.store.mailbox_records(&self.filter, self.after.as_ref(), PAGE).await?;
        self.ended = records.len() < PAGE;
        self.after = records.last().map(|record| record.mailbox.address.clone());
        with_entries(self.store, records).await.map(Some)
    }
}

async fn with_entries(store: &dyn Store, records: Vec<MailboxRecord>) -> Result<Vec<Own>> {
    let mailboxes: Vec<MailboxId> = records.iter().map(|record| record.mailbox.id).collect();
    let mut entries: BTreeMap<MailboxId, Vec<DirectoryEntry>> = BTreeMap::new();
    for (mailbox, entry) in store.directory_entries(&mailboxes).await? {
        entries.entry(mailbox).or_default().push(entry);
    }
    let own = |record: MailboxRecord| {
        let entries = entries.remove(&record.mailbox.id).unwrap_or_default();
        Own { record, entries }
    };
    Ok(records.into_iter().map(own).collect())
}
