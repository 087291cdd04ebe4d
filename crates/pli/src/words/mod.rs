//! What pli says to people, in their language. Everything that an admin reads stands in one catalogue, the files of
//! `crates/pli/words/`, in English and in French; code names a sentence by its key and gives what stands in its places.
//!
//! A key is a stable code (`queue-row-unknown`), or a code and a word where one code has several sentences
//! (`file-unusable.pem`). Codes, logs, and what programs read (JSON, CSV, the admin socket) are the same in all languages.
//!
//! To add a sentence: write it into the file of its noun, and say it by [`crate::exit::Failure::told`]. A file that is
//! new is entered in `catalogue.rs`. The tests tell what is missing, and what nobody says any more.

mod catalogue;
mod help;
mod language;
#[cfg(test)]
mod tests;
mod usage;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;

use pli_types::CertificateFault;
use serde::{Deserialize, Serialize};

pub(crate) use catalogue::translated;
pub(crate) use help::in_language;
pub(crate) use language::{Language, choose, language};
pub(crate) use usage::mistake;

/// A sentence of the catalogue, and what stands in its places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    key: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<Cow<'static, str>, Value>,
}

/// What stands in a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    /// The same in all languages: a name, a number, the words of a library or of the system.
    Text(String),
    /// English of another of our crates, in `words/phrases.toml`.
    Phrase { phrase: Cow<'static, str> },
    /// What another sentence says.
    What { what: Box<Said> },
    /// What another sentence says to do next.
    Next { next: Box<Said> },
}

impl Said {
    /// A sentence, by its key, with values for all of its places.
    pub(crate) fn new(key: impl Into<Cow<'static, str>>, values: &[(&'static str, &dyn Display)]) -> Self {
        let texts = values.iter().map(|(name, value)| (Cow::Borrowed(*name), Value::Text(value.to_string())));
        Self { key: key.into(), values: texts.collect() }
    }

    /// With this in one of its places: another sentence, for instance.
    pub(crate) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.values.insert(name.into(), value);
        self
    }

    /// The stable code: the key, as far as its first full stop. What another process said has none of ours.
    pub(crate) fn code(&self) -> &'static str {
        match &self.key {
            Cow::Borrowed(key) => code(key),
            Cow::Owned(_) => "defect",
        }
    }

    /// Is it one of this catalogue's? A node may be newer than the command that asks it.
    pub(crate) fn is_known(&self) -> bool {
        catalogue::find(&self.key).is_some()
    }

    /// What it says.
    pub(crate) fn what(&self, language: Language) -> String {
        match catalogue::find(&self.key) {
            Some(entry) => self.fill(entry.what.text(language), language),
            None => self.key.to_string(),
        }
    }

    /// What to do next; nothing, if it tells of nothing that must be done.
    pub(crate) fn next(&self, language: Language) -> String {
        let next = catalogue::find(&self.key).and_then(|entry| entry.next.as_ref());
        next.map_or_else(String::new, |next| self.fill(next.text(language), language))
    }

    /// Stops a test that says something that the catalogue does not have, or leaves a place empty.
    pub(crate) fn check(&self) {
        if cfg!(debug_assertions) {
            let places = catalogue::find(&self.key).map(catalogue::Entry::places);
            debug_assert!(places.is_some(), "crates/pli/words/ lacks `{}`: add it there", self.key);
            let given: Vec<&str> = self.values.keys().map(AsRef::as_ref).collect();
            let places: Vec<String> = places.unwrap_or_default().into_iter().collect();
            debug_assert_eq!(places, given, "the places of `{}` in crates/pli/words/, and what is given", self.key);
        }
    }

    /// A value is put in as it is: what looks like a place in it is none.
    fn fill(&self, template: &str, language: Language) -> String {
        let mut out = String::with_capacity(template.len());
        for piece in catalogue::pieces(template) {
            match piece {
                catalogue::Piece::Text(text) => out.push_str(text),
                catalogue::Piece::Place(name) => match self.values.get(name) {
                    Some(value) => out.push_str(&value.text(language)),
                    None => out.push('…'),
                },
            }
        }
        out
    }
}

/// The stable code that a key begins with.
pub(crate) fn code(key: &str) -> &str {
    key.split_once('.').map_or(key, |(code, _)| code)
}

/// What is wrong with a certificate.
pub(crate) fn certificate_fault(fault: CertificateFault) -> Value {
    Value::phrase(match fault {
        CertificateFault::Untrusted => {
            "the certificate does not chain to the trust space's authority for organisations"
        }
        CertificateFault::Expired => "the certificate has expired",
        CertificateFault::NotYetValid => "the certificate is not valid yet",
        CertificateFault::Revoked => "the certificate has been revoked",
        CertificateFault::WrongUse => "the certificate is not meant for this use",
        CertificateFault::RevocationUnknown => "no valid revocation list says whether the certificate still holds",
    })
}

impl Value {
    /// Words of another of our crates, which has them in English.
    pub(crate) fn phrase(english: &'static str) -> Self {
        Self::Phrase { phrase: english.into() }
    }

    /// What a sentence says.
    pub(crate) fn what(said: Said) -> Self {
        Self::What { what: Box::new(said) }
    }

    /// What a sentence says to do next.
    pub(crate) fn next(said: Said) -> Self {
        Self::Next { next: Box::new(said) }
    }

    /// As it stands in a text of this language.
    pub(crate) fn text(&self, language: Language) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Phrase { phrase } if language == Language::En => Cow::Borrowed(phrase),
            Self::Phrase { phrase } => Cow::Borrowed(translated(phrase).unwrap_or(phrase)),
            Self::What { what } => Cow::Owned(what.what(language)),
            Self::Next { next } => Cow::Owned(next.next(language)),
        }
    }
}
