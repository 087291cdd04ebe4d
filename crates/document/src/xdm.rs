//! `IHE_XDM.zip`: METADATA.XML, and the documents that it names (IHE ITI-32, spec §6.1).

use crate::archive::{Archive, Entry, leads_outside};
use crate::cda;
use crate::facts::{Document, Gathering};
use crate::finding::Finding;
use crate::metadata::{self, Metadata, Submitted};

/// What describes the documents.
const METADATA_NAME: &str = "METADATA.XML";
/// METADATA.XML has some ten kilobytes a document.
const METADATA_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The header of an official document ends within 27 kilobytes: so much is read at first …
const HEADER_BYTES: usize = 64 * 1024;
/// … and so much if it has not ended by then.
const HEADER_BYTES_MAX: usize = 1024 * 1024;

/// Reads an archive. Whatever is wrong with it is told among the findings.
pub(crate) fn read(bytes: &[u8], gathering: &mut Gathering) {
    match Archive::open(bytes, &mut gathering.findings) {
        Ok(archive) => read_entries(&archive, gathering),
        Err(finding) => gathering.found(finding),
    }
}

fn read_entries(archive: &Archive<'_>, gathering: &mut Gathering) {
    let files = || archive.entries.iter().filter(|entry| !entry.name.ends_with('/'));
    let mut described = Vec::new();
    let mut has_metadata = false;
    for entry in files().filter(|entry| is_metadata(entry)) {
        has_metadata = true;
        let metadata = read_metadata(entry, gathering);
        describe(metadata, entry, archive, &mut described, gathering);
    }
    if !has_metadata {
        gathering.found(Finding::NoMetadata);
    }
    for entry in files().filter(|entry| !is_metadata(entry)) {
        if has_extension(&entry.name, "zip") {
            gathering.found(Finding::NestedArchive);
            continue;
        }
        let submitted = described.iter().find(|(name, _)| *name == entry.name).map(|(_, submitted)| submitted);
        read_document(entry, submitted, gathering);
    }
}

/// Takes the patient of the set, and where the documents are.
fn describe(
    metadata: Metadata,
    entry: &Entry<'_>,
    archive: &Archive<'_>,
    described: &mut Vec<(String, Submitted)>,
    gathering: &mut Gathering,
) {
    if let Some(set) = metadata.patient {
        if metadata.documents.iter().flat_map(Submitted::patients).any(|patient| patient.is_other_than(&set)) {
            gathering.found(Finding::MetadataAndCdaDiffer);
        }
        gathering.also_named(set);
    }
    let folder = entry.name.rsplit_once('/').map_or("", |(folder, _)| folder);
    for submitted in metadata.documents {
        if leads_outside(&submitted.uri) {
            gathering.found(Finding::PathOutside);
            continue;
        }
        match find(archive, folder, &submitted.uri) {
            Some(named) => described.push((named.name.clone(), submitted)),
            None if is_refused(archive, folder, &submitted.uri) => take_submitted(&submitted, gathering),
            None => {
                gathering.found(Finding::DocumentMissing);
                submitted.patients().cloned().for_each(|patient| gathering.also_named(patient));
            }
        }
    }
}

/// The entry that a URI names: beside METADATA.XML, else from the archive's root. Case is as on the disks that such
/// archives were made for: it does not count.
fn find<'a, 'b>(archive: &'b Archive<'a>, folder: &str, uri: &str) -> Option<&'b Entry<'a>> {
    let named = |name: &String| archive.entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(name));
    places(folder, uri).iter().find_map(named)
}

/// Is it there, and not to be read?
fn is_refused(archive: &Archive<'_>, folder: &str, uri: &str) -> bool {
    let refused = |name: &String| archive.refused.iter().any(|refused| refused.eq_ignore_ascii_case(name));
    places(folder, uri).iter().any(refused)
}

fn places(folder: &str, uri: &str) -> [String; 2] {
    let uri = uri.trim_start_matches("./").replace('\\', "/");
    [format!("{folder}/{uri}").trim_start_matches('/').to_owned(), uri]
}

fn read_metadata(entry: &Entry<'_>, gathering: &mut Gathering) -> Metadata {
    let Some(bytes) = inflate(entry, METADATA_BYTES_MAX, gathering) else { return Metadata::default() };
    let metadata = metadata::read(&bytes.bytes, bytes.whole);
    if let Some(finding) = metadata.finding {
        gathering.found(finding);
    }
    metadata
}

fn read_document(entry: &Entry<'_>, submitted: Option<&Submitted>, gathering: &mut Gathering) {
    let may_be_clinical = has_extension(&entry.name, "xml") || submitted.is_some_and(Submitted::is_xml);
    if may_be_clinical && let Some(header) = read_header(entry, gathering) {
        return take_clinical(*header, submitted, gathering);
    }
    if let Some(submitted) = submitted {
        take_submitted(submitted, gathering);
    }
}

/// What is known of a document by its metadata alone.
fn take_submitted(submitted: &Submitted, gathering: &mut Gathering) {
    if let Some(document) = submitted.document() {
        gathering.document(document);
    }
    submitted.patients().cloned().for_each(|patient| gathering.also_named(patient));
}

/// The header of a clinical document; `None` if it is none, or cannot be read.
fn read_header(entry: &Entry<'_>, gathering: &mut Gathering) -> Option<Box<cda::Header>> {
    for limit in [HEADER_BYTES, HEADER_BYTES_MAX] {
        let bytes = inflate(entry, limit, gathering)?;
        match cda::read(&bytes.bytes, bytes.whole) {
            cda::Read::Document(header) => return Some(header),
            cda::Read::Other => return None,
            // The header may only be longer than what was read of it.
            cda::Read::Not(Finding::CdaMalformed) if !bytes.whole && limit < HEADER_BYTES_MAX => {}
            cda::Read::Not(finding) => {
                gathering.found(finding);
                return None;
            }
        }
    }
    None
}

fn take_clinical(header: cda::Header, submitted: Option<&Submitted>, gathering: &mut Gathering) {
    if !header.encoding_kept {
        gathering.found(Finding::Encoding);
    }
    let mut document: Document = header.document;
    if let Some(submitted) = submitted {
        document.hash = submitted.hash();
        let own = document.patient.as_ref();
        if submitted.patients().any(|named| own.is_some_and(|own| own.is_other_than(named))) {
            gathering.found(Finding::MetadataAndCdaDiffer);
        }
    }
    gathering.document(document);
    let named = submitted.into_iter().flat_map(Submitted::patients).cloned();
    header.other_patients.into_iter().chain(named).for_each(|patient| gathering.also_named(patient));
}

fn inflate(entry: &Entry<'_>, limit: usize, gathering: &mut Gathering) -> Option<crate::archive::Inflated> {
    if !gathering.may_inflate(entry.size.min(limit as u64)) {
        return None;
    }
    entry.inflate(limit).map_err(|finding| gathering.found(finding)).ok()
}

fn is_metadata(entry: &Entry<'_>) -> bool {
    entry.name.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(METADATA_NAME))
}

fn has_extension(name: &str, wanted: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case(wanted))
}
