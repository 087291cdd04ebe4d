//! How a health identifier appears where it must not be read: [`Masker`].

use std::fmt;

use aws_lc_rs::hmac;

use crate::address::{MailAddress, ReversePath};
use crate::dn::DistinguishedName;
use crate::ins::Ins;
use crate::marked::Marked;
use crate::person::Person;

/// Masks health identifiers with an HMAC under the operator's key: `ins-` and 8 hexadecimal digits.
/// Two lines about one person can be linked; neither sex nor birth can be read (R-TRC-7).
#[derive(Clone)]
pub struct Masker {
    key: hmac::Key,
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masker(<hidden>)")
    }
}

impl Masker {
    /// Masks under this key, 32 random bytes of the operator's.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// `ins-1a2b3c4d`.
    #[must_use]
    pub fn ins(&self, ins: &Ins) -> String {
        self.show(&Marked::ins(ins))
    }

    /// The address, its local part masked if it is, or looks like, a health identifier.
    #[must_use]
    pub fn address(&self, address: &MailAddress) -> String {
        self.show(&Marked::address(address))
    }

    /// An account's name: masked as an address is if it is one, else as text.
    #[must_use]
    pub fn account(&self, name: &str) -> String {
        self.show(&Marked::account(name))
    }

    /// The path between `<` and `>`, masked as an address is; empty for the null path.
    #[must_use]
    pub fn path(&self, path: &ReversePath) -> String {
        self.show(&Marked::path(path))
    }

    /// Text from outside with every health identifier masked ([`Marked::text`]).
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        self.show(&Marked::text(text))
    }

    /// A certificate's name, scrubbed, except for the number of a structure ([`Marked::certificate_name`]).
    #[must_use]
    pub fn certificate_name(&self, name: &DistinguishedName) -> String {
        self.show(&Marked::certificate_name(name))
    }

    /// What these, in this order and cut in this way, are known again by. Who has a guess cannot try it without the key.
    #[must_use]
    pub fn fingerprint(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"fingerprint");
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut out = [0; 32];
        out.iter_mut().zip(context.sign().as_ref()).for_each(|(to, from)| *to = *from);
        out
    }

    /// The mask of one person: by the number alone, so that it is the same whether its key was written or not.
    pub(crate) fn person(&self, person: &Person) -> String {
        self.tag(person.known())
    }

    /// The first bytes of the HMAC of a text of this label's kind.
    pub(crate) fn derive(&self, label: &str, text: &str) -> [u8; 16] {
        let whole = hmac::sign(&self.key, [label, text].concat().as_bytes());
        std::array::from_fn(|position| whole.as_ref().get(position).copied().unwrap_or_default())
    }

    fn tag(&self, text: &str) -> String {
        let tag = hmac::sign(&self.key, text.as_bytes());
        let mut bytes = [0; 4];
        bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        format!("ins-{:08x}", u32::from_be_bytes(bytes))
    }
}

/// [`Masker::scrub`] where there is no key yet, as before a configuration is read: each run becomes `ins-hidden`, which
/// links nothing. A mask under a key that everybody knows could be undone by trying all numbers.
#[must_use]
pub fn hide_identifiers(text: &str) -> String {
    Marked::text(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INS: &str = "279035121518989";
    const NUMBER: usize = 13;

    fn masker() -> Masker {
        Masker::new(&[7; 32])
    }

    fn mask(ins: &str) -> String {
        masker().ins(&Ins::parse(ins).unwrap())
    }

    #[test]
    fn a_mask_is_ins_and_eight_hexadecimal_digits() {
        let mask = mask(INS);
        assert_eq!(mask.len(), 12);
        assert!(mask.strip_prefix("ins-").unwrap().bytes().all(|b| b.is_ascii_hexdigit()));
        assert_ne!(mask, masker().ins(&Ins::parse("297022A02077878").unwrap()));
        assert_ne!(mask, Masker::new(&[8; 32]).ins(&Ins::parse(INS).unwrap()), "another operator's key, another mask");
    }

    #[test]
    fn a_fingerprint_tells_where_one_part_ends() {
        let of = |parts: &[&[u8]]| masker().fingerprint(parts);
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
        for other in [&[&b"a"[..], b"bc"][..], &[b"abc"], &[b"c", b"ab"], &[b"ab", b"c", b""]] {
            assert_ne!(of(&[b"ab", b"c"]), of(other), "{other:?}");
        }
        assert_ne!(of(&[b"ab"]), Masker::new(&[8; 32]).fingerprint(&[b"ab"]));
    }

    #[test]
    fn an_identifier_is_hidden_whatever_it_is_glued_to() {
        for (text, left) in [
            ("279035121518989", "*"),
            ("<279035121518989@patient.mssante.fr>: unknown", "<*@patient.mssante.fr>: unknown"),
            ("x279035121518989y", "x*y"),
            ("file_279035121518989.pdf", "file_*.pdf"),
            ("é279035121518989é", "é*é"),
            ("2790351215189 and 279035121518989", "* and *"),
            ("ins:27903512151898", "ins:*"),
            ("00279035121518989", "*"),
            ("279035121518989000", "*"),
            ("2a279035121518989", "*"),
        ] {
            assert_eq!(masker().scrub(text).replace(&mask(INS), "*"), left, "{text}");
        }
        for text in ["297022A02077878", "x297022a02077878b", "1A297022A02077878"] {
            let scrubbed = masker().scrub(text);
            assert!(scrubbed.contains(&mask("297022A02077878")), "{scrubbed}");
            assert!(!scrubbed.contains("2077878"), "{scrubbed}");
        }
        // A letter at a wrong place is a slip of the hand, and no reason to show the rest.
        assert!(!masker().scrub("279A35121518989").contains("35121518989"));
    }

    #[test]
    fn an_identifier_written_in_groups_is_hidden() {
        for (text, left) in [
            ("2 79 03 51 215 189 89", "*"),
            ("no mailbox 2 79 03 51 215 189 89 here", "no mailbox * here"),
            ("2\u{a0}79\u{a0}03\u{a0}51\u{a0}215\u{a0}189\u{a0}89", "*"),
            ("2\u{2009}79\u{202f}03\u{2009}51\u{2009}215\u{2009}189", "*"),
            ("2.79.03.51.215.189.89@b.fr", "*@b.fr"),
            ("2-79-03-51-215-189", "*"),
            ("file_2_79_03_51_215_189_89.pdf", "file_*.pdf"),
            ("2/79/03/51/215/189/8", "*"),
            ("2790351215189 89", "*"),
            ("279 035 121 518 989", "*"),
            ("x2 79 03 51 215 189 89y", "x*y"),
            ("50 2 79 03 51 215 189 89", "50 *"),
            ("2026-11-22 2 79 03 51 215 189 89", "2026-11-22 *"),
        ] {
            assert_eq!(masker().scrub(text).replace(&mask(INS), "*"), left, "{text}");
        }
        for text in ["2 97 02 2A 020 778 78", "2 97 02 2a 020 778", "2-97-02-2A-020-778-78"] {
            assert_eq!(masker().scrub(text), mask("297022A02077878"), "{text}");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "",
            "250 2.0.0 ok queued as 4Wx7fL1Pz9z2xJ",
            "20260314-120000",
            "123456789012",
            "mx1.mssante.fr[192.0.2.1]:25",
            "badbadbadbadbad",
            "deadbeef0123",
            "2026-11-22 23.38.24",
            "2026-11-22 23.38.24.123",
            "2021/03/14 120000",
            "0033 1 23 45 67 89",
            "01 23 45 67 89 06 12 34 56 78",
            "0123456789 0612345678",
            "550 5.7.1 [10.20.30.40] 192.168.100.200",
        ] {
            assert_eq!(masker().scrub(text), text);
        }
    }

    #[test]
    fn a_patients_address_keeps_its_domain_only() {
        let shown = |text: &str| masker().address(&MailAddress::parse(text).unwrap());
        assert_eq!(shown("279035121518989@patient.mssante.fr"), format!("{}@patient.mssante.fr", mask(INS)));
        assert_eq!(shown("297022a02077878@patient.mssante.fr"), shown("297022A02077878@patient.mssante.fr"));
        assert!(!shown("jean.dupont@patient.mssante.fr").contains("dupont"), "a mistyped address may be a name");
        assert_eq!(shown("Postmaster@patient.mssante.fr"), "Postmaster@patient.mssante.fr");
        assert_eq!(shown("279035121518989@b.fr"), format!("{}@b.fr", mask(INS)));
        assert_eq!(shown("dr.martin@b.fr"), "dr.martin@b.fr");
        assert_eq!(masker().path(&ReversePath::Null), "");
    }

    #[test]
    fn a_certificates_name_shows_the_structure_and_no_person() {
        let shown = |text: &str| masker().certificate_name(&DistinguishedName::parse(text).unwrap());
        for structure in ["CN=mss.a.fr,OU=318751275100020,C=FR", "CN=mss.a.fr,OU=1130786049,C=FR", "O=A\\, B,C=FR"] {
            assert_eq!(shown(structure), structure);
        }
        for person in ["OU=318751275100021", "CN=279035121518989", "CN=318751275100020", "OU=279035121518989"] {
            assert!(shown(person).contains("=ins-"), "{person}");
        }
        // The number of a person being registered, and a key of Luhn that fits by chance.
        let both = (0..10_000).map(|n| format!("37903512{n:05}")).find_map(|number| {
            let key = 97 - number.parse::<u64>().unwrap() % 97;
            Some(format!("{number}{key:02}")).filter(|text| luhn(text))
        });
        assert!(shown(&format!("OU={}", both.unwrap())).contains("=ins-"));
    }

    /// Does the key of Luhn fit the last 14 digits, computed from the right?
    fn luhn(text: &str) -> bool {
        let doubled = |digit: u32| digit * 2 / 10 + digit * 2 % 10;
        let digits = text.chars().rev().take(14).filter_map(|c| c.to_digit(10)).enumerate();
        digits.map(|(place, digit)| if place % 2 == 1 { doubled(digit) } else { digit }).sum::<u32>() % 10 == 0
    }

    #[test]
    fn debug_never_shows_the_key() {
        assert_eq!(format!("{:?}", masker()), "Masker(<hidden>)");
    }

    /// Is there, anywhere, 13 characters of an INS: six digits, a digit or a letter of Corsica, six digits?
    fn shows_an_ins(text: &str) -> bool {
        text.as_bytes().windows(NUMBER).any(|window| {
            window
                .iter()
                .enumerate()
                .all(|(index, byte)| byte.is_ascii_digit() || (index == 6 && matches!(byte, b'A' | b'B' | b'a' | b'b')))
        })
    }

    /// Noise that may stand beside an identifier, and what people put between groups of digits.
    const NOISE: &str = "[0-9ABabc-f<x ./_-]{0,20}";
    const SEPARATORS: &str = "[|| \u{a0}\u{2009}\u{202f}._/-]{14}";

    /// The number with one of the separators in each gap; `|` stands for none.
    fn grouped(number: &str, separators: &str) -> String {
        let gaps = separators.chars().map(|c| if c == '|' { String::new() } else { c.to_string() });
        let gaps = gaps.take(number.len() - 1).chain([String::new()]);
        number.chars().zip(gaps).flat_map(|(c, gap)| [c.to_string(), gap]).collect()
    }

    fn letters_and_digits(text: &str) -> String {
        text.chars().filter(char::is_ascii_alphanumeric).collect()
    }

    proptest! {
        #[test]
        fn no_run_shaped_like_an_ins_is_ever_left(text in "[0-9]{0,9}[0-9ABabx@ é.-]{0,60}") {
            prop_assert!(!shows_an_ins(&masker().scrub(&text)));
        }

        #[test]
        fn no_tail_of_an_identifier_is_left(before in NOISE, after in "[0-9ABabc-f>@x ./_-]{0,20}") {
            for ins in [INS, "297022A02077878"] {
                let scrubbed = masker().scrub(&format!("{before}{ins}{after}"));
                // The rank and the key alone tell little, but nothing of them has a reason to stay.
                prop_assert!(!scrubbed.contains(ins.split_at(7).1), "{}", scrubbed);
                prop_assert!(!shows_an_ins(&scrubbed));
            }
        }

        #[test]
        fn no_tail_of_an_identifier_in_groups_is_left(before in NOISE, separators in SEPARATORS, after in NOISE) {
            for ins in [INS, "297022A02077878"] {
                let written = grouped(ins, &separators);
                let scrubbed = letters_and_digits(&masker().scrub(&format!("{before}{written}{after}")));
                prop_assert!(!scrubbed.contains(ins.split_at(7).1), "{} in {}", written, scrubbed);
            }
        }

        /// Without its key only the groups tell an identifier, so they must be whole.
        #[test]
        fn no_tail_of_a_number_in_groups_is_left(
            before in "([0-9]{1,4} |x|-|: ){0,4}",
            separators in SEPARATORS,
            after in "(x| [0-9]{1,4}|, |: ){0,4}",
        ) {
            for number in ["2790351215189", "297022A020778"] {
                let written = grouped(number, &separators);
                let scrubbed = letters_and_digits(&masker().scrub(&format!("{before}{written}{after}")));
                prop_assert!(!scrubbed.contains(number.split_at(7).1), "{} in {}", written, scrubbed);
            }
        }

        #[test]
        fn without_a_key_as_much_is_hidden(text in "[0-9]{0,9}[0-9ABabx@ é.-]{0,60}") {
            let hidden = hide_identifiers(&text);
            prop_assert_eq!(hidden == text, masker().scrub(&text) == text);
            prop_assert_eq!(hide_identifiers(&hidden), hidden);
        }

        #[test]
        fn scrubbing_twice_changes_nothing_more(text in "[0-9]{0,9}[0-9ABabx@ é.-]{0,60}") {
            let once = masker().scrub(&text);
            prop_assert_eq!(masker().scrub(&once), once);
        }
    }
}
