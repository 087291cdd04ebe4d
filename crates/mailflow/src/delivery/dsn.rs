//! The report of what became of a message (RFC 3461 to 3464): a letter to the sender, for a person first, then for a
//! program.
//!
//! It never holds the message, nor its subject, which names the patient (spec §6.2): of the original header it returns
//! `Message-ID`, `Date` and `X-MSS-NIL`, by which the sender's program finds its letter again.

use std::fmt::Write as _;

use jiff::Timestamp;
use pli_policy::Reason;
use pli_store::Lease;
use pli_types::{MailAddress, MessageId};

use super::reply::Reply;
use super::verdict::Trouble;
use super::words;
use crate::intake::content;
use crate::intake::trace_header::date;
use crate::mime::{VALUE_BYTES_MAX, is_printable, quoted_printable};

/// Header fields that may be returned.
const RETURNED: [&str; 3] = ["Message-ID", "Date", "X-MSS-NIL"];

/// Who reports.
#[derive(Debug)]
pub(crate) struct Reporter<'a> {
    /// Our name, as the reporting server.
    pub(crate) server_name: &'a str,
    /// The domain of `MAILER-DAEMON`.
    pub(crate) domain: &'a str,
    /// When.
    pub(crate) at: Timestamp,
}

/// What became of a message for one recipient.
#[derive(Debug, Clone, Copy)]
pub(crate) enum News<'a> {
    /// It will never get there.
    Failed {
        /// Why.
        reason: Reason,
        /// What happened at the last try.
        trouble: &'a Trouble,
    },
    /// It is not there yet, and is tried again.
    Delayed {
        /// What happened at the last try.
        trouble: &'a Trouble,
        /// Was it tried just now? Else its destination is known not to answer.
        tried: bool,
    },
    /// The next server has it, and will tell no more.
    Relayed {
        /// Its name.
        host: &'a str,
    },
    /// It is in the recipient's mailbox here.
    Delivered,
}

impl News<'_> {
    /// RFC 3464 §2.3.3.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::Failed { .. } => "failed",
            Self::Delayed { .. } => "delayed",
            Self::Relayed { .. } => "relayed",
            Self::Delivered => "delivered",
        }
    }

    fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Failed { trouble, .. } | Self::Delayed { trouble, .. } => Some(trouble),
            Self::Relayed { .. } | Self::Delivered => None,
        }
    }

    /// Whose answer is told.
    fn remote_host(&self) -> Option<&str> {
        match self {
            Self::Relayed { host } => Some(host),
            other => other.trouble()?.remote_host.as_deref(),
        }
    }

    fn status(&self) -> String {
        match self {
            Self::Failed { reason, trouble } => status(*reason, trouble),
            Self::Delayed { trouble, .. } => status_of_delay(trouble),
            Self::Relayed { .. } | Self::Delivered => "2.0.0".to_owned(),
        }
    }
}

/// Writes the report to `sender`. `header` is the message's, or as much as was read of it.
pub(crate) fn write(
    reporter: &Reporter<'_>,
    sender: &MailAddress,
    lease: &Lease,
    news: News<'_>,
    header: &[u8],
) -> String {
    let id = MessageId::at(reporter.at);
    let boundary = format!("=_{id}");
    let mut out = String::with_capacity(4096);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "From: Mail Delivery System <MAILER-DAEMON@{domain}>\r\n\
         To: <{sender}>\r\n\
         Subject: {subject}\r\n\
         Date: {date}\r\n\
         Message-ID: <{id}@{server}>\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\"\r\n\r\n",
        domain = reporter.domain,
        sender = sender.reveal(),
        subject = words::subject(news),
        date = date(reporter.at),
        server = reporter.server_name,
    );
    part(
        &mut out,
        &boundary,
        "text/plain; charset=utf-8\r\nContent-Language: fr, en\r\nContent-Transfer-Encoding: quoted-printable",
        &quoted_printable(&words::letter(&lease.recipient.address, news, lease.expires_at)),
    );
    part(&mut out, &boundary, "message/delivery-status", &delivery_status(reporter, lease, news));
    part(&mut out, &boundary, "text/rfc822-headers", &returned_header(header));
    let _ = write!(out, "--{boundary}--\r\n");
    out
}

fn part(out: &mut String, boundary: &str, content_type: &str, body: &str) {
    let _ = write!(out, "--{boundary}\r\nContent-Type: {content_type}\r\n\r\n{body}\r\n");
}

/// RFC 3464 §2: fields of the message, an empty line, fields of the recipient.
fn delivery_status(reporter: &Reporter<'_>, lease: &Lease, news: News<'_>) -> String {
    let mut out = format!("Reporting-MTA: dns; {}\r\n", reporter.server_name);
    if let Some(envid) = lease.parameters.envid.as_deref().and_then(from_xtext) {
        let _ = write!(out, "Original-Envelope-Id: {envid}\r\n");
    }
    let _ = write!(out, "Arrival-Date: {}\r\n\r\n", date(lease.accepted_at));
    if let Some((kind, address)) = lease.recipient.orcpt.as_deref().and_then(|orcpt| orcpt.split_once(';'))
        && let (Some(kind), Some(address)) = (from_xtext(kind), from_xtext(address))
    {
        let _ = write!(out, "Original-Recipient: {kind}; {address}\r\n");
    }
    let _ = write!(
        out,
        "Final-Recipient: {}\r\nAction: {}\r\nStatus: {}\r\n",
        typed_address(&lease.recipient.address),
        news.action(),
        news.status(),
    );
    if let Some(host) = news.remote_host().filter(|host| is_printable(host)) {
        let _ = write!(out, "Remote-MTA: dns; {host}\r\n");
    }
    if let Some(diagnostic) = diagnostic(news) {
        let _ = write!(out, "Diagnostic-Code: {diagnostic}\r\n");
    }
    if matches!(news, News::Failed { .. } | News::Delayed { tried: true, .. }) {
        let _ = write!(out, "Last-Attempt-Date: {}\r\n", date(reporter.at));
    }
    if let News::Delayed { .. } = news {
        // RFC 3464 §2.3.9: of a delay only.
        let _ = write!(out, "Will-Retry-Until: {}\r\n", date(lease.expires_at));
    }
    out
}

/// RFC 3464 §2.3.6: another server's words are of type `smtp`; what none said, being ours, is of a type of our own.
fn diagnostic(news: News<'_>) -> Option<String> {
    let trouble = news.trouble()?;
    if let Some(reply) = &trouble.reply {
        return Some(format!("smtp; {}", printable(&reply.to_string())));
    }
    let (code, reason) = match news {
        News::Failed { reason, .. } => (550, reason),
        _ => (450, trouble.reason),
    };
    let (status, codes) = (news.status(), words::codes(reason, trouble.reason));
    Some(format!("X-Pli; {}", printable(format!("{code} {status} {codes} {}", trouble.detail).trim_end())))
}

/// The code of RFC 3463: the other server's own where it gave one, else ours.
pub(crate) fn status(reason: Reason, trouble: &Trouble) -> String {
    let theirs = trouble.reply.as_ref().filter(|reply| reply.is_never()).and_then(Reply::enhanced);
    let ours = match reason {
        Reason::ExpiredInQueue => return "5.4.7".to_owned(),
        Reason::RecipientDomainNotListed => "5.7.1",
        Reason::MessageMalformed => "5.6.0",
        Reason::PatientUnknown | Reason::RecipientUnknown => "5.1.1",
        Reason::PatientAddressSyntax | Reason::PatientAddressKey => "5.1.3",
        Reason::PatientClosed | Reason::RecipientSuspended => "5.2.1",
        Reason::MailboxFull => "5.2.2",
        Reason::MessageTooBig => "5.3.4",
        // A null MX (RFC 7505 §4.2) is the one way in which a server cannot be reached for ever.
        Reason::PeerUnreachable => "5.1.10",
        _ => "5.0.0",
    };
    theirs.unwrap_or(ours).to_owned()
}

/// The code of RFC 3463 of what lasts no longer than its cause: the other server's own where it gave one, else ours.
fn status_of_delay(trouble: &Trouble) -> String {
    let theirs = trouble.reply.as_ref().and_then(Reply::enhanced).filter(|code| code.starts_with('4'));
    let ours = match trouble.reason {
        Reason::PeerUnreachable => "4.4.1",
        Reason::PeerTls => "4.7.5",
        Reason::MailboxFull => "4.2.2",
        Reason::StoreUnavailable => "4.3.0",
        _ => "4.0.0",
    };
    theirs.unwrap_or(ours).to_owned()
}

/// `rfc822` for an address in ASCII, `utf-8` in the 7-bit form of RFC 6533 §3 for others.
fn typed_address(address: &MailAddress) -> String {
    let text = address.reveal();
    if text.is_ascii() {
        return format!("rfc822; {text}");
    }
    let mut out = "utf-8; ".to_owned();
    for c in text.chars() {
        match c {
            '\\' | '+' | '=' => {
                let _ = write!(out, "\\x{{{:02X}}}", u32::from(c));
            }
            c if c.is_ascii_graphic() => out.push(c),
            c => {
                let _ = write!(out, "\\x{{{:02X}}}", u32::from(c));
            }
        }
    }
    out
}

/// What may be shown of the original header.
fn returned_header(header: &[u8]) -> String {
    let mut out = String::new();
    for name in RETURNED {
        if let Some(value) = content::value_of(header, name).filter(|value| is_printable(value)) {
            let _ = write!(out, "{name}: {value}\r\n");
        }
    }
    out
}

/// Undoes xtext (RFC 3461 §4); `None` if it is none, or stands for what cannot be written in a 7-bit field.
fn from_xtext(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'+' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        };
        out.push(char::from(byte));
    }
    is_printable(&out).then_some(out)
}

fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(VALUE_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests;
