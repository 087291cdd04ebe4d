//! What the documents of a message are, and about whom: [`DocumentFacts`].

use std::fmt;

use pli_types::Ins;

use crate::finding::{Finding, Findings};
use crate::patient::PatientId;

/// LOINC: a prescription of health products.
const PRESCRIPTION_LOINC: &str = "57833-6";
/// The prescriptions of `TRE_A05`: `PRESC-BIO`, `PRESC-KINE`, `PRESC-INF`, `PRESC-AAT`, `PRESC-PEDI`, `PRESC-ORTHOPHO` …
const PRESCRIPTION_CISIS: &str = "PRESC-";
/// LOINC, and `TRE_A05` of the CI-SIS: the code systems of document types (`JDV_J07`).
const TYPE_SYSTEMS: [&str; 2] = ["2.16.840.1.113883.6.1", "1.2.250.1.213.1.1.4.12"];

/// What a document's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A clinical document (CDA R2) whose header was read.
    Cda,
    /// Something else; what is known of it stands in METADATA.XML.
    Other,
}

/// What kind of document it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    /// `57833-6`, `PRESC-BIO`: letters, digits, and `-`, `.`, `_`, so that it can stand in a header as it is.
    pub code: String,
    /// The code system's OID, as written.
    pub system: String,
}

impl Code {
    /// `None` if it is empty, too long, or of other characters: whoever copied it into a header could be made to write
    /// another header.
    pub(crate) fn new(code: &str, system: &str) -> Option<Self> {
        let code = code.trim();
        let is_good = (1..=64).contains(&code.len())
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        is_good.then(|| Self { code: code.to_owned(), system: system.trim().to_owned() })
    }

    /// Is it a prescription: LOINC 57833-6, or one of the CI-SIS?
    #[must_use]
    pub fn is_prescription(&self) -> bool {
        let is_type = self.system.is_empty() || TYPE_SYSTEMS.contains(&self.system.as_str());
        is_type && (self.code == PRESCRIPTION_LOINC || self.code.starts_with(PRESCRIPTION_CISIS))
    }
}

/// A document. `Debug` shows its format alone: everything else was written by its sender.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// What its bytes are.
    pub format: Format,
    /// What kind of document it is.
    pub code: Code,
    /// Whom it is about; `None` if it names nobody.
    pub patient: Option<PatientId>,
    /// Its own id: an OID, with `^` and an extension if it has one.
    pub unique_id: String,
    /// The id that all its versions share.
    pub set_id: Option<String>,
    /// Which version it is.
    pub version: Option<String>,
    /// The documents that it replaces: the unique ids that a CDA names (RPLC), or the registry's ids.
    pub replaces: Vec<String>,
    /// How confidential it is: `N`, `R`, `V`.
    pub confidentiality: Option<String>,
    /// When it was made, as HL7 writes it.
    pub effective_time: Option<String>,
    /// The hash that METADATA.XML gives for it, in lower case. Nobody has compared it.
    pub hash: Option<String>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("format", &self.format).finish_non_exhaustive()
    }
}

/// What the documents of a message are, and about whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DocumentFacts {
    /// Was an archive of documents there, be it one that cannot be read?
    pub has_archive: bool,
    /// The documents, in the order of the archives.
    pub documents: Vec<Document>,
    /// What is unusual about them, each once.
    pub findings: Vec<Finding>,
    /// Who else is named, beside the patients of the documents: by the set, by METADATA.XML, by a second `recordTarget`.
    others: Vec<PatientId>,
    /// What was inflated, in octets.
    inflated_bytes: u64,
}

impl DocumentFacts {
    /// The clinical documents.
    pub fn clinical(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().filter(|document| document.format == Format::Cda)
    }

    /// Everybody whom the documents and their metadata name, each once. Who is not certainly another is the same.
    #[must_use]
    pub fn patients(&self) -> Vec<&PatientId> {
        let named = self.documents.iter().filter_map(|document| document.patient.as_ref()).chain(&self.others);
        let (with_ins, without): (Vec<_>, Vec<_>) = named.partition(|patient| patient.ins.is_some());
        let mut distinct: Vec<&PatientId> = Vec::new();
        for patient in with_ins.into_iter().chain(without) {
            if distinct.iter().all(|known| known.is_other_than(patient)) {
                distinct.push(patient);
            }
        }
        distinct
    }

    /// The INS of everybody whom they name, each once.
    #[must_use]
    pub fn patients_ins(&self) -> Vec<&Ins> {
        self.patients().into_iter().filter_map(|patient| patient.ins.as_ref()).collect()
    }

    /// Is there a prescription among them?
    #[must_use]
    pub fn is_prescription(&self) -> bool {
        self.documents.iter().any(|document| document.code.is_prescription())
    }

    /// The value of `X-MSS-CODECDA`: the codes of the clinical documents, in their order (ECO.2.4.1). `None` without one.
    #[must_use]
    pub fn codes(&self) -> Option<String> {
        let codes: Vec<&str> = self.clinical().map(|document| document.code.code.as_str()).collect();
        (!codes.is_empty()).then(|| codes.join(","))
    }

    /// The value of `X-MSS-INS`: has every clinical document a qualified INS (ECO.2.4.2)? `None` without one.
    #[must_use]
    pub fn qualified(&self) -> Option<bool> {
        let mut clinical = self.clinical().peekable();
        clinical.peek()?;
        Some(clinical.all(|document| document.patient.as_ref().is_some_and(|patient| patient.qualified)))
    }

    /// Does a document replace an earlier one?
    #[must_use]
    pub fn replaces(&self) -> bool {
        self.documents.iter().any(|document| !document.replaces.is_empty())
    }

    /// May there be documents that were not read?
    #[must_use]
    pub fn hides_something(&self) -> bool {
        self.findings.iter().any(|finding| finding.hides_something())
    }

    /// What reading them cost: octets that were inflated.
    #[must_use]
    pub fn inflated_bytes(&self) -> u64 {
        self.inflated_bytes
    }
}

/// The facts, as they come.
#[derive(Default)]
pub(crate) struct Gathering {
    facts: DocumentFacts,
    pub(crate) findings: Findings,
}

/// What is inflated of one message, all in all. A hundred documents' headers of the usual length and their metadata
/// are less, and as much as this is read in a fraction of a second.
const INFLATED_BYTES_MAX: u64 = 12 * 1024 * 1024;
/// Patients beside those of the documents: with two, everything is known that a rule asks.
const OTHERS_MAX: usize = 100;

impl Gathering {
    pub(crate) fn found(&mut self, finding: Finding) {
        self.findings.add(finding);
    }

    pub(crate) fn archive_found(&mut self) {
        self.facts.has_archive = true;
    }

    pub(crate) fn document(&mut self, document: Document) {
        self.facts.documents.push(document);
    }

    pub(crate) fn also_named(&mut self, patient: PatientId) {
        let is_known = self.facts.others.contains(&patient)
            || self.facts.documents.iter().any(|document| document.patient.as_ref() == Some(&patient));
        if !is_known && self.facts.others.len() < OTHERS_MAX {
            self.facts.others.push(patient);
        }
    }

    /// Counts what is to be inflated; `false` if that is more than a message may cost.
    pub(crate) fn may_inflate(&mut self, bytes: u64) -> bool {
        let total = self.facts.inflated_bytes.saturating_add(bytes);
        let may = total <= INFLATED_BYTES_MAX;
        if may {
            self.facts.inflated_bytes = total;
        } else {
            self.found(Finding::Bomb);
        }
        may
    }

    pub(crate) fn finish(mut self) -> DocumentFacts {
        if self.facts.patients().len() > 1 {
            self.findings.add(Finding::SeveralPatients);
        }
        self.facts.findings = self.findings.into_vec();
        self.facts
    }
}
