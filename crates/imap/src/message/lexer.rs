//! The words of structured header values (RFC 5322 §3.2, RFC 2045 §5.1), read leniently: what does not fit is a word.

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// Characters between specials and blanks, dots included.
    Atom(Vec<u8>),
    /// A quoted string, without its quotes and escapes.
    Quoted(Vec<u8>),
    /// A domain literal, with its brackets.
    Literal(Vec<u8>),
    /// A comment, without its outer parentheses.
    Comment(Vec<u8>),
    /// One of the specials given.
    Special(u8),
}

/// Splits an unfolded value at blanks and at `specials`.
pub(crate) fn words(value: &[u8], specials: &[u8]) -> impl Iterator<Item = Word> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        rest = rest.get(rest.iter().position(|byte| !blank(byte))?..)?;
        let (&byte, after) = rest.split_first()?;
        let (word, after) = match byte {
            b'"' => {
                let (text, after) = until(after, b'"');
                (Word::Quoted(text), after)
            }
            b'(' => {
                let (text, after) = comment(after);
                (Word::Comment(text), after)
            }
            b'[' if specials.contains(&b'@') => {
                let (mut text, after) = until(after, b']');
                text.insert(0, b'[');
                text.push(b']');
                (Word::Literal(text), after)
            }
            _ if specials.contains(&byte) => (Word::Special(byte), after),
            _ => {
                let ends = |byte: &u8| blank(byte) || matches!(byte, b'"' | b'(') || specials.contains(byte);
                let length = rest.iter().position(ends).unwrap_or(rest.len()).max(1);
                let (atom, after) = rest.split_at(length);
                (Word::Atom(atom.to_vec()), after)
            }
        };
        rest = after;
        Some(word)
    })
}

/// Up to `end`, escapes taken off.
fn until(bytes: &[u8], end: u8) -> (Vec<u8>, &[u8]) {
    let mut text = Vec::new();
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => {
                if let Some((&escaped, after)) = rest.split_first() {
                    text.push(escaped);
                    rest = after;
                }
            }
            _ if byte == end => return (text, rest),
            _ => text.push(byte),
        }
    }
    (text, rest)
}

/// Comments nest (RFC 5322 §3.2.2).
fn comment(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut text = Vec::new();
    let mut depth = 1_usize;
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => {
                if let Some((&escaped, after)) = rest.split_first() {
                    text.push(escaped);
                    rest = after;
                }
                continue;
            }
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (text, rest);
        }
        text.push(byte);
    }
    (text, rest)
}
