//! `IHE_XDM.zip`: a document with its ebRIM metadata in the layout of IHE ITI-32 (spec §6.1).

use std::fmt::Write as _;
use std::io::{Cursor, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::cda::{Author, Cda, Code};
use crate::secrets;
use crate::whitelist::escape;

/// The attachment's name.
pub const FILE: &str = "IHE_XDM.zip";
/// The document's place in it, as METADATA.XML names it.
const URI: &str = "DOC0001.XML";

/// Zips a document with all that the layout asks for.
pub fn archive(document: &Cda, xml: &[u8], submitted_at: Timestamp) -> anyhow::Result<Vec<u8>> {
    let metadata = metadata(document, xml, submitted_at);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("README.TXT", README.as_bytes()),
        ("INDEX.HTM", index(document).as_bytes()),
        ("IHE_XDM/SUBSET01/METADATA.XML", metadata.as_bytes()),
        ("IHE_XDM/SUBSET01/DOC0001.XML", xml),
    ] {
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

const README: &str = "IHE XDM (ITI-32).\r\n\r\nLe document est IHE_XDM/SUBSET01/DOC0001.XML, ses metadonnees sont \
IHE_XDM/SUBSET01/METADATA.XML.\r\nEmetteur : bac a sable de Pli. Donnees de test.\r\n";

fn index(document: &Cda) -> String {
    format!(
        "<!DOCTYPE html>\r\n<html lang=\"fr\">\r\n<head><meta charset=\"utf-8\"><title>IHE XDM</title></head>\r\n<body>\r\n\
         <h1>{}</h1>\r\n<ul>\r\n<li><a href=\"IHE_XDM/SUBSET01/{URI}\">Document (CDA)</a></li>\r\n\
         <li><a href=\"IHE_XDM/SUBSET01/METADATA.XML\">Métadonnées</a></li>\r\n\
         <li><a href=\"README.TXT\">README.TXT</a></li>\r\n</ul>\r\n</body>\r\n</html>\r\n",
        escape(&document.title)
    )
}

/// The schemes by which ebRIM objects are classified and identified (IHE ITI TF-3, table 4.3.1.2-1).
mod scheme {
    pub(super) const DOCUMENT_ENTRY: &str = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1";
    pub(super) const DOCUMENT_AUTHOR: &str = "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d";
    pub(super) const DOCUMENT_CLASS: &str = "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a";
    pub(super) const DOCUMENT_CONFIDENTIALITY: &str = "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f";
    pub(super) const DOCUMENT_FACILITY: &str = "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1";
    pub(super) const DOCUMENT_FORMAT: &str = "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d";
    pub(super) const DOCUMENT_PATIENT_ID: &str = "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427";
    pub(super) const DOCUMENT_PRACTICE: &str = "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead";
    pub(super) const DOCUMENT_TYPE: &str = "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983";
    pub(super) const DOCUMENT_UNIQUE_ID: &str = "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab";
    pub(super) const SUBMISSION_SET: &str = "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd";
    pub(super) const SUBMISSION_AUTHOR: &str = "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d";
    pub(super) const SUBMISSION_CONTENT: &str = "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500";
    pub(super) const SUBMISSION_PATIENT_ID: &str = "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446";
    pub(super) const SUBMISSION_SOURCE_ID: &str = "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832";
    pub(super) const SUBMISSION_UNIQUE_ID: &str = "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8";
}

/// METADATA.XML: one submission set with one document in it. What no CDA says of itself (class, facility, practice, content of
/// the set) is that of a hospital's report, whatever the document.
fn metadata(document: &Cda, xml: &[u8], submitted_at: Timestamp) -> String {
    let patient = &document.patient;
    // The type "NH" marks an INS (CI-SIS).
    let patient_id = format!("{}^^^&{}&ISO^NH", patient.id, patient.root);
    let mut entry = Registry::new("Document01");
    entry.slot("creationTime", &[utc(&document.effective_time)]);
    entry.slot("hash", &[sha1(xml)]);
    entry.slot("languageCode", std::slice::from_ref(&document.language));
    if let Some(person) = &document.legal_authenticator {
        entry.slot("legalAuthenticator", &[person_xcn(person)]);
    }
    entry.slot("size", &[xml.len().to_string()]);
    entry.slot("sourcePatientId", std::slice::from_ref(&patient_id));
    entry.slot(
        "sourcePatientInfo",
        &[
            format!("PID-5|{}^{}^^^^^L", patient.family, patient.given),
            format!("PID-7|{}", patient.birth),
            format!("PID-8|{}", patient.sex),
        ],
    );
    entry.slot("URI", &[URI.to_owned()]);
    entry.name(&document.title);
    entry.author(scheme::DOCUMENT_AUTHOR, &document.author);
    entry.classify(scheme::DOCUMENT_CLASS, &fixed("10", "1.2.250.1.213.1.1.4.1", "Compte rendu"));
    entry.classify(scheme::DOCUMENT_CONFIDENTIALITY, &document.confidentiality);
    entry.classify(scheme::DOCUMENT_FORMAT, &format_code());
    entry.classify(scheme::DOCUMENT_FACILITY, &fixed("SA01", "1.2.250.1.71.4.2.4", "Etablissement public de santé"));
    entry.classify(
        scheme::DOCUMENT_PRACTICE,
        &fixed("ETABLISSEMENT", "1.2.250.1.213.1.1.4.9", "Etablissement de santé"),
    );
    entry.classify(scheme::DOCUMENT_TYPE, &document.code);
    entry.identify(scheme::DOCUMENT_PATIENT_ID, "XDSDocumentEntry.patientId", &patient_id);
    entry.identify(scheme::DOCUMENT_UNIQUE_ID, "XDSDocumentEntry.uniqueId", &document.unique_id);

    let mut set = Registry::new("SubmissionSet01");
    set.slot("submissionTime", &[submitted_at.strftime("%Y%m%d%H%M%S").to_string()]);
    set.name(&document.title);
    set.author(scheme::SUBMISSION_AUTHOR, &document.author);
    set.classify(scheme::SUBMISSION_CONTENT, &fixed("04", "1.2.250.1.213.2.2", "Hospitalisation de jour"));
    set.identify(scheme::SUBMISSION_PATIENT_ID, "XDSSubmissionSet.patientId", &patient_id);
    set.identify(scheme::SUBMISSION_SOURCE_ID, "XDSSubmissionSet.sourceId", &oid());
    set.identify(scheme::SUBMISSION_UNIQUE_ID, "XDSSubmissionSet.uniqueId", &oid());
    envelope(&entry.content, &set.content)
}

fn envelope(entry: &str, set: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">
  <RegistryObjectList>
    <ExtrinsicObject id="Document01" mimeType="text/xml" objectType="{}" status="urn:oasis:names:tc:ebxml-regrep:StatusType:Approved">
{entry}    </ExtrinsicObject>
    <RegistryPackage id="SubmissionSet01" objectType="urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:RegistryPackage" status="urn:oasis:names:tc:ebxml-regrep:StatusType:Approved">
{set}    </RegistryPackage>
    <Classification id="SubmissionSet01-node" classifiedObject="SubmissionSet01" classificationNode="{}" objectType="urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:Classification"/>
    <Association id="Association01" associationType="urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember" sourceObject="SubmissionSet01" targetObject="Document01" objectType="urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:Association">
      <Slot name="SubmissionSetStatus"><ValueList><Value>Original</Value></ValueList></Slot>
    </Association>
  </RegistryObjectList>
</lcm:SubmitObjectsRequest>
"#,
        scheme::DOCUMENT_ENTRY,
        scheme::SUBMISSION_SET,
    )
}

/// The inside of one registry object, in the order of its schema: slots, name, classifications, identifiers.
/// Writing to its text cannot fail.
struct Registry {
    id: &'static str,
    parts: usize,
    content: String,
}

impl Registry {
    fn new(id: &'static str) -> Self {
        Self { id, parts: 0, content: String::new() }
    }

    /// An id for the next part.
    fn next_id(&mut self) -> String {
        self.parts += 1;
        format!("{}-{:02}", self.id, self.parts)
    }

    fn slot(&mut self, name: &str, values: &[String]) {
        let _ = writeln!(self.content, "      {}", slot(name, values));
    }

    fn name(&mut self, text: &str) {
        let _ = writeln!(self.content, "      {}", localized(text));
    }

    fn classify(&mut self, scheme: &str, code: &Code) {
        let id = self.next_id();
        let node = escape(&code.code);
        let inside =
            format!("{}{}", slot("codingScheme", std::slice::from_ref(&code.system)), localized(&code.display));
        self.classification(&id, scheme, &node, &inside);
    }

    fn author(&mut self, scheme: &str, author: &Author) {
        let id = self.next_id();
        let institution = format!("{}^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^{}", author.organisation, author.structure);
        let inside =
            format!("{}{}", slot("authorInstitution", &[institution]), slot("authorPerson", &[person_xcn(author)]));
        self.classification(&id, scheme, "", &inside);
    }

    fn classification(&mut self, id: &str, scheme: &str, node: &str, inside: &str) {
        let object = self.id;
        let _ = writeln!(
            self.content,
            "      <Classification id=\"{id}\" classifiedObject=\"{object}\" classificationScheme=\"{scheme}\" \
             nodeRepresentation=\"{node}\" \
             objectType=\"urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:Classification\">{inside}\
             </Classification>"
        );
    }

    fn identify(&mut self, scheme: &str, name: &str, value: &str) {
        let (id, object) = (self.next_id(), self.id);
        let _ = writeln!(
            self.content,
            "      <ExternalIdentifier id=\"{id}\" registryObject=\"{object}\" identificationScheme=\"{scheme}\" \
             value=\"{}\" objectType=\"urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:ExternalIdentifier\">{}\
             </ExternalIdentifier>",
            escape(value),
            localized(name),
        );
    }
}

fn slot(name: &str, values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| format!("<Value>{}</Value>", escape(value))).collect();
    format!("<Slot name=\"{name}\"><ValueList>{}</ValueList></Slot>", values.concat())
}

fn localized(text: &str) -> String {
    format!("<Name><LocalizedString value=\"{}\"/></Name>", escape(text))
}

/// A professional as HL7 v2 writes him (XCN), in the way of the CI-SIS.
fn person_xcn(person: &Author) -> String {
    format!("{}^{}^{}^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS", person.id, person.family, person.given)
}

fn fixed(code: &str, system: &str, display: &str) -> Code {
    Code { code: code.to_owned(), system: system.to_owned(), display: display.to_owned() }
}

/// The format says no more than the media type does: the sandbox claims no model of the CI-SIS.
fn format_code() -> Code {
    fixed("urn:ihe:iti:xds:2017:mimeTypeSufficient", "1.3.6.1.4.1.19376.1.2.3", "mimeType Sufficient")
}

/// A new OID, made from a UUID (ITU-T X.667).
fn oid() -> String {
    format!("2.25.{}", Uuid::new_v4().as_u128())
}

/// XDS wants SHA-1 (IHE ITI TF-3 §4.2.3.2.10): it finds accidents, it protects nothing.
fn sha1(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    secrets::hex(digest.as_ref())
}

/// An HL7 time (`20260314091500+0100`) as XDS wants it: UTC, no offset. One without an offset is taken as it is.
fn utc(time: &str) -> String {
    jiff::Zoned::strptime("%Y%m%d%H%M%S%z", time)
        .or_else(|_| jiff::fmt::strtime::parse("%Y%m%d%H%M%S%z", time).and_then(|parsed| parsed.to_zoned()))
        .map_or_else(
            |_| time.chars().take_while(char::is_ascii_digit).collect(),
            |zoned| zoned.with_time_zone(TimeZone::UTC).strftime("%Y%m%d%H%M%S").to_string(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_utc() {
        assert_eq!(utc("20191203133000+0100"), "20191203123000");
        assert_eq!(utc("20191203133000+0000"), "20191203133000");
        assert_eq!(utc("20191203"), "20191203");
    }

    #[test]
    fn the_hash_is_sha1_in_hexadecimal() {
        assert_eq!(sha1(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
