//! [`Search`]: what is looked for, and how FTS5 is asked for it.

use std::borrow::Cow;

/// The most words that are looked for at once, filters included.
pub const WORDS_MAX: usize = 32;

/// A word as long as this also finds what it begins. Shorter ones are whole: `le` would begin half of the country.
const PREFIX_CHARS_MIN: usize = 3;

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

impl Search {
    /// How many words are looked for. None would find everything: ask for something. Above [`WORDS_MAX`] the rest is not
    /// looked at.
    #[must_use]
    pub fn words(&self) -> usize {
        self.parts().map(|(_, text)| pieces(&joined(text)).count()).sum()
    }

    /// The question in FTS5's own language (sqlite.org/fts5.html §3); `None` without a word.
    ///
    /// Only letters and digits of the input stand in it, between quotes: nothing of it is ever taken for an operator.
    pub(super) fn expression(&self) -> Option<String> {
        let mut terms = Vec::new();
        for (columns, text) in self.parts() {
            for piece in pieces(&joined(text)) {
                let whole = columns == KIND || piece.chars().count() < PREFIX_CHARS_MIN;
                terms.push(format!("{columns} : \"{piece}\"{}", if whole { "" } else { " *" }));
            }
        }
        terms.truncate(WORDS_MAX);
        (!terms.is_empty()).then(|| terms.join(" AND "))
    }

    fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("{name profession town department structure}", self.words.as_str()),
            ("profession", &self.profession),
            ("town", &self.town),
            ("department", &self.department),
            ("structure", &self.structure),
            (KIND, &self.kind),
        ]
        .into_iter()
    }
}

const KIND: &str = "kind";

/// Letters that are two of the keyboard's. FTS5 takes accents off, but does not take these apart.
pub(super) fn joined(text: &str) -> Cow<'_, str> {
    if !text.contains(['œ', 'Œ', 'æ', 'Æ']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(['œ', 'Œ'], "oe").replace(['æ', 'Æ'], "ae"))
}

/// The words of a text, cut where FTS5 cuts them; an accent that is a character of its own belongs to its letter.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let inside = |c: char| c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c);
    text.split(move |c| !inside(c)).filter(|piece| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_typed_becomes_an_operator() {
        let search = Search { words: "dupont\" OR * : NEAR(a) {x} -y ^z".to_owned(), ..Search::default() };
        let expression = search.expression().unwrap();
        assert_eq!(expression.matches('"').count() % 2, 0, "{expression}");
        assert!(expression.contains("\"OR\"") && !expression.contains(" OR "), "{expression}");
        assert!(!expression.contains("NEAR(") && !expression.contains(['^', '-', '(']), "{expression}");
    }

    #[test]
    fn long_words_are_beginnings_and_short_ones_are_whole() {
        let search = Search { town: "Le Mans".to_owned(), kind: "PER".to_owned(), ..Search::default() };
        assert_eq!(search.expression().unwrap(), "town : \"Le\" AND town : \"Mans\" * AND kind : \"PER\"");
        assert_eq!(search.words(), 3);
    }

    #[test]
    fn no_word_is_no_question_and_many_are_cut() {
        assert_eq!(Search { words: " - ' ".to_owned(), ..Search::default() }.expression(), None);
        let many = Search { words: "mot ".repeat(1000), ..Search::default() };
        assert_eq!(many.words(), 1000);
        assert_eq!(many.expression().unwrap().matches("AND").count(), WORDS_MAX - 1);
    }
}
