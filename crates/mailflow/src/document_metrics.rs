//! What operators count of documents (REF2 ECO.2.4; scenario 37): names, help, labels.
//!
//! A label is a word that is known, or one of a shape that no identifier of a person has; there are only so many of
//! either. The rest is `other`: what a stranger writes into a header never becomes a label.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use metrics::{counter, describe_counter};
use pli_document::Finding;
use pli_policy::{DocumentHeaders, HeaderFault};

const CODES: &str = "pli_mss_codecda_total";
const INS: &str = "pli_mss_ins_total";
const PRODUCTS: &str = "pli_mss_nil_total";
const FINDINGS: &str = "pli_document_findings_total";
const HEADER_FAULTS: &str = "pli_document_header_faults_total";

/// A header that is not there.
const ABSENT: &str = "absent";
/// A value of no known shape, or one too many.
const OTHER: &str = "other";

/// Distinct values that are told apart. The value set of document types (`JDV_J07`) has some hundred, and so have
/// the products of the field.
const DISTINCT_MAX: usize = 200;
/// The prescriptions of the CI-SIS: without `PRESC-`.
const PRESCRIPTIONS: [&str; 6] = ["BIO", "KINE", "INF", "AAT", "PEDI", "ORTHOPHO"];

static CODES_SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static PRODUCTS_SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Registers the help texts, and that nothing has happened yet.
pub(crate) fn describe() {
    describe_counter!(
        CODES,
        "Messages accepted, by document type code of X-MSS-CODECDA; one of several types counts for each."
    );
    describe_counter!(INS, "Messages accepted, by X-MSS-INS (O: qualified, N: not; absent, other).");
    describe_counter!(PRODUCTS, "Messages accepted, by the product that X-MSS-NIL names (absent, other).");
    describe_counter!(FINDINGS, "Messages accepted whose archive of documents is unusual, by finding.");
    describe_counter!(
        HEADER_FAULTS,
        "Messages of our own accepted whose header does not say what the documents are, by fault."
    );
    counter!(CODES, "code" => OTHER).increment(0);
    for value in ["O", "N", ABSENT, OTHER] {
        counter!(INS, "value" => value).increment(0);
    }
    for product in [ABSENT, OTHER] {
        counter!(PRODUCTS, "product" => product).increment(0);
    }
    for finding in Finding::ALL {
        counter!(FINDINGS, "finding" => finding.code()).increment(0);
    }
    for fault in HeaderFault::ALL {
        counter!(HEADER_FAULTS, "fault" => fault.code()).increment(0);
    }
}

/// Counts a message that was accepted.
pub(crate) fn accepted(headers: &DocumentHeaders, findings: &[Finding], faults: &[HeaderFault]) {
    let codes: BTreeSet<String> = headers.codes.iter().flat_map(|codes| codes.split(',')).map(code_label).collect();
    for code in codes {
        counter!(CODES, "code" => code).increment(1);
    }
    let ins = match headers.ins.as_deref().map(str::trim) {
        None => ABSENT,
        Some("O") => "O",
        Some("N") => "N",
        Some(_) => OTHER,
    };
    counter!(INS, "value" => ins).increment(1);
    counter!(PRODUCTS, "product" => product_label(headers.product.as_deref())).increment(1);
    for finding in findings {
        counter!(FINDINGS, "finding" => finding.code()).increment(1);
    }
    for fault in faults {
        counter!(HEADER_FAULTS, "fault" => fault.code()).increment(1);
    }
}

fn code_label(code: &str) -> String {
    bounded(code.trim(), is_document_code, &CODES_SEEN)
}

fn product_label(product: Option<&str>) -> String {
    product.map_or_else(|| ABSENT.to_owned(), |product| bounded(product.trim(), is_product, &PRODUCTS_SEEN))
}

fn bounded(value: &str, is_known_shape: fn(&str) -> bool, seen: &Mutex<BTreeSet<String>>) -> String {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    if is_known_shape(value) && (seen.contains(value) || seen.len() < DISTINCT_MAX) {
        seen.insert(value.to_owned());
        return value.to_owned();
    }
    OTHER.to_owned()
}

/// A LOINC code (up to six digits, a hyphen, a check digit), a prescription of the CI-SIS, or one of the patient's own
/// documents (`DOCPAT001`).
fn is_document_code(code: &str) -> bool {
    let digits = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_loinc = code.split_once('-').is_some_and(|(number, check)| digits(number, 6) && digits(check, 1));
    let is_prescription = code.strip_prefix("PRESC-").is_some_and(|kind| PRESCRIPTIONS.contains(&kind));
    let is_patients = code.strip_prefix("DOCPAT").is_some_and(|number| number.is_empty() || digits(number, 3));
    is_loinc || is_prescription || is_patients
}

/// `DEV935997`: a few capital letters, then three to eight digits. An INS has more, and no name has any.
fn is_product(product: &str) -> bool {
    let letters = product.bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = product.bytes().skip(letters).filter(u8::is_ascii_digit).count();
    (2..=4).contains(&letters) && (3..=8).contains(&digits) && letters + digits == product.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_code_or_a_product_and_nothing_of_a_person() {
        for code in ["57833-6", "34112-3", "PRESC-BIO", "DOCPAT", "DOCPAT001"] {
            assert_eq!(code_label(code), code);
        }
        for code in ["279035121518989", "PAT-TROIS", "PRESC-MARTIN", "", "1234567-8", "DOCPAT279035121518989"] {
            assert_eq!(code_label(code), "other", "{code}");
        }
        assert_eq!(product_label(Some(" DEV935997 ")), "DEV935997");
        assert_eq!(product_label(None), "absent");
        for product in ["279035121518989", "MARTIN", "DEV279035121518989", "DEV", "Dev123"] {
            assert_eq!(product_label(Some(product)), "other", "{product}");
        }
    }

    #[test]
    fn there_are_only_so_many_labels() {
        let seen = Mutex::default();
        let labels: BTreeSet<String> =
            (0..10_000).map(|number| bounded(&format!("{number}-1"), is_document_code, &seen)).collect();
        assert_eq!(labels.len(), DISTINCT_MAX + 1);
    }
}
