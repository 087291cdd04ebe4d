//! Random keys, passwords and numbers.

use anyhow::anyhow;

/// Letters and digits that nobody takes for one another: a password of a sandbox is typed from a screen.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Random bytes from the operating system.
pub fn bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut out = [0; N];
    aws_lc_rs::rand::fill(&mut out).map_err(|_| anyhow!("the system gives no random bytes"))?;
    Ok(out)
}

/// A password of 20 characters, 100 bits.
pub fn password() -> anyhow::Result<String> {
    Ok(bytes::<20>()?.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).copied().map(char::from).collect())
}

/// Bytes as hexadecimal digits, the form of the configuration's key files.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_twenty_plain_characters_and_is_never_the_same() {
        let (one, other) = (password().unwrap(), password().unwrap());
        assert_eq!(one.len(), 20);
        assert!(one.bytes().all(|byte| ALPHABET.contains(&byte)));
        assert_ne!(one, other);
    }

    #[test]
    fn a_key_is_written_as_64_hexadecimal_digits() {
        assert_eq!(hex(&[0xa7; 32]), "a7".repeat(32));
    }
}
