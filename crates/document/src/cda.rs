//! The header of a clinical document (CDA R2), read until the document itself begins.

use std::collections::BTreeSet;

use crate::facts::{Code, Document, Format};
use crate::finding::Finding;
use crate::patient::PatientId;
use crate::xml::{Element, Fault, Step, Xml, decode};

const NAMESPACE: &str = "urn:hl7-org:v3";
/// Identifiers of a `recordTarget`, and documents replaced: more are passed over.
const LIST_MAX: usize = 10;

/// What the beginning of a file is.
pub(crate) enum Read {
    /// A document whose header is whole.
    Document(Box<Header>),
    /// Some other XML.
    Other,
    /// Not to be read, for this reason. With [`Finding::CdaMalformed`], more of the file may help.
    Not(Finding),
}

/// What a header says.
pub(crate) struct Header {
    pub(crate) document: Document,
    /// Patients beyond the one that a document may have.
    pub(crate) other_patients: Vec<PatientId>,
    /// Is the encoding known, and kept to?
    pub(crate) encoding_kept: bool,
}

/// Reads the beginning of a file; `whole` if it is all of it.
pub(crate) fn read(bytes: &[u8], whole: bool) -> Read {
    let (text, encoding_kept) = decode(bytes, whole);
    let mut xml = Xml::new(&text, &[NAMESPACE]);
    let mut fields = Fields::default();
    loop {
        match xml.step() {
            Err(Fault::Declared) => return Read::Not(Finding::ExternalEntity),
            Err(Fault::Malformed) => return Read::Not(Finding::CdaMalformed),
            Ok(Step::Open(element)) => match xml.path().as_slice() {
                ["ClinicalDocument"] => {}
                [_] => return Read::Other,
                // The schema has every field of the header before the document itself.
                ["ClinicalDocument", "component"] => break,
                ["ClinicalDocument", path @ ..] => fields.open(path, &element),
                _ => {}
            },
            Ok(Step::Text(text)) => fields.text(xml.path().get(1..).unwrap_or_default(), &text),
            Ok(Step::Close) => {
                if let ["ClinicalDocument", "recordTarget"] = xml.path().as_slice() {
                    fields.patient_ended();
                }
            }
            Ok(Step::End) if fields.is_empty() => return Read::Other,
            Ok(Step::End) => break,
        }
    }
    let Some((document, other_patients)) = fields.into_document() else { return Read::Not(Finding::CdaMalformed) };
    Read::Document(Box::new(Header { document, other_patients, encoding_kept }))
}

/// The fields, as they come (spec §6.4).
#[derive(Default)]
struct Fields {
    id: Option<String>,
    code: Option<Code>,
    set_id: Option<String>,
    version: Option<String>,
    effective_time: Option<String>,
    confidentiality: Option<String>,
    replaces_parent: bool,
    replaces: Vec<String>,
    target: Target,
    patients: Vec<PatientId>,
}

/// One `recordTarget`, as it comes.
#[derive(Default)]
struct Target {
    ids: Vec<(String, String)>,
    /// Is the text that comes part of a birth name?
    is_birth_name: bool,
    traits: BTreeSet<Trait>,
}

/// The four traits that a qualified INS stands with (ECO.2.4.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trait {
    BirthName,
    GivenName,
    BirthDate,
    Sex,
}

const TRAITS: usize = 4;

impl Fields {
    fn is_empty(&self) -> bool {
        self.id.is_none() && self.code.is_none() && self.patients.is_empty()
    }

    /// The first of each counts.
    fn open(&mut self, path: &[&str], element: &Element) {
        let value = |name: &str| Some(element.attribute(name).trim().to_owned()).filter(|value| !value.is_empty());
        match path {
            ["id"] => self.id = self.id.take().or_else(|| instance_id(element)),
            ["code"] => self.code = self.code.take().or_else(|| code(element)),
            ["setId"] => self.set_id = self.set_id.take().or_else(|| instance_id(element)),
            ["versionNumber"] => self.version = self.version.take().or_else(|| value("value")),
            ["effectiveTime"] => self.effective_time = self.effective_time.take().or_else(|| value("value")),
            ["confidentialityCode"] => self.confidentiality = self.confidentiality.take().or_else(|| value("code")),
            ["relatedDocument"] => self.replaces_parent = element.attribute("typeCode") == "RPLC",
            ["relatedDocument", "parentDocument", "id"] if self.replaces_parent && self.replaces.len() < LIST_MAX => {
                self.replaces.extend(instance_id(element));
            }
            ["recordTarget", "patientRole", inner @ ..] => self.target.open(inner, element),
            _ => {}
        }
    }

    fn text(&mut self, path: &[&str], text: &str) {
        let known = match path {
            ["recordTarget", "patientRole", "patient", "name", "family"] => Trait::BirthName,
            ["recordTarget", "patientRole", "patient", "name", "given"] => Trait::GivenName,
            _ => return,
        };
        if self.target.is_birth_name && !text.trim().is_empty() {
            self.target.traits.insert(known);
        }
    }

    fn patient_ended(&mut self) {
        let target = std::mem::take(&mut self.target);
        let has_traits = target.traits.len() == TRAITS;
        if self.patients.len() < LIST_MAX {
            self.patients.extend(PatientId::of(&target.ids, has_traits));
        }
    }

    /// Without an id and a code it is no document.
    fn into_document(self) -> Option<(Document, Vec<PatientId>)> {
        let mut patients = self.patients.into_iter();
        let document = Document {
            format: Format::Cda,
            code: self.code?,
            patient: patients.next(),
            unique_id: self.id?,
            set_id: self.set_id,
            version: self.version,
            replaces: self.replaces,
            confidentiality: self.confidentiality,
            effective_time: self.effective_time,
            hash: None,
        };
        Some((document, patients.collect()))
    }
}

impl Target {
    fn open(&mut self, path: &[&str], element: &Element) {
        match path {
            ["id"] if self.ids.len() < LIST_MAX => {
                let (root, extension) = (element.attribute("root"), element.attribute("extension"));
                self.ids.push((root.trim().to_owned(), extension.to_owned()));
            }
            // `BR` marks the names of the birth certificate; `CL` and `SP` mark others; without a mark there is one only.
            ["patient", "name", "family" | "given"] => {
                self.is_birth_name = ["", "BR"].contains(&element.attribute("qualifier").trim());
            }
            ["patient", "birthTime"] if is_day(element.attribute("value")) => {
                self.traits.insert(Trait::BirthDate);
            }
            ["patient", "administrativeGenderCode"] if ["M", "F"].contains(&element.attribute("code").trim()) => {
                self.traits.insert(Trait::Sex);
            }
            _ => {}
        }
    }
}

/// `AAAAMMJJ`, and perhaps an hour.
fn is_day(time: &str) -> bool {
    time.trim().bytes().take_while(u8::is_ascii_digit).count() >= 8
}

/// An OID, with `^` and an extension if it has one, as METADATA.XML writes it.
fn instance_id(element: &Element) -> Option<String> {
    let (root, extension) = (element.attribute("root").trim(), element.attribute("extension").trim());
    match (root, extension) {
        ("", _) => None,
        (root, "") => Some(root.to_owned()),
        (root, extension) => Some(format!("{root}^{extension}")),
    }
}

fn code(element: &Element) -> Option<Code> {
    Code::new(element.attribute("code"), element.attribute("codeSystem"))
}
