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
    /// An attribute without `=`, or whose type is neither a name nor an OID.
    #[error("an attribute needs a type, an = and a value")]
    Attribute,
    /// A backslash that escapes nothing (RFC 4514 §2.4), or quotes that do not close.
    #[error("a backslash that escapes nothing, or quotes that do not close")]
    Escape,
    /// A value as the hexadecimal digits of its BER (`#04…`), which no list of this trust space holds.
    #[error("a value in hexadecimal form (#…) is not read")]
    Hexadecimal,
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

    /// Parses the text form of RFC 4514 (`CN=…,OU=…,C=FR`), as the trust list writes it; also with the spaces,
    /// semicolons and quotes of its forerunner RFC 1779.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        if text.trim().is_empty() {
            return Err(DnError::Empty);
        }
        Self::from_attributes(split_unescaped(text)?.into_iter().map(attribute).collect::<Result<Vec<_>, _>>()?)
    }

    /// Type and value of each attribute, in the order given.
    pub(crate) fn attributes(&self) -> &[(String, String)] {
        &self.shown
    }

    /// Has it this value for this attribute (`CN`, `OU`), among others maybe? Compared as whole names are.
    #[must_use]
    pub fn has(&self, kind: &str, value: &str) -> bool {
        let value = fold(value);
        self.folded.iter().any(|(k, v)| k == kind && *v == value)
    }

    /// One text for all names that are equal, and for no other: what a store finds a name by. Its form is its own; it is
    /// neither shown nor parsed.
    #[must_use]
    pub fn key(&self) -> String {
        let part = |(kind, value): &(String, String)| format!("{}:{kind}{}:{value}", kind.len(), value.len());
        self.folded.iter().map(part).collect::<Vec<_>>().concat()
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
    /// RFC 4514, in the order given. Controls are escaped too: a hostile certificate must not break a log line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (kind, value)) in self.shown.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{kind}=")?;
            write_value(f, value)?;
        }
        Ok(())
    }
}

/// Escapes a value as RFC 4514 §2.4 asks.
fn write_value(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let last = value.chars().count().saturating_sub(1);
    for (index, c) in value.chars().enumerate() {
        if c.is_control() {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                write!(f, "\\{byte:02x}")?;
            }
            continue;
        }
        let at_an_end = (c == ' ' && (index == 0 || index == last)) || (c == '#' && index == 0);
        if at_an_end || matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    Ok(())
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

/// Dotted OIDs and long names to the short names of RFC 4514 §3 and of usage; anything else in upper case.
fn short_name(kind: &str) -> String {
    let upper = kind.to_ascii_uppercase();
    let known = match upper.strip_prefix("OID.").unwrap_or(&upper) {
        "2.5.4.3" | "COMMONNAME" => "CN",
        "2.5.4.4" | "SURNAME" => "SN",
        "2.5.4.5" => "SERIALNUMBER",
        "2.5.4.6" | "COUNTRYNAME" => "C",
        "2.5.4.7" | "LOCALITYNAME" => "L",
        "2.5.4.8" | "S" | "STATEORPROVINCENAME" => "ST",
        "2.5.4.9" | "STREETADDRESS" => "STREET",
        "2.5.4.10" | "ORGANIZATIONNAME" => "O",
        "2.5.4.11" | "ORGANIZATIONALUNITNAME" => "OU",
        "2.5.4.12" => "TITLE",
        "2.5.4.42" | "GIVENNAME" => "GN",
        "2.5.4.97" => "ORGANIZATIONIDENTIFIER",
        "0.9.2342.19200300.100.1.25" | "DOMAINCOMPONENT" => "DC",
        "0.9.2342.19200300.100.1.1" | "USERID" => "UID",
        "1.2.840.113549.1.9.1" | "E" => "EMAILADDRESS",
        other => other,
    };
    known.to_owned()
}

/// Compatibility decomposition, marks dropped, one case, one kind of apostrophe, single spaces.
fn fold(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    // Apostrophes first, since the acute accent decomposes to a space; and again, since others decompose to a grave one.
    // Case by way of the upper one, since `ß` and `SS` meet only there.
    let characters = value.chars().map(plain_apostrophe).nfkd().map(plain_apostrophe);
    for c in characters.flat_map(char::to_uppercase).flat_map(char::to_lowercase).filter(|c| !is_combining_mark(*c)) {
        match c {
            'œ' => out.push_str("oe"),
            'æ' => out.push_str("ae"),
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

fn plain_apostrophe(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' | '\u{00b4}' | '`' => '\'',
        c => c,
    }
}

/// Cuts at `,`, `;` and `+` that are neither escaped nor quoted.
fn split_unescaped(text: &str) -> Result<Vec<&str>, DnError> {
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
    if quoted {
        return Err(DnError::Escape);
    }
    parts.extend(text.get(start..));
    Ok(parts)
}

/// `CN=…` to its type and its value.
fn attribute(text: &str) -> Result<(String, String), DnError> {
    let (kind, value) = text.split_once('=').ok_or(DnError::Attribute)?;
    let kind = kind.trim();
    let kind_ok = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    if kind.is_empty() || !kind.bytes().all(kind_ok) {
        return Err(DnError::Attribute);
    }
    let value = trim_unescaped(value);
    if value.starts_with('#') {
        return Err(DnError::Hexadecimal);
    }
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Ok((kind.to_owned(), unescape(quoted.unwrap_or(value))?))
}

/// Trims spaces, but not one that a backslash keeps.
fn trim_unescaped(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let trimmed = value.trim_end_matches(' ');
    let backslashes = trimmed.bytes().rev().take_while(|b| *b == b'\\').count();
    if backslashes % 2 == 1 { value.get(..=trimmed.len()).unwrap_or(trimmed) } else { trimmed }
}

/// `\,` to `,`, `\c3\a9` to the bytes that it stands for.
fn unescape(value: &str) -> Result<String, DnError> {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let first = bytes.next().ok_or(DnError::Escape)?;
        if let Some(high) = hex(first) {
            let low = bytes.next().and_then(hex).ok_or(DnError::Escape)?;
            out.push((high << 4) | low);
        } else if b"\"+,;<> #=\\".contains(&first) {
            out.push(first);
        } else {
            return Err(DnError::Escape);
        }
    }
    String::from_utf8(out).map_err(|_| DnError::Escape)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LISTED: &str = "CN=mss.exemple.fr,OU=1130786049,O=GCS NORMAND'E-SANTE,ST=Bouches-du-Rhône (13),C=FR";

    #[track_caller]
    fn dn(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).unwrap()
    }

    #[test]
    fn one_of_several_values_is_found() {
        let name = dn("CN=AC,OU=0002 187512751,OU=IGC-SANTE,C=FR");
        assert!(name.has("OU", "IGC-Santé") && name.has("OU", "0002 187512751"));
        assert!(!name.has("OU", "IGC") && !name.has("O", "IGC-SANTE"));
    }

    #[test]
    fn the_spellings_of_scenario_12_are_one_name() {
        for other in [
            // Order: as a certificate holds it, and any other.
            "C=FR,ST=Bouches-du-Rhône (13),O=GCS NORMAND'E-SANTE,OU=1130786049,CN=mss.exemple.fr",
            "OU=1130786049,CN=mss.exemple.fr,C=FR,O=GCS NORMAND'E-SANTE,ST=Bouches-du-Rhône (13)",
            // Case, of types and of values.
            "cn=MSS.Exemple.FR,ou=1130786049,o=Gcs Normand'e-Sante,st=BOUCHES-DU-RHÔNE (13),c=fr",
            // Accents decomposed, escaped, absent.
            "CN=mss.exemple.fr,OU=1130786049,O=GCS NORMAND'E-SANTE,ST=Bouches-du-Rho\u{302}ne (13),C=FR",
            "CN=mss.exemple.fr,OU=1130786049,O=GCS NORMAND'E-SANTE,ST=Bouches-du-Rh\\C3\\b4ne (13),C=FR",
            "CN=mss.exemple.fr,OU=1130786049,O=GCS NORMAND'E-SANTE,ST=Bouches-du-Rhone (13),C=FR",
            // Apostrophes.
            "CN=mss.exemple.fr,OU=1130786049,O=GCS NORMAND\u{2019}E-SANTE,ST=Bouches-du-Rhône (13),C=FR",
            "CN=mss.exemple.fr,OU=1130786049,O=GCS NORMAND\u{b4}E-SANTE,ST=Bouches-du-Rhône (13),C=FR",
            // Spaces, other separators, quotes, OIDs.
            " CN = mss.exemple.fr ,  OU=1130786049, O=GCS  NORMAND'E-SANTE ,ST=Bouches-du-Rhône\u{a0}(13),C=FR ",
            "CN=mss.exemple.fr;OU=1130786049;O=\"GCS NORMAND'E-SANTE\";ST=Bouches-du-Rhône (13);C=FR",
            "2.5.4.3=mss.exemple.fr+OID.2.5.4.11=1130786049,O=GCS NORMAND'E-SANTE,S=Bouches-du-Rhône (13),C=FR",
        ] {
            assert_eq!(dn(LISTED), dn(other), "{other}");
            assert_eq!(dn(LISTED).key(), dn(other).key(), "{other}");
        }
    }

    #[test]
    fn other_names_are_other_names() {
        for other in [
            "CN=mss2.exemple.fr,OU=1130786049,O=GCS NORMAND'E-SANTE,ST=Bouches-du-Rhône (13),C=FR",
            "CN=mss.exemple.fr,OU=1130786049,O=GCS NORMAND'E-SANTE,ST=Bouches-du-Rhône (13)",
            "CN=mss.exemple.fr,OU=1130786049,O=GCS NORMAND'E-SANTE,ST=Bouches-du-Rhône (13),C=FR,C=FR",
            "CN=1130786049,OU=mss.exemple.fr,O=GCS NORMAND'E-SANTE,ST=Bouches-du-Rhône (13),C=FR",
            "CN=mss.exemple.fr,OU=1130786049,O=GCS NORMANDE-SANTE,ST=Bouches-du-Rhône (13),C=FR",
        ] {
            assert_ne!(dn(LISTED), dn(other), "{other}");
            assert_ne!(dn(LISTED).key(), dn(other).key(), "{other}");
        }
    }

    #[test]
    fn one_hash_for_one_name() {
        let set = std::collections::HashSet::from([dn(LISTED)]);
        assert!(
            set.contains(&dn("C=FR,ST=bouches-du-rhone (13),O=GCS NORMAND'E-SANTE,OU=1130786049,CN=MSS.exemple.fr"))
        );
    }

    #[test]
    fn escapes_are_read_and_written() {
        for (text, value, printed) in [
            (r"O=DUPONT\, FILS", "DUPONT, FILS", r"O=DUPONT\, FILS"),
            (r"O=DUPONT\2C FILS", "DUPONT, FILS", r"O=DUPONT\, FILS"),
            ("O=\"DUPONT, FILS\"", "DUPONT, FILS", r"O=DUPONT\, FILS"),
            (r#"O=a\+b\;c\<d\>e\"f\\g\=h"#, r#"a+b;c<d>e"f\g=h"#, r#"O=a\+b\;c\<d\>e\"f\\g=h"#),
            (r"O=\ a\ ", " a ", r"O=\ a\ "),
            (r"O=a\\ ", r"a\", r"O=a\\"),
            (r"O=\#1#", "#1#", r"O=\#1#"),
            ("O=", "", "O="),
            (r"O=a\0d\0Ab", "a\r\nb", r"O=a\0d\0ab"),
        ] {
            let name = dn(text);
            assert_eq!((name.value("O"), name.to_string().as_str()), (Some(value), printed), "{text}");
        }
    }

    #[test]
    fn letters_written_in_two_ways_are_one() {
        assert_eq!(dn("O=SACRÉ-CŒUR"), dn("O=Sacre-Coeur"));
        assert_eq!(dn("O=Straße"), dn("O=STRASSE"));
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        for (text, error) in [
            ("", DnError::Empty),
            ("   ", DnError::Empty),
            ("mss.exemple.fr", DnError::Attribute),
            ("=a", DnError::Attribute),
            ("CN=a,", DnError::Attribute),
            ("CN=a,,C=FR", DnError::Attribute),
            ("C N=a", DnError::Attribute),
            ("CN=a\\", DnError::Escape),
            ("CN=a\\4", DnError::Escape),
            ("CN=a\\zb", DnError::Escape),
            ("CN=\\ff", DnError::Escape),
            ("CN=\"a", DnError::Escape),
            ("CN=#0401", DnError::Hexadecimal),
        ] {
            assert_eq!(DistinguishedName::parse(text), Err(error), "{text}");
        }
        assert_eq!(DistinguishedName::from_attributes([]), Err(DnError::Empty));
    }

    proptest! {
        #[test]
        fn a_name_survives_printing(values in prop::collection::vec("[\\PC\r\n\0]{0,12}", 1..5)) {
            let kinds = ["CN", "OU", "O", "1.2.3.4"];
            let name = DistinguishedName::from_attributes(
                values.into_iter().zip(kinds).map(|(value, kind)| (kind.to_owned(), value)),
            ).unwrap();
            let printed = name.to_string();
            prop_assert!(!printed.contains(char::is_control));
            let again = DistinguishedName::parse(&printed).unwrap();
            prop_assert_eq!(&again, &name);
            prop_assert_eq!(again.key(), name.key());
            prop_assert_eq!(again.shown, name.shown);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in any::<String>()) {
            drop(DistinguishedName::parse(&text));
        }

        #[test]
        fn folding_twice_changes_nothing_more(text in any::<String>()) {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
