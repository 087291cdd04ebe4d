//! The words that our own mailboxes are found by: kept in the transaction that changes a mailbox or an entry, read by
//! ranges.
//!
//! They narrow a search down, and do not decide it: a word is kept for its mailbox, whichever of its lines has it, so
//! whoever asks still judges each line with [`Search::fits`]. What must never happen is that a mailbox with a line that
//! fits is left out.

use std::collections::BTreeMap;

use pli_types::{MailboxId, RppsId, StructureId};
use sqlx::sqlite::SqliteConnection;

use super::directory_entries::entries_of;
use super::readers::Readers;
use super::records;
use super::rows::{Row, database_error, json_numbers};
use super::tx::Tx;
use crate::directory_entries::DirectoryEntry;
use crate::national::{Place, Search, Sought, each_word};
use crate::seal::MasterKey;
use crate::{MailboxKind, MailboxRecord, Result, StoreError};

/// Mailboxes that are few enough to be judged one after the other. No more words are read then.
const FEW: usize = 1000;
/// Mailboxes that are filled in together after a migration.
const FILLED_TOGETHER: i64 = 500;

/// Brings the words of a mailbox to what it and its entries say now. One that is not shown has none.
pub(super) async fn renew(tx: &mut Tx<'_>, record: &MailboxRecord) -> Result<()> {
    let mailbox = record.mailbox.id;
    tx.execute(sqlx::query("DELETE FROM directory_words WHERE mailbox_id = ?").bind(mailbox.0)).await?;
    if !record.is_shown() || record.mailbox.kind == MailboxKind::Patient {
        return Ok(());
    }
    let words = words_of(record, &entries_of(tx, mailbox).await?);
    let words = serde_json::to_string(&words);
    let words = words.map_err(|error| StoreError::io("writing the words of a mailbox", error.into()))?;
    let sql =
        sqlx::query("INSERT INTO directory_words (word, mailbox_id, places) SELECT key, ?, value FROM json_each(?)");
    tx.execute(sql.bind(mailbox.0).bind(words)).await.map(drop)
}

/// The same, for a mailbox of which only the number is known.
pub(super) async fn renew_by_id(tx: &mut Tx<'_>, mailbox: MailboxId) -> Result<()> {
    let record = records::by_id(tx, mailbox).await?;
    renew(tx, &record).await
}

/// Fills in the words of mailboxes that a migration left due. What is done stays done if this is cut short.
pub(super) async fn fill_in(connection: &mut SqliteConnection, master: &MasterKey) -> Result<()> {
    loop {
        let mut tx = Tx::new(connection, master);
        let sql = sqlx::query("SELECT mailbox_id FROM directory_words_due ORDER BY mailbox_id LIMIT ?");
        let due = tx.fetch(sql.bind(FILLED_TOGETHER)).await?;
        for row in &due {
            let mailbox = Row::new(row, "directory_words_due").mailbox("mailbox_id")?;
            renew_by_id(&mut tx, mailbox).await?;
            let sql = sqlx::query("DELETE FROM directory_words_due WHERE mailbox_id = ?");
            tx.execute(sql.bind(mailbox.0)).await?;
        }
        let done = sqlx::query("COMMIT").execute(&mut *connection).await;
        done.map_err(|error| database_error("the words of mailboxes could not be kept", error))?;
        if due.is_empty() {
            return Ok(());
        }
    }
}

/// Mailboxes that may have a line that fits, by address.
pub(super) async fn find(readers: &Readers, search: &Search) -> Result<Vec<MailboxId>> {
    let mut sought = Vec::new();
    for word in search.sought() {
        sought.push((count(readers, &word).await?, word));
    }
    // The rarest first. Counts end at `FEW`, so frequent words keep their order.
    sought.sort_by_key(|(count, _)| *count);
    let mut found: Option<Numbers> = None;
    for (_, word) in &sought {
        if found.as_ref().is_some_and(|found| found.count() <= FEW) {
            break;
        }
        let more = numbers(readers, word).await?;
        found = Some(match found {
            Some(found) => found.and(&more),
            None => more,
        });
    }
    match found {
        Some(found) if found.count() > 0 => by_address(readers, &found).await,
        _ => Ok(Vec::new()),
    }
}

/// How many mailboxes have such a word, up to [`FEW`].
async fn count(readers: &Readers, word: &Sought) -> Result<i64> {
    let sql = sqlx::query(
        "SELECT count(*) AS count FROM
            (SELECT 1 FROM directory_words WHERE word BETWEEN ? AND ? AND places & ? LIMIT ?)",
    );
    let sql = sql.bind(&word.from).bind(&word.to).bind(bits(word.places)).bind(records::bound(FEW));
    let row = readers.one(sql).await.map_err(read_error)?;
    row.map_or(Ok(0), |row| Row::new(&row, "directory_words").get("count"))
}

async fn numbers(readers: &Readers, word: &Sought) -> Result<Numbers> {
    // One text: a row each would take ten times as long.
    let sql = sqlx::query(
        "SELECT group_concat(mailbox_id) AS list FROM directory_words WHERE word BETWEEN ? AND ? AND places & ?",
    );
    let sql = sql.bind(&word.from).bind(&word.to).bind(bits(word.places));
    list(readers, sql).await.map(|list| list.into_iter().collect())
}

async fn by_address(readers: &Readers, found: &Numbers) -> Result<Vec<MailboxId>> {
    // Of many, all mailboxes are read by the index of addresses, and the others left out here.
    let few = found.count() <= FEW;
    let sql = if few {
        let text = "SELECT group_concat(id) AS list FROM
            (SELECT id FROM mailboxes WHERE id IN (SELECT value FROM json_each(?)) ORDER BY address_key)";
        sqlx::query(text).bind(json_numbers(found.all()))
    } else {
        sqlx::query("SELECT group_concat(id) AS list FROM (SELECT id FROM mailboxes ORDER BY address_key)")
    };
    let list = list(readers, sql).await?;
    Ok(list
        .into_iter()
        .filter(|number| found.has(*number))
        .filter_map(|number| number.try_into().ok())
        .map(MailboxId)
        .collect())
}

/// The numbers of a list that SQL has made; of none it makes NULL.
async fn list(readers: &Readers, sql: super::bulk::Sql<'_>) -> Result<Vec<u64>> {
    let Some(row) = readers.one(sql).await.map_err(read_error)? else { return Ok(Vec::new()) };
    let numbers = |list: Option<&str>| match list {
        None => Ok(Vec::new()),
        Some(list) => list.split(',').map(str::parse).collect::<std::result::Result<_, std::num::ParseIntError>>(),
    };
    Row::new(&row, "directory_words").parse("list", numbers)
}

/// Numbers of mailboxes: a bit each. They are given one after the other, so there are few gaps.
#[derive(Debug, Default)]
struct Numbers(Vec<u64>);

impl FromIterator<u64> for Numbers {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut bits = Vec::new();
        for number in numbers {
            let Ok(place) = usize::try_from(number / 64) else { continue };
            if bits.len() <= place {
                bits.resize(place + 1, 0);
            }
            if let Some(word) = bits.get_mut(place) {
                *word |= 1_u64 << (number % 64);
            }
        }
        Self(bits)
    }
}

impl Numbers {
    fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn has(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok().and_then(|place| self.0.get(place));
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one & other).collect())
    }

    fn all(&self) -> impl Iterator<Item = u64> {
        let in_word = |(place, word): (u64, &u64)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| place * 64 + bit)
        };
        (0..).zip(&self.0).flat_map(in_word)
    }
}

/// Each word, and where it stands.
fn words_of(record: &MailboxRecord, entries: &[DirectoryEntry]) -> BTreeMap<String, i64> {
    let mut words: BTreeMap<String, i64> = BTreeMap::new();
    let mut room = String::new();
    let mut add = |place: Place, text: &str| {
        each_word(text, &mut room, |word| *words.entry(word.to_owned()).or_default() |= bits(&[place]));
    };
    add(Place::Kind, record.mailbox.kind.as_str());
    add(Place::Name, record.rpps.as_ref().map(RppsId::as_str).unwrap_or_default());
    add(Place::Structure, record.structure.as_ref().map(StructureId::as_str).unwrap_or_default());
    add(Place::Structure, &record.details.service);
    for (column, text) in entries.iter().flat_map(|entry| &entry.columns) {
        if let Some((_, place)) = PLACES.iter().find(|(name, _)| name == column) {
            add(*place, text);
        }
        if column == "postal_code" {
            departments(text.trim()).into_iter().flatten().for_each(|number| add(Place::Department, number));
        }
    }
    words
}

/// Where the columns of an entry are looked for. What the mailbox itself says is not among them.
const PLACES: [(&str, Place); 10] = [
    ("title", Place::Name),
    ("family_name", Place::Name),
    ("given_name", Place::Name),
    ("profession", Place::Profession),
    ("speciality", Place::Profession),
    ("town", Place::Town),
    ("postal_code", Place::Town),
    ("department", Place::Department),
    ("structure", Place::Structure),
    ("sign", Place::Structure),
];

/// The departments that a postal code may be of: its two digits, three overseas, and both of Corsica.
fn departments(code: &str) -> [Option<&str>; 4] {
    let corsican = |number| code.starts_with("20").then_some(number);
    [code.get(..2), code.get(..3), corsican("2A"), corsican("2B")]
}

fn bits(places: &[Place]) -> i64 {
    places.iter().fold(0, |bits, place| bits | 1 << (*place as u8))
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("the words of the directory could not be read", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_and_narrowed() {
        let numbers = |list: &[u64]| list.iter().copied().collect::<Numbers>();
        let some = numbers(&[200, 1, 63, 64, 1]);
        assert_eq!((some.count(), some.all().collect::<Vec<_>>()), (4, vec![1, 63, 64, 200]));
        assert_eq!(some.and(&numbers(&[64, 2])).all().collect::<Vec<_>>(), [64]);
        assert!(some.has(200) && !some.has(201) && !some.has(u64::MAX));
    }
}
