//! [`Marked`]: text in which every health identifier is known as one.

use std::fmt;

use crate::address::{MailAddress, ReversePath};
use crate::dn::DistinguishedName;
use crate::grouped::{self, Found};
use crate::ins::Ins;
use crate::mask::Masker;
use crate::person::{self, Person};

/// Local parts at the patients' domain that are nobody's. Any other is marked, since a mistyped one may be a name.
const SERVICE_NAMES: [&str; 5] = ["postmaster", "abuse", "mailer-daemon", "no-reply", "ne-pas-repondre"];

/// How a mask begins.
const MASK: &str = "ins-";

/// What stands for an identifier that nobody is shown.
const HIDDEN: &str = "ins-hidden";

/// Text, cut into what may be read and what is a person's identifier.
///
/// The record seals the identifiers (R-TRC-7), a log shows them masked ([`Masker::show`]), and an admin who has said why
/// is shown them ([`Marked::reveal`]). By itself it shows none: `Display` and `Debug` write `ins-hidden`.
///
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Marked(Vec<Piece>);

/// A piece of a [`Marked`] text.
#[derive(Clone, PartialEq, Eq)]
pub enum Piece {
    /// What is no identifier.
    Plain(String),
    /// A person's identifier.
    Person(Person),
    /// An identifier that was there and is not any more: the record forgot whose it was. The text tells one from another.
    Erased(String),
}

impl Piece {
    /// The person, if it is one.
    #[must_use]
    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person) => Some(person),
            Self::Plain(_) | Self::Erased(_) => None,
        }
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Person(_) => f.write_str(HIDDEN),
            Self::Erased(which) => f.write_str(which),
        }
    }
}

impl Marked {
    /// Text of any origin (another server's reply, an EHLO name, a Message-ID, a file name): every run that has the shape
    /// of an INS, with or without its key, is one, whatever it is glued to.
    ///
    /// It marks too much rather than too little: 13 digits in a row are marked, a clock's milliseconds included. So are
    /// groups of digits that make an INS together (`2 79 03 51 215 189 89`), as people write it.
    #[must_use]
    pub fn text(text: &str) -> Self {
        let mut marked = Self::default();
        let mut at = 0;
        while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let rest = text.get(at..).unwrap_or_default();
            let run = person::run_length(rest.as_bytes());
            let (length, is_person) = match grouped::find_at(text, at) {
                Found::Identifier(end) => (end - at, true),
                Found::Harmless(end) => (end - at, false),
                Found::Nothing if run > 0 => (run, true),
                Found::Nothing => (c.len_utf8(), false),
            };
            let (piece, _) = rest.split_at(length);
            if is_person {
                marked.push_person(Person::run(piece));
            } else {
                marked.push_plain(piece);
            }
            at += length;
        }
        marked
    }

    /// Text that holds no identifier: a word of our own, a number.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        Self(if text.is_empty() { Vec::new() } else { vec![Piece::Plain(text)] })
    }

    /// An INS.
    #[must_use]
    pub fn ins(ins: &Ins) -> Self {
        Self(vec![Piece::Person(Person::number(ins.reveal()))])
    }

    /// An address; its local part is marked if it is, or looks like, a health identifier.
    #[must_use]
    pub fn address(address: &MailAddress) -> Self {
        let local = address.local().reveal();
        if !address.domain().is_patient_domain() || SERVICE_NAMES.iter().any(|name| local.eq_ignore_ascii_case(name)) {
            return Self::text(&address.reveal());
        }
        let person = match address.ins() {
            Some(ins) => Person::number(ins.reveal()),
            None => Person::parse(local),
        };
        Self(vec![Piece::Person(person), Piece::Plain(format!("@{}", address.domain()))])
    }

    /// An account's name: as an address is if it is one, else as text.
    #[must_use]
    pub fn account(name: &str) -> Self {
        MailAddress::parse(name).map_or_else(|_| Self::text(name), |address| Self::address(&address))
    }

    /// The path between `<` and `>`, as an address is; empty for the null path.
    #[must_use]
    pub fn path(path: &ReversePath) -> Self {
        path.address().map(Self::address).unwrap_or_default()
    }

    /// A certificate's name, as text is, except for the number of a structure: organisations have a SIRET of 14 digits
    /// behind a 3 in their OU (spec §3.2), which would else pass for an INS and hide from the admin who it is.
    #[must_use]
    pub fn certificate_name(name: &DistinguishedName) -> Self {
        let attributes = name.attributes();
        let is_structure = |(kind, value): &(String, String)| kind == "OU" && is_siret_identifier(value);
        if !attributes.iter().any(is_structure) {
            return Self::text(&name.to_string());
        }
        // Each attribute as it would stand alone: escaping does not depend on its neighbours.
        let mut marked = Self::default();
        for (position, attribute) in attributes.iter().enumerate() {
            if position > 0 {
                marked.push_plain(",");
            }
            let alone = DistinguishedName::from_attributes([attribute.clone()]);
            let alone = alone.map(|alone| alone.to_string()).unwrap_or_default();
            marked.append(if is_structure(attribute) { Self::plain(alone) } else { Self::text(&alone) });
        }
        marked
    }

    /// One text from several, with this between them.
    #[must_use]
    pub fn join(texts: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let mut joined = Self::default();
        for (position, text) in texts.into_iter().enumerate() {
            if position > 0 {
                joined.push_plain(between);
            }
            joined.append(text);
        }
        joined
    }

    /// The same with more text of our own behind it.
    #[must_use]
    pub fn and(mut self, text: &str) -> Self {
        self.push_plain(text);
        self
    }

    /// The same with another behind it.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.append(other);
        self
    }

    /// Its pieces, in order. No two plain ones are neighbours.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// From pieces.
    #[must_use]
    pub fn from_pieces(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let mut marked = Self::default();
        for piece in pieces {
            marked.push(piece);
        }
        marked
    }

    /// Is there nothing in it?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most this many characters of it; an identifier is there whole or not at all.
    #[must_use]
    pub fn cut(self, characters: usize) -> Self {
        let mut left = characters;
        let mut cut = Self::default();
        for piece in self.0 {
            let length = match &piece {
                Piece::Plain(text) if text.chars().count() > left => {
                    cut.push_plain(&text.chars().take(left).collect::<String>());
                    break;
                }
                Piece::Plain(text) => text.chars().count(),
                Piece::Person(_) | Piece::Erased(_) => HIDDEN.len(),
            };
            let Some(rest) = left.checked_sub(length) else { break };
            left = rest;
            cut.push(piece);
        }
        cut
    }

    /// The whole text, identifiers in clear. Whoever is shown it has said why, and that is on record.
    #[must_use]
    pub fn reveal(&self) -> String {
        self.write(|person| person.reveal().to_owned())
    }

    /// The text, with each identifier as this says.
    pub(crate) fn write(&self, shown: impl Fn(&Person) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Plain(text) | Piece::Erased(text) => text.clone(),
            Piece::Person(person) => shown(person),
        };
        self.0.iter().map(piece).collect()
    }

    fn push(&mut self, piece: Piece) {
        match piece {
            Piece::Plain(text) => self.push_plain(&text),
            other => self.0.push(other),
        }
    }

    fn push_plain(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Plain(last)) => last.push_str(text),
            _ => self.0.push(Piece::Plain(text.to_owned())),
        }
    }

    fn push_person(&mut self, person: Person) {
        self.0.push(Piece::Person(person));
    }

    fn append(&mut self, other: Self) {
        other.0.into_iter().for_each(|piece| self.push(piece));
    }
}

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write(|_| HIDDEN.to_owned()))
    }
}

impl fmt::Debug for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// As [`Marked::text`].
impl From<&str> for Marked {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

/// As [`Marked::text`].
impl From<String> for Marked {
    fn from(text: String) -> Self {
        Self::text(&text)
    }
}

/// Is it this text, with no identifier in it?
impl PartialEq<str> for Marked {
    fn eq(&self, other: &str) -> bool {
        match self.0.as_slice() {
            [] => other.is_empty(),
            [Piece::Plain(text)] => text == other,
            _ => false,
        }
    }
}

impl PartialEq<&str> for Marked {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl Masker {
    /// The text with each identifier masked.
    #[must_use]
    pub fn show(&self, text: &Marked) -> String {
        text.write(|person| self.person(person))
    }

    /// Text that was masked before ([`Masker::show`]), with each mask as the person whose it is, if he is in one of these
    /// texts. Another mask is hidden: under the key it could be tried out whose it is.
    #[must_use]
    pub fn unmask(&self, masked: &str, known: &[&Marked]) -> Marked {
        let persons = known.iter().flat_map(|text| text.pieces()).filter_map(Piece::person);
        let masks: Vec<(String, &Person)> = persons.map(|person| (self.person(person), person)).collect();
        let mut out = Marked::default();
        let mut rest = masked;
        while let Some((before, mask, after)) = next_mask(rest) {
            out.push_plain(before);
            match masks.iter().find(|(known, _)| known == mask) {
                Some((_, person)) => out.push_person((*person).clone()),
                None => out.push_plain(HIDDEN),
            }
            rest = after;
        }
        out.push_plain(rest);
        out
    }

    /// The same of a text that may not be there.
    #[must_use]
    pub fn show_any(&self, text: Option<&Marked>) -> Option<String> {
        text.map(|text| self.show(text))
    }
}

/// The text with every mask hidden ([`Masker::show`] writes them).
#[must_use]
pub fn hide_masks(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, _, after)) = next_mask(rest) {
        out.extend([before, HIDDEN]);
        rest = after;
    }
    out + rest
}

/// The first mask of a text (`ins-` and 8 hexadecimal digits), with what stands before and behind it.
fn next_mask(text: &str) -> Option<(&str, &str, &str)> {
    text.match_indices(MASK).find_map(|(at, _)| {
        let (before, from) = text.split_at(at);
        let (mask, after) = from.split_at_checked(MASK.len() + 8)?;
        let digits = mask.bytes().skip(MASK.len());
        digits.into_iter().all(|byte| byte.is_ascii_hexdigit()).then_some((before, mask, after))
    })
}

/// A 3, then the 14 digits of a SIRET whose key of Luhn fits; and not an INS, whatever else it may be.
fn is_siret_identifier(value: &str) -> bool {
    let Some(siret) = value.strip_prefix('3').filter(|siret| siret.len() == 14) else { return false };
    let digits: Option<Vec<u32>> = siret.chars().map(|c| c.to_digit(10)).collect();
    let weighed = |(index, digit): (usize, u32)| match (index % 2, digit) {
        (0, 5..) => digit * 2 - 9,
        (0, _) => digit * 2,
        _ => digit,
    };
    let sum = digits.map(|digits| digits.into_iter().enumerate().map(weighed).sum::<u32>());
    sum.is_some_and(|sum| sum % 10 == 0) && Ins::parse(value).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INS: &str = "279035121518989";

    #[test]
    fn an_identifier_is_known_as_the_same_however_it_is_written() {
        let all =
            ["279035121518989", "x2790351215189", "2 79 03 51 215 189 89", "<279035121518989@patient.mssante.fr>"];
        for text in all {
            let marked = Marked::text(text);
            let known: Vec<_> = persons(&marked).map(Person::known).collect();
            assert_eq!(known, ["2790351215189"], "{text}");
        }
        let address = Marked::address(&MailAddress::parse("297022a02077878@patient.mssante.fr").unwrap());
        assert_eq!(persons(&address).map(Person::known).collect::<Vec<_>>(), ["297022A020778"]);
    }

    #[test]
    fn nothing_prints_an_identifier_but_reveal() {
        let marked = Marked::text(&format!("no mailbox {INS} here"));
        assert_eq!(format!("{marked} {marked:?} {:?}", marked.pieces()).matches("ins-hidden").count(), 3);
        assert!(!format!("{marked} {marked:?} {:?}", marked.pieces()).contains("2790"));
        assert_eq!(marked.reveal(), format!("no mailbox {INS} here"));
        assert_eq!(Masker::new(&[7; 32]).show(&marked), Masker::new(&[7; 32]).scrub(&format!("no mailbox {INS} here")));
    }

    #[test]
    fn a_person_that_was_sealed_is_the_same_again() {
        for text in [INS, "2790351215189", "297022A02077878", "00279035121518", "jean.dupont", "x279a35121518989"] {
            let marked = match text {
                "jean.dupont" => Marked::address(&MailAddress::parse("Jean.Dupont@patient.mssante.fr").unwrap()),
                text => Marked::text(text),
            };
            for person in persons(&marked) {
                assert_eq!(Person::parse(person.reveal()).known(), person.known(), "{text}");
            }
        }
    }

    #[test]
    fn an_id_of_ours_is_no_identifier_unless_it_holds_one() {
        for id in ["019ca8695000702892e003c1ea64937c", "019ca869500070c195026136325b965b"] {
            for text in [id.to_owned(), format!("<{id}@mx.test>"), format!("queued as {id}.")] {
                assert_eq!(persons(&Marked::text(&text)).count(), 0, "{text}");
            }
            // Glued to anything it is no id, and what looks like a number is one.
            assert_eq!(persons(&Marked::text(&format!("{id}0"))).count(), 1);
        }
        assert_eq!(persons(&Marked::text(&format!("cdef000000007c{INS}fff"))).count(), 1);
    }

    #[test]
    fn a_cut_leaves_no_identifier_in_part() {
        let marked = Marked::text(&format!("12345 {INS} after"));
        assert_eq!(marked.clone().cut(3).reveal(), "123");
        assert_eq!(marked.clone().cut(12).reveal(), "12345 ");
        assert_eq!(marked.cut(18).reveal(), format!("12345 {INS} a"));
    }

    #[test]
    fn a_mask_is_known_again_by_the_person_beside_it_and_else_hidden() {
        let masker = Masker::new(&[7; 32]);
        let known = Marked::text(INS);
        let written = masker.scrub(&format!("é ins-x <{INS}> and 297022A02077878 ins-12"));
        let unmasked = masker.unmask(&written, &[&known]);
        assert_eq!(unmasked.reveal(), format!("é ins-x <{INS}> and ins-hidden ins-12"));
        assert_eq!(masker.unmask("plain", &[&known]), *"plain");
    }

    #[test]
    fn pieces_come_together_as_they_were() {
        let marked = Marked::join([Marked::text(INS), Marked::plain("a@b.fr")], ", ").and("!");
        assert_eq!(marked.pieces().len(), 2);
        assert_eq!(marked.reveal(), format!("{INS}, a@b.fr!"));
        assert_eq!(Marked::from_pieces(marked.pieces().to_vec()), marked);
        assert_eq!(Marked::plain(""), Marked::default());
        assert_eq!(Marked::plain("a").then(Marked::text("b")), *"ab");
    }

    fn persons(text: &Marked) -> impl Iterator<Item = &Person> {
        text.pieces().iter().filter_map(Piece::person)
    }
}
