//! Mail addresses: [`LocalPart`], [`MailAddress`] and [`ReversePath`] (RFC 5321 §4.1.2, RFC 6531 §3.3).

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::domain::Domain;
use crate::ins::Ins;

/// RFC 5321 §4.5.3.1.1: octets of a local part, as it stands on the wire.
const LOCAL_OCTETS_MAX: usize = 64;

/// Why a text is not an address. None of these repeats the text: it may be somebody's health identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@` outside of a quoted local part.
    #[error("an address needs a local part, an @ and a domain")]
    NoDomain,
    /// The local part is neither a dot-string nor a quoted string (RFC 5321 §4.1.2), or it is quoted where a
    /// patient's identifier stands (spec §2.1).
    #[error("the part before the @ is not a valid local part")]
    LocalPart,
    /// The domain is not a host name, in ASCII or as an internationalised name.
    #[error("the domain is not a valid host name")]
    Domain,
    /// Longer than RFC 5321 §4.5.3.1 allows: 64 octets for the local part, 255 for the domain.
    #[error("the address is longer than RFC 5321 allows")]
    TooLong,
}

/// A mail address.
///
/// `==` compares the local part to the letter, as RFC 5321 §2.4 asks of whoever does not own the domain. Two
/// addresses that reach one mailbox here have the same [`MailAddress::key`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MailAddress {
    local: LocalPart,
    domain: Domain,
}

impl MailAddress {
    /// Parses `local@domain` as it stands between the angle brackets of a path. At the patients' domain a quoted
    /// local part is refused: an identifier has one spelling (spec §2.1).
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoDomain)?;
        let address = Self { domain: Domain::parse(domain)?, local: LocalPart::parse(local)? };
        if address.domain.is_patient_domain() && local.starts_with('"') {
            return Err(AddressError::LocalPart);
        }
        Ok(address)
    }

    /// Joins two parts already parsed.
    #[must_use]
    pub fn new(local: LocalPart, domain: Domain) -> Self {
        Self { local, domain }
    }

    /// The address of a patient's space: his INS at the patients' domain (spec §2).
    #[must_use]
    pub fn of_patient(patient: &Ins) -> Self {
        Self { local: LocalPart(patient.reveal().into()), domain: Domain::of_patients() }
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local(&self) -> &LocalPart {
        &self.local
    }

    /// The part after the `@`.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The address as written on the wire. It may be a health identifier: for protocols and stores, never
    /// for logs, metrics or messages to third parties. Those take [`crate::Masker::address`].
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{}@{}", self.local.to_wire(), self.domain)
    }

    /// Is it a domain's postmaster, in any case (RFC 5321 §4.5.1)?
    #[must_use]
    pub fn is_postmaster(&self) -> bool {
        self.local.reveal().eq_ignore_ascii_case("postmaster")
    }

    /// The spelling under which a mailbox is found: composed (NFC) and in lower case, except that a patient's
    /// identifier takes its canonical upper case (spec §2.1: `2a` and `2A` are one mailbox). May be a health identifier.
    #[must_use]
    pub fn key(&self) -> String {
        match self.ins() {
            Some(ins) => format!("{}@{}", ins.reveal(), self.domain),
            None => format!("{}@{}", self.local.to_wire().to_lowercase().nfc(), self.domain),
        }
    }

    /// The INS that this address is made from, if it is at the patients' domain and well-formed.
    #[must_use]
    pub fn ins(&self) -> Option<Ins> {
        if !self.domain.is_patient_domain() {
            return None;
        }
        Ins::parse(self.local.reveal()).ok()
    }

    /// Does the local part need SMTPUTF8 (RFC 6531)?
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.0.is_ascii()
    }
}

impl fmt::Debug for MailAddress {
    /// Redacted: the domain and the length of the local part.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailAddress(<{} characters>@{})", self.local.0.chars().count(), self.domain)
    }
}

/// The part of an address before the `@`, with its quotes and escapes taken off.
///
/// May be a patient's identifier, so it cannot be displayed: see [`MailAddress::reveal`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPart(Box<str>);

impl LocalPart {
    /// Parses a dot-string or a quoted string as it stands on the wire.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > LOCAL_OCTETS_MAX {
            return Err(AddressError::TooLong);
        }
        let content = match text.strip_prefix('"') {
            Some(rest) => unquote(rest.strip_suffix('"').ok_or(AddressError::LocalPart)?)?,
            None if is_dot_string(text) => text.to_owned(),
            None => return Err(AddressError::LocalPart),
        };
        Ok(Self(content.into()))
    }

    /// The content, without quotes. May be a health identifier: for comparing, not for printing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// As it is written on the wire: quoted only where RFC 5321 §4.1.2 asks for it, so never longer than it came.
    fn to_wire(&self) -> String {
        if is_dot_string(&self.0) {
            return self.0.to_string();
        }
        let mut out = String::with_capacity(self.0.len() + 2);
        out.push('"');
        for c in self.0.chars() {
            if c == '"' || c == '\\' {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
        out
    }
}

impl fmt::Debug for LocalPart {
    /// Redacted: its length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalPart(<{} characters>)", self.0.chars().count())
    }
}

fn is_dot_string(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// RFC 5322 §3.2.3 `atext`, with the non-ASCII characters of RFC 6531 §3.3. Controls above ASCII are left out: no
/// name needs them, and they have no business in a log.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_printable_utf8(c)
}

fn is_printable_utf8(c: char) -> bool {
    !c.is_ascii() && !c.is_control()
}

/// Takes the escapes off the inside of a quoted string: `qtextSMTP`, or a backslash and a printable ASCII character.
fn unquote(inside: &str) -> Result<String, AddressError> {
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped @ ' '..='~') => out.push(escaped),
                _ => return Err(AddressError::LocalPart),
            },
            '"' => return Err(AddressError::LocalPart),
            ' '..='~' => out.push(c),
            _ if is_printable_utf8(c) => out.push(c),
            _ => return Err(AddressError::LocalPart),
        }
    }
    Ok(out)
}

/// The path of `MAIL FROM`: nobody (reports, RFC 5321 §4.5.5) or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: a report that must not be answered with a report.
    Null,
    /// An address that a report can be sent to.
    Address(MailAddress),
}

impl ReversePath {
    /// The address, if there is one.
    #[must_use]
    pub fn address(&self) -> Option<&MailAddress> {
        match self {
            Self::Null => None,
            Self::Address(address) => Some(address),
        }
    }

    /// As written between `<` and `>`. May be a health identifier.
    #[must_use]
    pub fn reveal(&self) -> String {
        self.address().map(MailAddress::reveal).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn address(text: &str) -> MailAddress {
        MailAddress::parse(text).unwrap()
    }

    #[test]
    fn good_addresses_are_printed_in_their_shortest_form() {
        for (text, printed) in [
            ("a@b.fr", "a@b.fr"),
            ("First.Last@B.fr", "First.Last@b.fr"),
            ("o'neil+tag/x=1@b.fr", "o'neil+tag/x=1@b.fr"),
            ("\"a b\"@b.fr", "\"a b\"@b.fr"),
            ("\"a@b\"@b.fr", "\"a@b\"@b.fr"),
            ("\"ab\"@b.fr", "ab@b.fr"),
            ("\"a\\b\"@b.fr", "ab@b.fr"),
            ("\"a\\\"b\\\\c\"@b.fr", "\"a\\\"b\\\\c\"@b.fr"),
            ("\"\"@b.fr", "\"\"@b.fr"),
            ("\".a.\"@b.fr", "\".a.\"@b.fr"),
            ("hélène@hôpital.mssante.fr", "hélène@xn--hpital-ixa.mssante.fr"),
        ] {
            assert_eq!(address(text).reveal(), printed);
        }
    }

    #[test]
    fn bad_addresses_are_refused_with_what_is_wrong() {
        use AddressError::{Domain, LocalPart, NoDomain};
        for (text, error) in [
            ("", NoDomain),
            ("a", NoDomain),
            ("@b.fr", LocalPart),
            ("a@", Domain),
            ("a@b@c.fr", LocalPart),
            (".a@b.fr", LocalPart),
            ("a.@b.fr", LocalPart),
            ("a..b@b.fr", LocalPart),
            ("a b@b.fr", LocalPart),
            ("a,b@b.fr", LocalPart),
            ("<a@b.fr", LocalPart),
            ("a@b.fr>", Domain),
            ("\"@b.fr", LocalPart),
            ("\"a@b.fr", LocalPart),
            ("\"a\\\"@b.fr", LocalPart),
            ("\"a\"b\"@b.fr", LocalPart),
            ("\"a\tb\"@b.fr", LocalPart),
            ("\"a\\é\"@b.fr", LocalPart),
            ("a\r\nRCPT@b.fr", LocalPart),
            ("a\u{85}@b.fr", LocalPart),
            ("a\0@b.fr", LocalPart),
            ("a@[192.0.2.1]", Domain),
        ] {
            assert_eq!(MailAddress::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn lengths_are_counted_in_octets_on_the_wire() {
        assert!(MailAddress::parse(&format!("{}@b.fr", "a".repeat(64))).is_ok());
        assert!(MailAddress::parse(&format!("{}@b.fr", "é".repeat(32))).is_ok());
        for local in ["a".repeat(65), "é".repeat(33), format!("\"{}\"", "a".repeat(63))] {
            assert_eq!(MailAddress::parse(&format!("{local}@b.fr")), Err(AddressError::TooLong));
        }
        assert_eq!(MailAddress::parse(&format!("a@{}fr", "b.".repeat(127))), Err(AddressError::TooLong));
    }

    #[test]
    fn a_mailbox_is_found_in_any_case_and_composition() {
        let key = |text| address(text).key();
        assert_eq!(key("Jean.Dupont@CH-Exemple.mssante.fr"), key("jean.dupont@ch-exemple.mssante.fr"));
        assert_eq!(key("h\u{e9}l\u{e8}ne@b.fr"), key("HE\u{301}LE\u{300}NE@b.fr"));
        assert_eq!(key("297022a02077878@patient.mssante.fr"), key("297022A02077878@PATIENT.mssante.fr"));
        assert_eq!(key("297022a02077878@patient.mssante.fr"), "297022A02077878@patient.mssante.fr");
        assert_eq!(key("Postmaster@patient.mssante.fr"), "postmaster@patient.mssante.fr");
    }

    #[test]
    fn only_the_patients_domain_makes_an_ins() {
        let ins = address("279035121518989@patient.mssante.fr").ins().unwrap();
        assert_eq!(MailAddress::of_patient(&ins), address("279035121518989@patient.mssante.fr"));
        assert!(address("279035121518989@b.mssante.fr").ins().is_none());
        for bad in ["27903512151898", "279035121518988", "279035121518989+tag", "279.035121518989"] {
            assert!(address(&format!("{bad}@patient.mssante.fr")).ins().is_none(), "{bad}");
        }
    }

    #[test]
    fn a_quoted_identifier_is_refused() {
        let quoted = "\"279035121518989\"@patient.mssante.fr";
        assert_eq!(MailAddress::parse(quoted), Err(AddressError::LocalPart));
    }

    #[test]
    fn debug_never_shows_an_ins() {
        let address = address("279035121518989@patient.mssante.fr");
        let path = ReversePath::Address(address.clone());
        assert_eq!(format!("{address:?}"), "MailAddress(<15 characters>@patient.mssante.fr)");
        assert!(!format!("{path:?} {path:#?} {:?}", address.local()).contains("279035121518989"));
    }

    #[test]
    fn the_null_path_is_nothing_between_the_brackets() {
        assert_eq!((ReversePath::Null.reveal(), ReversePath::Null.address()), (String::new(), None));
    }

    proptest! {
        #[test]
        fn an_address_survives_printing(text in r#"([a-zé0-9.+\\" @]{0,12}|"[a-zé0-9.+\\" @]{0,12}")@[a-z]{1,5}\.fr"#) {
            if let Ok(address) = MailAddress::parse(&text) {
                let printed = address.reveal();
                prop_assert_eq!(MailAddress::parse(&printed), Ok(address.clone()));
                prop_assert_eq!(MailAddress::parse(&printed).unwrap().key(), address.key());
                // A key is itself an address, and its own key: stores may keep it as text.
                prop_assert_eq!(MailAddress::parse(&address.key()).unwrap().key(), address.key());
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in any::<String>()) {
            drop(MailAddress::parse(&text));
        }
    }
}
