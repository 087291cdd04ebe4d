//! What a message says of the messages before it and of the answers that it wants: [`Thread`] (RFC 5322 §3.6.2 and
//! §3.6.4, RFC 8098 §2.1; spec §1.5).
//!
//! Nothing here can refuse a message. Where a field is written in a way that programs read differently, it is read as if
//! it were not there: an exchange that was not clearly ended stays open.

use mail_parser::{HeaderName, MessageParser, MimeHeaders};
use pli_policy::ReportKind;
use pli_types::MailAddress;

use super::field::{self, Field};
use super::integration::IntegrationCode;

/// The most messages that one is taken to answer, and the most addresses that answers are taken to go to. A program
/// names one of each; whoever names more gains nothing by it.
pub(crate) const NAMED_MAX: usize = 10;

/// A Message-ID stands on one line (RFC 5322 §2.1.1).
const ID_OCTETS_MAX: usize = 998;
/// The longest value that is read for addresses.
const VALUE_OCTETS_MAX: usize = 16 * 1024;

/// What a header says of its place in a correspondence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Thread {
    /// `Message-ID`, without angle brackets.
    pub(crate) message_id: Option<String>,
    /// The messages that it answers: those of `In-Reply-To`, else the last of `References`.
    pub(crate) answers: Vec<String>,
    /// The addresses of `Reply-To`.
    pub(crate) reply_to: Vec<MailAddress>,
    /// Is `Subject`, decoded, exactly `[FIN]`: does it end the exchange?
    pub(crate) ends: bool,
    /// Is `X-MSS-MES` exactly `FIN`: can it not be answered?
    pub(crate) unanswerable: bool,
    /// The one address of `Disposition-Notification-To`.
    pub(crate) receipt_to: Option<MailAddress>,
    /// The report that the whole message is, by its `Content-Type`.
    pub(crate) report: Option<ReportKind>,
    /// Does `Subject` say that the message it gives back could not be integrated, and why?
    pub(crate) not_integrated: Option<IntegrationCode>,
}

/// The values of the fields that count, as they come.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    message_id: Option<&'a [u8]>,
    in_reply_to: Vec<&'a [u8]>,
    references: Vec<&'a [u8]>,
    reply_to: Vec<&'a [u8]>,
    subject: Once<'a>,
    unanswerable: Once<'a>,
    receipt_to: Once<'a>,
    content_type: Once<'a>,
}

/// A field that may stand once.
#[derive(Default)]
struct Once<'a> {
    seen: usize,
    value: Option<&'a [u8]>,
}

impl<'a> Gathered<'a> {
    pub(super) fn take(&mut self, field: &Field<'a>) {
        let Field::Named { name, strict, value } = *field else { return };
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("Message-ID") {
            self.message_id.get_or_insert(value);
        } else if is("In-Reply-To") {
            self.in_reply_to.push(value);
        } else if is("References") {
            self.references.push(value);
        } else if is("Reply-To") {
            self.reply_to.push(value);
        } else if is("Subject") {
            self.subject.take(strict, value);
        } else if is("X-MSS-MES") {
            self.unanswerable.take(strict, value);
        } else if is("Disposition-Notification-To") {
            self.receipt_to.take(strict, value);
        } else if is("Content-Type") {
            self.content_type.take(strict, value);
        }
    }

    pub(super) fn told(self) -> Thread {
        let mut answers: Vec<String> = self.in_reply_to.iter().flat_map(|value| ids(value)).take(NAMED_MAX).collect();
        if answers.is_empty() {
            answers.extend(self.references.iter().flat_map(|value| ids(value)).last());
        }
        let mut reply_to: Vec<MailAddress> = Vec::new();
        for address in self.reply_to.iter().flat_map(|value| addresses(value)) {
            if reply_to.len() < NAMED_MAX && !reply_to.contains(&address) {
                reply_to.push(address);
            }
        }
        let subject = self.subject.value().and_then(subject);
        Thread {
            message_id: self.message_id.and_then(|value| ids(value).next()),
            answers,
            reply_to,
            ends: subject.as_deref() == Some("[FIN]"),
            unanswerable: self.unanswerable.value().is_some_and(|value| field::unfold(value).trim() == "FIN"),
            receipt_to: self.receipt_to.value().and_then(only_address),
            report: self.content_type.value().and_then(report_kind),
            not_integrated: subject.as_deref().and_then(IntegrationCode::of_subject),
        }
    }
}

impl<'a> Once<'a> {
    fn take(&mut self, strict: bool, value: &'a [u8]) {
        self.seen += 1;
        self.value = Some(value).filter(|_| strict);
    }

    fn value(&self) -> Option<&'a [u8]> {
        self.value.filter(|_| self.seen == 1)
    }
}

/// The Message-IDs of a value, without angle brackets; of a value without any, what some programs write bare.
pub(super) fn ids(value: &[u8]) -> impl Iterator<Item = String> {
    let text = field::unfold(value);
    let mut found: Vec<String> = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once('<') {
        let Some((id, behind)) = after.split_once('>') else { break };
        found.push(id.split_ascii_whitespace().collect());
        rest = behind;
    }
    if found.is_empty() && !text.contains('<') {
        found.extend(text.split_ascii_whitespace().next().map(str::to_owned));
    }
    found.into_iter().filter(|id| !id.is_empty() && id.len() <= ID_OCTETS_MAX)
}

/// Every address of a list, groups included, that has only one reading.
fn addresses(value: &[u8]) -> Vec<MailAddress> {
    if value.len() > VALUE_OCTETS_MAX || std::str::from_utf8(value).is_err() || field::has_bare_line_end(value) {
        return Vec::new();
    }
    let field = [b"Reply-To:", value, b"\r\n\r\n"].concat();
    let parser = MessageParser::new().header_address(HeaderName::ReplyTo);
    let Some(message) = parser.parse_headers(&field) else { return Vec::new() };
    let list = message.reply_to().into_iter().flat_map(mail_parser::Address::iter);
    list.filter_map(|one| MailAddress::parse(one.address()?).ok()).collect()
}

fn only_address(value: &[u8]) -> Option<MailAddress> {
    <[MailAddress; 1]>::try_from(addresses(value)).ok().map(|[address]| address)
}

/// Decoded. What ends an exchange is told by it exactly, in this case, with nothing before or behind it (spec §1.5).
fn subject(value: &[u8]) -> Option<String> {
    // The longest spelling of what is looked for fits easily.
    if value.len() > 2048 {
        return None;
    }
    let field = [b"Subject:", value, b"\r\n\r\n"].concat();
    let parser = MessageParser::new().header_text(HeaderName::Subject);
    parser.parse_headers(&field).and_then(|message| message.subject().map(str::to_owned))
}

/// RFC 6522 §3, RFC 3464 §2, RFC 8098 §3.
fn report_kind(value: &[u8]) -> Option<ReportKind> {
    if value.len() > VALUE_OCTETS_MAX {
        return None;
    }
    let field = [b"Content-Type:", value, b"\r\n\r\n"].concat();
    let parser = MessageParser::new().header_content_type(HeaderName::ContentType);
    let message = parser.parse_headers(&field)?;
    let media = message.content_type()?;
    let is_report = media.ctype().eq_ignore_ascii_case("multipart")
        && media.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"));
    let kind = media.attribute("report-type").filter(|_| is_report)?;
    let kinds = [ReportKind::DeliveryStatus, ReportKind::DispositionNotification];
    kinds.into_iter().find(|known| kind.eq_ignore_ascii_case(known.as_str()))
}
