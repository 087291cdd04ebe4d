//! Messages to send.

use std::sync::atomic::{AtomicU64, Ordering};

use pli_sandbox::letter::{Letter, build};

/// Stands in subjects and bodies of test letters, and may stand in no log, metric or trace (the contract's last promise).
pub const SECRET: &str = "Confidentiel-entre-nous";

/// A text that occurs in no other message of this run.
pub fn marker() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // The letter at the end: no marker is the beginning of another.
    format!("marker-{}-{}z", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A short letter that holds the marker.
#[must_use]
pub fn letter(from: &str, to: &str, marker: &str) -> Vec<u8> {
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: Courrier {SECRET}\r\nDate: Mon, 23 Nov 2026 08:30:00 +0100\r\n\
         Message-ID: <{marker}@client.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nBonjour, voici une lettre accentu\u{e9}e.\r\n.Une ligne qui commence par un point.\r\n{marker}\r\n"
    )
    .into_bytes()
}

/// A letter with a CDA in `IHE_XDM.zip` and a PDF beside it (spec §6), as the sandbox builds it; its Message-ID is the
/// marker.
pub fn letter_with_document(from: &str, to: &str, cda: &[u8]) -> anyhow::Result<(Vec<u8>, String)> {
    let sent_at = "2026-11-23T08:30:00Z".parse()?;
    let built = build(&Letter { from, from_name: "Cardiologie", to: &[to.to_owned()], cda, sent_at })?;
    Ok((built.bytes, built.message_id))
}
