//! What a message carries: its [`Attachment`]s, and the archives of documents among them.

use std::fmt;

use crate::facts::{DocumentFacts, Gathering};
use crate::finding::Finding;
use crate::mime::{Part, Parts, Reader};

/// The name of the archive that documents travel in (REF2 ECO.2.1.1, spec §6.1).
pub const ARCHIVE_NAME: &str = "IHE_XDM.zip";

/// A larger archive is not opened. It is the one thing that is held whole, since a zip file is read from its end; with
/// it, a message costs less than 64 MB. The patient's side takes 25 MB in total (ENS13 §6).
pub const ARCHIVE_BYTES_MAX: usize = 40 * 1024 * 1024;
/// The standard has one archive a message (ECO.2.1.1); a forwarded message may carry another.
const ARCHIVES_MAX: usize = 8;
/// A name of a file is cut here.
const NAME_CHARS_MAX: usize = 255;
/// No ending that anybody asks about is longer.
const ENDING_CHARS_MAX: usize = 16;

/// A file in a message. Its name often holds the patient's (ECO.2.1.6), so `Debug` shows neither name nor type.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name, decoded; `None` if it has none.
    pub name: Option<String>,
    /// What stands behind the last dot of each name that it gives itself, in lower case; empty for one without a dot. A
    /// part names itself in its disposition and in its type, and programs differ in which they show.
    pub endings: Vec<String>,
    /// `application/pdf`, in lower case, as the message says: nobody has looked into the file.
    pub media_type: String,
    /// Its size, decoded.
    pub size_bytes: u64,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").field("size_bytes", &self.size_bytes).finish_non_exhaustive()
    }
}

/// What was found in a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examined {
    /// Every file in it, in its order; forwarded messages count as files, and so do the files in them.
    pub attachments: Vec<Attachment>,
    /// What its documents are, and about whom.
    pub documents: DocumentFacts,
}

/// Examines a message as it comes, piece by piece.
///
/// What it holds at any time is bounded: an archive of at most [`ARCHIVE_BYTES_MAX`], and a few megabytes.
#[derive(Default)]
pub struct Examination {
    reader: Reader,
    taken: Taken,
}

impl Examination {
    /// Of a message of this size, as far as it is known. It spares an archive's moving about in memory as it grows.
    #[must_use]
    pub fn of_size(size_bytes: u64) -> Self {
        let mut examination = Self::default();
        examination.taken.bytes_to_come = size_bytes;
        examination
    }

    /// Takes the next bytes of the message.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.reader.feed(bytes, &mut self.taken);
        self.taken.bytes_to_come = self.taken.bytes_to_come.saturating_sub(bytes.len() as u64);
    }

    /// The message has ended: tells what was found.
    #[must_use]
    pub fn finish(mut self) -> Examined {
        self.reader.finish(&mut self.taken);
        Examined { attachments: self.taken.attachments, documents: self.taken.documents.finish() }
    }
}

impl fmt::Debug for Examination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examination").finish_non_exhaustive()
    }
}

/// Examines a message that lies in memory.
#[must_use]
pub fn examine(message: &[u8]) -> Examined {
    let mut examination = Examination::of_size(message.len() as u64);
    examination.feed(message);
    examination.finish()
}

/// Of the whole name, however long. Some systems drop dots and spaces at the end before they look.
fn ending(name: &str) -> String {
    let name = name.trim_end_matches(|c: char| c == '.' || c.is_whitespace() || c.is_control());
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    ending.chars().take(ENDING_CHARS_MAX).flat_map(char::to_lowercase).collect()
}

/// What is known so far.
#[derive(Default)]
struct Taken {
    attachments: Vec<Attachment>,
    documents: Gathering,
    archives: usize,
    part: Current,
    bytes_to_come: u64,
}

/// The part that is coming in.
#[derive(Default)]
struct Current {
    listed: Option<Attachment>,
    size_bytes: u64,
    archive: Option<Vec<u8>>,
}

impl Parts for Taken {
    fn begin(&mut self, part: &Part) {
        self.part = Current::default();
        let is_text = part.media_type.starts_with("text/");
        if part.is_attachment || !part.names.is_empty() || !is_text {
            let name = part.names.first().map(|name| name.chars().take(NAME_CHARS_MAX).collect());
            self.part.listed = Some(Attachment {
                name,
                endings: part.names.iter().map(|name| ending(name)).collect(),
                media_type: part.media_type.chars().take(NAME_CHARS_MAX).collect(),
                size_bytes: 0,
            });
        }
        if !part.names.iter().any(|name| is_archive(name)) {
            return;
        }
        self.documents.archive_found();
        self.archives += 1;
        if self.archives > ARCHIVES_MAX {
            return self.documents.found(Finding::TooManyArchives);
        }
        let to_come = if part.is_base64 { self.bytes_to_come / 4 * 3 + 3 } else { self.bytes_to_come };
        let room = usize::try_from(to_come).unwrap_or(usize::MAX).min(ARCHIVE_BYTES_MAX);
        self.part.archive = Some(Vec::with_capacity(room));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.part.size_bytes += bytes.len() as u64;
        let Some(archive) = &mut self.part.archive else { return };
        if archive.len() + bytes.len() > ARCHIVE_BYTES_MAX {
            self.part.archive = None;
            self.documents.found(Finding::ArchiveTooLarge);
        } else {
            archive.extend_from_slice(bytes);
        }
    }

    fn end(&mut self) {
        let part = std::mem::take(&mut self.part);
        if let Some(mut attachment) = part.listed {
            attachment.size_bytes = part.size_bytes;
            self.attachments.push(attachment);
        }
        if let Some(archive) = part.archive {
            crate::xdm::read(&archive, &mut self.documents);
        }
    }

    fn too_many(&mut self) {
        self.part = Current::default();
        self.documents.found(Finding::TooManyParts);
    }
}
/// `IHE_XDM.zip`, and what programs make of that name when they keep it twice: `IHE_XDM (1).zip`, `IHE_XDM-2.zip`.
fn is_archive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let rest = name.strip_prefix("ihe_xdm").and_then(|rest| rest.rsplit_once('.'));
    rest.is_some_and(|(_, ending)| ending == "zip")
}
