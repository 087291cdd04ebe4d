//! [`Finding`]: what is unusual about a document or its archive, by a stable code.

macro_rules! findings {
    ($($(#[doc = $meaning:literal])* $name:ident = $code:literal;)*) => {
        /// Something unusual. It says nothing of a person, so that it may be counted and logged.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Finding {
            $($(#[doc = $meaning])* $name,)*
        }

        impl Finding {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code, for metrics, audit and documentation.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($meaning),*).trim_ascii(),)* }
            }
        }
    };
}

findings! {
    // The message
    /// The message has more parts than are looked at, or nests them deeper.
    TooManyParts = "too-many-parts";
    /// The message carries more archives than are opened.
    TooManyArchives = "too-many-archives";
    // The archive
    /// The archive is larger than any that is opened.
    ArchiveTooLarge = "archive-too-large";
    /// The archive or something in it ends before its end.
    Truncated = "truncated";
    /// The archive is not a zip file that can be read.
    ArchiveMalformed = "archive-malformed";
    /// The archive has more entries than an exchange of documents has.
    TooManyEntries = "too-many-entries";
    /// Inflated, the archive would be far larger than any honest one, or entries share their bytes.
    Bomb = "bomb";
    /// An entry's name leads out of the archive's folder.
    PathOutside = "path-outside";
    /// An entry is a symbolic link.
    Symlink = "symlink";
    /// An entry is encrypted.
    Encrypted = "encrypted";
    /// Two entries have one name.
    DuplicateEntries = "duplicate-entries";
    /// The archive's directory and the entry itself tell different things.
    DirectoriesDiffer = "directories-differ";
    /// An entry is compressed in a way that is not read.
    CompressionUnknown = "compression-unknown";
    /// An entry is itself an archive; it was not opened.
    NestedArchive = "nested-archive";
    // The documents
    /// There is no METADATA.XML.
    NoMetadata = "no-metadata";
    /// METADATA.XML cannot be read to its end.
    MetadataMalformed = "metadata-malformed";
    /// METADATA.XML names a document that is not in the archive.
    DocumentMissing = "document-missing";
    /// A document's header cannot be read to its end.
    CdaMalformed = "cda-malformed";
    /// A document type or an entity is declared; nothing of it was expanded.
    ExternalEntity = "external-entity";
    /// The text is in an encoding that is unknown, or not the one that it declares.
    Encoding = "encoding";
    /// The documents are about more than one patient (R-WHO-9).
    SeveralPatients = "several-patients";
    /// METADATA.XML names another patient than the document itself, or the set another than its documents.
    MetadataAndCdaDiffer = "metadata-and-cda-differ";
}

impl Finding {
    /// Does it mean that some of the documents were not read, so that the facts may not be all?
    #[must_use]
    pub fn hides_something(self) -> bool {
        !matches!(
            self,
            Self::NoMetadata
                | Self::Encoding
                | Self::DocumentMissing
                | Self::SeveralPatients
                | Self::MetadataAndCdaDiffer
                | Self::DuplicateEntries
        )
    }
}

/// Findings without doubles, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn add(&mut self, finding: Finding) {
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Finding> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Finding;

    #[test]
    fn codes_are_words_of_their_own() {
        let codes: BTreeSet<&str> = Finding::ALL.iter().map(|finding| finding.code()).collect();
        assert_eq!(codes.len(), Finding::ALL.len());
        for finding in Finding::ALL {
            let code = finding.code();
            assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{code}");
            assert!(finding.meaning().ends_with('.'), "{code}");
        }
    }
}
