//! METADATA.XML: what is submitted, in the registry's words (ebRIM 3.0; IHE ITI TF-3 §4.2).

use crate::facts::{Code, Document, Format};
use crate::finding::Finding;
use crate::patient::PatientId;
use crate::xml::{Element, Fault, Step, Xml, decode};

const NAMESPACES: [&str; 2] =
    ["urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0", "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"];
/// Documents that are kept: as many as an archive may have entries.
const DOCUMENTS_MAX: usize = 100;
/// Values of one kind that are kept of an object.
const VALUES_MAX: usize = 4;

/// The schemes that say what a value is (IHE ITI TF-3, table 4.2.5-1).
mod scheme {
    pub(super) const DOCUMENT_PATIENT_ID: &str = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427";
    pub(super) const DOCUMENT_UNIQUE_ID: &str = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab";
    pub(super) const DOCUMENT_TYPE: &str = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983";
    pub(super) const SUBMISSION_PATIENT_ID: &str = "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446";
}

/// What is submitted.
#[derive(Default)]
pub(crate) struct Metadata {
    /// The patient of the submission set.
    pub(crate) patient: Option<PatientId>,
    /// The documents, in their order.
    pub(crate) documents: Vec<Submitted>,
    /// What is unusual about it.
    pub(crate) finding: Option<Finding>,
}

/// A document, as it is submitted.
#[derive(Default)]
pub(crate) struct Submitted {
    /// Where in the archive it is, beside METADATA.XML.
    pub(crate) uri: String,
    mime_type: String,
    patient: Option<PatientId>,
    source_patient: Option<PatientId>,
    unique_id: String,
    kind: String,
    kind_system: String,
    hash: String,
    registry_id: String,
    replaces: Vec<String>,
}

impl Submitted {
    /// Is it announced as XML, which every CDA is?
    pub(crate) fn is_xml(&self) -> bool {
        self.mime_type.eq_ignore_ascii_case("text/xml") || self.mime_type.eq_ignore_ascii_case("application/xml")
    }

    /// Whom it names: by the registry's identifier, else by the source's.
    pub(crate) fn patient(&self) -> Option<&PatientId> {
        self.patient.as_ref().or(self.source_patient.as_ref())
    }

    /// Whoever is named by the registry's identifier and by the source's.
    pub(crate) fn patients(&self) -> impl Iterator<Item = &PatientId> {
        self.patient.iter().chain(&self.source_patient)
    }

    /// What is known of the document by this alone.
    pub(crate) fn document(&self) -> Option<Document> {
        Some(Document {
            format: Format::Other,
            code: Code::new(&self.kind, &self.kind_system)?,
            patient: self.patient().cloned(),
            unique_id: self.unique_id.clone(),
            set_id: None,
            version: None,
            replaces: self.replaces.clone(),
            confidentiality: None,
            effective_time: None,
            hash: self.hash(),
        })
    }

    /// The hash that is given for it.
    pub(crate) fn hash(&self) -> Option<String> {
        Some(self.hash.to_ascii_lowercase()).filter(|hash| !hash.is_empty())
    }
}

/// Reads it; `whole` if these bytes are all of it. What was read before a fault is kept.
pub(crate) fn read(bytes: &[u8], whole: bool) -> Metadata {
    let (text, encoding_kept) = decode(bytes, whole);
    let mut metadata = Metadata::default();
    let fault = walk(&text, &mut metadata);
    metadata.finding = match fault {
        Err(Fault::Declared) => Some(Finding::ExternalEntity),
        Err(Fault::Malformed) => Some(Finding::MetadataMalformed),
        Ok(()) if !encoding_kept => Some(Finding::Encoding),
        Ok(()) => None,
    };
    metadata
}

/// The object that is being read.
#[derive(Default)]
struct Object {
    is_document: bool,
    document: Submitted,
    slot: String,
    classification: String,
    value: String,
    values: usize,
}

fn walk(text: &str, metadata: &mut Metadata) -> Result<(), Fault> {
    let mut xml = Xml::new(text, &NAMESPACES);
    let mut object = Object::default();
    let mut associations: Vec<(String, String)> = Vec::new();
    loop {
        let step = xml.step()?;
        let depth = xml.depth();
        let path = xml.path();
        let name = path.last().copied().unwrap_or_default();
        match step {
            Step::Open(element) => match name {
                "ExtrinsicObject" => object = Object::document(&element),
                "RegistryPackage" => object = Object::default(),
                "Association" if element.attribute("associationType").ends_with(":RPLC") => {
                    if associations.len() < DOCUMENTS_MAX {
                        associations.push(pair(&element, "sourceObject", "targetObject"));
                    }
                }
                _ => object.open(name, &element, metadata),
            },
            Step::Text(text) if name == "Value" => object.value.push_str(&text),
            Step::Close if name == "Value" => object.value_ended(),
            Step::Close if name == "Classification" => object.classification.clear(),
            Step::Close if name == "ExtrinsicObject" => {
                if metadata.documents.len() < DOCUMENTS_MAX {
                    metadata.documents.push(std::mem::take(&mut object).document);
                }
            }
            Step::End => break,
            Step::Close if depth == 1 && name != "SubmitObjectsRequest" => return Err(Fault::Malformed),
            Step::Text(_) | Step::Close => {}
        }
    }
    for (source, target) in associations {
        if let Some(document) = metadata.documents.iter_mut().find(|document| document.registry_id == source) {
            document.replaces.push(target);
        }
    }
    Ok(())
}

fn pair(element: &Element, one: &str, other: &str) -> (String, String) {
    (element.attribute(one).to_owned(), element.attribute(other).to_owned())
}

impl Object {
    fn document(element: &Element) -> Self {
        let document = Submitted {
            mime_type: element.attribute("mimeType").trim().to_owned(),
            registry_id: element.attribute("id").to_owned(),
            ..Submitted::default()
        };
        Self { is_document: true, document, ..Self::default() }
    }

    fn open(&mut self, name: &str, element: &Element, metadata: &mut Metadata) {
        match name {
            "Slot" => {
                element.attribute("name").clone_into(&mut self.slot);
                self.values = 0;
            }
            "Classification" => {
                element.attribute("classificationScheme").clone_into(&mut self.classification);
                if self.is_document && self.classification == scheme::DOCUMENT_TYPE {
                    element.attribute("nodeRepresentation").clone_into(&mut self.document.kind);
                }
            }
            "ExternalIdentifier" => {
                let value = element.attribute("value");
                match element.attribute("identificationScheme") {
                    scheme::DOCUMENT_PATIENT_ID => self.document.patient = PatientId::of_cx(value),
                    scheme::DOCUMENT_UNIQUE_ID => value.trim().clone_into(&mut self.document.unique_id),
                    scheme::SUBMISSION_PATIENT_ID => metadata.patient = PatientId::of_cx(value),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn value_ended(&mut self) {
        let value = std::mem::take(&mut self.value);
        let value = value.trim();
        self.values += 1;
        if !self.is_document || self.values > VALUES_MAX {
            return;
        }
        let document = &mut self.document;
        match self.slot.as_str() {
            // A long one comes in pieces, each with its place: `1|IHE_XDM/…` (IHE ITI TF-3 §4.2.3.2.27).
            "URI" => document.uri.push_str(value.split_once('|').map_or(value, |(_, piece)| piece)),
            "hash" => value.clone_into(&mut document.hash),
            "sourcePatientId" => document.source_patient = PatientId::of_cx(value),
            "codingScheme" if self.classification == scheme::DOCUMENT_TYPE => {
                value.clone_into(&mut document.kind_system);
            }
            _ => {}
        }
    }
}
