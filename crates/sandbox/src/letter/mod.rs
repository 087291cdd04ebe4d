//! A real letter (spec §6): a CDA in `IHE_XDM.zip` with its METADATA.XML, the subject, the `X-MSS-*` headers, and a
//! PDF beside it.
//!
//! [`build`] takes any CDA: the demo's own ([`discharge`], [`prescription`]) or an official sample. The PDF is an ordinary PDF 1.4,
//! made from the document's narrative; ECO.2.1.5 wants PDF/A-1, which it does not claim to be.

pub mod cda;
pub mod discharge;
mod made_up;
pub mod note;
pub mod pdf;
pub mod prescription;
pub mod xdm;

use std::fmt::Write;
use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

use cda::Cda;
pub use made_up::MadeUp;

/// Our product's reference at the national register (ECO.2.4.3). Nobody has declared a sandbox: a made-up one.
const PRODUCT: &str = "DEV000000";
/// A label in the subject has at most so many characters (ECO.2.1.3).
const LABEL_CHARACTERS_MAX: usize = 40;

/// A letter to build.
#[derive(Debug)]
pub struct Letter<'a> {
    /// The sender's address.
    pub from: &'a str,
    /// The name shown with it (ECO.2.2.7).
    pub from_name: &'a str,
    /// The recipients' addresses.
    pub to: &'a [String],
    /// The document, in XML.
    pub cda: &'a [u8],
    /// Its date.
    pub sent_at: Timestamp,
}

/// A letter ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Its Message-ID, without angle brackets.
    pub message_id: String,
    /// The message, CRLF throughout.
    pub bytes: Vec<u8>,
}

/// Builds a letter around a document. Fails if the document is no CDA about one patient.
pub fn build(letter: &Letter<'_>) -> anyhow::Result<Built> {
    let document = Cda::read(letter.cda)?;
    let archive = xdm::archive(&document, letter.cda, letter.sent_at)?;
    let rendering = document.embedded_pdf.clone().unwrap_or_else(|| pdf::render(&document));
    let domain = letter.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let message_id = format!("{}@{domain}", Uuid::new_v4().simple());

    let mut builder = lettre::Message::builder()
        .message_id(Some(format!("<{message_id}>")))
        .date(UNIX_EPOCH + Duration::from_secs(u64::try_from(letter.sent_at.as_second())?))
        .from(Mailbox::new(Some(letter.from_name.to_owned()), letter.from.parse()?))
        .subject(subject(&document));
    for address in letter.to {
        builder = builder.to(Mailbox::new(None, address.parse()?));
    }
    for (name, value) in mss_headers(&document) {
        builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
    }
    let message = builder.multipart(
        MultiPart::mixed()
            .singlepart(SinglePart::plain(covering_note(&document)))
            .singlepart(Attachment::new(xdm::FILE.to_owned()).body(archive, ContentType::parse("application/zip")?))
            .singlepart(Attachment::new(pdf_name(&document)).body(rendering, ContentType::parse("application/pdf")?)),
    )?;
    Ok(Built { message_id, bytes: message.formatted() })
}

/// `XDM/1.0/DDM+<label> <NOM> <prénom> <JJ/MM/AAAA>` (ECO.2.1.3). It names the patient: never to be logged.
fn subject(document: &Cda) -> String {
    let label: String = document.code.display.chars().take(LABEL_CHARACTERS_MAX).collect();
    let patient = &document.patient;
    let mut out = format!("XDM/1.0/DDM+{} {} {}", label.trim_end(), family(document), unaccented(&patient.given));
    if let (Some(year), Some(month), Some(day)) =
        (patient.birth.get(..4), patient.birth.get(4..6), patient.birth.get(6..8))
    {
        let _ = write!(out, " {day}/{month}/{year}");
    }
    out
}

/// ECO.2.4.1 to 2.4.3: the document's code, whether it holds a qualified INS, the product that sends.
fn mss_headers(document: &Cda) -> [(&'static str, String); 3] {
    let qualified = if document.patient.has_qualified_ins() { "O" } else { "N" };
    [
        ("X-MSS-CODECDA", document.code.code.clone()),
        ("X-MSS-INS", qualified.to_owned()),
        ("X-MSS-NIL", PRODUCT.to_owned()),
    ]
}

fn covering_note(document: &Cda) -> String {
    format!(
        "Bonjour,\r\n\r\nVeuillez trouver ci-joint le document « {} », au format CDA dans {} et en PDF.\r\n\r\n\
         Message envoyé par le bac à sable de Pli : le patient est une identité de test, le contenu est fictif.\r\n",
        document.title,
        xdm::FILE
    )
}

/// `<date>_<type>_<NOM>_<prenom>.pdf` (ECO.2.1.6), in characters that every file system takes.
fn pdf_name(document: &Cda) -> String {
    let plain = |text: &str| -> String {
        unaccented(text).chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
    };
    let date = document.effective_time.get(..8).unwrap_or("00000000");
    let parts = [plain(&document.code.display), plain(&family(document)), plain(&document.patient.given)];
    format!("{date}_{}.pdf", parts.join("_"))
}

/// The birth name as the subject and the file name want it: capitals without accents.
fn family(document: &Cda) -> String {
    unaccented(&document.patient.family).to_uppercase()
}

fn unaccented(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
