//! [`AuditLog`]: the record's tree. Its entries are the rows of `audit`; its tiles and its checkpoint are the sealer's.

use async_trait::async_trait;
use jiff::Timestamp;
use pli_audit::bundle::{self, ENTRY_BYTES_MAX, Entry};
use pli_audit::{BundleId, Leaf, SubjectId, Tile, TileId};
use pli_failpoint::failpoint;
use pli_types::MessageId;
use sqlx::sqlite::SqliteRow;
use tokio::sync::watch;

use super::SqliteStore;
use super::bulk::{Bulk, Sql};
use super::packed::{Unpacked, Values, packed};
use super::rows::{Row, database_error, micros};
use super::tx::Tx;
use super::writer::Write;
use crate::{AuditLog, NewSeal, Result, SealedLog, StoreError, UnsealedLog};

/// As much of an event as shows that it is too long for an entry.
const ENTRIES: &str = packed!("seq", "event"; "(
    SELECT seq, iif(length(event) > 65535, substr(event, 1, 65536), event) AS event FROM audit WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?)");

#[async_trait]
impl AuditLog for SqliteStore {
    fn recorded(&self) -> watch::Receiver<u64> {
        self.recorded.clone()
    }

    async fn sealed(&self) -> Result<Option<SealedLog>> {
        let sql = sqlx::query("SELECT size, checkpoint FROM audit_checkpoints ORDER BY size DESC LIMIT 1");
        let row = self.readers.one(sql).await;
        let row = row.map_err(|error| database_error("the record's checkpoint could not be read", error))?;
        row.as_ref().map(|row| sealed(Row::new(row, "audit_checkpoints"))).transpose()
    }

    async fn entries_from(&self, index: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        let sql =
            sqlx::query(ENTRIES).bind(number(index)).bind(i64::MAX).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.audit_rows(sql).await?;
        let mut entries = Vec::new();
        for row in &rows {
            for row in Unpacked::of(row, "audit", 2)?.rows() {
                entries.push((entry_index(row)?, row.blob(1, "event")?.to_vec()));
            }
        }
        Ok(entries)
    }

    async fn unsealed(&self) -> Result<UnsealedLog> {
        let sql = sqlx::query(
            "WITH sealed AS (SELECT coalesce(max(size), 0) AS size FROM audit_checkpoints)
             SELECT seq, event, (SELECT max(seq) FROM audit) - (SELECT size FROM sealed) AS waiting
             FROM audit WHERE seq > (SELECT size FROM sealed) ORDER BY seq LIMIT 1",
        );
        let rows = self.audit_rows(sql).await?;
        let Some(row) = rows.first().map(|row| Row::new(row, "audit")) else { return Ok(UnsealedLog::default()) };
        let at = Leaf::parse(row.get("event")?).ok().and_then(|leaf| leaf.at().parse().ok());
        // What tells no time has waited for long.
        Ok(UnsealedLog { waiting: row.number("waiting")?, first_at: at.or(Some(Timestamp::UNIX_EPOCH)) })
    }

    async fn tiles(&self, ids: &[TileId]) -> Result<Vec<Option<Vec<u8>>>> {
        let mut tiles = Vec::with_capacity(ids.len());
        for id in ids {
            let sql = sqlx::query("SELECT level, hashes FROM audit_tiles WHERE level = ? AND number = ?");
            let row = self.readers.one(sql.bind(i64::from(id.level())).bind(number(id.index()))).await;
            let row = row.map_err(|error| database_error("a tile of the record could not be read", error))?;
            let row = row.as_ref().map(|row| Row::new(row, "audit_tiles"));
            tiles.push(row.map(|row| row.get("hashes").map(|bytes| narrow(bytes, *id))).transpose()?);
        }
        Ok(tiles)
    }

    async fn bundle(&self, id: BundleId) -> Result<Option<Vec<u8>>> {
        let (first, width) = (id.first_entry(), u64::from(id.width()));
        let sql = sqlx::query(ENTRIES).bind(number(first)).bind(number(first + width)).bind(number(width));
        let rows = self.audit_rows(sql).await?;
        let mut bytes = Vec::new();
        for row in &rows {
            for row in Unpacked::of(row, "audit", 2)?.rows() {
                let entry = match row.blob(1, "event")? {
                    [] => Entry::Pruned,
                    kept => Entry::Kept(kept.get(..ENTRY_BYTES_MAX).unwrap_or(kept)),
                };
                bundle::push(&mut bytes, entry).map_err(|error| row.corrupt("event", error))?;
            }
        }
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    async fn entries_of(&self, message: MessageId) -> Result<Vec<u64>> {
        let sql = sqlx::query("SELECT seq FROM audit WHERE message_id = ? ORDER BY seq");
        let rows = self.audit_rows(sql.bind(&message.as_bytes()[..])).await?;
        rows.iter().map(|row| index(Row::new(row, "audit"))).collect()
    }

    async fn seal(&self, seal: NewSeal) -> Result<bool> {
        if seal.size <= seal.from {
            return Err(StoreError::Conflict("a seal that adds no entry"));
        }
        self.write(Seal(seal)).await
    }
}

impl SqliteStore {
    /// The rows of the entries from this index on.
    pub(super) async fn rows_from(&self, index: u64, limit: usize) -> Result<Vec<SqliteRow>> {
        let sql = sqlx::query("SELECT seq, event FROM audit WHERE seq > ? ORDER BY seq LIMIT ?");
        self.audit_rows(sql.bind(number(index)).bind(i64::try_from(limit).unwrap_or(i64::MAX))).await
    }

    pub(super) async fn audit_rows(&self, sql: Sql<'_>) -> Result<Vec<SqliteRow>> {
        let rows = self.readers.all(sql).await;
        rows.map_err(|error| database_error("the record could not be read", error))
    }
}

fn sealed(row: Row<'_>) -> Result<SealedLog> {
    Ok(SealedLog { size: row.number("size")?, checkpoint: row.get("checkpoint")? })
}

/// The index of a row's entry. One of a number below one is in front of the first entry, where none can be.
pub(super) fn index(row: Row<'_>) -> Result<u64> {
    index_of(row.get("seq")?).ok_or_else(|| row.corrupt("seq", NO_ENTRY))
}

/// The same of a packed row whose first column is `seq`.
pub(super) fn entry_index(row: Values<'_>) -> Result<u64> {
    index_of(row.number(0, "seq")?).ok_or_else(|| row.corrupt("seq", NO_ENTRY))
}

const NO_ENTRY: &str = "no entry has this number";

fn index_of(seq: i64) -> Option<u64> {
    u64::try_from(seq).ok()?.checked_sub(1)
}

/// The tile as it was when it had this width.
fn narrow(bytes: &[u8], id: TileId) -> Vec<u8> {
    let grown = !id.is_full() && bytes.len() > id.bytes();
    bytes.get(..id.bytes()).filter(|_| grown).unwrap_or(bytes).to_vec()
}

/// As the database counts. No tree reaches further.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

struct Seal(NewSeal);

static TILES: Bulk = Bulk::new("INSERT OR REPLACE INTO audit_tiles (level, number, hashes)", 3);

fn bind_tile<'r>(sql: Sql<'r>, tile: &'r Tile) -> Sql<'r> {
    sql.bind(i64::from(tile.id().level())).bind(number(tile.id().index())).bind(tile.encode())
}

static ABOUT: Bulk = Bulk::new("INSERT OR IGNORE INTO audit_about (subject, seq)", 2);

fn bind_about<'r>(sql: Sql<'r>, (subject, index): &'r (SubjectId, u64)) -> Sql<'r> {
    sql.bind(&subject.0[..]).bind(number(index.saturating_add(1)))
}

#[async_trait]
impl Write for Seal {
    type Output = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool> {
        let Self(seal) = self;
        let sql = sqlx::query(
            "INSERT INTO audit_checkpoints (size, checkpoint, sealed_at)
             SELECT ?1, ?2, ?3 WHERE ?4 = (SELECT coalesce(max(size), 0) FROM audit_checkpoints)",
        );
        let sql = sql.bind(number(seal.size)).bind(seal.checkpoint.as_str()).bind(micros(seal.at));
        if tx.execute(sql.bind(number(seal.from))).await? == 0 {
            return Ok(false);
        }
        failpoint!("store.seal.run", StoreError::unavailable("a failpoint"));
        tx.insert(TILES.rows(&seal.tiles, bind_tile)).await?;
        tx.insert(ABOUT.rows(&seal.about, bind_about)).await?;
        // Who was erased meanwhile is told of no more: with a person's key goes what tells of him.
        let erased = "DELETE FROM audit_about WHERE seq > ? AND subject NOT IN (SELECT subject FROM audit_subjects)";
        tx.execute(sqlx::query(erased).bind(number(seal.from))).await?;
        let old = sqlx::query("DELETE FROM audit_checkpoints WHERE size < ?");
        tx.execute(old.bind(number(seal.from))).await?;
        Ok(true)
    }
}
