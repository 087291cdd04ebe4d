//! The lines that we put on top of a message: `Received` (RFC 5321 §4.4), and for submission what RFC 6409 §8 lets a
//! submission server add. Everything below them is as it came, byte for byte.
//!
//! There is no `Return-Path`: one body serves all recipients, those elsewhere included, and RFC 5321 §4.4 wants that line
//! at the final delivery only. The envelope's sender is kept with the message instead.

use std::fmt::Write as _;
use std::net::IpAddr;

use jiff::Timestamp;
use pli_types::{Domain, MailAddress, Masker, MessageId};

/// What a `Received` line tells.
#[derive(Debug)]
pub(crate) struct Trace<'a> {
    /// The name of EHLO, as given.
    pub(crate) helo: &'a str,
    /// From where.
    pub(crate) remote: IpAddr,
    /// Our own name.
    pub(crate) server_name: &'a str,
    /// Version and suite, under TLS.
    pub(crate) tls: Option<(&'a str, &'a str)>,
    /// Did someone sign in?
    pub(crate) signed_in: bool,
    /// Was SMTPUTF8 asked for?
    pub(crate) smtputf8: bool,
    /// The message.
    pub(crate) id: MessageId,
    /// The recipient, if it is the only one.
    pub(crate) only_recipient: Option<&'a MailAddress>,
    /// When.
    pub(crate) at: Timestamp,
}

impl Trace<'_> {
    /// The line, folded. An identifier of a patient never stands in it: neither in `for` nor in the client's name.
    pub(crate) fn line(&self, masker: &Masker) -> String {
        let mut line = format!(
            "Received: from {} ({})\r\n\tby {} with {} id {}",
            shown_name(self.helo, masker),
            address_literal(self.remote),
            self.server_name,
            self.protocol(),
            self.id
        );
        // Writing to a String cannot fail.
        if let Some((version, cipher)) = self.tls {
            let _ = write!(line, "\r\n\t({version} {cipher})");
        }
        if let Some(recipient) = self.only_recipient.filter(|recipient| may_be_shown(recipient, masker)) {
            let _ = write!(line, "\r\n\tfor <{}>", recipient.reveal());
        }
        let _ = write!(line, ";\r\n\t{}\r\n", date(self.at));
        line
    }

    /// The registered names of RFC 3848 and RFC 6531 §4.3.
    fn protocol(&self) -> &'static str {
        match (self.smtputf8, self.tls.is_some(), self.signed_in) {
            (false, false, false) => "ESMTP",
            (false, false, true) => "ESMTPA",
            (false, true, false) => "ESMTPS",
            (false, true, true) => "ESMTPSA",
            (true, false, false) => "UTF8SMTP",
            (true, false, true) => "UTF8SMTPA",
            (true, true, false) => "UTF8SMTPS",
            (true, true, true) => "UTF8SMTPSA",
        }
    }
}

/// Tells the reader that a helper wrote for the patient whose address it comes from (R-WHO-13). Who he is, is the
/// patient's to tell; the record has it. A message may have any number of `Comments` (RFC 5322 §3.6.5).
pub(crate) const BY_HELPER: &str = "Comments: Message d'un aidant, au nom du titulaire de l'adresse /\r\n\
    \x20Written by a helper, for the holder of the address\r\n";

/// `Date` and `Message-ID` for a submitted message that lacks them (RFC 6409 §8.1 and §8.2); empty if it has both.
pub(crate) fn completion(
    has_date: bool,
    has_message_id: bool,
    at: Timestamp,
    id: MessageId,
    server_name: &str,
) -> String {
    let mut lines = String::new();
    if !has_date {
        let _ = write!(lines, "Date: {}\r\n", date(at));
    }
    if !has_message_id {
        let _ = write!(lines, "Message-ID: <{}>\r\n", own_message_id(id, server_name));
    }
    lines
}

/// The Message-ID of a message that comes without one, without angle brackets.
pub(crate) fn own_message_id(id: MessageId, server_name: &str) -> String {
    format!("{id}@{server_name}")
}

/// RFC 5322 §3.3, in UTC.
pub(crate) fn date(at: Timestamp) -> String {
    let zoned = at.to_zoned(jiff::tz::TimeZone::UTC);
    // Fails for years beyond 9999 only.
    jiff::fmt::rfc2822::to_string(&zoned).unwrap_or_else(|_| at.to_string())
}

/// A client may call itself anything; only a name or an address literal is repeated.
fn shown_name(helo: &str, masker: &Masker) -> String {
    let is_literal = helo.len() <= 64
        && helo.starts_with('[')
        && helo.ends_with(']')
        && helo.bytes().all(|b| b.is_ascii_alphanumeric() || b"[]:.".contains(&b));
    if is_literal {
        return helo.to_owned();
    }
    Domain::parse(helo).map_or_else(|_| "unknown".to_owned(), |name| masker.scrub(name.as_str()))
}

fn address_literal(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => format!("[{v4}]"),
        IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
    }
}

/// Nothing that the masker would mask, and nothing that needs SMTPUTF8 further on.
fn may_be_shown(address: &MailAddress, masker: &Masker) -> bool {
    !address.needs_smtputf8() && !address.domain().is_patient_domain() && masker.address(address) == address.reveal()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace<'a>(helo: &'a str, recipient: Option<&'a MailAddress>) -> Trace<'a> {
        Trace {
            helo,
            remote: "192.0.2.7".parse().unwrap(),
            server_name: "mss.pro.test",
            tls: Some(("TLSv1.3", "TLS13_AES_256_GCM_SHA384")),
            signed_in: false,
            smtputf8: false,
            id: MessageId::from_bytes([7; 16]),
            only_recipient: recipient,
            at: "2026-03-03T10:00:00Z".parse().unwrap(),
        }
    }

    fn masker() -> Masker {
        Masker::new(&[1; 32])
    }

    #[test]
    fn the_line_tells_from_by_with_id_for_and_when() {
        let recipient = MailAddress::parse("officine@pharmacie.mssante.fr").unwrap();
        let line = trace("mx.peer.test", Some(&recipient)).line(&masker());
        assert_eq!(
            line,
            "Received: from mx.peer.test ([192.0.2.7])\r\n\
             \tby mss.pro.test with ESMTPS id 07070707070707070707070707070707\r\n\
             \t(TLSv1.3 TLS13_AES_256_GCM_SHA384)\r\n\
             \tfor <officine@pharmacie.mssante.fr>;\r\n\
             \tTue, 3 Mar 2026 10:00:00 +0000\r\n"
        );
        assert_eq!(super::super::content::read(line.as_bytes(), "mss.pro.test").own_traces, 1, "we know our own hand");
    }

    #[test]
    fn a_patient_is_never_named() {
        for patient in ["279035121518989@patient.mssante.fr", "279035121518989@pharmacie.mssante.fr"] {
            let recipient = MailAddress::parse(patient).unwrap();
            let line = trace("279035121518989.test", Some(&recipient)).line(&masker());
            assert!(!line.contains("279035121518989"), "{line}");
            assert!(!line.contains(" for "), "{line}");
        }
    }

    #[test]
    fn a_name_that_is_none_is_not_repeated() {
        for helo in ["", "a b", "x\r\nBcc: y", "(c)", &"x".repeat(300)] {
            assert!(trace(helo, None).line(&masker()).starts_with("Received: from unknown ([192.0.2.7])"), "{helo:?}");
        }
        assert!(trace("[IPv6:2001:db8::1]", None).line(&masker()).contains("from [IPv6:2001:db8::1] ("));
    }

    #[test]
    fn only_what_is_missing_is_added() {
        let at = "2026-03-03T10:00:00Z".parse().unwrap();
        let id = MessageId::from_bytes([7; 16]);
        assert_eq!(completion(true, true, at, id, "mss.pro.test"), "");
        assert_eq!(
            completion(false, false, at, id, "mss.pro.test"),
            "Date: Tue, 3 Mar 2026 10:00:00 +0000\r\nMessage-ID: <07070707070707070707070707070707@mss.pro.test>\r\n"
        );
    }
}
