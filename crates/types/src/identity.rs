//! Identifiers of professionals and structures: [`RppsId`], [`FinessId`], [`SiretId`], [`StructureId`] (spec §7.4).

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
    /// A SIRET number has 14 digits, the last of which is the key of Luhn.
    #[error("a SIRET number has 14 digits, and they must fit its key")]
    Siret,
    /// A structure is a FINESS or a SIRET number, bare or behind its digit of the national identifier (spec §3.2).
    #[error("a structure is a FINESS (9 characters, or 1 and these) or a SIRET number (14 digits, or 3 and these)")]
    Structure,
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

    /// As one number that fits 30 bits: how tables of millions of rows keep it. Corsica's come after all others, those
    /// of 2A before those of 2B.
    #[must_use]
    pub fn to_number(&self) -> u32 {
        let digits = self.0.bytes().filter(u8::is_ascii_digit);
        let value = digits.fold(0u32, |number, digit| number * 10 + u32::from(digit - b'0'));
        // Without its letter `2A0000014` is 20000014: the 2 is the department's.
        match self.0.as_bytes().get(1) {
            Some(b'A') => CORSICA_A + value % CORSICA_SIZE,
            Some(b'B') => CORSICA_B + value % CORSICA_SIZE,
            _ => value,
        }
    }

    /// Back from [`FinessId::to_number`]; `None` of a number that no structure has.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        let text = match number {
            ..CORSICA_A => format!("{number:09}"),
            CORSICA_A..CORSICA_B => format!("2A{:07}", number - CORSICA_A),
            CORSICA_B..CORSICA_END => format!("2B{:07}", number - CORSICA_B),
            CORSICA_END.. => return None,
        };
        Some(Self(text.into()))
    }
}

/// Where the numbers of Corsica's structures begin: after all those of digits alone.
const CORSICA_A: u32 = 1_000_000_000;
/// Structures that `2A` and 7 digits can name.
const CORSICA_SIZE: u32 = 10_000_000;
const CORSICA_B: u32 = CORSICA_A + CORSICA_SIZE;
const CORSICA_END: u32 = CORSICA_B + CORSICA_SIZE;

impl fmt::Display for FinessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A structure's number in the SIRENE register: 14 digits with a key of Luhn.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SiretId(Box<str>);

impl SiretId {
    /// Parses 14 digits whose key fits. The offices of La Poste have another key: their digits add up to a multiple of 5.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
        let digits = digits.filter(|digits| digits.len() == 14).ok_or(IdentityError::Siret)?;
        let of_post = text.starts_with(LA_POSTE) && digits.iter().sum::<u32>().is_multiple_of(5);
        if luhn_sum(&digits).is_multiple_of(10) || of_post { Ok(Self(text.into())) } else { Err(IdentityError::Siret) }
    }

    /// The 14 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The SIREN number of La Poste.
const LA_POSTE: &str = "356000000";

/// Every second digit from the right counts double, and of a double the digits.
fn luhn_sum(digits: &[u32]) -> u32 {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    digits.iter().rev().enumerate().map(|(place, digit)| if place % 2 == 1 { doubled(*digit) } else { *digit }).sum()
}

/// A structure, by whichever of its national numbers is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StructureId {
    /// In the register of health structures.
    Finess(FinessId),
    /// In the register of enterprises.
    Siret(SiretId),
}

impl StructureId {
    /// Parses the number alone (9 or 14 characters), or behind the digit that says which it is: `1` for FINESS, `3` for
    /// SIRET, as a certificate's OU has it (spec §3.2).
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let bare = match (text.len(), text.strip_prefix('1'), text.strip_prefix('3')) {
            (10, Some(finess), _) => finess,
            (15, _, Some(siret)) => siret,
            _ => text,
        };
        match bare.len() {
            9 => FinessId::parse(bare).map(Self::Finess),
            14 => SiretId::parse(bare).map(Self::Siret),
            _ => Err(IdentityError::Structure),
        }
    }

    /// The number alone.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Finess(finess) => finess.as_str(),
            Self::Siret(siret) => siret.as_str(),
        }
    }

    /// The national identifier (`idNat_Struct`): the number behind the digit of its kind, as in a certificate's OU.
    #[must_use]
    pub fn national(&self) -> String {
        match self {
            Self::Finess(finess) => format!("1{finess}"),
            Self::Siret(siret) => format!("3{siret}"),
        }
    }
}

impl fmt::Display for StructureId {
    /// The number alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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

    #[test]
    fn a_finess_number_survives_being_a_number() {
        let texts =
            ["000000000", "010000024", "750048886", "999999999", "2A0000000", "2A9999999", "2B0000000", "2B9999999"];
        let numbers = texts.map(|text| FinessId::parse(text).unwrap().to_number());
        assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
        for (number, text) in numbers.into_iter().zip(texts) {
            assert!(number < 1 << 30);
            assert_eq!(FinessId::from_number(number).unwrap().as_str(), text);
        }
        assert_eq!((FinessId::from_number(1_020_000_000), FinessId::from_number(u32::MAX)), (None, None));
    }

    #[test]
    fn a_siret_number_has_fourteen_digits_and_a_key() {
        // The agency of digital health; La Poste's seat, and an office of it, whose key is another one.
        for good in ["18751275100012", "35600000000048", "35600000004980"] {
            assert_eq!(SiretId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "18751275100013", "1875127510004", "187512751000120", "1875127510004A", "35600000004981"] {
            assert_eq!(SiretId::parse(bad), Err(IdentityError::Siret), "{bad}");
        }
    }

    #[test]
    fn a_structure_is_read_with_the_digit_of_its_kind_and_without() {
        for (text, bare, national) in [
            ("750048886", "750048886", "1750048886"),
            ("1750048886", "750048886", "1750048886"),
            ("12a0000014", "2A0000014", "12A0000014"),
            ("18751275100012", "18751275100012", "318751275100012"),
            ("318751275100012", "18751275100012", "318751275100012"),
        ] {
            let structure = StructureId::parse(text).unwrap();
            assert_eq!((structure.as_str(), structure.national().as_str()), (bare, national), "{text}");
            assert_eq!(StructureId::parse(&structure.national()).unwrap(), structure);
        }
        for bad in ["", "3750048886", "118751275100012", "75004888", "318751275100013", "1é50048886"] {
            assert!(StructureId::parse(bad).is_err(), "{bad}");
        }
    }
}
