//! Text on its way into a message of ours: [`quoted_printable`] in a body, [`encoded_words`] in a header, and whether a value
//! from outside may stand in one ([`is_printable`]).

use std::fmt::Write as _;

/// The longest value returned or repeated. A line of ours stays far below 998 bytes (RFC 5322 §2.1.1).
pub(crate) const VALUE_BYTES_MAX: usize = 700;

/// May this value stand in a header of ours as it is?
pub(crate) fn is_printable(text: &str) -> bool {
    !text.is_empty() && text.len() <= VALUE_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

/// RFC 2045 §6.7. Lines of `text` end in LF; those of the result in CRLF, at most 76 characters each.
pub(crate) fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text.lines() {
        let mut column = 0;
        let last = line.len().saturating_sub(1);
        for (at, byte) in line.bytes().enumerate() {
            let plain = (byte.is_ascii_graphic() && byte != b'=') || (byte == b' ' && at != last);
            let width = if plain { 1 } else { 3 };
            if column + width > 75 {
                out.push_str("=\r\n");
                column = 0;
            }
            if plain {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "={byte:02X}");
            }
            column += width;
        }
        out.push_str("\r\n");
    }
    out
}

/// RFC 2047: words of at most 75 characters, folded, that hold this text. What needs no encoding stays as it is.
pub(crate) fn encoded_words(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for character in text.chars() {
        let mut coded = String::new();
        match character {
            ' ' => coded.push('_'),
            c if c.is_ascii_alphanumeric() => coded.push(c),
            c => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a String cannot fail.
                    let _ = write!(coded, "={byte:02X}");
                }
            }
        }
        match words.last_mut() {
            // A character is never cut in two (RFC 2047 §5).
            Some(word) if word.len() + coded.len() <= CODED_MAX => word.push_str(&coded),
            _ => words.push(coded),
        }
    }
    words.iter().map(|word| format!("=?utf-8?Q?{word}?=")).collect::<Vec<_>>().join("\r\n ")
}

/// What a word of 75 characters has room for between `=?utf-8?Q?` and `?=`.
const CODED_MAX: usize = 63;

/// Short, printable, and nothing in it that a reader would decode.
fn is_plain(text: &str) -> bool {
    text.len() <= CODED_MAX
        && text.trim() == text
        && !text.contains("=?")
        && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    #[test]
    fn quoted_printable_keeps_lines_short_and_ends_whole() {
        assert_eq!(quoted_printable("\u{e9}t\u{e9} = 1 \n\nb"), "=C3=A9t=C3=A9 =3D 1=20\r\n\r\nb\r\n");
        let long = quoted_printable(&"\u{e9}".repeat(100));
        assert!(long.lines().all(|line| line.len() <= 76), "{long}");
        assert_eq!(long.replace("=\r\n", "").trim_end(), "=C3=A9".repeat(100));
    }

    #[test]
    fn a_subject_is_read_as_it_was_written_whatever_stands_in_it() {
        for subject in [
            "Rappel",
            "Examen de sant\u{e9} de l'enfant \u{2013} 24 mois",
            "=?utf-8?Q?not_decoded?=",
            "\u{1f476}".repeat(60).as_str(),
            &"mot ".repeat(80),
            " spaces at both ends ",
        ] {
            let header = format!("Subject: {}\r\n", encoded_words(subject));
            assert!(header.is_ascii() && header.lines().all(|line| line.len() <= 84), "{header}");
            let message = format!("{header}From: a@b.fr\r\n\r\n");
            let parsed = MessageParser::default().parse(&message).unwrap();
            assert_eq!(parsed.subject().map(str::trim), Some(subject.trim()));
        }
    }
}
