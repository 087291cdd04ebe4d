//! The six official documents, and archives made of them. They are not ours to copy: without `PLI_REFERENCE_DATA`, the
//! folder that holds them, these tests are listed as ignored.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use pli_document::Format;
use support::{DOCUMENT, DOMINIQUE, METADATA, Raw, examined, metadata, zip};

/// File, kind, unique id, what it replaces, is it a prescription?
const DOCUMENTS: [(&str, &str, &str, &[&str], bool); 6] = [
    ("BIO-CR-BIO_2024.01_TSH_1.xml", "11502-2", "1.2.250.1.213.1.1.1.55.2024.9.1", &[], false),
    ("DOC_NON_STRUCTURE_CDA-R2-N1.xml", "11502-2", "1.3.6.1.4.1.19376.1.2.20.12345.1.1", &[], false),
    (
        "IMG_CR_IMG_2024.01_CDA-R2-Niveau-1.xml",
        "18748-4",
        "1.2.250.1.213.1.1.1.45.2024.2.1",
        &["90E1C8EC-F951-4B26-A305-A34848818DD6"],
        false,
    ),
    ("LDL-SES_2022.01.xml", "11490-0", "1.2.250.1.213.1.1.1.29.2022.1.1", &[], false),
    ("VAC_2023.01.xml", "11369-6", "1.2.250.1.213.1.1.1.37.2023.1.1", &[], false),
    ("eP-MED-DM_2024.01_PosoStruct.xml", "57833-6", "1.2.250.1.213.1.1.1.39.2024.2.1", &[], true),
];

fn main() {
    let folder = std::env::var_os("PLI_REFERENCE_DATA").map(|folder| PathBuf::from(folder).join("cda"));
    let trial = |name: &str, test: fn(&Path) -> Result<(), Failed>| {
        let (absent, folder) = (folder.is_none(), folder.clone().unwrap_or_default());
        Trial::test(name, move || test(&folder)).with_ignored_flag(absent).with_kind("needs PLI_REFERENCE_DATA")
    };
    let trials = vec![
        trial("each_document_is_recognised", each_is_recognised),
        trial("all_documents_in_one_archive_are_recognised", all_in_one),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn each_is_recognised(folder: &Path) -> Result<(), Failed> {
    for (file, code, unique_id, replaces, is_prescription) in DOCUMENTS {
        let cda = std::fs::read(folder.join(file))?;
        let metadata = Raw::deflated(METADATA, metadata(DOMINIQUE, "DOC0001.XML").as_bytes());
        let found = examined(&zip(&[metadata, Raw::deflated(DOCUMENT, &cda)])).documents;
        assert_eq!(found.findings, [], "{file}");
        let document = found.documents.first().ok_or("no document")?;
        assert_eq!((document.format, document.code.code.as_str()), (Format::Cda, code), "{file}");
        assert_eq!(
            (document.unique_id.as_str(), document.replaces.as_slice()),
            (unique_id, replaces.map_owned().as_slice())
        );
        assert_eq!(found.is_prescription(), is_prescription, "{file}");
        assert_eq!((found.codes().as_deref(), found.qualified()), (Some(code), Some(true)), "{file}");
        let patients: Vec<&str> = found.patients_ins().iter().map(|ins| ins.reveal()).collect();
        assert_eq!(patients, [DOMINIQUE], "{file}");
        // Of half a megabyte, the header.
        assert!(found.inflated_bytes() < 80 * 1024, "{file}: {}", found.inflated_bytes());
    }
    Ok(())
}

fn all_in_one(folder: &Path) -> Result<(), Failed> {
    let mut entries = vec![Raw::deflated("README.TXT", b"")];
    for (at, (file, ..)) in DOCUMENTS.iter().enumerate() {
        entries.push(Raw::deflated(&format!("IHE_XDM/SUBSET01/DOC{at}.XML"), &std::fs::read(folder.join(file))?));
    }
    let found = examined(&zip(&entries)).documents;
    assert_eq!(found.codes().as_deref(), Some("11502-2,11502-2,18748-4,11490-0,11369-6,57833-6"));
    assert_eq!((found.patients().len(), found.qualified(), found.is_prescription()), (1, Some(true), true));
    Ok(())
}

/// Texts of a constant beside those of a document.
trait MapOwned {
    fn map_owned(&self) -> Vec<String>;
}

impl MapOwned for &[&str] {
    fn map_owned(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}
