//! Rows of a file that an admin works through: how they come, and how a refused one is told.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::effect::Effect;
use crate::exit::{Exit, Failure};

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
    pub(crate) text: String,
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
    /// The same for people.
    pub(crate) text: Option<String>,
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
            let (code, text) = warnings.into_iter().next().map(|warning| (warning.code, warning.text)).unzip();
            RowTold { line, name, outcome: Some(outcome), code, text }
        }
        Err(failure) => {
            let text = Some(format!("{}; {}", failure.what, failure.next));
            RowTold { line, name, outcome: None, code: Some(failure.code.to_owned()), text }
        }
    }
}
