//! App passwords: made by us and never chosen, so that they need not be slow to check.

use aws_lc_rs::{digest, rand};
use pli_types::Secret;
use zeroize::Zeroizing;

use crate::{Result, StoreError};

/// Digits and letters of which none is taken for another (Crockford's base 32: no I, L, O, U), 5 bits each.
const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// As many as it takes for 128 random bits.
const LENGTH: usize = 26;
/// Symbols between two hyphens, for the eye.
const GROUP: usize = 5;

/// How an app password is kept: its SHA-256. It is random enough that neither salt nor slowness would add anything.
pub(crate) type Digest = [u8; digest::SHA256_OUTPUT_LEN];

/// A new one: 26 random symbols in groups, like `7Q3KM-0X9AB-…`. It is shown once and never kept as it is.
pub fn generate() -> Result<Secret<String>> {
    let mut random = Zeroizing::new([0_u8; LENGTH]);
    rand::fill(&mut *random).map_err(|_| StoreError::unavailable("the system gave no random bytes"))?;
    let mut out = String::with_capacity(LENGTH + LENGTH / GROUP);
    for (place, byte) in random.iter().enumerate() {
        if place > 0 && place % GROUP == 0 {
            out.push('-');
        }
        let symbol = SYMBOLS.get(usize::from(byte & 31)).copied().unwrap_or(b'0');
        out.push(char::from(symbol));
    }
    Ok(Secret::new(out))
}

/// What is kept of it, however it was typed: in either case, with or without hyphens and spaces, `O` for `0`, `I` or
/// `L` for `1`. None if it has not the form of one.
pub(crate) fn digest(password: &Secret<String>) -> Option<Digest> {
    let mut plain = Zeroizing::new(Vec::with_capacity(LENGTH));
    for byte in password.reveal().bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
        let symbol = match byte.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            other => other,
        };
        if plain.len() == LENGTH || !SYMBOLS.contains(&symbol) {
            return None;
        }
        plain.push(symbol);
    }
    if plain.len() != LENGTH {
        return None;
    }
    digest::digest(&digest::SHA256, &plain).as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(text: &str) -> Option<Digest> {
        digest(&Secret::new(text.to_owned()))
    }

    #[test]
    fn one_is_made_of_26_symbols_and_never_twice() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one.reveal(), other.reveal());
        assert_eq!(one.reveal().split('-').map(str::len).collect::<Vec<_>>(), [5, 5, 5, 5, 5, 1]);
        assert!(digest(&one).is_some());
        assert_ne!(digest(&one), digest(&other));
    }

    #[test]
    fn it_may_be_typed_as_people_type() {
        let kept = digest_of("01ABC-DEFGH-JKMNP-QRSTV-WXYZ0-1");
        assert!(kept.is_some());
        for typed in ["01abcdefghjkmnpqrstvwxyz01", "oLabc defgh jkmnp qrstv wxyzO i", "0-1ABCDEFGHJKMNPQRSTVWXYZ01-"] {
            assert_eq!(digest_of(typed), kept, "{typed}");
        }
    }

    #[test]
    fn what_has_not_its_form_is_none() {
        let long = "01ABC-DEFGH-JKMNP-QRSTV-WXYZ0-12";
        for bad in
            ["", "correct horse battery staple", long, "01ABC-DEFGH-JKMNP-QRSTV-WXYZ0", "U1ABCDEFGHJKMNPQRSTVWXYZ01"]
        {
            assert!(digest_of(bad).is_none(), "{bad}");
        }
    }
}
