//! Identifiers of persons and places: [`Ins`] (a patient), [`RppsId`] (a professional), [`FinessId`] (a structure).

use std::fmt;

/// Why a text is not an INS. None of these repeats the text: it is somebody's health identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InsError {
    /// Not 15 characters (spec §2.1).
    #[error("a patient's identifier has 15 characters: 13 of the NIR and 2 of its key")]
    Length,
    /// 15 characters, but not those of a NIR or NIA (spec §2.3).
    #[error("this is not the shape of a NIR: sex, year, month, department, commune, rank, key")]
    Syntax,
    /// A number of a temporary kind (NNP, MIG), which is not an INS (spec §2.4).
    #[error("this is a temporary number, not an INS")]
    Temporary,
    /// The key does not fit the number (spec §2.2).
    #[error("the key does not fit the number")]
    Key,
}

/// A patient's national health identifier: the 13 characters of the NIR or NIA and their key (spec §2).
///
/// No `Display`, a redacted `Debug`: see [`Ins::reveal`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ins([u8; 15]);

impl Ins {
    /// Parses the 15 characters of spec §2.1, the letters of Corsica in either case, and checks the key.
    pub fn parse(text: &str) -> Result<Self, InsError> {
        let mut ins: [u8; 15] = text.as_bytes().try_into().map_err(|_| InsError::Length)?;
        ins.make_ascii_uppercase();
        check_syntax(&ins)?;
        if written_key(&ins) != Some(computed_key(&ins)) {
            return Err(InsError::Key);
        }
        Ok(Self(ins))
    }

    /// The 15 characters, letters in upper case. A health identifier: never for a log.
    #[must_use]
    pub fn reveal(&self) -> &str {
        // Only ASCII passes `check_syntax`, so this cannot fail; an empty text would match no mailbox.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Ins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ins(<hidden>)")
    }
}

/// The fields of spec §2.3, left to right. The key's value is judged apart, so that the sender can be told which it is.
fn check_syntax(ins: &[u8; 15]) -> Result<(), InsError> {
    let [sex, y1, y2, m1, m2, d1, d2, rest @ ..] = ins;
    let digits = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
    let month_ok = match (m1, m2) {
        (b'0', b'1'..=b'9') | (b'1', b'0'..=b'2') => true,
        (b'2'..=b'9', b'0'..=b'9') => true, // Month unknown.
        _ => false,
    };
    let department_ok = matches!((d1, d2), (b'0'..=b'9', b'0'..=b'9') | (b'2', b'A' | b'B'));
    if !digits(&[*sex, *y1, *y2]) || !month_ok || !department_ok || !digits(rest) {
        return Err(InsError::Syntax);
    }
    match sex {
        b'1'..=b'4' => Ok(()),
        b'5'..=b'8' => Err(InsError::Temporary),
        _ => Err(InsError::Syntax),
    }
}

/// `97 - (N mod 97)`, with 2A read as 19 and 2B as 18, in characters 6 and 7 only (spec §2.2).
fn computed_key(ins: &[u8; 15]) -> u8 {
    let mut remainder: u32 = 0;
    for (index, byte) in ins.iter().take(13).enumerate() {
        let digit = match (index, byte) {
            (5, b'2') if ins[6].is_ascii_alphabetic() => 1,
            (6, b'A') => 9,
            (6, b'B') => 8,
            (_, digit) => u32::from(digit.saturating_sub(b'0')),
        };
        remainder = (remainder * 10 + digit) % 97;
    }
    u8::try_from(97 - remainder).unwrap_or(0)
}

fn written_key(ins: &[u8; 15]) -> Option<u8> {
    let [.., tens, units] = ins;
    let tens = tens.checked_sub(b'0')?;
    let units = units.checked_sub(b'0')?;
    tens.checked_mul(10)?.checked_add(units)
}

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

/// A structure's number in the FINESS: 9 characters.
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
