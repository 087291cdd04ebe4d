//! [`Usage`]: what an accepted message is, as far as an operator counts messages (spec §8.2). Nothing in it says who wrote
//! it, to whom, or about whom.

use serde::{Deserialize, Serialize};

/// What stands for a word of a header that is none which may be counted.
pub const OTHER: &str = "other";

/// Codes that are counted of one message.
const CODES_MAX: usize = 20;
/// The longest code or product.
const WORD_CHARS_MAX: usize = 32;
/// A person's number has 12 digits at least, wherever its letters and separators stand.
const DIGITS_MAX: usize = 11;

/// What kind of report a message is, if it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReportClass {
    /// On what a recipient's program did (RFC 8098).
    Mdn,
    /// On what became of the delivery (RFC 3464).
    Dsn,
}

/// An accepted message, as it is counted. What its header says is taken as written, where it is a word that may be counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Is it a report?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportClass>,
    /// Is it for a patient, among others perhaps?
    #[serde(skip_serializing_if = "is_false")]
    pub to_patients: bool,
    /// Does it carry an archive of documents (`IHE_XDM.zip`)?
    #[serde(skip_serializing_if = "is_false")]
    pub xdm: bool,
    /// `X-MSS-CODECDA`: the kinds of its documents, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// `X-MSS-INS`: `O` or `N`; [`OTHER`] for anything else. None without the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ins: Option<String>,
    /// `X-MSS-NIL`: by which product it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Usage {
    /// The same with what the three fields of a header say.
    #[must_use]
    pub fn with_fields(self, codes: Option<&str>, ins: Option<&str>, product: Option<&str>) -> Self {
        let mut counted: Vec<String> = Vec::new();
        let each = codes.into_iter().flat_map(|codes| codes.split([',', ';']));
        for code in each.map(str::trim).filter(|code| !code.is_empty()).map(word) {
            if counted.len() < CODES_MAX && !counted.contains(&code) {
                counted.push(code);
            }
        }
        let ins = ins.map(|ins| match ins.trim() {
            value @ ("O" | "N") => value.to_owned(),
            _ => OTHER.to_owned(),
        });
        let product = product.map(str::trim).filter(|product| !product.is_empty()).map(word);
        Self { codes: counted, ins, product, ..self }
    }
}

/// A code or a product, if it has the shape of one: letters, digits, and `-`, `.`, `_` between them, and fewer digits than a
/// person's number. Anything else is [`OTHER`]: a header is written by whoever sends.
fn word(text: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let has_shape = text.len() <= WORD_CHARS_MAX
        && text.bytes().all(fits)
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && digits <= DIGITS_MAX;
    if has_shape { text.to_owned() } else { OTHER.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_names_a_person_is_counted_as_other() {
        let usage = Usage::default().with_fields(
            Some("34112-3, 279035121518989,PRESC-BIO,34112-3 ,2.79.03.51.215.189, Jean Dupont,,2790351215189-89"),
            Some("279035121518989"),
            Some("2-79-03-2A-215-189-89"),
        );
        assert_eq!(usage.codes, ["34112-3", OTHER, "PRESC-BIO"]);
        assert_eq!((usage.ins.as_deref(), usage.product.as_deref()), (Some(OTHER), Some(OTHER)));
    }

    #[test]
    fn what_ref2_writes_is_counted_as_written() {
        let usage = Usage::default().with_fields(Some("34112-3"), Some(" O "), Some("DEV935997"));
        assert_eq!(usage.codes, ["34112-3"]);
        assert_eq!((usage.ins.as_deref(), usage.product.as_deref()), (Some("O"), Some("DEV935997")));
        assert_eq!(Usage::default().with_fields(Some(" , "), None, Some(" ")), Usage::default());
    }

    #[test]
    fn a_message_with_ten_thousand_codes_is_not_counted_ten_thousand_times() {
        let codes: Vec<String> = (0..10_000).map(|number| format!("C{number}")).collect();
        assert_eq!(Usage::default().with_fields(Some(&codes.join(",")), None, None).codes.len(), CODES_MAX);
    }
}
