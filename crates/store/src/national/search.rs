//! [`Search`]: what is looked for.

use super::fold::{each_word, words};
use super::terms::Wanted;

/// The most words that are looked for at once, filters included.
pub const WORDS_MAX: usize = 32;

/// A word as long as this also finds what it begins. Shorter ones are whole: `le` would begin half of the country.
const BEGINNING_CHARS_MIN: usize = 3;

/// Where in a line a word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// Whose: title, names, number.
    Name = 1,
    /// Profession and speciality.
    Profession = 2,
    /// Town and postal code.
    Town = 3,
    /// The department's name and number.
    Department = 4,
    /// The structure's name, sign, service and number.
    Structure = 5,
    /// The type of mailbox.
    Kind = 6,
}

/// What is looked for: lines that have each word, where it is looked for. Case and accents are ignored, and a word of
/// three letters or more finds what begins with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// Anywhere: name, profession, speciality, service, structure, town, department.
    pub words: String,
    /// In the profession or the speciality.
    pub profession: String,
    /// In the town, or its postal code.
    pub town: String,
    /// In the department's name or number.
    pub department: String,
    /// In the structure's name, sign, service or number.
    pub structure: String,
    /// The type of mailbox, whole.
    pub kind: String,
}

/// A word that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    places: &'static [Place],
    word: String,
    /// Is it enough that a word begins so?
    beginning: bool,
}

/// A word that must be there, for an index that lies elsewhere: any from the first to the last, in the order of their
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sought {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) places: &'static [Place],
}

impl Search {
    /// How many words are looked for. None would find everything: ask for something. Above [`WORDS_MAX`] the rest is not
    /// looked at.
    #[must_use]
    pub fn words(&self) -> usize {
        self.parts().map(|(_, text)| words(text).len()).sum()
    }

    /// Does a line with these words fit? As [`super::LocalCopy::matching`] finds them, for lines that lie elsewhere.
    #[must_use]
    pub fn fits(&self, texts: &[(Place, &str)]) -> bool {
        let (mut pieces, mut room) = (self.pieces(), String::new());
        let asked = !pieces.is_empty();
        for (place, text) in texts {
            if pieces.iter().any(|piece| piece.places.contains(place)) {
                each_word(text, &mut room, |word| pieces.retain(|piece| !piece.is(*place, word)));
            }
        }
        asked && pieces.is_empty()
    }

    /// What it is in terms of the index: all of them must be there.
    pub(super) fn wanted(&self) -> Vec<Wanted> {
        self.pieces().iter().map(|piece| Wanted::word(&piece.word, piece.beginning, piece.places)).collect()
    }

    /// What it is for an index that lies elsewhere: all of them must be there.
    pub(crate) fn sought(&self) -> Vec<Sought> {
        let sought = |Piece { places, word, beginning }| {
            // No word has the last of all characters: it is no letter.
            let to = if beginning { format!("{word}{}", char::MAX) } else { word.clone() };
            Sought { from: word, to, places }
        };
        self.pieces().into_iter().map(sought).collect()
    }

    /// Its words, without those that another one says already: whatever is typed, no part of the index is read more often
    /// than there are places.
    fn pieces(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let typed = self.parts().flat_map(|(places, text)| words(text).into_iter().map(move |word| (places, word)));
        for (places, word) in typed.take(WORDS_MAX) {
            let beginning = places != KIND && word.chars().count() >= BEGINNING_CHARS_MIN;
            let piece = Piece { places, word, beginning };
            if !pieces.iter().any(|other| other.says(&piece)) {
                pieces.retain(|other| !piece.says(other));
                pieces.push(piece);
            }
        }
        pieces
    }

    fn parts(&self) -> impl Iterator<Item = (&'static [Place], &str)> {
        [
            (ANYWHERE, self.words.as_str()),
            (&[Place::Profession], &self.profession),
            (&[Place::Town], &self.town),
            (&[Place::Department], &self.department),
            (&[Place::Structure], &self.structure),
            (KIND, &self.kind),
        ]
        .into_iter()
    }
}

impl Piece {
    fn is(&self, place: Place, word: &str) -> bool {
        self.places.contains(&place) && (word == self.word || self.beginning && word.starts_with(&self.word))
    }

    /// Does whatever has this word have the other one too?
    fn says(&self, other: &Self) -> bool {
        let there = self.places.iter().all(|place| other.places.contains(place));
        there
            && (self.word == other.word && self.beginning == other.beginning
                || other.beginning && self.word.starts_with(&other.word))
    }
}

const ANYWHERE: &[Place] = &[Place::Name, Place::Profession, Place::Town, Place::Department, Place::Structure];
const KIND: &[Place] = &[Place::Kind];

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(search: &Search) -> Vec<(String, bool)> {
        search.pieces().into_iter().map(|piece| (piece.word, piece.beginning)).collect()
    }

    #[test]
    fn long_words_are_beginnings_and_short_ones_are_whole() {
        let search = Search { town: "Le Mans".to_owned(), kind: "PER".to_owned(), ..Search::default() };
        let expected = [("le".to_owned(), false), ("mans".to_owned(), true), ("per".to_owned(), false)];
        assert_eq!(pieces(&search), expected);
        assert_eq!(search.words(), 3);
    }

    #[test]
    fn no_word_is_no_question_and_many_are_cut() {
        let none = Search { words: " - ' ".to_owned(), ..Search::default() };
        assert!(none.wanted().is_empty() && !none.fits(&[(Place::Name, "anything")]));
        let many: Vec<String> = (100..1000).map(|number| format!("mot{number}")).collect();
        let many = Search { words: many.join(" "), ..Search::default() };
        assert_eq!((many.words(), many.wanted().len()), (900, WORDS_MAX));
    }

    #[test]
    fn what_another_word_says_is_not_looked_for_again() {
        let search = Search { words: "mar marti mart le le l".to_owned(), town: "mar".into(), ..Search::default() };
        let words: Vec<String> = search.pieces().into_iter().map(|piece| piece.word).collect();
        assert_eq!(words, ["marti", "le", "l", "mar"]);
        let search = Search { words: "mar".to_owned(), town: "marti".into(), ..Search::default() };
        assert_eq!(pieces(&search), [("marti".to_owned(), true)]);
    }

    #[test]
    fn a_line_that_lies_elsewhere_fits_as_one_of_the_copy_would() {
        let texts = [(Place::Name, "DR LEFÈVRE Zoé"), (Place::Town, "75014 PARIS"), (Place::Kind, "PER")];
        let search = |words: &str, town: &str| Search { words: words.into(), town: town.into(), ..Search::default() };
        for (search, fits) in [
            (search("lefevre zo", ""), false),
            (search("lefe zoe", "paris"), true),
            (search("dr 75014", ""), true),
            (search("per", ""), false),
            (search("", "lefevre"), false),
        ] {
            assert_eq!(search.fits(&texts), fits, "{search:?}");
        }
        assert!(Search { kind: "per".into(), ..Search::default() }.fits(&texts));
    }
}
