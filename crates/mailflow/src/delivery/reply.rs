//! [`Reply`] of another server, and what it offers ([`Offers`]).

use std::fmt;

use pli_policy::Reason;

/// A reply (RFC 5321 §4.2), its lines joined by spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// 200 to 599.
    pub(crate) code: u16,
    /// Its words. Text from outside: scrub it before it is shown.
    pub(crate) text: String,
}

impl Reply {
    /// `2yz`: done.
    pub(crate) fn is_done(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// `5yz`: never.
    pub(crate) fn is_never(&self) -> bool {
        (500..600).contains(&self.code)
    }

    /// `421`: the server closes the connection (RFC 5321 §4.2.3), whatever was asked.
    pub(crate) fn closes(&self) -> bool {
        self.code == 421
    }

    /// The reason that another relay of this kind names in brackets, behind the enhanced status code if there is one.
    pub(crate) fn named_reason(&self) -> Option<Reason> {
        let words = self.enhanced().map_or(Some(self.text.as_str()), |code| self.text.strip_prefix(code))?;
        Reason::from_code(words.trim_start().strip_prefix('[')?.split_once(']')?.0)
    }

    /// The reason of a refusal, of EHLO or MAIL, that speaks of us as a server and not of the message. Whatever its
    /// code says, it does not last: one of the two sides mends it.
    pub(crate) fn refuses_us(&self) -> Option<Reason> {
        let is_refusal = (400..600).contains(&self.code);
        self.named_reason().filter(|reason| is_refusal && reason.is_about_the_server())
    }

    /// The enhanced status code (RFC 3463), if there is one and its class fits the reply's (RFC 2034 §4).
    pub(crate) fn enhanced(&self) -> Option<&str> {
        let word = self.text.split(' ').next()?;
        let mut parts = word.split('.');
        let class = parts.next()?;
        let numbers = [parts.next()?, parts.next()?];
        let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let fits = class.parse() == Ok(self.code / 100) && numbers.into_iter().all(is_number);
        (fits && parts.next().is_none()).then_some(word)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

/// What a server offers in its reply to EHLO, as far as we make use of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one extension, offered or not")]
pub(crate) struct Offers {
    /// RFC 3207.
    pub(crate) starttls: bool,
    /// RFC 1870.
    pub(crate) size: bool,
    /// RFC 6152.
    pub(crate) eight_bit_mime: bool,
    /// RFC 6531.
    pub(crate) smtputf8: bool,
    /// RFC 3461.
    pub(crate) dsn: bool,
}

impl Offers {
    /// Reads the keywords, one a line; the first line is the server's greeting.
    pub(crate) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut offers = Self::default();
        for line in lines.skip(1) {
            let keyword = line.split_ascii_whitespace().next().unwrap_or_default();
            match keyword.to_ascii_uppercase().as_str() {
                "STARTTLS" => offers.starttls = true,
                "SIZE" => offers.size = true,
                "8BITMIME" => offers.eight_bit_mime = true,
                "SMTPUTF8" => offers.smtputf8 = true,
                "DSN" => offers.dsn = true,
                _ => {}
            }
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enhanced_code_counts_only_where_its_class_fits() {
        let enhanced = |code, text: &str| Reply { code, text: text.to_owned() }.enhanced().map(str::to_owned);
        assert_eq!(enhanced(550, "5.1.1 unknown").as_deref(), Some("5.1.1"));
        assert_eq!(enhanced(450, "4.7.1"), Some("4.7.1".to_owned()));
        for (code, text) in
            [(550, "4.1.1 x"), (550, "5.1 x"), (550, "5.1.1.1 x"), (550, "5.1.x"), (550, ""), (550, "no")]
        {
            assert_eq!(enhanced(code, text), None, "{code} {text}");
        }
    }

    #[test]
    fn a_named_reason_stands_first_or_behind_the_enhanced_code() {
        let reply = |code, text: &str| Reply { code, text: text.to_owned() };
        for text in ["5.7.1 [certificate-expired] no", "[certificate-expired] no", "[certificate-expired]"] {
            assert_eq!(reply(550, text).refuses_us(), Some(Reason::CertificateExpired), "{text}");
        }
        for text in ["5.7.1 no [certificate-expired]", "4.7.1 [certificate-expired]", "5.7.1 [certificate-expired", ""]
        {
            assert_eq!(reply(550, text).named_reason(), None, "{text}");
        }
        assert_eq!(reply(550, "5.7.1 [sender-domain-not-listed] no").refuses_us(), None, "another sender may write");
        assert_eq!(reply(250, "2.0.0 [certificate-expired]").refuses_us(), None);
    }

    #[test]
    fn offers_are_read_in_any_case_and_not_from_the_greeting() {
        let lines = ["STARTTLS.example greets you", "size 26214400", "8bitMIME", "X-OTHER STARTTLS", ""];
        let offers = Offers::read(lines.into_iter());
        assert_eq!(offers, Offers { size: true, eight_bit_mime: true, ..Offers::default() });
    }
}
