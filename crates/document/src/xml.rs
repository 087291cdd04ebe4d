//! XML, one step at a time and within bounds. Nothing declared in a document type is ever read or expanded.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;
use quick_xml::{XmlVersion, escape};

/// A clinical document nests some thirty deep.
const DEPTH_MAX: usize = 100;
/// An element of a clinical document has a handful.
const ATTRIBUTES_MAX: usize = 100;
/// Of a value or a text, so many octets are kept: an identifier has a few dozen.
const VALUE_BYTES_MAX: usize = 1_024;

/// Why reading ended before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A document type or an entity of its own is there.
    Declared,
    /// It is not well-formed, ends too early, or is beyond the bounds.
    Malformed,
}

/// One step.
#[derive(PartialEq, Eq)]
pub(crate) enum Step {
    /// An element begins; it is now the last of [`Xml::path`].
    Open(Element),
    /// Text in the element.
    Text(String),
    /// The element, still the last of the path, ends before the next step.
    Close,
    /// The end of the text.
    End,
}

/// An element's own part.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Element {
    attributes: Vec<(String, String)>,
}

impl Element {
    /// The value of the attribute of this name without a prefix; empty if there is none.
    pub(crate) fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// A document as it is read.
pub(crate) struct Xml<'a> {
    reader: NsReader<&'a [u8]>,
    namespaces: &'a [&'a str],
    path: Vec<String>,
    closing: bool,
}

impl<'a> Xml<'a> {
    /// Reads this text. Elements of other namespaces stand as an empty name in the path.
    pub(crate) fn new(text: &'a str, namespaces: &'a [&'a str]) -> Self {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, namespaces, path: Vec::new(), closing: false }
    }

    /// The elements from the root to here, by their local names.
    pub(crate) fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// How many they are.
    pub(crate) fn depth(&self) -> usize {
        self.path.len()
    }

    /// Goes one step on.
    pub(crate) fn step(&mut self) -> Result<Step, Fault> {
        if std::mem::take(&mut self.closing) {
            self.path.pop();
        }
        loop {
            let (namespace, event) = self.reader.read_resolved_event().map_err(|_| Fault::Malformed)?;
            match event {
                Event::Start(start) | Event::Empty(start) => {
                    let known = is_one_of(&namespace, self.namespaces);
                    return self.open(&start, known);
                }
                Event::End(_) => {
                    self.closing = true;
                    return Ok(Step::Close);
                }
                Event::Text(text) => return Ok(Step::Text(bounded(&text.xml10_content()))),
                Event::CData(text) => return Ok(Step::Text(bounded(&text.xml10_content()))),
                Event::GeneralRef(reference) => {
                    let letter = reference.resolve_char_ref().map_err(|_| Fault::Malformed)?;
                    let named = || escape::resolve_predefined_entity(&reference).map(str::to_owned);
                    // Any other would have been declared.
                    return letter.map(String::from).or_else(named).map(Step::Text).ok_or(Fault::Declared);
                }
                Event::DocType(_) => return Err(Fault::Declared),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof if self.path.is_empty() => return Ok(Step::End),
                Event::Eof => return Err(Fault::Malformed),
            }
        }
    }

    fn open(&mut self, start: &BytesStart<'_>, known: bool) -> Result<Step, Fault> {
        if self.path.len() >= DEPTH_MAX {
            return Err(Fault::Malformed);
        }
        let name = if known { bounded(start.local_name().as_ref()) } else { String::new() };
        self.path.push(name);
        let mut element = Element::default();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| Fault::Malformed)?;
            if element.attributes.len() >= ATTRIBUTES_MAX {
                return Err(Fault::Malformed);
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| Fault::Declared)?;
            element.attributes.push((bounded(attribute.key.as_ref()), bounded(&value)));
        }
        Ok(Step::Open(element))
    }
}

fn is_one_of(namespace: &ResolveResult<'_>, known: &[&str]) -> bool {
    matches!(namespace, ResolveResult::Bound(Namespace(name)) if known.contains(name))
}

fn bounded(text: &str) -> String {
    let end = text.floor_char_boundary(VALUE_BYTES_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}

/// A document's bytes as text, and whether its encoding was known and kept to. `whole` is false for the beginning of a
/// document, which may end within a character.
pub(crate) fn decode(bytes: &[u8], whole: bool) -> (String, bool) {
    let (encoding, bytes, known) = match Encoding::for_bom(bytes) {
        Some((encoding, length)) => (encoding, bytes.get(length..).unwrap_or_default(), true),
        None => declared(bytes).map_or((UTF_8, bytes, false), |encoding| (encoding, bytes, true)),
    };
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len());
    let mut text = String::with_capacity(room);
    let (_, _, replaced) = decoder.decode_to_string(bytes, &mut text, whole);
    (text, known && !replaced)
}

/// What a text without a byte order mark says of its encoding (XML 1.0, appendix F); `None` if it is unknown.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [b'<', 0, ..] => return Some(UTF_16LE),
        [0, b'<', ..] => return Some(UTF_16BE),
        _ => {}
    }
    let line = bytes.get(..bytes.len().min(256)).unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let Some((declaration, _)) = line.strip_prefix("<?xml").and_then(|line| line.split_once("?>")) else {
        return Some(UTF_8);
    };
    let Some((_, value)) = declaration.split_once("encoding") else { return Some(UTF_8) };
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
    let label = value.get(1..)?.split(quote).next()?;
    // Whoever can read so far does not read sixteen bits a letter.
    Encoding::for_label(label.as_bytes()).filter(|encoding| ![UTF_16LE, UTF_16BE].contains(encoding))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(xml: &str) -> Result<String, Fault> {
        let mut reader = Xml::new(xml, &["urn:a"]);
        let mut all = String::new();
        loop {
            match reader.step()? {
                Step::Text(text) => all += &text,
                Step::End => return Ok(all),
                Step::Open(_) | Step::Close => {}
            }
        }
    }

    #[test]
    fn nothing_declared_is_expanded() {
        let laughs = "<!DOCTYPE a [<!ENTITY b \"ha\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>";
        assert_eq!(text_of(laughs), Err(Fault::Declared));
        assert_eq!(text_of("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"), Err(Fault::Declared));
        assert_eq!(text_of("<a>&xxe;</a>"), Err(Fault::Declared));
        assert_eq!(text_of("<a b=\"&xxe;\"/>"), Err(Fault::Declared));
        assert_eq!(text_of("<a>&amp;&#233;<![CDATA[<]]></a>"), Ok("&é<".to_owned()));
    }

    #[test]
    fn what_is_not_well_formed_or_beyond_the_bounds_is_told() {
        let deep = "<a>".repeat(10_000);
        let wide = format!("<a{}/>", (0..200).map(|n| format!(" a{n}=\"\"")).collect::<Vec<_>>().concat());
        for xml in ["<a>", "<a></b>", "<a", "<a b=\"1\" b=\"2\"/>", "<a b=c/>", &deep, &wide] {
            assert_eq!(text_of(xml), Err(Fault::Malformed), "{}", xml.len());
        }
    }

    #[test]
    fn a_long_value_is_cut_between_letters() {
        let xml = format!("<a>{}</a>", "é".repeat(5_000));
        assert_eq!(text_of(&xml).unwrap().len(), VALUE_BYTES_MAX);
    }

    #[test]
    fn encodings_are_known_by_mark_by_declaration_and_by_sight() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let big: Vec<u8> = "<é/>".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (bytes, text) in [
            (b"\xef\xbb\xbf<\xc3\xa9/>".to_vec(), "<é/>"),
            (b"<\xc3\xa9/>".to_vec(), "<é/>"),
            (utf16("\u{feff}<é/>"), "<é/>"),
            (utf16("<é/>"), "<é/>"),
            (big, "<é/>"),
            (
                b"<?xml version='1.0' encoding='ISO-8859-15'?><\xe9/>".to_vec(),
                "<?xml version='1.0' encoding='ISO-8859-15'?><é/>",
            ),
        ] {
            assert_eq!(decode(&bytes, true), (text.to_owned(), true));
        }
    }

    #[test]
    fn an_encoding_that_is_unknown_or_not_kept_to_is_told() {
        for bytes in [&b"<?xml encoding=\"klingon\"?><a/>"[..], b"<?xml encoding=\"UTF-8\"?><a>\xe9</a>", b"<\xe9/>"] {
            assert!(!decode(bytes, true).1);
        }
        // Cut within a letter, it is only not whole.
        assert_eq!(decode(b"<a>\xc3", false), ("<a>".to_owned(), true));
        assert!(!decode(b"<a>\xc3", true).1);
    }
}
