//! The keys of signed notes: [`VerifierKey`], [`SignerKey`] and [`WitnessKey`], and how they are written (C2SP signed-note; the strings
//! are those of Go's `golang.org/x/mod/sumdb/note`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use pli_types::Secret;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The byte that says Ed25519 over the note's text (signed-note, "Signature types").
const ED25519: u8 = 1;

/// The byte that says Ed25519 over the text with a time before it: a witness's (C2SP tlog-cosignature).
const COSIGNATURE: u8 = 4;

/// The longest name: witnesses accept no longer origin (C2SP tlog-cosignature).
pub const NAME_BYTES_MAX: usize = 255;

/// What keeps a text from being a key. None of them repeats the text, which may be a secret one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty, longer than [`NAME_BYTES_MAX`], or has spaces, control characters or `+`.
    #[error("a key's name has 1 to 255 bytes, without spaces, control characters and +")]
    Name,
    /// Not the three parts, or not base64.
    #[error("the text is not a key of the form NAME+ID+KEY")]
    Form,
    /// A key of another kind: a witness's where a log's is expected, or the reverse, or one that is not known here.
    #[error("the key is of another kind than is expected here")]
    Kind,
    /// The id in the text is not the key's own: one of the three parts was changed.
    #[error("the key's id is not that of this name and this key: the text was changed")]
    Id,
    /// A point that would let anyone sign.
    #[error("the public key is none that a signer has")]
    Weak,
}

/// May a key have this name (signed-note)? An origin must do as one, so that it names the log's key as well.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let length = 1..=NAME_BYTES_MAX;
    length.contains(&name.len()) && !name.chars().any(|c| c == '+' || c.is_whitespace() || c.is_control())
}

/// A name and a public key of one kind: what [`VerifierKey`] and [`WitnessKey`] have in common.
#[derive(Clone, PartialEq, Eq)]
struct PublicKey {
    kind: u8,
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl PublicKey {
    fn new(kind: u8, name: &str, key: VerifyingKey) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        let hash = Sha256::new().chain_update(name).chain_update([b'\n', kind]).chain_update(key.as_bytes());
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
        Ok(Self { kind, name: name.to_owned(), id: u32::from_be_bytes([a, b, c, d]), key })
    }

    fn parse(kind: u8, text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let bytes = STANDARD.decode(key).map_err(|_| KeyError::Form)?;
        let key = VerifyingKey::from_bytes(&of_kind(kind, &bytes)?).map_err(|_| KeyError::Weak)?;
        let read = Self::new(kind, name, key)?;
        if read.to_string() == text { Ok(read) } else { Err(KeyError::Id) }
    }

    /// Is this the key's signature of the message? Strictly: no key or point of small order, one form only.
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<u8> = std::iter::once(self.kind).chain(*self.key.as_bytes()).collect();
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(bytes))
    }
}

/// Who signs, for whoever checks: the public key of a log.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey(PublicKey);

impl VerifierKey {
    /// Reads `NAME+ID+KEY`, as [`fmt::Display`] writes it: the id is eight hexadecimal digits, the key base64 of the
    /// kind's byte and the public key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        PublicKey::parse(ED25519, text).map(Self)
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The key's id: the beginning of a hash over name, kind and key. It tells keys apart, and proves nothing.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id
    }

    /// SHA-256 over the kind's byte and the public key, in hexadecimal: what two people compare by telephone. It is that
    /// of the decoded last part of the key's text.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::new().chain_update([self.0.kind]).chain_update(self.0.key.as_bytes()).finalize();
        hash.into_iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verifies(message, signature)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// The public key of a witness, who signs checkpoints of others and the time with them.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey(PublicKey);

impl WitnessKey {
    /// Reads `NAME+ID+KEY`, in which the kind's byte is another than in a log's key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        PublicKey::parse(COSIGNATURE, text).map(Self)
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verifies(message, signature)
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({self})")
    }
}

/// Who signs. Wiped from memory when dropped, and never printed.
pub struct SignerKey {
    key: SigningKey,
    public: VerifierKey,
}

impl SignerKey {
    /// The key of this name that 32 random bytes make. Where they come from is the caller's affair.
    pub fn from_seed(name: &str, seed: &Secret<[u8; 32]>) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed.reveal());
        let public = VerifierKey(PublicKey::new(ED25519, name, key.verifying_key())?);
        Ok(Self { key, public })
    }

    /// Reads `PRIVATE+KEY+NAME+ID+SEED`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix(PREFIX).ok_or(KeyError::Form)?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(id), Some(seed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let bytes = Zeroizing::new(STANDARD.decode(seed).map_err(|_| KeyError::Form)?);
        let key = Self::from_seed(name, &Secret::new(of_kind(ED25519, &bytes)?))?;
        if id == format!("{:08x}", key.public.id()) { Ok(key) } else { Err(KeyError::Id) }
    }

    /// What [`Self::parse`] reads.
    #[must_use]
    pub fn encode(&self) -> Secret<String> {
        let mut bytes = Zeroizing::new([ED25519; 33]);
        let seed = Zeroizing::new(self.key.to_bytes());
        bytes.iter_mut().skip(1).zip(seed.iter()).for_each(|(to, from)| *to = *from);
        // Long enough from the start, so that growing leaves no copy behind.
        let mut text = String::with_capacity(PREFIX.len() + self.public.name().len() + 10 + 44);
        text.push_str(PREFIX);
        for part in [self.public.name(), "+", &format!("{:08x}", self.public.id()), "+"] {
            text.push_str(part);
        }
        STANDARD.encode_string(bytes.as_slice(), &mut text);
        Secret::new(text)
    }

    /// The public half.
    #[must_use]
    pub fn verifier(&self) -> &VerifierKey {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

const PREFIX: &str = "PRIVATE+KEY+";

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.public.name())
    }
}

/// The 32 bytes behind the byte that tells the kind.
fn of_kind(kind: u8, bytes: &[u8]) -> Result<[u8; 32], KeyError> {
    match bytes.split_first() {
        Some((first, key)) if *first == kind => key.try_into().map_err(|_| KeyError::Form),
        Some(_) => Err(KeyError::Kind),
        None => Err(KeyError::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pair in the documentation of Go's package.
    const PRIVATE: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn the_keys_of_gos_documentation_are_read_and_written() {
        let signer = SignerKey::parse(PRIVATE).unwrap();
        assert_eq!(signer.encode().reveal(), PRIVATE);
        assert_eq!(signer.verifier().to_string(), PUBLIC);
        let public = VerifierKey::parse(PUBLIC).unwrap();
        assert_eq!(&public, signer.verifier());
        assert_eq!((public.name(), public.id()), ("PeterNeumann", 0xc74f_20a3));
        // The key of the Go checksum database.
        let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        assert_eq!(VerifierKey::parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn a_fingerprint_is_the_hash_of_the_last_part() {
        let fingerprint = VerifierKey::parse(PUBLIC).unwrap().fingerprint();
        let bytes = STANDARD.decode(PUBLIC.rsplit_once('+').unwrap().1).unwrap();
        assert_eq!(crate::tree::tests::hex(&fingerprint), Sha256::digest(bytes).as_slice());
    }

    #[test]
    fn a_public_key_that_was_changed_is_no_key() {
        for (bad, expected) in [
            ("PeterNeumann", KeyError::Form),
            ("PeterNeumann+c74f20a3", KeyError::Form),
            ("PeterNeumann+c74f20a3+", KeyError::Form),
            ("PeterNeumann+c74f20a3+ARpc2Qc", KeyError::Form),
            ("PeterNeumann+c74f20a3+AhpcQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAAA", KeyError::Form),
            ("PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Kind),
            ("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Id),
            ("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Id),
            ("PeterNewmann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Id),
            ("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Name),
            ("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", KeyError::Name),
            // The point at infinity: every signature of its would do for every text.
            ("x+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", KeyError::Weak),
        ] {
            assert_eq!(VerifierKey::parse(bad), Err(expected), "{bad}");
        }
    }

    #[test]
    fn a_private_key_that_was_changed_is_no_key_and_is_not_repeated() {
        for bad in [
            "",
            "PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
            "PRIVATE+KEY+PeterNeumann+c74f20a3",
            "PRIVATE+KEY+PeterNeumann+c74f20a4+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
            "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFw",
            "PRIVATE+KEY+PeterNeumann+c74f20a3+AoEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz",
        ] {
            let error = SignerKey::parse(bad).unwrap_err();
            assert!(!error.to_string().contains("EKFALV"));
        }
        assert_eq!(format!("{:?}", SignerKey::parse(PRIVATE).unwrap()), "SignerKey(PeterNeumann)");
    }
}
