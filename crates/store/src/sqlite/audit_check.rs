//! [`AuditCheck`]: entries with what lies beside them, and what lies where nothing should.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use pli_audit::verify::What;
use pli_audit::{Column, Damage, Leaf, Place, SubjectId, SubjectKey, TileId};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqliteStore;
use super::audit_log::{self, number};
use super::rows::{Row, database_error, json_ids};
use crate::seal::MasterKey;
use crate::{AuditCheck, Indexed, KeptCheckpoint, Result, StoreError};

/// Two are kept.
const CHECKPOINTS_MAX: i64 = 16;

#[async_trait]
impl AuditCheck for SqliteStore {
    async fn checkpoints(&self) -> Result<Vec<KeptCheckpoint>> {
        // As bytes: what is no text any more is to be shown as damage.
        let sql = "SELECT size, CAST(checkpoint AS BLOB) AS note FROM audit_checkpoints ORDER BY size DESC LIMIT ?";
        let rows = self.audit_rows(sqlx::query(sql).bind(CHECKPOINTS_MAX)).await?;
        let rows = rows.iter().map(|row| Row::new(row, "audit_checkpoints"));
        rows.map(|row| Ok(KeptCheckpoint { size: row.number("size")?, note: row.get("note")? })).collect()
    }

    async fn indexed_from(&self, index: u64, limit: usize) -> Result<Vec<Indexed>> {
        let mut reader = self.readers.take().await.map_err(read_error)?;
        let mut snapshot = reader.connection.begin().await.map_err(read_error)?;
        let page = Page::read(&mut snapshot, index, limit).await?;
        snapshot.rollback().await.map_err(read_error)?;
        self.readers.give_back(reader);
        page.indexed(&self.master)
    }

    async fn stray(&self) -> Result<Option<Damage>> {
        let mut reader = self.readers.take().await.map_err(read_error)?;
        let mut snapshot = reader.connection.begin().await.map_err(read_error)?;
        let mut found = None;
        for (sql, table, damage) in STRAY {
            let row = sqlx::query(sql).fetch_optional(&mut *snapshot).await.map_err(read_error)?;
            if let Some(row) = row {
                found = Some(damage(Row::new(&row, table))?);
                break;
            }
        }
        snapshot.rollback().await.map_err(read_error)?;
        self.readers.give_back(reader);
        Ok(found)
    }
}

/// Rows of one snapshot: entries, whom they are found by, and the keys of whom they name.
struct Page {
    entries: Vec<SqliteRow>,
    leaves: Vec<Option<Leaf>>,
    about: Vec<SqliteRow>,
    keys: Vec<SqliteRow>,
}

const ENTRIES: &str = "
    SELECT seq, message_id, event, seq <= (SELECT coalesce(max(size), 0) FROM audit_checkpoints) AS sealed,
        seq <= (SELECT coalesce(max(value), 0) FROM counters WHERE name LIKE 'audit-pruned-%') AS old
    FROM audit WHERE seq > ? ORDER BY seq LIMIT ?";

impl Page {
    async fn read(snapshot: &mut SqliteConnection, index: u64, limit: usize) -> Result<Self> {
        let sql = sqlx::query(ENTRIES).bind(number(index)).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let entries = sql.fetch_all(&mut *snapshot).await.map_err(read_error)?;
        let event = |row| Row::new(row, "audit").get::<&[u8]>("event");
        let leaves = entries.iter().map(|row| Ok(Leaf::parse(event(row)?).ok())).collect::<Result<Vec<_>>>()?;
        let last = entries.last().map(|row| Row::new(row, "audit").get("seq")).transpose()?.unwrap_or(0_i64);
        let sql = sqlx::query("SELECT seq, subject FROM audit_about WHERE seq > ? AND seq <= ? ORDER BY seq, subject");
        let about = sql.bind(number(index)).bind(last).fetch_all(&mut *snapshot).await.map_err(read_error)?;
        let named: HashSet<SubjectId> = leaves.iter().flatten().flat_map(Leaf::subjects).collect();
        let sql = "SELECT subject, digest, key_id, key FROM audit_subjects
                   WHERE subject IN (SELECT unhex(value) FROM json_each(?))";
        let sql = sqlx::query(sql).bind(json_ids(named.iter().map(|subject| &subject.0)));
        let keys = sql.fetch_all(snapshot).await.map_err(read_error)?;
        Ok(Self { entries, leaves, about, keys })
    }

    fn indexed(self, master: &MasterKey) -> Result<Vec<Indexed>> {
        let mut about: HashMap<i64, Vec<Vec<u8>>> = HashMap::new();
        for row in self.about.iter().map(|row| Row::new(row, "audit_about")) {
            about.entry(row.get("seq")?).or_default().push(row.get("subject")?);
        }
        let keys = self.keys.iter().map(|row| Key::of(Row::new(row, "audit_subjects"), master));
        let keys = keys.collect::<Result<HashMap<_, _>>>()?;
        let indexed = |(row, leaf): (Row<'_>, Option<Leaf>)| {
            Ok(Indexed {
                index: audit_log::index(row)?,
                entry: row.get("event")?,
                message: row.get("message_id")?,
                about: about.remove(&row.get("seq")?).unwrap_or_default(),
                persons: leaf.map(|leaf| persons(&leaf, &keys, master)).unwrap_or_default(),
                is_sealed: row.get("sealed")?,
                may_be_pruned: row.get("old")?,
            })
        };
        self.entries.iter().map(|row| Row::new(row, "audit")).zip(self.leaves).map(indexed).collect()
    }
}

/// A person's row.
struct Key {
    digest: Vec<u8>,
    /// None if it does not open.
    key: Option<SubjectKey>,
}

impl Key {
    fn of(row: Row<'_>, master: &MasterKey) -> Result<(SubjectId, Self)> {
        let id = row.parse("subject", |bytes: &[u8]| bytes.try_into().map(SubjectId))?;
        let is_ours = row.get::<&[u8]>("key_id")? == master.id();
        let key = is_ours.then(|| master.unwrap_subject(id, row.get("key").unwrap_or_default())).flatten();
        Ok((id, Self { digest: row.get("digest")?, key }))
    }
}

/// Whom the entry names, of those who are not erased, and of each whether his row is the one by which he is found.
fn persons(leaf: &Leaf, keys: &HashMap<SubjectId, Key>, master: &MasterKey) -> Vec<(SubjectId, bool)> {
    let fit: HashSet<SubjectId> = leaf
        .persons(|id| keys.get(&id)?.key.clone())
        .filter(|(id, person)| {
            let digest = person.as_ref().map(|person| master.subject_digest(person));
            digest.is_some_and(|digest| keys.get(id).is_some_and(|key| key.digest == digest))
        })
        .map(|(id, _)| id)
        .collect();
    leaf.subjects().filter(|id| keys.contains_key(id)).map(|id| (id, fit.contains(&id))).collect()
}

/// What to look for, in which table, and what it says.
type Look = (&'static str, &'static str, fn(Row<'_>) -> Result<Damage>);

const STRAY: [Look; 3] = [(TILES, "audit_tiles", tile), (BEFORE, "audit", before), (ABOUT, "audit_about", about)];

/// Tiles of the sealed size, each of its width. What is missing of them the tree says.
const TILES: &str = "
    WITH sealed AS (SELECT coalesce(max(size), 0) AS size FROM audit_checkpoints)
    SELECT level, number, length(hashes) AS bytes, size FROM audit_tiles, sealed
    WHERE level NOT BETWEEN 0 AND 7 OR number < 0 OR number * 256 >= size >> (8 * level)
       OR length(hashes) <> 32 * min(256, (size >> (8 * level)) - number * 256)
    ORDER BY level, number LIMIT 1";

fn tile(row: Row<'_>) -> Result<Damage> {
    let (level, index): (u8, u64) = (row.number("level")?, row.number("number")?);
    let is_there = TileId::of_tree(level, index, row.number("size")?).is_some();
    let what = if is_there { What::Length(row.number("bytes")?) } else { What::Surplus };
    Ok(Damage::new(Place::Tile { level, index }, what))
}

const BEFORE: &str = "SELECT seq FROM audit WHERE seq < 1 LIMIT 1";

#[expect(clippy::unnecessary_wraps, reason = "one of several of one form")]
fn before(_: Row<'_>) -> Result<Damage> {
    Ok(Damage::new(Place::Entry(0), What::Inserted))
}

const ABOUT: &str = "
    SELECT seq FROM audit_about
    WHERE seq < 1 OR seq > (SELECT coalesce(max(seq), 0) FROM audit) ORDER BY seq LIMIT 1";

fn about(row: Row<'_>) -> Result<Damage> {
    let seq: i64 = row.get("seq")?;
    let index = u64::try_from(seq).unwrap_or_default().saturating_sub(1);
    Ok(Damage::new(Place::Entry(index), What::Index(Column::About)))
}

fn read_error(error: sqlx::Error) -> StoreError {
    database_error("the record could not be read", error)
}
