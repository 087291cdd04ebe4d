//! What a report says in the part that machines read: on which message it is, and what it tells of its recipients
//! (RFC 8098 §3, RFC 3464 §2). `disposition` reads what a recipient's program did, `delivery_status` what a server did.

use pli_policy::ReportKind;
use pli_types::MailAddress;

use super::integration::IntegrationCode;
use super::{delivery_status, disposition, thread, value_of};

/// What a report tells of some recipients of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// By which of these addresses he is known to the sender: as he was written to, and as he was reached.
    pub(crate) about: Vec<MailAddress>,
    /// What became of the message with him.
    pub(crate) news: News,
}

/// What became of a message with one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// It went on to where no reports come from (RFC 3464 §2.3.3).
    Relayed,
    /// It lies in his mailbox.
    Delivered,
    /// It could not be delivered: the status code, if one stands there (RFC 3463).
    Failed(Option<String>),
    /// It was shown to him.
    Opened,
    /// His program took it into its record.
    Integrated,
    /// His program could not: why (spec §6.3).
    NotIntegrated(IntegrationCode),
}

/// Recipients that one report is read for: as many as one message may have by RFC 5321 §4.5.3.1.8.
pub(super) const TOLD_MAX: usize = 100;
/// An address of a report with its type.
const ADDRESS_OCTETS_MAX: usize = 512;

/// How much of a report's body is looked at: its first part is a sentence or two for people, the second is the one that
/// counts, and then comes what is reported on.
pub(crate) const REPORT_BYTES_MAX: usize = 64 * 1024;

/// The Message-ID of the message that this report is on, without angle brackets: `Original-Message-ID` of a receipt, the
/// `Message-ID` of the returned header of a delivery report. `None` if it does not say, or not within
/// [`REPORT_BYTES_MAX`]; then the header of the report has the word.
pub(crate) fn reported_on(kind: ReportKind, body: &[u8]) -> Option<String> {
    match kind {
        ReportKind::DispositionNotification => {
            let fields = split(part_of(body, disposition::MEDIA)?).0;
            thread::ids(value_of(fields, "Original-Message-ID")?.as_bytes()).next()
        }
        ReportKind::DeliveryStatus => returned(body),
    }
}

/// The Message-ID of the message that is given back in a part, whole or its header alone.
pub(crate) fn returned(body: &[u8]) -> Option<String> {
    let media = &["message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"];
    thread::ids(value_of(split(part_of(body, media)?).0, "Message-ID")?.as_bytes()).next()
}

/// What it tells of the message's recipients, at most [`TOLD_MAX`] of them; nothing where that is not clear.
pub(crate) fn told(kind: ReportKind, body: &[u8]) -> Vec<Told> {
    match kind {
        ReportKind::DispositionNotification => part_of(body, disposition::MEDIA)
            .and_then(|fields| disposition::read(split(fields).0))
            .into_iter()
            .collect(),
        ReportKind::DeliveryStatus => {
            let groups = part_of(body, delivery_status::MEDIA).unwrap_or_default();
            delivery_status::read(groups)
        }
    }
}

/// The addresses of a recipient's fields: `Original-Recipient` and `Final-Recipient`, typed (RFC 3464 §2.3.1 and §2.3.2).
pub(super) fn recipient_of(fields: &[u8]) -> Vec<MailAddress> {
    let typed = ["Original-Recipient", "Final-Recipient"].into_iter().filter_map(|name| value_of(fields, name));
    let mut about: Vec<MailAddress> = Vec::new();
    for address in typed.filter_map(|value| address_of(&value)) {
        if !about.contains(&address) {
            about.push(address);
        }
    }
    about
}

/// `rfc822; a@b.example`.
fn address_of(value: &str) -> Option<MailAddress> {
    let (kind, address) = value.split_once(';').filter(|_| value.len() <= ADDRESS_OCTETS_MAX)?;
    let known = ["rfc822", "utf-8"].iter().any(|known| kind.trim().eq_ignore_ascii_case(known));
    let address = address.trim();
    let bare = address.strip_prefix('<').and_then(|bare| bare.strip_suffix('>')).unwrap_or(address);
    MailAddress::parse(bare).ok().filter(|_| known)
}

/// What follows the header of the first part of one of these media.
fn part_of<'a>(body: &'a [u8], media: &[&str]) -> Option<&'a [u8]> {
    let body = body.get(..REPORT_BYTES_MAX).unwrap_or(body);
    parts(body).find_map(|part| {
        let (header, content) = split(part);
        is_of(header, media).then_some(content)
    })
}

/// What lies between two lines that begin as boundaries do. Which boundary does not matter: a part within another is a
/// part too, and no line of a header begins so.
fn parts(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.windows(3).position(|window| window == b"\n--");
        let (part, after) = text.split_at_checked(end.map_or(text.len(), |at| at + 1))?;
        // Of the boundary's own line, nothing is the next part's.
        rest = end.and_then(|_| after.get(after.iter().position(|b| *b == b'\n')? + 1..));
        Some(part)
    })
}

/// A header and what follows its empty line.
pub(super) fn split(part: &[u8]) -> (&[u8], &[u8]) {
    if let Some(content) = part.strip_prefix(b"\r\n") {
        return (&[], content);
    }
    let at = part.windows(4).position(|window| window == b"\r\n\r\n");
    let header = at.and_then(|at| part.get(..at + 2)).unwrap_or(part);
    (header, at.and_then(|at| part.get(at + 4..)).unwrap_or_default())
}

fn is_of(header: &[u8], media: &[&str]) -> bool {
    let Some(value) = value_of(header, "Content-Type") else { return false };
    let named = value.split(';').next().unwrap_or_default().trim();
    media.iter().any(|known| named.eq_ignore_ascii_case(known))
}
