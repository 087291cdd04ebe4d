//! What was sent, and what was said to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::message;

/// What the sender was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// `250` (or `OK`), with the message's id.
    Kept(String),
    /// Sent to its last byte, and then no reply, or one that says "later": it may have been kept.
    Nothing,
}

/// What must become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// For a mailbox here, and for the hospital.
    Both,
    /// For somebody whom the hospital does not know: its sender gets a report.
    Report,
    /// For the hospital, and held before: an admin lets it go, or gives it back with a report.
    Held,
    /// For a mailbox here in which nobody opens it in time: its sender is alerted.
    Late,
    /// Put into a folder over IMAP.
    Folder,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its bytes, as they were sent.
    pub bytes: Vec<u8>,
    /// What must become of it.
    pub meant: Meant,
    /// What was said.
    pub told: Told,
    /// Its holder has had it removed, or tried to.
    pub removal: Option<Told>,
}

/// All of them, by their markers.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By marker.
    pub sent: BTreeMap<String, Sent>,
    /// Replies by their code, `0` for a connection that broke.
    pub codes: BTreeMap<u16, usize>,
}

impl Ledger {
    /// Notes a message and what was said to it.
    pub fn note(&mut self, marker: &str, bytes: Vec<u8>, meant: Meant, code: u16, id: Option<&str>) {
        *self.codes.entry(code).or_default() += 1;
        let told = id.map_or(Told::Nothing, |id| Told::Kept(id.to_owned()));
        self.sent.insert(marker.to_owned(), Sent { bytes, meant, told, removal: None });
    }

    /// How many were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.sent.values().filter(|sent| sent.told != Told::Nothing).count()
    }

    /// How often this code was said.
    #[must_use]
    pub fn said(&self, code: u16) -> usize {
        self.codes.get(&code).copied().unwrap_or(0)
    }
}

/// A letter that can be told from every other to its last byte; every fourth is too large for a row of the database.
#[must_use]
pub fn letter(from: &str, to: &str, marker: &str, number: usize) -> Vec<u8> {
    let mut letter = message::letter(from, to, marker);
    let lines = if number % 4 == 3 { 2_400 } else { 20 };
    let mut text = String::new();
    for line in 0..lines {
        let _ = write!(text, "{marker}, ligne {line}: pour faire le poids d'une lettre de sortie.\r\n");
    }
    letter.extend_from_slice(text.as_bytes());
    letter.extend_from_slice(b"fin\r\n");
    letter
}

/// A letter with an archive that nobody can open: what `[document] unreadable = "hold"` holds.
#[must_use]
pub fn unreadable(from: &str, to: &str, marker: &str) -> Vec<u8> {
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: Courrier\r\nDate: Mon, 23 Nov 2026 08:30:00 +0100\r\n\
         Message-ID: <{marker}@client.test>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"limite\"\r\n\r\n--limite\r\nContent-Type: text/plain\r\n\r\n{marker}\r\n\
         --limite\r\nContent-Type: application/zip; name=\"IHE_XDM.zip\"\r\n\
         Content-Disposition: attachment; filename=\"IHE_XDM.zip\"\r\nContent-Transfer-Encoding: base64\r\n\r\n\
         UEsDBAAAAAAAAAAA\r\n--limite--\r\n"
    )
    .into_bytes()
}
