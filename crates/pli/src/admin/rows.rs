//! Rows of a file that an admin works through: how they come, and how a refused one is told.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::effect::Effect;
use crate::exit::{Exit, Failure};
use crate::words::{self, Language, Said};

/// A row, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Numbered<T> {
    /// Its line in the file, the header's being 1.
    pub(crate) line: u64,
    pub(crate) row: T,
}

/// What an admin should look at, although it was done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Warning {
    pub(crate) code: String,
    /// In English, for programs.
    pub(crate) text: String,
    /// The sentence of the catalogue, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) said: Option<Said>,
}

impl Warning {
    /// A warning that the catalogue has words for. The code is the key, as far as its first full stop.
    pub(crate) fn told(key: &'static str, values: &[(&'static str, &dyn Display)]) -> Self {
        Self::coded(words::code(key), Said::new(key, values))
    }

    /// As [`Warning::told`], under this code.
    pub(crate) fn coded(code: &str, said: Said) -> Self {
        said.check();
        Self { code: code.to_owned(), text: said.what(Language::En), said: Some(said) }
    }

    /// What it says, in this language where there are words for it.
    pub(crate) fn text(&self, language: Language) -> String {
        text(&self.text, self.said.as_ref(), language)
    }
}

/// What became of one row of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct RowTold {
    /// Its line in the file, the header's being 1.
    pub(crate) line: u64,
    /// The address or name that it is about, masked.
    pub(crate) name: String,
    /// Null if it was refused.
    pub(crate) outcome: Option<Effect>,
    /// Why it was refused, or what to look at.
    pub(crate) code: Option<String>,
    /// The same in English.
    pub(crate) text: Option<String>,
    /// The same as a sentence of the catalogue, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) said: Option<Said>,
}

impl RowTold {
    /// A row that cannot be read.
    pub(crate) fn invalid(line: u64, said: Said) -> Self {
        said.check();
        let text = Some(said.what(Language::En));
        Self { line, name: String::new(), outcome: None, code: Some("row-invalid".to_owned()), text, said: Some(said) }
    }

    /// What is said of it, in this language where there are words for it.
    pub(crate) fn text(&self, language: Language) -> Option<String> {
        self.text.as_ref().map(|english| text(english, self.said.as_ref(), language))
    }
}

/// A sentence of a newer node has its English only.
fn text(english: &str, said: Option<&Said>, language: Language) -> String {
    said.filter(|said| said.is_known()).map_or_else(|| english.to_owned(), |said| said.what(language))
}

/// The rows that are attached to a request.
pub(super) fn attached<T: DeserializeOwned>(attached: Option<Vec<u8>>) -> Result<Vec<Numbered<T>>, Failure> {
    let rows = serde_json::from_slice(&attached.unwrap_or_default());
    rows.map_err(|error| {
        let what = format!("the attached rows: {error}");
        Failure::told(Exit::Usage, "admin-request", &[("what", &what)])
    })
}

/// What became of a row: one warning is told with it.
pub(super) fn told(line: u64, name: String, done: Result<(Effect, Vec<Warning>), Failure>) -> RowTold {
    match done {
        Ok((outcome, warnings)) => {
            let warning = warnings.into_iter().next();
            let said = warning.as_ref().and_then(|warning| warning.said.clone());
            let (code, text) = warning.map(|warning| (warning.code, warning.text)).unzip();
            RowTold { line, name, outcome: Some(outcome), code, text, said }
        }
        Err(failure) => {
            let said = Said::new("row-refused", &[]);
            let said = said.with("what", failure.what_value()).with("next", failure.next_value());
            said.check();
            let (code, text) = (Some(failure.code.to_owned()), Some(said.what(Language::En)));
            RowTold { line, name, outcome: None, code, text, said: Some(said) }
        }
    }
}
