//! A small PDF: text on A4 pages, from a document's header and narrative.
//!
//! PDF 1.4 with XMP metadata, and one of the fourteen standard fonts, not embedded: so it is no PDF/A, and does not say it is.

use std::fmt::Write;

use super::cda::Cda;
use crate::secrets;
use crate::whitelist::escape;

/// Points; A4 is 595 by 842.
const LEFT: u32 = 56;
const TOP: u32 = 786;
const LEADING: u32 = 15;
const LINES_A_PAGE: usize = 48;
/// Of Helvetica at 11 points, what fits between the margins.
const COLUMNS: usize = 88;

/// Writes a document as a PDF.
#[must_use]
pub fn render(document: &Cda) -> Vec<u8> {
    let lines = lines(document);
    let pages: Vec<&[Line]> = lines.chunks(LINES_A_PAGE).collect();
    let mut file = File::default();
    // Fixed: 1 catalogue, 2 page tree, 3 and 4 fonts, 5 metadata; then a page and its content, in turn.
    let kids: Vec<String> = (0..pages.len()).map(|index| format!("{} 0 R", 6 + 2 * index)).collect();
    file.object("<< /Type /Catalog /Pages 2 0 R /Metadata 5 0 R /Lang (fr-FR) >>");
    file.object(&format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), kids.len()));
    for font in ["Helvetica", "Helvetica-Bold"] {
        file.object(&format!("<< /Type /Font /Subtype /Type1 /BaseFont /{font} /Encoding /WinAnsiEncoding >>"));
    }
    file.stream("/Type /Metadata /Subtype /XML ", xmp(&document.title).as_bytes());
    for (index, page) in pages.iter().enumerate() {
        file.object(&format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {} 0 R \
             /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>",
            7 + 2 * index
        ));
        file.stream("", &content(page));
    }
    file.finish()
}

/// A line of text.
struct Line {
    bold: bool,
    text: String,
}

fn lines(document: &Cda) -> Vec<Line> {
    let mut out = Vec::new();
    let mut add = |bold, text: &str| out.extend(wrap(text).map(|text| Line { bold, text }));
    let patient = &document.patient;
    let date = |value: &str| match (value.get(6..8), value.get(4..6), value.get(..4)) {
        (Some(day), Some(month), Some(year)) => format!("{day}/{month}/{year}"),
        _ => value.to_owned(),
    };
    add(true, &document.title);
    add(false, &format!("Le {}", date(&document.effective_time)));
    add(false, "");
    add(
        false,
        &format!(
            "Patient : {} {}, date de naissance {}, sexe {}",
            patient.family,
            patient.given,
            date(&patient.birth),
            patient.sex
        ),
    );
    add(false, &format!("Matricule INS : {}", patient.id));
    add(
        false,
        &format!("Auteur : {} {}, {}", document.author.given, document.author.family, document.author.organisation),
    );
    for section in &document.sections {
        add(false, "");
        add(true, &section.title);
        for line in &section.lines {
            add(false, line);
        }
    }
    out
}

/// Cuts at spaces so that a line fits; a longer word keeps a line of its own. An empty text is an empty line.
fn wrap(text: &str) -> impl Iterator<Item = String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(last) = lines.last_mut() else { continue };
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= COLUMNS {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.into_iter()
}

/// The operators that draw a page (PDF 1.4 §5.3).
fn content(page: &[Line]) -> Vec<u8> {
    let mut out = format!("BT\n{LEADING} TL\n{LEFT} {TOP} Td\n").into_bytes();
    for line in page {
        out.extend_from_slice(if line.bold { b"/F2 11 Tf\n(" } else { b"/F1 11 Tf\n(" });
        out.extend(line.text.chars().flat_map(win_ansi));
        out.extend_from_slice(b") Tj T*\n");
    }
    out.extend_from_slice(b"ET\n");
    out
}

/// A character in `WinAnsiEncoding`, escaped for a string; what it lacks becomes a question mark.
fn win_ansi(c: char) -> impl Iterator<Item = u8> {
    let byte = match c {
        '\u{2019}' | '\u{2018}' => 0x92,
        '\u{2013}' => 0x96,
        '\u{2014}' => 0x97,
        '\u{201c}' => 0x93,
        '\u{201d}' => 0x94,
        '\u{2026}' => 0x85,
        '\u{2022}' => 0x95,
        '\u{20ac}' => 0x80,
        '\u{0152}' => 0x8c,
        '\u{0153}' => 0x9c,
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(c)).unwrap_or(b'?'),
        _ => b'?',
    };
    let escape = matches!(byte, b'(' | b')' | b'\\').then_some(b'\\');
    escape.into_iter().chain([byte])
}

/// XMP (ISO 16684-1), with the title in it.
fn xmp(title: &str) -> String {
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\
         <dc:format>application/pdf</dc:format>\
         <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{}</rdf:li></rdf:Alt></dc:title></rdf:Description>\n\
         </rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>",
        escape(title)
    )
}

/// Objects in a row, and where each begins.
#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    offsets: Vec<usize>,
}

impl File {
    fn object(&mut self, body: &str) {
        self.begin();
        self.bytes.extend_from_slice(format!("{body}\nendobj\n").as_bytes());
    }

    fn stream(&mut self, entries: &str, content: &[u8]) {
        self.begin();
        self.bytes.extend_from_slice(format!("<< {entries}/Length {} >>\nstream\n", content.len()).as_bytes());
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(b"\nendstream\nendobj\n");
    }

    fn begin(&mut self) {
        if self.bytes.is_empty() {
            // Bytes above 127 in the second line tell transfer programs that the file is binary (PDF 1.4 §3.4.1).
            self.bytes.extend_from_slice(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n");
        }
        self.offsets.push(self.bytes.len());
        self.bytes.extend_from_slice(format!("{} 0 obj\n", self.offsets.len()).as_bytes());
    }

    /// The cross-reference table and the trailer (PDF 1.4 §3.4.3).
    fn finish(mut self) -> Vec<u8> {
        let start = self.bytes.len();
        let size = self.offsets.len() + 1;
        let mut table = format!("xref\n0 {size}\n0000000000 65535 f \n");
        for offset in &self.offsets {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "{offset:010} 00000 n ");
        }
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.bytes);
        let id = secrets::hex(digest.as_ref().get(..16).unwrap_or_default());
        let _ = write!(table, "trailer\n<< /Size {size} /Root 1 0 R /ID [<{id}> <{id}>] >>\nstartxref\n{start}\n%%EOF");
        self.bytes.extend_from_slice(table.as_bytes());
        self.bytes
    }
}
