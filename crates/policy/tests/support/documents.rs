//! What a case says of a message's documents, and of the settings on them.

use pli_policy::{
    AddressedPatient, AttachedFile, DocumentFacts, DocumentHeaders, DocumentRules, FileType, HeaderCheck, OnFault,
};
use pli_types::Ins;
use serde::Deserialize;

/// By default there are none.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DocumentsCase {
    /// The INS of those whom the documents name.
    patients: Vec<String>,
    /// Those whom they name without one.
    unidentified: usize,
    /// Patients addressed whose spaces are here.
    addressed: Vec<String>,
    /// Patients addressed whose spaces are elsewhere.
    addressed_elsewhere: Vec<String>,
    unreadable: bool,
    codes: Option<String>,
    qualified: bool,
    header_codes: Option<String>,
    header_ins: Option<String>,
    header_product: Option<String>,
    /// `jpg image/jpeg`; `-` has no name.
    files: Vec<String>,
    too_many_parts: bool,
    /// Settings that differ from the default: `several_patients = "deliver"`.
    settings: Vec<String>,
}

fn file(text: &str) -> AttachedFile {
    let (ending, media_type) = text.split_once(' ').expect("an ending and a media type");
    let endings = if ending == "-" { Vec::new() } else { vec![FileType::of_ending(ending)] };
    AttachedFile { endings, media_type: media_type.to_owned() }
}

impl DocumentsCase {
    pub(crate) fn facts(&self) -> DocumentFacts {
        let ins = |text: &String| Ins::parse(text).expect("an INS");
        let addressed = |hosted| move |text: &String| AddressedPatient { ins: ins(text), hosted };
        let here = self.addressed.iter().map(addressed(true));
        DocumentFacts {
            has_archive: !self.patients.is_empty() || self.unidentified > 0 || self.unreadable || self.codes.is_some(),
            patients: self.patients.len() + self.unidentified,
            identified: self.patients.iter().map(ins).collect(),
            addressed: here.chain(self.addressed_elsewhere.iter().map(addressed(false))).collect(),
            unreadable: self.unreadable.then_some("encrypted"),
            codes: self.codes.clone(),
            qualified: self.codes.as_ref().map(|_| self.qualified),
            headers: DocumentHeaders {
                codes: self.header_codes.clone(),
                ins: self.header_ins.clone(),
                product: self.header_product.clone(),
            },
            files: self.files.iter().map(|text| file(text)).collect(),
            all_files_seen: !self.too_many_parts,
        }
    }

    pub(crate) fn rules(&self) -> DocumentRules {
        let mut rules = DocumentRules::default();
        for setting in &self.settings {
            match setting.as_str() {
                "several patients are delivered" => rules.several_patients = OnFault::Deliver,
                "several patients are held" => rules.several_patients = OnFault::Hold,
                "another patient is held" => rules.other_patient = OnFault::Hold,
                "another patient is delivered" => rules.other_patient = OnFault::Deliver,
                "what cannot be read is refused" => rules.unreadable = OnFault::Refuse,
                "headers are refused" => rules.headers = HeaderCheck::Refuse,
                "headers are not looked at" => rules.headers = HeaderCheck::Off,
                other => panic!("no such setting: {other}"),
            }
        }
        rules
    }
}
