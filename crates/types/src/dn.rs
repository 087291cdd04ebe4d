//! [`DistinguishedName`]: a certificate's subject as parsed values, compared as such (spec §3.3).

use std::fmt;
use std::hash::{Hash, Hasher};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Why a text is not a distinguished name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DnError {
    /// No attribute at all.
    #[error("an empty name")]
    Empty,
    /// An attribute without `=`, or with an empty type.
    #[error("an attribute needs a type, an = and a value")]
    Attribute,
    /// A backslash that escapes nothing (RFC 4514 §2.4).
    #[error("a backslash that escapes nothing")]
    Escape,
}

/// A certificate name. Two are equal if they have the same attributes with the same values, whatever the
/// order of the RDNs (RFC 4514 prints them last to first), the case, the accents' encoding or presence,
/// the kind of apostrophe and the number of spaces (spec scenario 12). Never compared as raw text.
#[derive(Clone)]
pub struct DistinguishedName {
    /// Type and value in the order given, for showing.
    shown: Vec<(String, String)>,
    /// Folded and sorted, for comparing.
    folded: Vec<(String, String)>,
}

impl DistinguishedName {
    /// Takes attributes that were parsed from a certificate: type as a short name (`CN`) or a dotted OID, and value.
    pub fn from_attributes<I>(attributes: I) -> Result<Self, DnError>
    where
        I: IntoIterator<Item = (String, String)>,
    {
        let shown: Vec<(String, String)> =
            attributes.into_iter().map(|(kind, value)| (short_name(&kind), value)).collect();
        if shown.is_empty() {
            return Err(DnError::Empty);
        }
        let mut folded: Vec<(String, String)> = shown.iter().map(|(kind, value)| (kind.clone(), fold(value))).collect();
        folded.sort();
        Ok(Self { shown, folded })
    }

    /// Parses the text form of RFC 4514 (`CN=…,OU=…,C=FR`), as the trust list writes it.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        let mut attributes = Vec::new();
        for part in split_unescaped(text) {
            let (kind, value) = part.split_once('=').ok_or(DnError::Attribute)?;
            let kind = kind.trim();
            if kind.is_empty() {
                return Err(DnError::Attribute);
            }
            attributes.push((kind.to_owned(), unescape(value.trim())?));
        }
        Self::from_attributes(attributes)
    }

    /// The first value of an attribute, by its short name (`CN`, `OU`).
    #[must_use]
    pub fn value(&self, kind: &str) -> Option<&str> {
        self.shown.iter().find(|(k, _)| k == kind).map(|(_, value)| value.as_str())
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for DistinguishedName {}

impl Hash for DistinguishedName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl fmt::Display for DistinguishedName {
    /// RFC 4514, in the order given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, value)) in self.shown.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{kind}=")?;
            for c in value.chars() {
                if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
                    f.write_str("\\")?;
                }
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

/// Dotted OIDs and long names to the short names of RFC 4514 §3; anything else in upper case.
fn short_name(kind: &str) -> String {
    let known = match kind.to_ascii_uppercase().as_str() {
        "2.5.4.3" | "COMMONNAME" => "CN",
        "2.5.4.5" => "SERIALNUMBER",
        "2.5.4.6" | "COUNTRYNAME" => "C",
        "2.5.4.7" | "LOCALITYNAME" => "L",
        "2.5.4.8" | "S" | "STATEORPROVINCENAME" => "ST",
        "2.5.4.10" | "ORGANIZATIONNAME" => "O",
        "2.5.4.11" | "ORGANIZATIONALUNITNAME" => "OU",
        "0.9.2342.19200300.100.1.25" | "DOMAINCOMPONENT" => "DC",
        "0.9.2342.19200300.100.1.1" | "USERID" => "UID",
        "1.2.840.113549.1.9.1" | "E" => "EMAILADDRESS",
        other => return other.to_owned(),
    };
    known.to_owned()
}

/// Compatibility decomposition, marks dropped, lower case, one kind of apostrophe, single spaces.
fn fold(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            '\u{2018}' | '\u{2019}' | '\u{02bc}' | '\u{00b4}' | '`' => out.push('\''),
            c if c.is_whitespace() => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.push(c),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Cuts at `,`, `;` and `+` that are neither escaped nor quoted (RFC 4514, with RFC 1779's quotes).
fn split_unescaped(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped, mut quoted) = (0, false, false);
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' | ';' | '+' if !quoted => {
                parts.extend(text.get(start..index));
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..).filter(|rest| !rest.trim().is_empty()));
    parts
}

/// `\,` to `,`, `\c3\a9` to the bytes it stands for, quotes taken off.
fn unescape(value: &str) -> Result<String, DnError> {
    let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let first = bytes.next().ok_or(DnError::Escape)?;
        match char::from(first).to_digit(16) {
            Some(high) => {
                let low = bytes.next().and_then(|b| char::from(b).to_digit(16)).ok_or(DnError::Escape)?;
                out.push(u8::try_from(high * 16 + low).map_err(|_| DnError::Escape)?);
            }
            None => out.push(first),
        }
    }
    String::from_utf8(out).map_err(|_| DnError::Escape)
}
