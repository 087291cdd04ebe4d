//! `[document]`: what becomes of a message whose documents show a fault.

use pli_policy::{DocumentRules, HeaderCheck, OnFault};
use serde::{Deserialize, Serialize};

/// `[document]`. All have defaults. Other operators' mail for professionals is delivered whatever is found in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DocumentConfig {
    /// `X-MSS-CODECDA`, `X-MSS-INS` and `X-MSS-NIL` against the documents, at submission.
    pub(crate) headers: Headers,
    /// Documents of several patients in one message (R-WHO-9).
    pub(crate) several_patients: Fault,
    /// A document that goes to another patient than the one it is about.
    pub(crate) other_patient: Fault,
    /// An archive that cannot be read.
    pub(crate) unreadable: Fault,
}

/// How headers are held against the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Headers {
    /// Not at all.
    Off,
    /// What differs is put on record and counted.
    Warn,
    /// What differs is refused: `document-headers`.
    Refuse,
}

/// What becomes of a message with this fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fault {
    /// It goes its way.
    Deliver,
    /// It is taken, and waits for an admin.
    Hold,
    /// It is refused.
    Refuse,
}

impl Default for DocumentConfig {
    fn default() -> Self {
        Self {
            headers: Headers::Warn,
            several_patients: Fault::Refuse,
            other_patient: Fault::Refuse,
            unreadable: Fault::Deliver,
        }
    }
}

impl DocumentConfig {
    /// As policy has it.
    pub(crate) fn rules(&self) -> DocumentRules {
        DocumentRules {
            headers: match self.headers {
                Headers::Off => HeaderCheck::Off,
                Headers::Warn => HeaderCheck::Warn,
                Headers::Refuse => HeaderCheck::Refuse,
            },
            several_patients: self.several_patients.rule(),
            other_patient: self.other_patient.rule(),
            unreadable: self.unreadable.rule(),
        }
    }
}

impl Fault {
    fn rule(self) -> OnFault {
        match self {
            Self::Deliver => OnFault::Deliver,
            Self::Hold => OnFault::Hold,
            Self::Refuse => OnFault::Refuse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_file_are_those_of_the_rules() {
        assert_eq!(DocumentConfig::default().rules(), DocumentRules::default());
    }

    #[test]
    fn every_word_is_read() {
        let text =
            "headers = \"refuse\"\nseveral_patients = \"deliver\"\nother_patient = \"hold\"\nunreadable = \"refuse\"";
        let rules = toml::from_str::<DocumentConfig>(text).unwrap().rules();
        assert_eq!(rules.headers, HeaderCheck::Refuse);
        assert_eq!([rules.several_patients, rules.other_patient], [OnFault::Deliver, OnFault::Hold]);
        assert_eq!(rules.unreadable, OnFault::Refuse);
        assert!(toml::from_str::<DocumentConfig>("headers = \"perhaps\"").is_err());
    }
}
