//! [`Note`]: a text and who signed it (C2SP signed-note). Signatures by keys that are not known here, such as those of
//! witnesses, are kept and written again byte for byte.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key::{self, SignerKey, VerifierKey};

/// The longest note. Sixteen signatures of the largest kind that signed-note tells of fit.
pub const NOTE_BYTES_MAX: usize = 256 * 1024;

/// How many signatures a note may have. signed-note asks for sixteen at least.
pub const SIGNATURES_MAX: usize = 64;

/// What a signature line begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    name: String,
    key_id: u32,
    bytes: Vec<u8>,
}

impl Signature {
    /// Reads a signature line without its line end, as a witness answers it.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let (name, text) = line.strip_prefix(DASH).and_then(|rest| rest.split_once(' ')).ok_or(NoteError::Form)?;
        let bytes = STANDARD.decode(text).map_err(|_| NoteError::Form)?;
        match bytes.split_first_chunk() {
            Some((id, signature)) if key::is_name(name) && !signature.is_empty() => {
                Ok(Self { name: name.to_owned(), key_id: u32::from_be_bytes(*id), bytes: signature.to_vec() })
            }
            _ => Err(NoteError::Form),
        }
    }

    /// The name of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the key.
    #[must_use]
    pub fn key_id(&self) -> u32 {
        self.key_id
    }

    /// What was made with the key: for a log's 64 bytes of Ed25519.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn line(&self) -> String {
        let bytes = [self.key_id.to_be_bytes().as_slice(), &self.bytes].concat();
        format!("{DASH}{} {}\n", self.name, STANDARD.encode(bytes))
    }
}

/// What is not a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`NOTE_BYTES_MAX`], or with more signatures than [`SIGNATURES_MAX`].
    #[error("the note is too long")]
    TooLong,
    /// Not a text of whole lines, an empty line, and signature lines.
    #[error("the text is not a signed note")]
    Form,
}

/// Why a note counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// Nobody of that name has signed.
    #[error("no signature is by that key")]
    Absent,
    /// One of that name has signed, with another key.
    #[error("another key of the same name has signed")]
    OtherKey,
    /// The signature is of another text, or made by someone without the key.
    #[error("the signature does not fit the text")]
    Forged,
    /// The key has signed twice. One of the two was put there by someone else.
    #[error("the key has more than one signature")]
    Twice,
}

/// A text with signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// Signs a text, which ends with a line end.
    pub fn sign(text: String, key: &SignerKey) -> Result<Self, NoteError> {
        if !text.ends_with('\n') || has_controls(&text) {
            return Err(NoteError::Form);
        }
        let mut note = Self { text, signatures: Vec::new() };
        note.add(Signature {
            name: key.verifier().name().to_owned(),
            key_id: key.verifier().id(),
            bytes: key.sign(note.text.as_bytes()).to_vec(),
        })?;
        Ok(note)
    }

    /// Adds a signature: one of ours with a second key, or a witness's.
    pub fn add(&mut self, signature: Signature) -> Result<(), NoteError> {
        let bytes = self.encode().len() + signature.line().len();
        if self.signatures.len() >= SIGNATURES_MAX || bytes > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Reads a note. Whether anybody trusted has signed it is what [`Self::verify`] tells.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        let all = std::str::from_utf8(bytes).map_err(|_| NoteError::Form)?;
        if has_controls(all) {
            return Err(NoteError::Form);
        }
        // The text may have empty lines of its own: the last one is the border.
        let (text, lines) = all.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form)?;
        if lines.split('\n').nth(SIGNATURES_MAX).is_some() {
            return Err(NoteError::TooLong);
        }
        let signatures = lines.split('\n').map(Signature::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// What [`Self::parse`] reads, byte for byte.
    #[must_use]
    pub fn encode(&self) -> String {
        let lines: String = self.signatures.iter().map(Signature::line).collect();
        format!("{}\n{lines}", self.text)
    }

    /// Has this key signed the text? Other keys' signatures count for nothing, and do no harm.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), Unsigned> {
        let signature = self.signature_of(key.name(), key.id())?;
        if key.verifies(self.text.as_bytes(), &signature.bytes) { Ok(()) } else { Err(Unsigned::Forged) }
    }

    /// The one signature of a key.
    pub(crate) fn signature_of(&self, name: &str, key_id: u32) -> Result<&Signature, Unsigned> {
        let of_name = self.signatures.iter().filter(|signature| signature.name == name);
        let mut own = of_name.clone().filter(|signature| signature.key_id == key_id);
        match (own.next(), own.next()) {
            (Some(signature), None) => Ok(signature),
            (Some(_), Some(_)) => Err(Unsigned::Twice),
            (None, _) if of_name.count() > 0 => Err(Unsigned::OtherKey),
            (None, _) => Err(Unsigned::Absent),
        }
    }

    /// The text, with its last line end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in their order.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }
}

/// Has it a control character of ASCII beside line ends (signed-note, "Format")?
fn has_controls(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVATE: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n";
    const LINE: &str = "\u{2014} PeterNeumann \
        x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
    const WITNESS: &str = "\u{2014} witness.example/w1 AAAAAgMEBQ==";

    fn signer() -> SignerKey {
        SignerKey::parse(PRIVATE).unwrap()
    }

    fn other(name: &str) -> SignerKey {
        SignerKey::from_seed(name, &pli_types::Secret::new([7; 32])).unwrap()
    }

    #[test]
    fn the_note_of_gos_documentation_is_written_read_and_verified() {
        let expected = format!("{TEXT}\n{LINE}\n");
        let note = Note::sign(TEXT.to_owned(), &signer()).unwrap();
        assert_eq!(note.encode(), expected);
        let read = Note::parse(expected.as_bytes()).unwrap();
        assert_eq!(read, note);
        assert_eq!(read.verify(signer().verifier()), Ok(()));
        assert_eq!(read.text(), TEXT);
    }

    #[test]
    fn signatures_of_strangers_are_carried_through() {
        let text = format!("{TEXT}\n{WITNESS}\n{LINE}\n{WITNESS}\n");
        let note = Note::parse(text.as_bytes()).unwrap();
        assert_eq!(note.verify(signer().verifier()), Ok(()));
        assert_eq!(note.encode(), text);
        assert_eq!((note.signatures()[0].name(), note.signatures()[0].key_id()), ("witness.example/w1", 2));
        let mut ours = Note::sign(TEXT.to_owned(), &signer()).unwrap();
        ours.add(Signature::parse(WITNESS).unwrap()).unwrap();
        assert_eq!(ours.encode(), format!("{TEXT}\n{LINE}\n{WITNESS}\n"));
    }

    #[test]
    fn it_is_told_why_a_note_counts_for_nothing() {
        let note = Note::sign(TEXT.to_owned(), &signer()).unwrap();
        assert_eq!(note.verify(other("PeterNewmann").verifier()), Err(Unsigned::Absent));
        assert_eq!(note.verify(other("PeterNeumann").verifier()), Err(Unsigned::OtherKey));
        let changed = note.encode().replace("cryptography", "cartography");
        assert_eq!(Note::parse(changed.as_bytes()).unwrap().verify(signer().verifier()), Err(Unsigned::Forged));
        let twice = format!("{TEXT}\n{LINE}\n{LINE}\n");
        assert_eq!(Note::parse(twice.as_bytes()).unwrap().verify(signer().verifier()), Err(Unsigned::Twice));
        let short = format!("{TEXT}\n\u{2014} PeterNeumann x08go/ZJ\n");
        assert_eq!(Note::parse(short.as_bytes()).unwrap().verify(signer().verifier()), Err(Unsigned::Forged));
    }

    #[test]
    fn the_last_empty_line_is_the_border() {
        let text = format!("one\n\n{LINE}\n\ntwo\n");
        let note = Note::sign(text.clone(), &signer()).unwrap();
        let read = Note::parse(note.encode().as_bytes()).unwrap();
        assert_eq!((read.text(), read.signatures().len()), (text.as_str(), 1));
        assert_eq!(Note::sign("\n".to_owned(), &signer()).unwrap().encode().matches('\n').count(), 3);
    }

    #[test]
    fn what_is_not_a_note_is_refused() {
        let good = format!("{TEXT}\n{LINE}\n");
        for bad in [
            String::new(),
            TEXT.to_owned(),
            format!("{TEXT}\n"),
            format!("{TEXT}\n\n"),
            format!("{TEXT}{LINE}\n"),
            format!("{TEXT}\n{LINE}"),
            format!("{good}\n"),
            good.replace('\n', "\r\n"),
            good.replace("problem,", "problem,\t"),
            good.replace("problem,", "problem,\0"),
            good.replace('\u{2014}', "-"),
            good.replace("\u{2014} ", "\u{2014}  "),
            good.replace("PeterNeumann", "Peter+Neumann"),
            good.replace("PeterNeumann", "Peter\u{a0}Neumann"),
            good.replace("JnAM=", "JnAM"),
            good.replace("JnAM=", "JnAN="),
            good.replace("JnAM=", "JnAM= "),
            format!("{TEXT}\n\u{2014} PeterNeumann x08gow==\n"),
        ] {
            assert_eq!(Note::parse(bad.as_bytes()), Err(NoteError::Form), "{bad:?}");
        }
        assert_eq!(Note::parse(&[0xff]), Err(NoteError::Form));
        assert_eq!(Note::sign("no line end".to_owned(), &signer()), Err(NoteError::Form));
    }

    #[test]
    fn a_note_is_bounded() {
        let many = |count| format!("{TEXT}\n{}", format!("{WITNESS}\n").repeat(count));
        assert!(Note::parse(many(SIGNATURES_MAX).as_bytes()).is_ok());
        assert_eq!(Note::parse(many(SIGNATURES_MAX + 1).as_bytes()), Err(NoteError::TooLong));
        assert_eq!(Note::parse(&vec![b'a'; NOTE_BYTES_MAX + 1]), Err(NoteError::TooLong));
        let mut full = Note::parse(many(SIGNATURES_MAX).as_bytes()).unwrap();
        assert_eq!(full.add(Signature::parse(WITNESS).unwrap()), Err(NoteError::TooLong));
        let long = format!("{}\n", "a".repeat(NOTE_BYTES_MAX));
        assert_eq!(Note::sign(long, &signer()), Err(NoteError::TooLong));
    }
}
