//! Which message a report is on, by the machine-readable part of the report itself (RFC 8098 §3.2.5, RFC 3464).

use pli_policy::ReportKind;

use super::{thread, value_of};

/// How much of a report's body is looked at: its first part is a sentence or two for people, the second is the one that
/// counts, and then comes what is reported on.
pub(crate) const REPORT_BYTES_MAX: usize = 64 * 1024;

/// The Message-ID of the message that this report is on, without angle brackets: `Original-Message-ID` of a receipt, the
/// `Message-ID` of the returned header of a delivery report. `None` if it does not say, or not within
/// [`REPORT_BYTES_MAX`]; then the header of the report has the word.
pub(crate) fn reported_on(kind: ReportKind, body: &[u8]) -> Option<String> {
    let (media, name): (&[&str], _) = match kind {
        ReportKind::DispositionNotification => {
            (&["message/disposition-notification", "message/global-disposition-notification"], "Original-Message-ID")
        }
        ReportKind::DeliveryStatus => {
            (&["message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"], "Message-ID")
        }
    };
    let body = body.get(..REPORT_BYTES_MAX).unwrap_or(body);
    let fields = parts(body).find_map(|part| {
        let (header, content) = split(part);
        is_of(header, media).then(|| split(content).0)
    })?;
    thread::ids(value_of(fields, name)?.as_bytes()).next()
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
fn split(part: &[u8]) -> (&[u8], &[u8]) {
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
