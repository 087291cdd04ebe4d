//! Looks into the documents of a message: the bytes that are staged, read back piece by piece.
//!
//! However many messages come at once, a few are looked into at a time, and each holds at most what
//! [`pli_document`] says: memory has a bound. The work is done where it holds up nobody's connection.

use std::collections::BTreeSet;

use pli_document::{Attachment, Examination, Examined, Finding};
use pli_policy::{AddressedPatient, AttachedFile, DocumentFacts, DocumentHeaders, FileType};
use pli_store::{Queue, StagedBody, StoreError};
use pli_types::{Domain, MailAddress};
use tokio::sync::Semaphore;

use super::content::DocumentFields;

/// Messages looked into at once; the others wait. Each may hold an archive of 40 MB.
static AT_ONCE: Semaphore = Semaphore::const_new(3);
/// What is read of a message at a time.
const PIECE_BYTES: u64 = 1024 * 1024;

/// The IMAP keyword of a message that carries a prescription, so that a pharmacy can list what waits for preparation.
const PRESCRIPTION_KEYWORD: &str = "$Prescription";

/// Looks into a message that is staged.
pub(super) async fn staged(
    store: &dyn Queue,
    body: &StagedBody,
    fields: &DocumentFields,
) -> Result<Examined, StoreError> {
    if fields.is_text {
        return Ok(Examined::default());
    }
    let _turn = AT_ONCE.acquire().await;
    let mut examination = Examination::of_size(body.size());
    let mut offset = 0;
    while offset < body.size() {
        let piece = store.staged(body, offset, PIECE_BYTES).await?;
        if piece.is_empty() {
            break;
        }
        offset += piece.len() as u64;
        examination = aside(move || {
            examination.feed(&piece);
            examination
        })
        .await;
    }
    Ok(aside(|| examination.finish()).await)
}

/// Looks into a message that lies in memory.
pub(super) async fn in_memory(message: Vec<u8>, fields: &DocumentFields) -> Examined {
    if fields.is_text {
        return Examined::default();
    }
    let _turn = AT_ONCE.acquire().await;
    aside(move || pli_document::examine(&message)).await
}

/// Does work where it holds up no connection. Should it fail, nothing is known of the documents, and the message goes
/// its way: it is not lost for it.
async fn aside<T: Default + Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the documents of a message could not be looked into");
        T::default()
    })
}

/// What policy is told of them.
pub(super) fn facts(
    examined: &Examined,
    headers: DocumentHeaders,
    addressed: impl IntoIterator<Item = AddressedPatient>,
) -> DocumentFacts {
    let documents = &examined.documents;
    DocumentFacts {
        has_archive: documents.has_archive,
        patients: documents.patients().len(),
        identified: documents.patients_ins().into_iter().cloned().collect(),
        addressed: addressed.into_iter().collect(),
        unreadable: documents.findings.iter().find(|finding| finding.hides_something()).map(|finding| finding.code()),
        codes: documents.codes(),
        qualified: documents.qualified(),
        headers,
        files: examined.attachments.iter().map(file).collect(),
        all_files_seen: !documents.findings.contains(&Finding::TooManyParts),
    }
}

/// Of a file's name nothing goes further but an ending that policy knows.
fn file(attachment: &Attachment) -> AttachedFile {
    let endings = attachment.endings.iter().map(|ending| FileType::of_ending(ending)).collect();
    AttachedFile { endings, media_type: attachment.media_type.clone() }
}

/// The patient whose address this is, if it is one's.
pub(super) fn addressed(address: &MailAddress, hosted: &[Domain]) -> Option<AddressedPatient> {
    Some(AddressedPatient { ins: address.ins()?, hosted: hosted.contains(address.domain()) })
}

/// The keywords that the message gets on delivery.
pub(super) fn keywords(examined: &Examined) -> BTreeSet<String> {
    examined.documents.is_prescription().then(|| PRESCRIPTION_KEYWORD.to_owned()).into_iter().collect()
}
