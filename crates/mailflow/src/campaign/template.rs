//! [`Template`]: what a notice says, with places for what is told of each patient. `docs/notices.md` has its format.

use std::str::Lines;

/// The most bytes of a template.
pub const TEMPLATE_BYTES_MAX: u64 = 64 << 10;
/// The most characters of a value.
pub const VALUE_CHARS_MAX: usize = 200;
/// The most characters of a header's value in a template.
const HEADER_CHARS_MAX: usize = 200;
/// The most characters of a place's name.
const NAME_CHARS_MAX: usize = 32;
/// The most places of one template.
const PLACES_MAX: usize = 32;

/// A template that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    from_name: Option<String>,
    language: Option<String>,
    subject: Vec<Piece>,
    body: Vec<Piece>,
    /// The names of the places, each once, in the order in which they come.
    places: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Words(String),
    /// The value of the place of this number.
    Place(usize),
}

/// Why a text is no template, and where. None of these repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// Over [`TEMPLATE_BYTES_MAX`].
    #[error("it is too large")]
    TooLarge,
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// A line of the header is no `Name: value`, or of a name that is not known, or too long.
    #[error("line {0} is no header that a template may have")]
    Header(usize),
    /// A header stands there twice.
    #[error("line {0} is a header that was there before")]
    HeaderTwice(usize),
    /// There is no subject.
    #[error("it has no subject")]
    NoSubject,
    /// There is nothing below the header.
    #[error("it has no text")]
    NoBody,
    /// A control character, other than a tab in the text.
    #[error("line {0} has a control character")]
    Control(usize),
    /// A brace that opens or closes no place; doubled, it is a brace.
    #[error("line {0} has a brace that is no place's")]
    Brace(usize),
    /// A place whose name is none: a letter, then letters, digits and `_`, all small.
    #[error("line {0} has a place whose name is none")]
    Place(usize),
    /// Too many places.
    #[error("it has too many places")]
    Places,
}

/// Why a value cannot be put into a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueFault {
    /// It is empty.
    Empty,
    /// Over [`VALUE_CHARS_MAX`].
    TooLong,
    /// It has a control character.
    Control,
}

/// Checks what is told of a patient before it is put anywhere.
pub fn check_value(value: &str) -> Result<(), ValueFault> {
    if value.trim().is_empty() {
        return Err(ValueFault::Empty);
    }
    if value.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(ValueFault::Control);
    }
    if value.chars().count() > VALUE_CHARS_MAX {
        return Err(ValueFault::TooLong);
    }
    Ok(())
}

impl Template {
    /// Reads one.
    pub fn parse(bytes: &[u8]) -> Result<Self, TemplateFault> {
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > TEMPLATE_BYTES_MAX {
            return Err(TemplateFault::TooLarge);
        }
        let text = str::from_utf8(bytes).map_err(|_| TemplateFault::NotUtf8)?;
        let mut reader =
            Reader { lines: text.strip_prefix('\u{feff}').unwrap_or(text).lines(), line: 0, places: Vec::new() };
        let header = reader.header()?;
        let subject = header.subject.ok_or(TemplateFault::NoSubject)?;
        let body = reader.body()?;
        let places = reader.places;
        Ok(Self { from_name: header.from_name, language: header.language, subject, body, places })
    }

    /// The names of its places, in the order in which values are given.
    #[must_use]
    pub fn places(&self) -> &[String] {
        &self.places
    }

    /// The name before the sender's address.
    #[must_use]
    pub fn from_name(&self) -> Option<&str> {
        self.from_name.as_deref()
    }

    /// The language of the text (RFC 3282).
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// The subject, with these values.
    #[must_use]
    pub fn subject(&self, values: &[String]) -> String {
        filled(&self.subject, values)
    }

    /// The text, with these values. Its lines end in LF.
    #[must_use]
    pub fn body(&self, values: &[String]) -> String {
        filled(&self.body, values)
    }
}

fn filled(pieces: &[Piece], values: &[String]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Words(words) => words.clone(),
        Piece::Place(place) => values.get(*place).cloned().unwrap_or_default(),
    };
    pieces.iter().map(piece).collect()
}

#[derive(Default)]
struct Header {
    from_name: Option<String>,
    language: Option<String>,
    subject: Option<Vec<Piece>>,
}

struct Reader<'t> {
    lines: Lines<'t>,
    line: usize,
    places: Vec<String>,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Option<&'t str>, TemplateFault> {
        let Some(line) = self.lines.next() else { return Ok(None) };
        self.line += 1;
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err(TemplateFault::Control(self.line));
        }
        Ok(Some(line))
    }

    /// As far as the first empty line.
    fn header(&mut self) -> Result<Header, TemplateFault> {
        let mut header = Header::default();
        while let Some(line) = self.next()?.filter(|line| !line.trim().is_empty()) {
            let fault = TemplateFault::Header(self.line);
            let (name, value) = line.split_once(':').ok_or(fault)?;
            let value = value.trim();
            if value.is_empty() || value.contains('\t') || value.chars().count() > HEADER_CHARS_MAX {
                return Err(fault);
            }
            let again = match name.to_ascii_lowercase().as_str() {
                "subject" => {
                    let pieces = self.pieces(value)?;
                    header.subject.replace(pieces).is_some()
                }
                "from-name" => header.from_name.replace(value.to_owned()).is_some(),
                "language" if is_language(value) => header.language.replace(value.to_owned()).is_some(),
                _ => return Err(fault),
            };
            if again {
                return Err(TemplateFault::HeaderTwice(self.line));
            }
        }
        Ok(header)
    }

    fn body(&mut self) -> Result<Vec<Piece>, TemplateFault> {
        let mut body = Vec::new();
        let mut empty = true;
        while let Some(line) = self.next()? {
            empty &= line.trim().is_empty();
            body.extend(self.pieces(line)?);
            body.push(Piece::Words("\n".to_owned()));
        }
        if empty { Err(TemplateFault::NoBody) } else { Ok(body) }
    }

    /// `{name}` is a place, `{{` and `}}` are braces.
    fn pieces(&mut self, text: &str) -> Result<Vec<Piece>, TemplateFault> {
        let (mut pieces, mut words) = (Vec::new(), String::new());
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '{' if characters.as_str().starts_with('{') => words.extend(characters.next()),
                '}' if characters.as_str().starts_with('}') => words.extend(characters.next()),
                '{' => {
                    let (name, rest) = characters.as_str().split_once('}').ok_or(TemplateFault::Brace(self.line))?;
                    characters = rest.chars();
                    pieces.push(Piece::Words(std::mem::take(&mut words)));
                    pieces.push(Piece::Place(self.place(name)?));
                }
                '}' => return Err(TemplateFault::Brace(self.line)),
                other => words.push(other),
            }
        }
        pieces.push(Piece::Words(words));
        Ok(pieces)
    }

    fn place(&mut self, name: &str) -> Result<usize, TemplateFault> {
        if !is_place_name(name) {
            return Err(TemplateFault::Place(self.line));
        }
        if let Some(known) = self.places.iter().position(|known| known == name) {
            return Ok(known);
        }
        if self.places.len() == PLACES_MAX {
            return Err(TemplateFault::Places);
        }
        self.places.push(name.to_owned());
        Ok(self.places.len() - 1)
    }
}

/// May a place, and the column that fills it, have this name?
#[must_use]
pub fn is_place_name(name: &str) -> bool {
    name.len() <= NAME_CHARS_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// `fr`, `fr-FR`, `pt-BR`: letters, digits and hyphens.
fn is_language(tag: &str) -> bool {
    tag.len() <= 35 && tag.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> TemplateFault {
        Template::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn places_are_filled_wherever_they_stand() {
        let text = "\u{feff}Subject: {b} et {a}\r\nFROM-NAME: Service\r\n\r\n{a}{a} {{braces}} {c}\r\n\r\nfin";
        let template = Template::parse(text.as_bytes()).unwrap();
        assert_eq!(template.places(), ["b", "a", "c"]);
        let values = ["B".to_owned(), "{b}".to_owned(), "C".to_owned()];
        assert_eq!(template.subject(&values), "B et {b}", "a value is no template");
        assert_eq!(template.body(&values), "{b}{b} {braces} C\n\nfin\n");
        assert_eq!((template.from_name(), template.language()), (Some("Service"), None));
    }

    #[test]
    fn what_is_no_template_is_told_with_its_line() {
        for (text, expected) in [
            ("", TemplateFault::NoSubject),
            ("\n\nbody", TemplateFault::NoSubject),
            ("Subject: s", TemplateFault::NoBody),
            ("Subject: s\n\n \n\n", TemplateFault::NoBody),
            ("Subject: s\nBcc: x@y.fr\n\nb", TemplateFault::Header(2)),
            ("Subject:\n\nb", TemplateFault::Header(1)),
            ("Subject s\n\nb", TemplateFault::Header(1)),
            ("Language: fr FR\nSubject: s\n\nb", TemplateFault::Header(1)),
            ("Subject: s\nsubject: t\n\nb", TemplateFault::HeaderTwice(2)),
            ("Subject: s\n\nb\u{0}", TemplateFault::Control(3)),
            ("Subject: s\rBcc: x\n\nb", TemplateFault::Control(1)),
            ("Subject: s\n\na\n{b", TemplateFault::Brace(4)),
            ("Subject: s}\n\nb", TemplateFault::Brace(1)),
            ("Subject: s\n\n{Prenom}", TemplateFault::Place(3)),
            ("Subject: s\n\n{}", TemplateFault::Place(3)),
        ] {
            assert_eq!(fault(text), expected, "{text:?}");
        }
        assert_eq!(fault(&format!("Subject: s\n\n{}", "x".repeat(1 << 16))), TemplateFault::TooLarge);
        assert_eq!(Template::parse(b"Subject: \xff\n\nb"), Err(TemplateFault::NotUtf8));
        let many: Vec<String> = (0..33).map(|number| format!("{{a{number}}}")).collect();
        assert_eq!(fault(&format!("Subject: s\n\n{}", many.concat())), TemplateFault::Places);
    }

    #[test]
    fn a_value_is_a_line_of_text() {
        assert_eq!(check_value("Zo\u{e9} d'Arc"), Ok(()));
        assert_eq!(check_value(" "), Err(ValueFault::Empty));
        assert_eq!(check_value("a\r\nBcc: b"), Err(ValueFault::Control));
        assert_eq!(check_value("a\u{2028}b"), Err(ValueFault::Control));
        assert_eq!(check_value(&"x".repeat(201)), Err(ValueFault::TooLong));
    }
}
