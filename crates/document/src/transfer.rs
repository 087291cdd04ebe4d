//! How the bytes of a part travel (RFC 2045 §6), undone as they come.

/// Undoes a transfer encoding. Bytes that do not belong into it are passed over, as mail programs do.
#[derive(Debug)]
pub(crate) enum Transfer {
    /// `7bit`, `8bit`, `binary`, and what is unknown.
    Identity,
    /// `base64`: the bits that wait for more, and how many.
    Base64 { bits: u32, count: u32, ended: bool },
    /// `quoted-printable`: what came after an `=`.
    QuotedPrintable { escape: Vec<u8> },
}

/// Decoded bytes are handed on in pieces of this size at most.
const PIECE: usize = 1024;

impl Transfer {
    /// Of a `Content-Transfer-Encoding`.
    pub(crate) fn named(encoding: Option<&str>) -> Self {
        match encoding.map(str::trim) {
            Some(name) if name.eq_ignore_ascii_case("base64") => Self::Base64 { bits: 0, count: 0, ended: false },
            Some(name) if name.eq_ignore_ascii_case("quoted-printable") => Self::QuotedPrintable { escape: Vec::new() },
            _ => Self::Identity,
        }
    }

    /// Do the bytes travel as they are? Only then can a message be looked for in them (RFC 2046 §5.2.1).
    pub(crate) fn is_identity(&self) -> bool {
        matches!(self, Self::Identity)
    }

    pub(crate) fn decode(&mut self, bytes: &[u8], out: &mut impl FnMut(&[u8])) {
        match self {
            Self::Identity => out(bytes),
            Self::Base64 { bits, count, ended } => base64(bytes, (bits, count, ended), out),
            Self::QuotedPrintable { escape } => quoted_printable(bytes, escape, out),
        }
    }
}

fn base64(bytes: &[u8], (bits, count, ended): (&mut u32, &mut u32, &mut bool), out: &mut impl FnMut(&[u8])) {
    let mut piece = Vec::with_capacity(PIECE);
    for &byte in bytes {
        if *ended {
            break;
        }
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                *ended = true;
                continue;
            }
            _ => continue,
        };
        *bits = (*bits << 6) | u32::from(value);
        *count += 6;
        if *count >= 8 {
            *count -= 8;
            let [.., low] = (*bits >> *count).to_be_bytes();
            piece.push(low);
            *bits &= (1 << *count) - 1;
            if piece.len() == PIECE {
                out(&piece);
                piece.clear();
            }
        }
    }
    out(&piece);
}

fn quoted_printable(bytes: &[u8], escape: &mut Vec<u8>, out: &mut impl FnMut(&[u8])) {
    let mut piece = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        if escape.is_empty() && byte != b'=' {
            piece.push(byte);
            continue;
        }
        escape.push(byte);
        match escape.as_slice() {
            [b'='] | [b'=', b'\r'] => continue,
            [b'=', b'\n'] | [b'=', b'\r', b'\n'] => {}
            [b'=', high] if high.is_ascii_hexdigit() => continue,
            [b'=', high, low] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => piece.push(high << 4 | low),
                _ => piece.extend_from_slice(escape),
            },
            _ => piece.extend_from_slice(escape),
        }
        escape.clear();
    }
    out(&piece);
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use proptest::prelude::*;

    use super::Transfer;

    fn decoded(encoding: &str, pieces: &[&[u8]]) -> Vec<u8> {
        let mut transfer = Transfer::named(Some(encoding));
        let mut all = Vec::new();
        for piece in pieces {
            transfer.decode(piece, &mut |bytes| all.extend_from_slice(bytes));
        }
        all
    }

    #[test]
    fn quoted_printable_is_undone_wherever_it_is_cut() {
        let text: &[u8] = b"a=3Db=\r\nc=E9=\nd =zz =4";
        let whole = decoded("Quoted-Printable", &[text]);
        assert_eq!(whole, b"a=bc\xe9d =zz ");
        for cut in 0..text.len() {
            let (left, right) = text.split_at(cut);
            assert_eq!(decoded("quoted-printable", &[left, right]), whole, "{cut}");
        }
    }

    proptest! {
        #[test]
        fn base64_is_undone_wherever_it_is_cut(bytes: Vec<u8>, cut: prop::sample::Index) {
            let mut text = base64::engine::general_purpose::STANDARD.encode(&bytes);
            for at in (0..=text.len()).rev().step_by(76) {
                text.insert_str(at, "\r\n");
            }
            let cut = cut.index(text.len() + 1);
            let (left, right) = text.as_bytes().split_at(cut);
            prop_assert_eq!(decoded("BASE64", &[left, right]), bytes);
        }
    }
}
