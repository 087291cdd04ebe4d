//! Mail addresses: [`Domain`], [`LocalPart`], [`MailAddress`] and [`ReversePath`] (RFC 5321 §4.1.2, RFC 6531).

use std::fmt;

use crate::identity::Ins;

/// Why a text is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@` outside of a quoted local part.
    #[error("an address needs a local part, an @ and a domain")]
    NoDomain,
    /// The local part is neither a dot-string nor a quoted string (RFC 5321 §4.1.2).
    #[error("the part before the @ is not a valid local part")]
    LocalPart,
    /// The domain is not a host name, in ASCII or as an internationalised name.
    #[error("the domain is not a valid host name")]
    Domain,
    /// Longer than RFC 5321 §4.5.3.1 allows: 64 octets for the local part, 255 for the domain.
    #[error("the address is longer than RFC 5321 allows")]
    TooLong,
}

/// A domain name, held as lower-case A-labels (RFC 5890), so that two spellings of one name are equal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Box<str>);

impl Domain {
    /// Parses a host name in any case, in ASCII or Unicode. Address literals (`[192.0.2.1]`) are refused:
    /// the trust list only knows names.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(AddressError::Domain);
        }
        let ascii = idna::domain_to_ascii_strict(text).map_err(|_| AddressError::Domain)?;
        if ascii.len() > 255 {
            return Err(AddressError::TooLong);
        }
        let label_ok = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !ascii.split('.').all(label_ok) {
            return Err(AddressError::Domain);
        }
        Ok(Self(ascii.to_ascii_lowercase().into()))
    }

    /// The name as A-labels in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is this the domain of the patients' addresses (spec §2)?
    #[must_use]
    pub fn is_patient_domain(&self) -> bool {
        &*self.0 == crate::PATIENT_DOMAIN
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({})", self.0)
    }
}

/// The part of an address before the `@`, with its quotes and escapes taken off.
///
/// May be a patient's identifier, so it cannot be displayed: see [`MailAddress::reveal`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPart(Box<str>);

/// RFC 5322 §3.2.3 `atext`, with the non-ASCII characters of RFC 6531 §3.3.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii()
}

impl LocalPart {
    /// Parses a dot-string or a quoted string as it stands on the wire.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let content = match text.strip_prefix('"') {
            Some(rest) => unquote(rest.strip_suffix('"').ok_or(AddressError::LocalPart)?)?,
            None if is_dot_string(text) => text.to_owned(),
            None => return Err(AddressError::LocalPart),
        };
        if content.len() > 64 {
            return Err(AddressError::TooLong);
        }
        Ok(Self(content.into()))
    }

    /// The content, without quotes. Health identifier: for comparing, not for printing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// As it is written on the wire: quoted where RFC 5321 asks for it.
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

fn is_dot_string(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// Takes the escapes off the inside of a quoted string; printable characters only (RFC 5321 `qtextSMTP`).
fn unquote(inside: &str) -> Result<String, AddressError> {
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => chars.next().ok_or(AddressError::LocalPart)?,
            '"' => return Err(AddressError::LocalPart),
            other => other,
        };
        if c.is_control() {
            return Err(AddressError::LocalPart);
        }
        out.push(c);
    }
    Ok(out)
}

/// A mail address. Two spellings that reach the same mailbox here are equal: the domain is compared as
/// A-labels; the local part is compared by [`MailAddress::key`], not by `==`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MailAddress {
    local: LocalPart,
    domain: Domain,
}

impl MailAddress {
    /// Parses `local@domain` as it stands between the angle brackets of a path.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let at = text.rfind('@').ok_or(AddressError::NoDomain)?;
        let (local, domain) = text.split_at(at);
        let domain = domain.strip_prefix('@').ok_or(AddressError::NoDomain)?;
        Ok(Self { local: LocalPart::parse(local)?, domain: Domain::parse(domain)? })
    }

    /// Joins two parts already parsed.
    #[must_use]
    pub fn new(local: LocalPart, domain: Domain) -> Self {
        Self { local, domain }
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

    /// The spelling under which a mailbox is found: lower case, except that a patient's identifier takes
    /// its canonical upper case (spec §2.1: `2a` and `2A` are one mailbox). May be a health identifier.
    #[must_use]
    pub fn key(&self) -> String {
        match self.ins() {
            Some(ins) => format!("{}@{}", ins.reveal(), self.domain),
            None => format!("{}@{}", self.local.to_wire().to_lowercase(), self.domain),
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
