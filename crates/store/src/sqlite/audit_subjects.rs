//! Whom the record is about: the persons of events are sealed as these are written, and opened as they are read.

use std::collections::{BTreeMap, HashMap};

use pli_audit::{Event, Leaf, Subject, SubjectId, SubjectKey};
use sqlx::sqlite::SqliteRow;

use super::bulk::Bulk;
use super::intake::AuditRow;
use super::packed::{Unpacked, Values, packed};
use super::readers::Readers;
use super::rows::{Row, database_error, json_ids};
use super::tx::Tx;
use crate::Result;
use crate::seal::MasterKey;

type Digest = [u8; 32];

static SUBJECTS: Bulk = Bulk::new("INSERT INTO audit_subjects (digest, subject, key_id, key)", 4);

/// A person who is new to the record.
struct NewSubject {
    digest: Digest,
    id: SubjectId,
    wrapped: Vec<u8>,
}

/// The bytes of these rows, in order, with what is sealed in them. Who is new becomes a subject, in the same transaction.
pub(super) async fn seal(tx: &mut Tx<'_>, rows: &[&AuditRow]) -> Result<Vec<Vec<u8>>> {
    let mut wanted: BTreeMap<Digest, Option<Subject>> = BTreeMap::new();
    let digests: Vec<Vec<Digest>> = rows
        .iter()
        .map(|row| row.draft.persons().iter().map(|person| tx.master().subject_digest(person)).collect())
        .collect();
    wanted.extend(digests.iter().flatten().map(|digest| (*digest, None)));
    if !wanted.is_empty() {
        find(tx, &mut wanted).await?;
        make(tx, &mut wanted).await?;
    }
    let subject = |digest| wanted.get(digest).cloned().flatten();
    Ok(rows
        .iter()
        .zip(&digests)
        .map(|(row, digests)| row.draft.seal(&digests.iter().filter_map(subject).collect::<Vec<_>>()))
        .collect())
}

const KNOWN: &str = packed!("digest", "subject", "key_id", "key"; "
    audit_subjects WHERE digest IN (SELECT unhex(value) FROM json_each(?))");

async fn find(tx: &mut Tx<'_>, wanted: &mut BTreeMap<Digest, Option<Subject>>) -> Result<()> {
    let rows = tx.fetch(sqlx::query(KNOWN).bind(json_ids(wanted.keys()))).await?;
    for row in &rows {
        for row in Unpacked::of(row, "audit_subjects", 4)?.rows() {
            let digest = row.blob(0, "digest")?.try_into().map_err(|error| row.corrupt("digest", error))?;
            wanted.insert(digest, Some(subject(row, tx.master())?));
        }
    }
    Ok(())
}

async fn make(tx: &mut Tx<'_>, wanted: &mut BTreeMap<Digest, Option<Subject>>) -> Result<()> {
    let mut new = Vec::new();
    for (digest, subject) in wanted.iter_mut().filter(|(_, subject)| subject.is_none()) {
        let (made, wrapped) = tx.master().new_subject()?;
        new.push(NewSubject { digest: *digest, id: made.id, wrapped });
        *subject = Some(made);
    }
    if new.is_empty() {
        return Ok(());
    }
    let key_id = tx.master().id();
    tx.insert(SUBJECTS.rows(&new, |sql, row| {
        sql.bind(&row.digest[..]).bind(&row.id.0[..]).bind(key_id.to_vec()).bind(row.wrapped.as_slice())
    }))
    .await
}

/// Of a row whose second column is the subject, and whose last ones are his key.
fn subject(row: Values<'_>, master: &MasterKey) -> Result<Subject> {
    let id = row.blob(1, "subject")?.try_into().map(SubjectId).map_err(|error| row.corrupt("subject", error))?;
    if row.blob(2, "key_id")? != master.id() {
        return Err(row.corrupt("key_id", "it was sealed under another master key"));
    }
    let key = master.unwrap_subject(id, row.blob(3, "key")?);
    Ok(Subject { id, key: key.ok_or_else(|| row.corrupt("key", "it does not open"))? })
}

/// The events of these rows, with all persons who are not erased; none where one is pruned.
pub(super) async fn open(readers: &Readers, master: &MasterKey, rows: &[SqliteRow]) -> Result<Vec<Option<Event>>> {
    let leaves: Vec<Option<Leaf>> = rows.iter().map(|row| leaf(Row::new(row, "audit"))).collect::<Result<_>>()?;
    let subjects = leaves.iter().flatten().flat_map(Leaf::subjects).map(|id| id.0);
    let keys = keys(readers, master, subjects.collect()).await?;
    let opened = |leaf: Leaf| leaf.open(|id| keys.get(&id).cloned());
    Ok(leaves.into_iter().map(|leaf| leaf.map(opened)).collect())
}

fn leaf(row: Row<'_>) -> Result<Option<Leaf>> {
    if row.get::<&[u8]>("event")?.is_empty() {
        return Ok(None);
    }
    row.parse("event", Leaf::parse).map(Some)
}

/// The person of this digest, if the record knows him.
pub(super) async fn of_digest(readers: &Readers, digest: &Digest) -> Result<Option<SubjectId>> {
    let sql = sqlx::query("SELECT digest, subject FROM audit_subjects WHERE digest = ?");
    let row = readers.one(sql.bind(&digest[..])).await;
    let row = row.map_err(|error| database_error("the record's keys could not be read", error))?;
    row.map(|row| Row::new(&row, "audit_subjects").parse("subject", |bytes: &[u8]| bytes.try_into().map(SubjectId)))
        .transpose()
}

const NAMED: &str = packed!("digest", "subject", "key_id", "key"; "
    audit_subjects WHERE subject IN (SELECT unhex(value) FROM json_each(?))");

async fn keys(readers: &Readers, master: &MasterKey, ids: Vec<[u8; 16]>) -> Result<HashMap<SubjectId, SubjectKey>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = readers.all(sqlx::query(NAMED).bind(json_ids(&ids))).await;
    let rows = rows.map_err(|error| database_error("the record's keys could not be read", error))?;
    let mut keys = HashMap::new();
    for row in &rows {
        for row in Unpacked::of(row, "audit_subjects", 4)?.rows() {
            let subject = subject(row, master)?;
            keys.insert(subject.id, subject.key);
        }
    }
    Ok(keys)
}
