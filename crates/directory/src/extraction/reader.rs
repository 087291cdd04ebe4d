//! [`Extraction`]: the text of an extraction, line by line, in the memory of one line.

use std::io::{self, BufRead, BufReader, Read};

use aws_lc_rs::digest::{Context, SHA256};

use super::{Column, Entry, ExtractionFault, LineFault};

/// The most bytes of a line. Real ones have some 170.
pub const LINE_BYTES_MAX: usize = 16 << 10;

/// The most bytes of a text: ten times the country's of 2026.
pub const TEXT_BYTES_MAX: u64 = 1 << 30;

/// How much is asked of the file at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// A text that is being read.
pub struct Extraction<R> {
    text: BufReader<Hashed<R>>,
    line: Vec<u8>,
    number: u64,
}

/// A line behind the headings.
#[derive(Debug)]
pub struct Line<'l> {
    /// Its number in the file, as editors count: the headings are line 1.
    pub number: u64,
    /// What it says, or why it is not taken.
    pub entry: Result<Entry<'l>, LineFault>,
}

impl<R: Read> Extraction<R> {
    /// Begins a text, and reads its headings.
    pub fn begin(text: R) -> Result<Self, ExtractionFault> {
        let text = Hashed { text, digest: Context::new(&SHA256), bytes: 0 };
        let mut extraction = Self { text: BufReader::with_capacity(BUFFER_BYTES, text), line: Vec::new(), number: 0 };
        extraction.advance()?;
        let line = String::from_utf8_lossy(&extraction.line);
        check_headings(line.strip_prefix('\u{feff}').unwrap_or(&line))?;
        Ok(extraction)
    }

    /// The next line; `None` at the end. Empty lines are passed over.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, ExtractionFault> {
        loop {
            match self.advance()? {
                Advance::End => return Ok(None),
                Advance::TooLong => return Ok(Some(Line { number: self.number, entry: Err(LineFault::TooLong) })),
                Advance::Line if self.line.is_empty() => {}
                Advance::Line => break,
            }
        }
        let text = std::str::from_utf8(&self.line).map_err(|_| LineFault::NotUtf8);
        Ok(Some(Line { number: self.number, entry: text.and_then(Entry::parse) }))
    }

    /// Bytes of the text that have been read.
    pub fn bytes(&self) -> u64 {
        self.text.get_ref().bytes
    }

    /// The SHA-256, in hexadecimal, of all that was read: of the whole text, once the end was.
    pub fn digest(&self) -> String {
        let digest = self.text.get_ref().digest.clone().finish();
        digest
            .as_ref()
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0xf])
            .filter_map(|half| char::from_digit(half.into(), 16))
            .collect()
    }

    /// Reads the whole text for its [`Extraction::digest`] alone: how large it is, and which.
    pub fn identify(mut self) -> Result<(u64, String), ExtractionFault> {
        loop {
            let length = self.text.fill_buf().map_err(too_large)?.len();
            if length == 0 {
                return Ok((self.bytes(), self.digest()));
            }
            self.text.consume(length);
        }
    }

    /// Reads one line into `self.line`, without its end.
    fn advance(&mut self) -> Result<Advance, ExtractionFault> {
        self.line.clear();
        let mut too_long = false;
        loop {
            let buffer = self.text.fill_buf().map_err(too_large)?;
            if buffer.is_empty() {
                if self.line.is_empty() && !too_long {
                    return Ok(Advance::End);
                }
                break;
            }
            let end = memchr::memchr(b'\n', buffer);
            let (piece, used) = match end {
                Some(end) => (buffer.get(..end).unwrap_or_default(), end + 1),
                None => (buffer, buffer.len()),
            };
            too_long |= self.line.len() + piece.len() > LINE_BYTES_MAX;
            if !too_long {
                self.line.extend_from_slice(piece);
            }
            self.text.consume(used);
            if end.is_some() {
                break;
            }
        }
        self.number += 1;
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(if too_long { Advance::TooLong } else { Advance::Line })
    }
}

impl<R> std::fmt::Debug for Extraction<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extraction").field("number", &self.number).finish_non_exhaustive()
    }
}

/// What one reading gave.
enum Advance {
    Line,
    TooLong,
    End,
}

/// Counts and digests what passes.
struct Hashed<R> {
    text: R,
    digest: Context,
    bytes: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.text.read(buffer)?;
        self.digest.update(buffer.get(..count).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if self.bytes > TEXT_BYTES_MAX { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(count) }
    }
}

fn too_large(error: io::Error) -> ExtractionFault {
    match error.kind() {
        io::ErrorKind::FileTooLarge => ExtractionFault::TooLarge,
        _ => ExtractionFault::Unreadable(error),
    }
}

/// The headings are those of the specification: columns in another order would be another meaning. Case, accents and
/// signs are not looked at.
fn check_headings(line: &str) -> Result<(), ExtractionFault> {
    let mut found = line.split('|').map(str::trim);
    for (number, column) in (1..).zip(Column::ALL) {
        let heading = found.next().unwrap_or_default();
        if letters(heading) != letters(column.heading()) {
            return Err(ExtractionFault::Headings { number, expected: Some(column.heading()) });
        }
    }
    match found.next() {
        None | Some("") => Ok(()),
        Some(_) => Err(ExtractionFault::Headings { number: Column::COUNT + 1, expected: None }),
    }
}

/// The letters and digits, in lower case and without the accents of French.
fn letters(text: &str) -> String {
    let plain = |c| match c {
        'à' | 'â' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'ç' => 'c',
        'î' | 'ï' => 'i',
        'ô' => 'o',
        'ù' | 'û' => 'u',
        c => c,
    };
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headings() -> String {
        Column::ALL.iter().map(|column| column.heading()).collect::<Vec<_>>().join("|")
    }

    fn good(address: &str) -> String {
        format!("ORG|{address}{}", "|".repeat(29))
    }

    fn read(text: &[u8]) -> Vec<(u64, Result<String, &'static str>)> {
        let mut extraction = Extraction::begin(text).unwrap();
        let mut lines = Vec::new();
        while let Some(line) = extraction.next_line().unwrap() {
            let told = line.entry.map(|entry| entry.address().key()).map_err(|fault| fault.code());
            lines.push((line.number, told));
        }
        lines
    }

    #[test]
    fn every_line_is_told_by_its_number_and_a_bad_one_harms_no_other() {
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        let exact = "x".repeat(LINE_BYTES_MAX);
        let mut text = format!("\u{feff}{}\r\n{}\r\n{long}\n\n{exact}\n", headings(), good("a@b.fr")).into_bytes();
        text.extend_from_slice(b"\xff\xfe|\n");
        text.extend_from_slice(good("c@d.fr").as_bytes());
        assert_eq!(
            read(&text),
            [
                (2, Ok("a@b.fr".to_owned())),
                (3, Err("line-too-long")),
                (5, Err("line-columns")),
                (6, Err("line-not-utf8")),
                (7, Ok("c@d.fr".to_owned())),
            ]
        );
        assert_eq!(read(headings().as_bytes()), []);
    }

    #[test]
    fn a_file_of_another_kind_is_refused_whole() {
        let swapped = headings().replace("Code postal|Département", "Département|Code postal");
        let short = headings().replace("|Pays", "");
        let more = headings() + "|Plus";
        for (text, at) in [("", 1), ("PK\u{3}\u{4}", 1), ("a;b;c\n", 1), (&swapped, 29), (&short, 31), (&more, 32)] {
            match Extraction::begin(text.as_bytes()).unwrap_err() {
                ExtractionFault::Headings { number, .. } => assert_eq!(number, at, "{text}"),
                other => panic!("{other}"),
            }
        }
        let plain = headings().to_uppercase().replace('É', "E").replace('\'', "\u{2019}");
        assert!(Extraction::begin(plain.as_bytes()).is_ok(), "case, accents and signs say nothing");
    }

    #[test]
    fn an_endless_text_and_an_endless_line_are_cut_off() {
        let endless = headings().into_bytes();
        let endless = io::Cursor::new(endless).chain(io::Cursor::new(b"\n")).chain(io::repeat(b'x'));
        let mut extraction = Extraction::begin(endless).unwrap();
        assert!(matches!(extraction.next_line(), Err(ExtractionFault::TooLarge)));
        assert!(extraction.line.capacity() <= 2 * LINE_BYTES_MAX);
    }

    #[test]
    fn a_text_is_known_by_its_digest_however_it_is_read() {
        let text = format!("{}\n{}\n", headings(), good("a@b.fr"));
        let (bytes, digest) = Extraction::begin(text.as_bytes()).unwrap().identify().unwrap();
        assert_eq!(bytes, text.len() as u64);
        let mut extraction = Extraction::begin(text.as_bytes()).unwrap();
        while extraction.next_line().unwrap().is_some() {}
        assert_eq!((extraction.digest(), digest.len()), (digest, 64));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        // A small generator of its own: every byte value, cut and joined at every place.
        let mut state = 0x9e37_79b9_u32;
        for _ in 0..2_000 {
            let mut text = format!("{}\n{}\n", headings(), good("a@b.fr")).into_bytes();
            for _ in 0..8 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let place = (state >> 8) as usize % text.len();
                text[place] = (state & 0xff) as u8;
                if state & 0x100 != 0 {
                    text.truncate(place.max(1));
                }
            }
            if let Ok(mut extraction) = Extraction::begin(&*text) {
                while let Ok(Some(line)) = extraction.next_line() {
                    drop(line.entry.map(|entry| entry.department_number().to_owned()));
                }
            }
        }
    }
}
