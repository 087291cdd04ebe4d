//! What a patient of ours may attach: [`FileType`], by the ending of a file's name and by its media type.

/// A type of file that a setting may name: the ending of the name, with the media types that programs give such a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileType {
    ending: &'static str,
    media_types: &'static [&'static str],
}

/// What a program says that does not know: the name alone tells.
const OF_ANY_TYPE: &str = "application/octet-stream";

const fn file(ending: &'static str, media_types: &'static [&'static str]) -> FileType {
    FileType { ending, media_types }
}

const JPEG: &[&str] = &["image/jpeg", "image/jpg", "image/pjpeg"];
const TIFF: &[&str] = &["image/tiff"];

/// All that a setting can name.
const FILE_TYPES: &[FileType] = &[
    file("bmp", &["image/bmp", "image/x-ms-bmp"]),
    file("csv", &["text/csv", "application/vnd.ms-excel"]),
    file("dcm", &["application/dicom"]),
    file("doc", &["application/msword"]),
    file("docx", &["application/vnd.openxmlformats-officedocument.wordprocessingml.document"]),
    file("gif", &["image/gif"]),
    file("heic", &["image/heic", "image/heif"]),
    file("jpeg", JPEG),
    file("jpg", JPEG),
    file("odt", &["application/vnd.oasis.opendocument.text"]),
    file("pdf", &["application/pdf", "application/x-pdf"]),
    file("png", &["image/png", "image/x-png"]),
    file("rtf", &["application/rtf", "text/rtf", "text/richtext", "application/msword"]),
    file("tif", TIFF),
    file("tiff", TIFF),
    file("txt", &["text/plain"]),
    file("webp", &["image/webp"]),
    file("xml", &["application/xml", "text/xml"]),
    file("zip", &["application/zip", "application/x-zip-compressed"]),
];

impl FileType {
    /// Every one, in the order of the alphabet.
    pub fn all() -> impl Iterator<Item = Self> {
        FILE_TYPES.iter().copied()
    }

    /// The type of this ending, in lower case and without its dot: `pdf`.
    #[must_use]
    pub fn of_ending(ending: &str) -> Option<Self> {
        Self::all().find(|one| one.ending == ending)
    }

    /// The ending, in lower case and without its dot.
    #[must_use]
    pub fn ending(self) -> &'static str {
        self.ending
    }

    fn may_be_said_of(self, media_type: &str) -> bool {
        self.media_types.contains(&media_type)
    }
}

/// A file that a message carries, as far as a rule asks. Of its name there is the ending alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedFile {
    /// What stands behind the last dot of each of its names; a name without a dot, or with an ending that no setting
    /// can name, has `None`. Empty if it has no name.
    pub endings: Vec<Option<FileType>>,
    /// As the message says, in lower case.
    pub media_type: String,
}

impl AttachedFile {
    /// Is it of one of these types? Each of its names has to end as one of them does, and its media type to be one that
    /// such a file is given, or none that says anything. Without a name, the media type is all there is.
    #[must_use]
    pub fn is_one_of(&self, types: &[FileType]) -> bool {
        if self.endings.is_empty() {
            return types.iter().any(|one| one.may_be_said_of(&self.media_type));
        }
        self.endings.iter().all(|ending| {
            let listed = ending.filter(|ending| types.contains(ending));
            listed.is_some_and(|one| self.media_type == OF_ANY_TYPE || one.may_be_said_of(&self.media_type))
        })
    }

    /// What it is, in a word that is ours: nothing of its name.
    pub(crate) fn word(&self) -> &'static str {
        let named = self.endings.iter().copied().flatten().next();
        let by_type = || FileType::all().find(|one| self.endings.is_empty() && one.may_be_said_of(&self.media_type));
        named.or_else(by_type).map_or("other", FileType::ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(endings: &[&str]) -> Vec<FileType> {
        endings.iter().map(|ending| FileType::of_ending(ending).unwrap()).collect()
    }

    fn file(endings: &[&str], media_type: &str) -> AttachedFile {
        let endings = endings.iter().map(|ending| FileType::of_ending(ending)).collect();
        AttachedFile { endings, media_type: media_type.to_owned() }
    }

    #[test]
    fn a_file_is_what_its_names_and_its_media_type_say_together() {
        let listed = types(&["jpg", "pdf"]);
        for (endings, media_type, fits) in [
            (&["pdf"] as &[&str], "application/pdf", true),
            (&["pdf"], "application/octet-stream", true),
            (&["pdf"], "application/x-msdownload", false),
            (&["pdf"], "image/jpeg", false),
            (&["exe"], "application/pdf", false),
            (&["pdf", "exe"], "application/pdf", false),
            (&["jpg"], "image/pjpeg", true),
            (&["jpeg"], "image/jpeg", false),
            (&[""], "application/pdf", false),
            (&[], "application/pdf", true),
            (&[], "image/jpeg", true),
            (&[], "application/octet-stream", false),
        ] {
            assert_eq!(file(endings, media_type).is_one_of(&listed), fits, "{endings:?} {media_type}");
        }
    }

    #[test]
    fn every_ending_is_found_and_stands_once() {
        let endings: Vec<_> = FileType::all().map(FileType::ending).collect();
        assert!(endings.is_sorted_by(|a, b| a < b), "{endings:?}");
        for ending in ["jpg", "jpeg", "tiff", "png", "txt", "pdf", "rtf", "doc"] {
            assert!(endings.contains(&ending), "{ending}");
        }
    }
}
