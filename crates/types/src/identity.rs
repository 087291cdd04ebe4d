//! Identifiers of professionals and structures: [`RppsId`], [`FinessId`] (spec §7.4).

use std::fmt;

/// Why a text is not an identifier of a professional or a structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// An RPPS number has 11 digits (spec §7.4).
    #[error("an RPPS number has 11 digits")]
    Rpps,
    /// A FINESS number has 9 characters, the department's letter of Corsica included (spec §7.4).
    #[error("a FINESS number has 9 digits (2A or 2B may begin it)")]
    Finess,
}

/// A professional's number in the RPPS: 11 digits. Its Luhn key is not asked for, since official samples fail it (spec §7.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RppsId(Box<str>);

impl RppsId {
    /// Parses 11 digits.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        if text.len() == 11 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.into()))
        } else {
            Err(IdentityError::Rpps)
        }
    }

    /// The 11 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RppsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A structure's number in the FINESS: 9 characters. Its last digit is a Luhn key by hearsay only (spec §7.4), so it is
/// not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FinessId(Box<str>);

impl FinessId {
    /// Parses 9 digits, or `2A`/`2B` and 7 digits, in either case.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let text = text.to_ascii_uppercase();
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let ok = match text.strip_prefix("2A").or_else(|| text.strip_prefix("2B")) {
            Some(rest) => rest.len() == 7 && digits(rest),
            None => text.len() == 9 && digits(&text),
        };
        if ok { Ok(Self(text.into())) } else { Err(IdentityError::Finess) }
    }

    /// The 9 characters, letters in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FinessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rpps_number_has_eleven_digits() {
        // Official samples, both failing the key of Luhn.
        for good in ["10103441234", "10002345670"] {
            assert_eq!(RppsId::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "1010344123", "101034412345", "810103441234", "1010344123A", "1010344123٣"] {
            assert_eq!(RppsId::parse(bad), Err(IdentityError::Rpps), "{bad}");
        }
    }

    #[test]
    fn a_finess_number_has_nine_characters() {
        for (text, shown) in [("750048886", "750048886"), ("2a0000014", "2A0000014"), ("2B0000020", "2B0000020")] {
            assert_eq!(FinessId::parse(text).unwrap().as_str(), shown);
        }
        for bad in
            ["", "75004888", "1750048886", "2C0000014", "A20000014", "2A000001", "2A00000145", "75004888A", "é500488"]
        {
            assert_eq!(FinessId::parse(bad), Err(IdentityError::Finess), "{bad}");
        }
    }
}
