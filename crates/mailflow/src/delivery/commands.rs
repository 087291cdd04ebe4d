//! The lines of `MAIL` and `RCPT`, with the parameters that the server offers and no others.

use std::fmt::Write as _;

use pli_types::{BodyType, DsnNotify, DsnReturn, EnvelopeParameters, Recipient, ReversePath};

use super::canonical::CanonicalMessage;
use super::reply::Offers;

/// Why a server cannot be given a message that it offers no extension for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unoffered {
    /// RFC 6152 §3: the message must be sent back, or be converted; a message is never changed here.
    #[error("the message holds 8-bit text, and the server does not offer 8BITMIME")]
    EightBitMime,
    /// RFC 6531 §3.2.
    #[error("the message has an address or a header in UTF-8, and the server does not offer SMTPUTF8")]
    SmtpUtf8,
}

impl Unoffered {
    /// RFC 3463 §3.7 and RFC 6531 §3.5.
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::EightBitMime => "5.6.3",
            Self::SmtpUtf8 => "5.6.7",
        }
    }
}

/// What is to be sent to one server: a message and those of its recipients whose mail goes there.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    /// The reverse path.
    pub(crate) sender: &'a ReversePath,
    /// What the original `MAIL` said besides.
    pub(crate) parameters: &'a EnvelopeParameters,
    /// To whom.
    pub(crate) recipients: Vec<&'a Recipient>,
    /// The content.
    pub(crate) message: &'a CanonicalMessage,
}

impl Outgoing<'_> {
    /// `MAIL FROM:<…> SIZE=… BODY=… SMTPUTF8 RET=… ENVID=…`
    pub(crate) fn mail(&self, offers: Offers) -> Result<String, Unoffered> {
        let mut line = format!("MAIL FROM:<{}>", self.sender.reveal());
        if offers.size {
            // Writing to a String cannot fail.
            let _ = write!(line, " SIZE={}", self.message.bytes().len());
        }
        if self.message.is_eight_bit() && !offers.eight_bit_mime {
            return Err(Unoffered::EightBitMime);
        }
        if offers.eight_bit_mime && (self.message.is_eight_bit() || self.parameters.body == BodyType::EightBitMime) {
            line.push_str(" BODY=8BITMIME");
        }
        if self.needs_smtputf8() {
            if !offers.smtputf8 {
                return Err(Unoffered::SmtpUtf8);
            }
            line.push_str(" SMTPUTF8");
        }
        if offers.dsn {
            line.push_str(&self.dsn_parameters());
        }
        Ok(line)
    }

    /// The parameter of the first hop is not passed on where nothing asks for it: an ASCII message can go to a server
    /// that does not know the extension.
    fn needs_smtputf8(&self) -> bool {
        self.sender.address().is_some_and(pli_types::MailAddress::needs_smtputf8)
            || self.recipients.iter().any(|recipient| recipient.address.needs_smtputf8())
            || (self.parameters.smtputf8 && self.message.has_eight_bit_header())
    }

    fn dsn_parameters(&self) -> String {
        let mut text = String::new();
        match self.parameters.ret {
            Some(DsnReturn::Full) => text.push_str(" RET=FULL"),
            Some(DsnReturn::Headers) => text.push_str(" RET=HDRS"),
            None => {}
        }
        if let Some(envid) = self.parameters.envid.as_deref().filter(|text| is_parameter(text)) {
            let _ = write!(text, " ENVID={envid}");
        }
        text
    }
}

/// `RCPT TO:<…> NOTIFY=… ORCPT=…`
pub(crate) fn rcpt(recipient: &Recipient, offers: Offers) -> String {
    let mut line = format!("RCPT TO:<{}>", recipient.address.reveal());
    if offers.dsn {
        if recipient.notify != DsnNotify::default() {
            let _ = write!(line, " NOTIFY={}", notify(recipient.notify));
        }
        if let Some(orcpt) = recipient.orcpt.as_deref().filter(|text| is_parameter(text)) {
            let _ = write!(line, " ORCPT={orcpt}");
        }
    }
    line
}

/// RFC 3461 §4.1.
fn notify(notify: DsnNotify) -> String {
    let wanted = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
    let words: Vec<_> = wanted.into_iter().filter_map(|(wanted, word)| wanted.then_some(word)).collect();
    if words.is_empty() { "NEVER".to_owned() } else { words.join(",") }
}

/// Still in xtext (RFC 3461 §4): printable, no space. Anything else never came in as a parameter.
fn is_parameter(text: &str) -> bool {
    !text.is_empty() && text.len() <= 600 && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use pli_types::MailAddress;

    use super::*;

    const ALL: Offers = Offers { starttls: false, size: true, eight_bit_mime: true, smtputf8: true, dsn: true };

    fn mail(sender: &str, content: &'static str, smtputf8: bool, offers: Offers) -> Result<String, Unoffered> {
        let sender = match sender {
            "" => ReversePath::Null,
            address => ReversePath::Address(MailAddress::parse(address).unwrap()),
        };
        let parameters = EnvelopeParameters {
            smtputf8,
            ret: Some(DsnReturn::Headers),
            envid: Some("a+2Bb".to_owned()),
            ..EnvelopeParameters::default()
        };
        let message = CanonicalMessage::check(Bytes::from_static(content.as_bytes())).unwrap();
        Outgoing { sender: &sender, parameters: &parameters, recipients: Vec::new(), message: &message }.mail(offers)
    }

    #[test]
    fn only_what_is_offered_is_used() {
        let plain = "A: b\r\n\r\nc\r\n";
        assert_eq!(mail("a@x.fr", plain, false, Offers::default()).unwrap(), "MAIL FROM:<a@x.fr>");
        assert_eq!(mail("", plain, true, Offers::default()).unwrap(), "MAIL FROM:<>", "nothing in it needs UTF-8");
        assert_eq!(mail("a@x.fr", plain, true, ALL).unwrap(), "MAIL FROM:<a@x.fr> SIZE=11 RET=HDRS ENVID=a+2Bb");
        assert_eq!(
            mail("\u{e9}@x.fr", "A: \u{e9}\r\n", true, ALL).unwrap(),
            "MAIL FROM:<\u{e9}@x.fr> SIZE=7 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb"
        );
    }

    #[test]
    fn a_message_is_not_converted_for_a_server_that_offers_less() {
        let without = |change: fn(&mut Offers)| {
            let mut offers = ALL;
            change(&mut offers);
            offers
        };
        let eight_bit = "A: b\r\n\r\n\u{e9}\r\n";
        let no_mime = without(|offers| offers.eight_bit_mime = false);
        assert_eq!(mail("a@x.fr", eight_bit, false, no_mime), Err(Unoffered::EightBitMime));
        let no_utf8 = without(|offers| offers.smtputf8 = false);
        assert_eq!(mail("\u{e9}@x.fr", "A: b\r\n", true, no_utf8), Err(Unoffered::SmtpUtf8));
        assert_eq!(mail("a@x.fr", "A: \u{e9}\r\n", true, no_utf8), Err(Unoffered::SmtpUtf8));
        assert!(mail("a@x.fr", eight_bit, true, no_utf8).is_ok(), "a body in UTF-8 needs 8BITMIME only");
    }

    #[test]
    fn notify_is_passed_on_where_it_says_something() {
        let line = |success, failure, delay, offers| {
            let address = MailAddress::parse("\"a b\"@x.fr").unwrap();
            let notify = DsnNotify { success, failure, delay };
            rcpt(&Recipient { address, notify, orcpt: Some("rfc822;a@x.fr".to_owned()) }, offers)
        };
        assert_eq!(line(false, true, true, ALL), "RCPT TO:<\"a b\"@x.fr> ORCPT=rfc822;a@x.fr");
        assert_eq!(line(false, false, false, ALL), "RCPT TO:<\"a b\"@x.fr> NOTIFY=NEVER ORCPT=rfc822;a@x.fr");
        assert_eq!(line(true, true, false, ALL), "RCPT TO:<\"a b\"@x.fr> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@x.fr");
        assert_eq!(line(true, true, true, Offers::default()), "RCPT TO:<\"a b\"@x.fr>");
    }
}
