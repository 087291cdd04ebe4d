//! The identifier of a patient: [`Ins`], and the forms in which an address may name it: [`AddressForm`] (spec §2).

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
    /// Parses the 15 characters of spec §2.1, the letters of Corsica in either case, and checks the key. Numbers of a
    /// temporary kind are not matricules and are refused as such (spec §2.4).
    pub fn parse(text: &str) -> Result<Self, InsError> {
        let mut ins: [u8; 15] = text.as_bytes().try_into().map_err(|_| InsError::Length)?;
        ins.make_ascii_uppercase();
        check_syntax(&ins)?;
        if written_key(&ins) != Some(computed_key(&ins)) {
            return Err(InsError::Key);
        }
        Ok(Self(ins))
    }

    /// As [`Ins::parse`], of a text in one of these forms. Whatever the form, what comes back is the whole identifier;
    /// so it is with the first error where none fits, that of the form of this length.
    pub fn parse_as(text: &str, forms: &[AddressForm]) -> Result<Self, InsError> {
        let form = forms.iter().find(|form| form.characters() == text.len()).ok_or(InsError::Length)?;
        let mut ins = [b'0'; 15];
        for (to, from) in ins.iter_mut().zip(text.bytes()) {
            *to = from.to_ascii_uppercase();
        }
        if *form == AddressForm::Ins15 {
            return Self::parse(text);
        }
        check_syntax(&ins)?;
        let key = computed_key(&ins);
        let [.., tens, units] = &mut ins;
        let given = *tens;
        (*tens, *units) = (b'0' + key / 10, b'0' + key % 10);
        if *form == AddressForm::Ins14 && *tens != given {
            return Err(InsError::Key);
        }
        Ok(Self(ins))
    }

    /// The 13 characters before the key as one number that fits 45 bits: how tables of millions of patients are kept and
    /// ordered. A health identifier, as the text is.
    #[must_use]
    pub fn to_number(&self) -> u64 {
        let letter = match self.0[6] {
            b'A' => 1,
            b'B' => 2,
            _ => 0,
        };
        let digits =
            self.0.iter().take(13).fold(0u64, |number, byte| {
                number * 10 + u64::from(if byte.is_ascii_digit() { byte - b'0' } else { 0 })
            });
        digits * 3 + letter
    }

    /// Back from [`Ins::to_number`]; `None` of a number that no identifier has.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        let mut text = format!("{:013}", number / 3);
        match number % 3 {
            1 => text.replace_range(6..7, "A"),
            2 => text.replace_range(6..7, "B"),
            _ => {}
        }
        Self::parse_as(&text, &[AddressForm::Nir13]).ok().filter(|ins| ins.to_number() == number)
    }

    /// The 15 characters, letters in upper case. A health identifier: never for a log.
    #[must_use]
    pub fn reveal(&self) -> &str {
        // Only ASCII passes `check_syntax`, so this cannot fail; an empty text would match no mailbox.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// How the local part of a patient's address may name him. The requirements know the first alone; one of their sources
/// speaks of fourteen digits (spec §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressForm {
    /// All 15 characters.
    Ins15,
    /// 13 characters and the first digit of the key, which must be right.
    Ins14,
    /// 13 characters without a key: a slip of the pen reaches somebody else.
    Nir13,
}

impl AddressForm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ins15, Self::Ins14, Self::Nir13];

    /// The stable name, as in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ins15 => "ins15",
            Self::Ins14 => "ins14",
            Self::Nir13 => "nir13",
        }
    }

    /// Back from the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.as_str() == name)
    }

    fn characters(self) -> usize {
        match self {
            Self::Ins15 => 15,
            Self::Ins14 => 14,
            Self::Nir13 => 13,
        }
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
    // 20 to 99: month unknown.
    let month_ok = matches!((m1, m2), (b'0', b'1'..=b'9') | (b'1', b'0'..=b'2') | (b'2'..=b'9', b'0'..=b'9'));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Spec §2.5, and the vector of §2.2.
    const PUBLISHED: [&str; 11] = [
        "279035121518989",
        "297022A02077878",
        "160012B02077713",
        "180032B02040123",
        "109076322083489",
        "209076322083439",
        "209066322012355",
        "236066322083656",
        "275126322074974",
        "110086322083060",
        "255081416802538",
    ];

    #[test]
    fn published_test_identities_are_good() {
        for text in PUBLISHED {
            assert_eq!(Ins::parse(text).map(|ins| ins.reveal().to_owned()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn a_key_that_does_not_fit_is_told_apart_from_a_bad_shape() {
        // The first four stand in official examples with these wrong keys (spec §2.2).
        for (text, right) in [
            ("288091234567823", "94"),
            ("253097812634581", "43"),
            ("181036322045660", "76"),
            ("281036322045610", "26"),
            ("284058832102530", "32"),
            ("279035121518988", "89"),
            ("279035121518900", "89"),
            ("279035121518999", "89"),
            ("297022B02077878", "08"),
        ] {
            assert_eq!(Ins::parse(text), Err(InsError::Key), "{text}");
            let corrected = format!("{}{right}", text.split_at(13).0);
            assert!(Ins::parse(&corrected).is_ok(), "{corrected}");
        }
    }

    #[test]
    fn letters_of_corsica_are_one_identifier_in_both_cases() {
        assert_eq!(Ins::parse("297022a02077878"), Ins::parse("297022A02077878"));
        assert_eq!(Ins::parse("160012b02077713").unwrap().reveal(), "160012B02077713");
    }

    #[test]
    fn letters_elsewhere_are_refused() {
        let number = "297022A02077878";
        for place in (0..15).filter(|place| *place != 6) {
            for letter in ["A", "B", "a"] {
                let mut text = number.to_owned();
                text.replace_range(place..=place, letter);
                assert_eq!(Ins::parse(&text), Err(InsError::Syntax), "{text}");
            }
        }
        for text in ["279A35121518989", "297021A02077878", "297023A02077878", "297022C02077878"] {
            assert_eq!(Ins::parse(text), Err(InsError::Syntax), "{text}");
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        for text in ["", "2790351215189", "27903512151898", "2790351215189890", " 279035121518989", "279035121518989\n"]
        {
            assert_eq!(Ins::parse(text), Err(InsError::Length), "{text:?}");
        }
        // 15 octets, but not 15 characters.
        assert_eq!(Ins::parse("27903512151898é").map_err(|_| ()), Err(()));
        assert_eq!(Ins::parse("2790351215189é"), Err(InsError::Syntax));
    }

    #[test]
    fn fields_out_of_their_range_are_refused() {
        for (text, error) in [
            ("079035121518989", InsError::Syntax),
            ("979035121518989", InsError::Syntax),
            ("579035121518989", InsError::Temporary),
            ("679035121518989", InsError::Temporary),
            ("779035121518989", InsError::Temporary),
            ("879035121518989", InsError::Temporary),
            ("279005121518989", InsError::Syntax),
            ("279135121518989", InsError::Syntax),
            ("279195121518989", InsError::Syntax),
        ] {
            assert_eq!(Ins::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn persons_being_registered_and_unknown_months_are_good() {
        for thirteen in ["3790351215189", "4790351215189", "2792051215189", "2799951215189", "1791297120001"] {
            let ins: [u8; 15] = format!("{thirteen}00").into_bytes().try_into().unwrap();
            assert!(Ins::parse(&format!("{thirteen}{:02}", computed_key(&ins))).is_ok(), "{thirteen}");
        }
    }

    #[test]
    fn shorter_forms_stand_for_the_whole_identifier_where_they_are_allowed() {
        for whole in PUBLISHED {
            let ins = Ins::parse(whole).unwrap();
            for form in AddressForm::ALL {
                let text = whole.split_at(form.characters()).0;
                assert_eq!(Ins::parse_as(text, &AddressForm::ALL), Ok(ins.clone()), "{text}");
                assert_eq!(Ins::parse_as(&text.to_lowercase(), &[form]), Ok(ins.clone()), "{text}");
                let others: Vec<_> = AddressForm::ALL.into_iter().filter(|other| *other != form).collect();
                assert_eq!(Ins::parse_as(text, &others), Err(InsError::Length), "{text}");
            }
        }
        assert_eq!(Ins::parse_as("27903512151897", &AddressForm::ALL), Err(InsError::Key));
        assert_eq!(Ins::parse_as("279035121518988", &AddressForm::ALL), Err(InsError::Key));
        assert_eq!(Ins::parse_as("2790051215189", &AddressForm::ALL), Err(InsError::Syntax));
        assert_eq!(Ins::parse_as("7790351215189", &AddressForm::ALL), Err(InsError::Temporary));
        assert_eq!(Ins::parse_as("279035121518\u{e9}", &AddressForm::ALL), Err(InsError::Syntax));
    }

    #[test]
    fn an_identifier_survives_being_a_number_and_corsicas_letters_are_apart() {
        let numbers: Vec<u64> = PUBLISHED.iter().map(|text| Ins::parse(text).unwrap().to_number()).collect();
        for (number, text) in numbers.iter().zip(PUBLISHED) {
            assert!(*number < 1 << 45);
            assert_eq!(Ins::from_number(*number), Ins::parse(text).ok());
        }
        for thirteen in ["2970220020778", "297022A020778", "297022B020778"] {
            let ins = Ins::parse_as(thirteen, &[AddressForm::Nir13]).unwrap();
            assert_eq!(Ins::from_number(ins.to_number()), Some(ins));
        }
        // A letter in place of another digit than 0 is no identifier's number.
        assert_eq!(Ins::from_number(2_970_221_020_778 * 3 + 1), None);
        assert_eq!((Ins::from_number(0), Ins::from_number(u64::MAX)), (None, None));
    }

    #[test]
    fn debug_and_errors_never_show_an_ins() {
        let text = "279035121518989";
        let ins = Ins::parse(text).unwrap();
        assert_eq!(format!("{ins:?} {:?}", Some(&ins)), "Ins(<hidden>) Some(Ins(<hidden>))");
        let error = Ins::parse("279035121518988").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("27903512151"));
    }

    proptest! {
        /// The key by the arithmetic of spec §2.2, on the whole number at once.
        #[test]
        fn the_one_good_key_is_the_computed_one(
            number in "[1-4][0-9]{2}(0[1-9]|1[0-2]|[2-9][0-9])([0-9]{2}|2[ABab])[0-9]{6}"
        ) {
            let upper = number.to_uppercase();
            let value: u64 = upper.replace("2A", "19").replace("2B", "18").parse().unwrap();
            let good = 97 - value % 97;
            for key in 0..100 {
                let text = format!("{number}{key:02}");
                let parsed = Ins::parse(&text);
                if key == good {
                    prop_assert_eq!(parsed.map(|ins| ins.reveal().to_owned()), Ok(text.to_uppercase()));
                } else {
                    prop_assert_eq!(parsed, Err(InsError::Key));
                }
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in any::<String>()) {
            drop(Ins::parse(&text));
        }
    }
}
