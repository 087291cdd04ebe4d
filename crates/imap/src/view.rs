//! [`View`]: what one session has been told of a folder, message sequence numbers against UIDs.
//!
//! A sequence number means what the client believes it means. So a message that is gone keeps its number until the
//! client has been told by EXPUNGE, and one that came has none until EXISTS. EXPUNGE is not told during FETCH, STORE
//! and SEARCH (RFC 3501 §7.4.1), where the client is counting. Nothing here does input or output.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::Vacant;

use imap_codec::imap_types::sequence::SequenceSet;
use pli_store::{Entry, Flags, FolderChanges, FolderView};
use pli_types::Uid;

use crate::set::Numbers;

/// A folder as the client knows it.
#[derive(Debug)]
pub(crate) struct View {
    /// By sequence number, the first at 0.
    lines: Vec<Line>,
    /// Came, not told yet.
    arrivals: Vec<Entry>,
    /// Up to where the store's changes are in here.
    modseq: u64,
    /// Keywords that the client knows to be in use, by their lower-case form.
    keywords: BTreeMap<String, String>,
    /// Keywords that came into use, not told yet.
    keywords_grew: bool,
    /// The last RECENT told.
    recent_told: u32,
}

#[derive(Debug)]
struct Line {
    entry: Entry,
    /// Removed, not told yet.
    gone: bool,
    /// Its flags changed, not told yet.
    changed: bool,
}

/// An untagged line that tells the client of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Update {
    /// `* n EXPUNGE`
    Expunge(u32),
    /// `* n EXISTS`
    Exists(u32),
    /// `* n RECENT`
    Recent(u32),
    /// `* FLAGS (…)`, because a keyword came into use.
    Keywords,
    /// `* n FETCH (FLAGS (…))`
    Flags(u32, Entry),
}

/// A message picked by a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picked {
    /// Its number for the client.
    pub(crate) sequence: u32,
    /// What is known of it.
    pub(crate) entry: Entry,
}

/// What a set picked.
#[derive(Debug, Default)]
pub(crate) struct Pick {
    /// What is there, by sequence number.
    pub(crate) messages: Vec<Picked>,
    /// Some numbers were of messages that are gone, which the client has not been told yet.
    pub(crate) some_gone: bool,
}

/// A set names a sequence number that the client cannot know (RFC 9051 §6.4, also for RFC 3501 clients).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoSuchNumber;

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl View {
    /// The folder as SELECT tells it.
    pub(crate) fn open(folder: FolderView) -> Self {
        let lines = folder.entries.into_iter().map(|entry| Line { entry, gone: false, changed: false }).collect();
        let mut view = Self {
            lines,
            arrivals: Vec::new(),
            modseq: folder.modseq,
            keywords: BTreeMap::new(),
            keywords_grew: false,
            recent_told: 0,
        };
        view.recent_told = view.recent();
        let all: Vec<Flags> = view.lines.iter().map(|line| line.entry.flags.clone()).collect();
        for flags in &all {
            view.learn_keywords(flags);
        }
        view.keywords_grew = false;
        view
    }

    pub(crate) fn modseq(&self) -> u64 {
        self.modseq
    }

    /// EXISTS as last told.
    pub(crate) fn exists(&self) -> u32 {
        number(self.lines.len())
    }

    /// RECENT.
    pub(crate) fn recent(&self) -> u32 {
        number(self.lines.iter().filter(|line| line.entry.recent).count())
    }

    /// The first message without `\Seen`, for the UNSEEN of SELECT.
    pub(crate) fn first_unseen(&self) -> Option<u32> {
        self.lines.iter().position(|line| !line.entry.flags.seen).map(|index| number(index + 1))
    }

    /// Keywords in use, as first written.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &str> {
        self.keywords.values().map(String::as_str)
    }

    /// Takes in what the store says has changed. The client learns of it from [`View::announce`].
    pub(crate) fn apply(&mut self, changes: FolderChanges) {
        self.modseq = changes.modseq;
        for entry in changes.changed {
            self.learn_keywords(&entry.flags);
            self.take(entry);
        }
        self.remove(&changes.vanished);
    }

    /// Everything is gone: the folder itself was removed.
    pub(crate) fn clear(&mut self) {
        self.arrivals.clear();
        for line in &mut self.lines {
            line.gone = true;
        }
    }

    /// These are gone, whatever the store says later.
    pub(crate) fn remove(&mut self, vanished: &[Uid]) {
        for uid in vanished {
            if let Some(line) = self.line_mut(*uid) {
                line.gone = true;
            }
        }
        self.arrivals.retain(|entry| !vanished.contains(&entry.uid));
    }

    /// These flags are as the client asked for them: nothing to tell of.
    pub(crate) fn agree(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.learn_keywords(&entry.flags);
            if let Some(line) = self.line_mut(entry.uid) {
                line.entry.flags = entry.flags.clone();
            }
        }
    }

    fn take(&mut self, entry: Entry) {
        if let Some(line) = self.line_mut(entry.uid) {
            if line.entry.flags != entry.flags {
                line.entry.flags = entry.flags;
                line.changed = true;
            }
            return;
        }
        match self.arrivals.binary_search_by_key(&entry.uid, |known| known.uid) {
            Ok(index) => {
                if let Some(known) = self.arrivals.get_mut(index) {
                    known.flags = entry.flags;
                }
            }
            // A UID below the last one told was told and expunged before: UIDs only grow.
            Err(_) if self.lines.last().is_some_and(|line| entry.uid < line.entry.uid) => {}
            Err(index) => self.arrivals.insert(index, entry),
        }
    }

    /// What is known of a message.
    pub(crate) fn entry(&self, uid: Uid) -> Option<&Entry> {
        let index = self.lines.binary_search_by_key(&uid, |line| line.entry.uid).ok()?;
        self.lines.get(index).map(|line| &line.entry)
    }

    fn line_mut(&mut self, uid: Uid) -> Option<&mut Line> {
        let index = self.lines.binary_search_by_key(&uid, |line| line.entry.uid).ok()?;
        self.lines.get_mut(index)
    }

    fn learn_keywords(&mut self, flags: &Flags) {
        for keyword in &flags.keywords {
            let key = keyword.to_ascii_lowercase();
            if let Vacant(place) = self.keywords.entry(key) {
                place.insert(keyword.clone());
                self.keywords_grew = true;
            }
        }
    }

    /// What the client must be told now, in the order in which to tell it.
    pub(crate) fn announce(&mut self, may_expunge: bool) -> Vec<Update> {
        let mut updates = Vec::new();
        if may_expunge {
            let mut sequence = 0_u32;
            self.lines.retain(|line| {
                if line.gone {
                    // Numbers above fall by one with each EXPUNGE, so that a run repeats the same number.
                    updates.push(Update::Expunge(sequence + 1));
                } else {
                    sequence += 1;
                }
                !line.gone
            });
        }
        if self.keywords_grew {
            self.keywords_grew = false;
            updates.push(Update::Keywords);
        }
        if !self.arrivals.is_empty() {
            let arrivals = std::mem::take(&mut self.arrivals);
            self.lines.extend(arrivals.into_iter().map(|entry| Line { entry, gone: false, changed: false }));
            updates.push(Update::Exists(self.exists()));
        }
        let recent = self.recent();
        if recent != self.recent_told {
            self.recent_told = recent;
            updates.push(Update::Recent(recent));
        }
        for (index, line) in self.lines.iter_mut().enumerate() {
            if line.changed && !line.gone {
                updates.push(Update::Flags(number(index + 1), line.entry.clone()));
            }
            line.changed = false;
        }
        updates
    }

    /// The messages that a set names, as sequence numbers or as UIDs. An unknown UID is left out (RFC 3501 §6.4.8).
    pub(crate) fn pick(&self, set: &SequenceSet, uid: bool) -> Result<Pick, NoSuchNumber> {
        let numbers = self.numbers(set, uid)?;
        let mut pick = Pick::default();
        for (sequence, line) in (1_u32..).zip(&self.lines) {
            if !numbers.contains(if uid { line.entry.uid.0 } else { sequence }) {
                continue;
            }
            if line.gone {
                pick.some_gone = true;
            } else {
                pick.messages.push(Picked { sequence, entry: line.entry.clone() });
            }
        }
        Ok(pick)
    }

    /// Resolves a set against this view.
    pub(crate) fn numbers(&self, set: &SequenceSet, uid: bool) -> Result<Numbers, NoSuchNumber> {
        if uid {
            let largest = self.lines.last().map_or(0, |line| line.entry.uid.0);
            return Ok(Numbers::resolve(set, largest));
        }
        let numbers = Numbers::resolve(set, self.exists());
        let (first, last) = numbers.bounds();
        if first == 0 || last > self.exists() { Err(NoSuchNumber) } else { Ok(numbers) }
    }

    /// All messages that are there.
    pub(crate) fn all(&self) -> impl Iterator<Item = Picked> + '_ {
        (1_u32..)
            .zip(&self.lines)
            .filter(|(_, line)| !line.gone)
            .map(|(sequence, line)| Picked { sequence, entry: line.entry.clone() })
    }
}

#[cfg(test)]
mod tests;
