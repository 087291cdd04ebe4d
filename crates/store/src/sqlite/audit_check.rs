//! [`AuditCheck`]: entries with what lies beside them, and what lies where nothing should.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use pli_audit::verify::What;
use pli_audit::{Beside, Column, Damage, Leaf, Place, SubjectId, SubjectKey, TileId};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::SqliteStore;
use super::audit_log::{self, number};
use super::bulk::Sql;
use super::packed::{Unpacked, Values, packed};
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

/// Rows of one snapshot, packed: entries, whom they are found by, and the keys of whom they name.
struct Page {
    entries: SqliteRow,
    leaves: Vec<Option<Leaf>>,
    about: SqliteRow,
    keys: SqliteRow,
}

/// Of an event there is as much as shows that it is too long for an entry.
const ENTRIES: &str = packed!("seq", "message_id", "event", "sealed", "old"; "(
    SELECT seq, message_id, iif(length(event) > 65535, substr(event, 1, 65536), event) AS event,
        seq <= (SELECT coalesce(max(size), 0) FROM audit_checkpoints) AS sealed,
        seq <= (SELECT coalesce(max(value), 0) FROM counters WHERE name LIKE 'audit-pruned-%') AS old
    FROM audit WHERE seq > ? ORDER BY seq LIMIT ?)");

const ABOUTS: &str = packed!("seq", "subject"; "(
    SELECT seq, subject FROM audit_about WHERE seq > ? AND seq <= ? ORDER BY seq, subject)");

const KEYS: &str = packed!("subject", "digest", "key_id", "key"; "
    audit_subjects WHERE subject IN (SELECT unhex(value) FROM json_each(?))");

impl Page {
    async fn read(snapshot: &mut SqliteConnection, index: u64, limit: usize) -> Result<Self> {
        let mut one = async |sql: Sql<'_>| sql.fetch_one(&mut *snapshot).await.map_err(read_error);
        let sql = sqlx::query(ENTRIES).bind(number(index)).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let entries = one(sql).await?;
        let rows = Unpacked::of(&entries, "audit", 5)?;
        let last = rows.rows().next_back().map(|row| row.number(0, "seq")).transpose()?.unwrap_or_default();
        let leaves = rows.rows().map(|row| Ok(Leaf::parse(row.blob(2, "event")?).ok())).collect::<Result<Vec<_>>>()?;
        let named: HashSet<SubjectId> = leaves.iter().flatten().flat_map(Leaf::subjects).collect();
        let about = one(sqlx::query(ABOUTS).bind(number(index)).bind(last)).await?;
        let keys = one(sqlx::query(KEYS).bind(json_ids(named.iter().map(|subject| &subject.0)))).await?;
        Ok(Self { entries, leaves, about, keys })
    }

    fn indexed(self, master: &MasterKey) -> Result<Vec<Indexed>> {
        let mut about: HashMap<i64, Vec<Vec<u8>>> = HashMap::new();
        for row in Unpacked::of(&self.about, "audit_about", 2)?.rows() {
            about.entry(row.number(0, "seq")?).or_default().push(row.blob(1, "subject")?.to_vec());
        }
        let keys = Unpacked::of(&self.keys, "audit_subjects", 4)?;
        let mut keys = keys.rows().map(|row| Known::of(row, master)).collect::<Result<HashMap<_, _>>>()?;
        let indexed = |(row, leaf): (Values<'_>, Option<Leaf>)| {
            let entry = row.blob(2, "event")?;
            let beside = Beside {
                message: row.bytes(1),
                about: about.get(&row.number(0, "seq")?).map(Vec::as_slice).unwrap_or_default(),
                persons: &leaf.as_ref().map(|leaf| persons(leaf, &mut keys, master)).unwrap_or_default(),
                is_sealed: row.number(3, "sealed")? != 0,
            };
            Ok(Indexed {
                index: audit_log::entry_index(row)?,
                entry: entry.to_vec(),
                differs: match &leaf {
                    _ if entry.is_empty() => beside.is_left(),
                    Some(leaf) => beside.differs(leaf),
                    // Of what is no event that this version knows nothing can be said.
                    None => None,
                },
                may_be_pruned: row.number(4, "old")? != 0,
            })
        };
        Unpacked::of(&self.entries, "audit", 5)?.rows().zip(self.leaves).map(indexed).collect()
    }
}

/// A person's row.
struct Known {
    digest: Vec<u8>,
    /// None if it does not open.
    key: Option<SubjectKey>,
    /// Is he found by this row? None: nobody has looked.
    fits: Option<bool>,
}

impl Known {
    fn of(row: Values<'_>, master: &MasterKey) -> Result<(SubjectId, Self)> {
        let id = row.blob(0, "subject")?.try_into().map(SubjectId).map_err(|error| row.corrupt("subject", error))?;
        let is_ours = row.blob(2, "key_id")? == master.id();
        let key = is_ours.then(|| master.unwrap_subject(id, row.bytes(3).unwrap_or_default())).flatten();
        Ok((id, Self { digest: row.blob(1, "digest")?.to_vec(), key, fits: None }))
    }
}

/// Whom the entry names, of those who are not erased, and of each whether his row is the one by which he is found: his key
/// opens what is sealed of him, and the digest of that is his. Once for each person: what opens one entry opens all.
fn persons(leaf: &Leaf, keys: &mut HashMap<SubjectId, Known>, master: &MasterKey) -> Vec<(SubjectId, bool)> {
    if leaf.subjects().any(|id| keys.get(&id).is_some_and(|key| key.fits.is_none())) {
        let opened: Vec<_> = leaf.persons(|id| keys.get(&id)?.key.clone()).collect();
        for (id, person) in opened {
            if let Some(key) = keys.get_mut(&id) {
                key.fits = Some(person.is_some_and(|person| master.subject_digest(&person)[..] == key.digest));
            }
        }
    }
    leaf.subjects().filter_map(|id| Some((id, keys.get(&id)?.fits == Some(true)))).collect()
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
