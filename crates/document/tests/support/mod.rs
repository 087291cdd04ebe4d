//! Messages, archives and documents for tests, honest and not.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "what is built here is small")]

use std::fmt::Write as _;

use base64::Engine;
use flate2::write::DeflateEncoder;
use flate2::{Compress, Compression, FlushCompress};
use pli_document::{Examined, Finding};

pub(crate) const DOMINIQUE: &str = "279035121518989";
pub(crate) const ZOE: &str = "275126322074974";
pub(crate) const INS_OID: &str = "1.2.250.1.213.1.4.10";
pub(crate) const METADATA: &str = "IHE_XDM/SUBSET01/METADATA.XML";
pub(crate) const DOCUMENT: &str = "IHE_XDM/SUBSET01/DOC0001.XML";

/// A discharge letter's header and a narrative.
pub(crate) fn cda(ins: &str, code: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <realmCode code="FR"/>
  <id root="1.2.3.4" extension="7"/>
  <code code="{code}" codeSystem="2.16.840.1.113883.6.1" displayName="Compte rendu"/>
  <effectiveTime value="20261123080000+0100"/>
  <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>
  <setId root="1.2.3.4.1"/><versionNumber value="2"/>
  <recordTarget><patientRole>
    <id root="{INS_OID}" extension="{ins}"/><id root="1.2.3.9" extension="IPP{ins}"/>
    <patient>
      <name><family qualifier="CL">MARTIN</family><family qualifier="BR">PAT-TROIS</family><given qualifier="BR">DOMINIQUE</given></name>
      <administrativeGenderCode code="F"/><birthTime value="19790328"/>
    </patient>
  </patientRole></recordTarget>
  <author><assignedAuthor><id root="1.2.250.1.71.4.2.1" extension="801234567890"/></assignedAuthor></author>
  <relatedDocument typeCode="RPLC"><parentDocument><id root="1.2.3.4" extension="6"/></parentDocument></relatedDocument>
  <component><structuredBody><component><section><text>Bonjour</text></section></component></structuredBody></component>
</ClinicalDocument>
"#
    )
}

/// METADATA.XML of one document.
pub(crate) fn metadata(ins: &str, uri: &str) -> String {
    metadata_of(&[(ins, uri, "text/xml")])
}

/// METADATA.XML of documents, each with its patient, place and type; the set's patient is that of the first.
pub(crate) fn metadata_of(documents: &[(&str, &str, &str)]) -> String {
    let cx = |ins: &str| format!("{ins}^^^&amp;{INS_OID}&amp;ISO^NH");
    let mut objects = String::new();
    for (at, (ins, uri, mime)) in documents.iter().enumerate() {
        let patient = cx(ins);
        let _ = write!(
            objects,
            r#"<ExtrinsicObject id="D{at}" mimeType="{mime}">
  <Slot name="URI"><ValueList><Value>{uri}</Value></ValueList></Slot>
  <Slot name="hash"><ValueList><Value>DA39A3EE5E6B4B0D3255BFEF95601890AFD80709</Value></ValueList></Slot>
  <Slot name="sourcePatientId"><ValueList><Value>{patient}</Value></ValueList></Slot>
  <Classification classificationScheme="urn:uuid:f0306f51-975f-434e-a61c-c59651d33983" nodeRepresentation="34112-3">
    <Slot name="codingScheme"><ValueList><Value>2.16.840.1.113883.6.1</Value></ValueList></Slot></Classification>
  <ExternalIdentifier identificationScheme="urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427" value="{patient}"/>
  <ExternalIdentifier identificationScheme="urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab" value="1.2.3.4^{at}"/>
</ExtrinsicObject>"#
        );
    }
    let set = cx(documents.first().map_or("", |(ins, _, _)| ins));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">
<RegistryObjectList>{objects}
<RegistryPackage id="S"><ExternalIdentifier identificationScheme="urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446" value="{set}"/></RegistryPackage>
<Association id="A" associationType="urn:ihe:iti:2007:AssociationType:RPLC" sourceObject="D0" targetObject="urn:uuid:old"/>
</RegistryObjectList></lcm:SubmitObjectsRequest>"#
    )
}

/// An entry of a zip file, as one likes it to be.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) name: String,
    pub(crate) local_name: Option<String>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) crc: u32,
    pub(crate) data: Vec<u8>,
    pub(crate) size: u32,
    pub(crate) attributes: u32,
    /// Tells of the data of the entry before, in the place of its own.
    pub(crate) shares_data: bool,
}

impl Raw {
    pub(crate) fn deflated(name: &str, content: &[u8]) -> Self {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        std::io::Write::write_all(&mut encoder, content).unwrap();
        Self { method: 8, data: encoder.finish().unwrap(), ..Self::stored(name, content) }
    }

    pub(crate) fn stored(name: &str, content: &[u8]) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        Self {
            name: name.to_owned(),
            local_name: None,
            flags: 0,
            method: 0,
            crc: crc.sum(),
            data: content.to_vec(),
            size: content.len() as u32,
            attributes: 0o100_644 << 16,
            shares_data: false,
        }
    }

    /// So many mebibytes of spaces behind a beginning, at the price of a thousandth.
    pub(crate) fn spaces(name: &str, beginning: &str, mebibytes: usize, declared: u32) -> Self {
        let mut raw = Self::stored(name, b"");
        raw.data = pack(beginning.as_bytes());
        let mebibyte = pack(&vec![b' '; 1 << 20]);
        for _ in 0..mebibytes {
            raw.data.extend_from_slice(&mebibyte);
        }
        raw.data.extend_from_slice(&[3, 0]);
        Self { method: 8, size: declared, ..raw }
    }
}

/// Deflates so that other blocks may follow.
fn pack(content: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(content.len() + 1_000);
    Compress::new(Compression::best(), false).compress_vec(content, &mut packed, FlushCompress::Full).unwrap();
    packed
}

/// Writes a zip file, whatever the entries claim.
pub(crate) fn zip(entries: &[Raw]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    let mut shared_offset = 0;
    for entry in entries {
        let common = |out: &mut Vec<u8>, name: &str| {
            out.extend_from_slice(&entry.flags.to_le_bytes());
            out.extend_from_slice(&entry.method.to_le_bytes());
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(&entry.crc.to_le_bytes());
            out.extend_from_slice(&(entry.data.len() as u32).to_le_bytes());
            out.extend_from_slice(&entry.size.to_le_bytes());
            out.extend_from_slice(&(name.len() as u16).to_le_bytes());
            out.extend_from_slice(&[0; 2]);
        };
        let offset = if entry.shares_data { shared_offset } else { bytes.len() };
        shared_offset = offset;
        if !entry.shares_data {
            let local_name = entry.local_name.as_ref().unwrap_or(&entry.name);
            bytes.extend_from_slice(b"PK\x03\x04\x14\x00");
            common(&mut bytes, local_name);
            bytes.extend_from_slice(local_name.as_bytes());
            bytes.extend_from_slice(&entry.data);
        }
        directory.extend_from_slice(b"PK\x01\x02\x14\x03\x14\x00");
        common(&mut directory, &entry.name);
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&entry.attributes.to_le_bytes());
        directory.extend_from_slice(&(offset as u32).to_le_bytes());
        directory.extend_from_slice(entry.name.as_bytes());
    }
    let (start, count) = (bytes.len() as u32, entries.len() as u16);
    bytes.extend_from_slice(&directory);
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&start.to_le_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes
}

/// METADATA.XML and a document.
pub(crate) fn entries(metadata: &str, document: &str) -> Vec<Raw> {
    vec![
        Raw::deflated("README.TXT", b"IHE XDM"),
        Raw::deflated("INDEX.HTM", b"<!DOCTYPE html><html></html>"),
        Raw::deflated(METADATA, metadata.as_bytes()),
        Raw::deflated(DOCUMENT, document.as_bytes()),
    ]
}

/// An honest archive about this patient.
pub(crate) fn honest(ins: &str) -> Vec<u8> {
    zip(&entries(&metadata(ins, "DOC0001.XML"), &cda(ins, "34112-3")))
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines = text.as_bytes().chunks(76).map(|line| str::from_utf8(line).unwrap());
    lines.flat_map(|line| [line, "\r\n"]).collect()
}

/// A message with this archive.
pub(crate) fn message(archive: &[u8]) -> Vec<u8> {
    format!(
        "From: a@a.test\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n\
         --b1\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n--b1\r\nContent-Type: application/zip\r\n\
         Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"IHE_XDM.zip\"\r\n\r\n{}--b1--\r\n",
        base64(archive)
    )
    .into_bytes()
}

/// What is found in a message with this archive.
pub(crate) fn examined(archive: &[u8]) -> Examined {
    pli_document::examine(&message(archive))
}

/// The findings about this archive.
pub(crate) fn findings(archive: &[u8]) -> Vec<Finding> {
    examined(archive).documents.findings
}
