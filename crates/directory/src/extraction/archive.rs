//! [`open()`]: the text of an extraction, wherever it lies: in a file, or in a ZIP archive.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use zip::ZipArchive;

use super::ExtractionFault;

/// The most bytes of an archive: three times the country's of 2026. It also bounds its table of contents.
pub const ARCHIVE_BYTES_MAX: u64 = 64 << 20;

/// How an archive begins.
const ARCHIVE_MAGIC: [u8; 4] = *b"PK\x03\x04";

/// A file with an extraction in it.
#[derive(Debug)]
pub enum Text {
    /// The text itself.
    Plain(File),
    /// An archive, and which of its members is the text.
    Archive(Box<ZipArchive<File>>, usize),
}

/// Opens a file, and finds the text in it: by its first bytes, not by its name.
pub fn open(path: &Path) -> Result<Text, ExtractionFault> {
    let mut file = File::open(path)?;
    let mut magic = Vec::new();
    (&mut file).take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    if magic != ARCHIVE_MAGIC {
        return Ok(Text::Plain(file));
    }
    if file.metadata()?.len() > ARCHIVE_BYTES_MAX {
        return Err(ExtractionFault::Archive(format!("it has more than {ARCHIVE_BYTES_MAX} bytes")));
    }
    let archive = ZipArchive::new(file).map_err(broken)?;
    let texts: Vec<_> = archive.file_names().filter_map(Result::ok).filter(|name| is_text(name)).collect();
    let count = texts.len();
    match texts.first().and_then(|name| archive.index_for_name(name)) {
        Some(place) if count == 1 => {
            drop(texts);
            Ok(Text::Archive(Box::new(archive), place))
        }
        _ => Err(ExtractionFault::Archive(format!("it holds {count} files that end in .txt, instead of one"))),
    }
}

impl Text {
    /// The text, from its beginning. What an archive says of its size is not believed: whoever reads counts.
    pub fn reader(&mut self) -> Result<Box<dyn Read + '_>, ExtractionFault> {
        match self {
            Self::Plain(file) => {
                file.rewind()?;
                Ok(Box::new(file))
            }
            Self::Archive(archive, place) => Ok(Box::new(archive.by_index(*place).map_err(broken)?)),
        }
    }
}

fn is_text(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("txt"))
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn broken(error: zip::result::ZipError) -> ExtractionFault {
    ExtractionFault::Archive(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(folder: &tempfile::TempDir, members: &[(&str, &str)]) -> std::path::PathBuf {
        let path = folder.path().join("extraction.zip");
        let mut writer = ZipWriter::new(File::create(&path).unwrap());
        for (name, content) in members {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
        path
    }

    fn content(path: &Path) -> Result<String, ExtractionFault> {
        let mut text = open(path)?;
        let mut content = String::new();
        text.reader()?.read_to_string(&mut content)?;
        // A second reading begins at the beginning again.
        let mut again = String::new();
        text.reader()?.read_to_string(&mut again)?;
        assert_eq!(content, again);
        Ok(content)
    }

    #[test]
    fn the_text_is_found_in_an_archive_and_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = archive(&folder, &[("LISEZMOI.pdf", "no"), ("Extraction_2026.TXT", "the text")]);
        assert_eq!(content(&path).unwrap(), "the text");
        let plain = folder.path().join("plain.zip");
        std::fs::write(&plain, "the text").unwrap();
        assert_eq!(content(&plain).unwrap(), "the text", "a name proves nothing");
    }

    #[test]
    fn an_archive_without_one_text_or_cut_short_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for members in [&[("a.csv", "x")][..], &[("a.txt", "x"), ("b.txt", "y")]] {
            assert_eq!(content(&archive(&folder, members)).unwrap_err().code(), "extraction-archive");
        }
        let path = archive(&folder, &[("a.txt", &"text ".repeat(1000))]);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 30]).unwrap();
        assert_eq!(content(&path).unwrap_err().code(), "extraction-archive");
        let mut damaged = bytes;
        damaged[45] ^= 0x55;
        std::fs::write(&path, &damaged).unwrap();
        assert!(content(&path).is_err(), "the checksum does not fit");
    }
}
