//! Flags and keywords (RFC 3501 §2.3.2): how they are kept, and `set_flags`.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use pli_audit::Event;
use pli_failpoint::failpoint;
use pli_types::{FolderId, MessageId, Uid};

use super::entries::{Target, entry, json_uids, next_modseq};
use super::intake::audit_rows_of;
use super::receipts;
use super::rows::Row;
use super::story_steps::{Step, Which, advance_all};
use super::tx::Tx;
use super::writer::Write;
use crate::{Change, Entry, FlagChange, Flags, PartyState, Result};

/// The bit of `\Seen` in `entries.flags`; STATUS counts those without.
pub(super) const SEEN: i64 = 1;
const ANSWERED: i64 = 2;
const FLAGGED: i64 = 4;
/// The bit of `\Deleted`; EXPUNGE removes those with.
pub(super) const DELETED: i64 = 8;
const DRAFT: i64 = 16;

pub(super) fn flag_bits(flags: &Flags) -> i64 {
    let bit = |set: bool, bit: i64| if set { bit } else { 0 };
    bit(flags.seen, SEEN)
        | bit(flags.answered, ANSWERED)
        | bit(flags.flagged, FLAGGED)
        | bit(flags.deleted, DELETED)
        | bit(flags.draft, DRAFT)
}

/// From a row with the columns `flags` and `keywords`.
pub(super) fn flags_from(row: Row<'_>) -> Result<Flags> {
    let bits: i64 = row.get("flags")?;
    let keywords = row.parse("keywords", |text: Option<&str>| match text {
        Some(text) => serde_json::from_str(text),
        None => Ok(BTreeSet::new()),
    })?;
    Ok(Flags {
        seen: bits & SEEN != 0,
        answered: bits & ANSWERED != 0,
        flagged: bits & FLAGGED != 0,
        deleted: bits & DELETED != 0,
        draft: bits & DRAFT != 0,
        keywords,
    })
}

/// Keywords as they are kept: a JSON array, or nothing.
pub(super) fn keywords_text(keywords: &BTreeSet<String>) -> Option<String> {
    // A set of strings always encodes.
    (!keywords.is_empty()).then(|| serde_json::to_string(keywords).unwrap_or_default())
}

pub(super) struct SetFlags {
    pub(super) folder: FolderId,
    pub(super) uids: Vec<Uid>,
    pub(super) change: FlagChange,
    pub(super) flags: Flags,
    pub(super) at: i64,
    pub(super) audit: Vec<Event>,
}

#[async_trait]
impl Write for SetFlags {
    type Output = Vec<Entry>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Entry>> {
        let target = Target::find(tx, self.folder).await?;
        let sql = sqlx::query(
            "SELECT uid, message_id, flags, keywords, internal_date, size FROM entries
             WHERE folder_id = ? AND uid IN (SELECT value FROM json_each(?)) ORDER BY uid",
        );
        let rows = tx.fetch(sql.bind(self.folder.0).bind(json_uids(&self.uids))).await?;
        let mut entries = rows.iter().map(|row| entry(Row::new(row, "entries"))).collect::<Result<Vec<_>>>()?;
        // Most changes lead many entries to few outcomes: one statement an outcome.
        let mut outcomes: BTreeMap<(i64, Option<String>), Vec<Uid>> = BTreeMap::new();
        let mut opened = Vec::new();
        for entry in &mut entries {
            let flags = changed(&entry.flags, self.change, &self.flags);
            if flags.seen && !entry.flags.seen {
                opened.push(entry.message);
            }
            if flags != entry.flags {
                let outcome = (flag_bits(&flags), keywords_text(&flags.keywords));
                outcomes.entry(outcome).or_default().push(entry.uid);
                entry.flags = flags;
            }
        }
        if !outcomes.is_empty() {
            let modseq = next_modseq(tx, self.folder).await?;
            for ((bits, keywords), uids) in &outcomes {
                let sql = sqlx::query(
                    "UPDATE entries SET flags = ?, keywords = ?, modseq = ?
                     WHERE folder_id = ? AND uid IN (SELECT value FROM json_each(?))",
                );
                let sql = sql.bind(bits).bind(keywords.as_deref()).bind(modseq);
                tx.execute(sql.bind(self.folder.0).bind(json_uids(uids))).await?;
            }
            failpoint!("store.flags.run", crate::StoreError::unavailable("a failpoint"));
            tx.record(&audit_rows_of(&self.audit, &opened));
            receipts::opened(tx, target.mailbox, &opened, self.at).await?;
            let which = Which::Mailbox(target.mailbox);
            let step = |message: &MessageId| Step { message: *message, which, state: PartyState::Opened, code: None };
            advance_all(tx, &opened.iter().map(step).collect::<Vec<_>>(), self.at).await?;
            tx.tell(Change::Folder(target.mailbox, self.folder));
        }
        Ok(entries)
    }
}

/// Flags after a change. A keyword that is there in another case stays as it was first written.
fn changed(flags: &Flags, change: FlagChange, by: &Flags) -> Flags {
    let set = |now: bool, by: bool| match change {
        FlagChange::Add => now || by,
        FlagChange::Remove => now && !by,
        FlagChange::Replace => by,
    };
    Flags {
        seen: set(flags.seen, by.seen),
        answered: set(flags.answered, by.answered),
        flagged: set(flags.flagged, by.flagged),
        deleted: set(flags.deleted, by.deleted),
        draft: set(flags.draft, by.draft),
        keywords: changed_keywords(&flags.keywords, change, &by.keywords),
    }
}

fn changed_keywords(now: &BTreeSet<String>, change: FlagChange, by: &BTreeSet<String>) -> BTreeSet<String> {
    let key = |keyword: &String| keyword.to_ascii_lowercase();
    let named: BTreeSet<String> = by.iter().map(key).collect();
    let kept = now.iter().filter(|keyword| match change {
        FlagChange::Add => true,
        FlagChange::Remove => !named.contains(&key(keyword)),
        FlagChange::Replace => named.contains(&key(keyword)),
    });
    let mut out: BTreeMap<String, String> = kept.map(|keyword| (key(keyword), keyword.clone())).collect();
    if change != FlagChange::Remove {
        for keyword in by {
            out.entry(key(keyword)).or_insert_with(|| keyword.clone());
        }
    }
    out.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keywords(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|keyword| (*keyword).to_owned()).collect()
    }

    #[test]
    fn keywords_are_compared_without_case_and_kept_as_first_written() {
        let now = keywords(&["$Forwarded", "Urgent"]);
        let by = keywords(&["$forwarded", "todo"]);
        let after = |change| changed_keywords(&now, change, &by);
        assert_eq!(after(FlagChange::Add), keywords(&["$Forwarded", "Urgent", "todo"]));
        assert_eq!(after(FlagChange::Remove), keywords(&["Urgent"]));
        assert_eq!(after(FlagChange::Replace), keywords(&["$Forwarded", "todo"]));
    }

    #[test]
    fn each_flag_has_a_bit_of_its_own() {
        let all = Flags { seen: true, answered: true, flagged: true, deleted: true, draft: true, ..Flags::default() };
        assert_eq!(flag_bits(&all), 31);
        assert_eq!(
            flag_bits(&changed(&all, FlagChange::Remove, &Flags { deleted: true, ..Flags::default() })),
            31 - DELETED
        );
        assert_eq!(changed(&all, FlagChange::Replace, &Flags::default()), Flags::default());
    }
}
