//! [`Proof`]: that an entry is in the record, for whoever has the public key and nothing else (C2SP tlog-proof). The
//! entry's bytes are handed over beside it.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::hash::Hash;
use crate::key::VerifierKey;
use crate::note::{NOTE_BYTES_MAX, Note, NoteError};
use crate::tree::{ProofError, SIZE_MAX, inclusion};

/// What a proof begins with.
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// How many hashes the proof in the largest tree has.
const HASHES_MAX: usize = 63;

/// The longest proof: a note, as much again, and the hashes.
pub const PROOF_BYTES_MAX: usize = 2 * NOTE_BYTES_MAX + HASHES_MAX * 45;

/// What a proof proves nothing for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// Not a proof of that form.
    #[error("the text is not a proof that begins with {FIRST_LINE}")]
    Form,
    /// Its checkpoint counts for nothing.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is good, and does not stand for this entry at this place.
    #[error("the entry is not proven: {0}")]
    Inclusion(#[from] ProofError),
}

impl From<NoteError> for ProofFault {
    fn from(error: NoteError) -> Self {
        Self::Checkpoint(error.into())
    }
}

/// A proof that stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    index: u64,
    hashes: Vec<Hash>,
    extra: Option<Vec<u8>>,
    note: Note,
}

impl Proof {
    /// The proof for the entry at this index, from [`inclusion::prove`] for the checkpoint's size.
    #[must_use]
    pub fn new(index: u64, hashes: Vec<Hash>, checkpoint: &SignedCheckpoint) -> Self {
        Self { index, hashes, extra: None, note: checkpoint.note().clone() }
    }

    /// The same, with data that travels along and that nobody vouches for.
    #[must_use]
    pub fn with_extra(self, extra: Vec<u8>) -> Self {
        Self { extra: Some(extra), ..self }
    }

    /// The text to hand over; a file with it is named `.tlog-proof`.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        // Writing into a string does not fail.
        if let Some(extra) = &self.extra {
            let _ = writeln!(text, "extra {}", STANDARD.encode(extra));
        }
        let _ = writeln!(text, "index {}", self.index);
        for hash in &self.hashes {
            let _ = writeln!(text, "{hash}");
        }
        text + "\n" + &self.note.encode()
    }

    /// Reads a proof. What it says counts for nothing before [`Self::verify`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFault> {
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(ProofFault::Form);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ProofFault::Form)?;
        let (head, note) = text.split_once("\n\n").ok_or(ProofFault::Form)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(ProofFault::Form);
        }
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let extra = extra.and_then(|line| line.strip_prefix("extra ")).map(|text| STANDARD.decode(text));
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(number);
        let hashes = lines.map(Hash::from_base64).collect::<Option<Vec<_>>>();
        Ok(Self {
            index: index.ok_or(ProofFault::Form)?,
            hashes: hashes.filter(|hashes| hashes.len() <= HASHES_MAX).ok_or(ProofFault::Form)?,
            extra: extra.transpose().map_err(|_| ProofFault::Form)?,
            note: Note::parse(note.as_bytes())?,
        })
    }

    /// Does the log's key stand for this entry at this index? The checkpoint tells as of which size.
    pub fn verify(&self, entry: &[u8], key: &VerifierKey) -> Result<Checkpoint, ProofFault> {
        let checkpoint = SignedCheckpoint::of_note(self.note.clone(), key)?.into_checkpoint();
        inclusion::verify(self.index, checkpoint.size(), Hash::leaf(entry), &self.hashes, checkpoint.root())?;
        Ok(checkpoint)
    }

    /// Where the entry is.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The hashes from the entry's sibling up to the root's child.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// What travels along. Nobody vouches for it.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }
}

/// A number as it is written, without zeros before it.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| *number < SIZE_MAX && number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SignerKey;
    use crate::tree::root;
    use crate::tree::tests::{Leaves, hex};

    const ENTRIES: [&str; 4] = ["00", "10", "2021", "3031"];

    fn key(name: &str) -> SignerKey {
        SignerKey::from_seed(name, &pli_types::Secret::new([7; 32])).unwrap()
    }

    fn proof(index: u64) -> Proof {
        let tree = Leaves(ENTRIES.iter().map(|entry| Hash::leaf(&hex(entry))).collect());
        let checkpoint = Checkpoint::new("mss.example.org/audit", 3, root(3, &tree).unwrap()).unwrap();
        let signed = checkpoint.sign(&key("mss.example.org/audit")).unwrap();
        Proof::new(index, inclusion::prove(index, 3, &tree).unwrap(), &signed)
    }

    /// What may be in a court's files: never to be changed.
    const PINNED: &str = "c2sp.org/tlog-proof@v1\n\
        index 1\n\
        lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=\n\
        B1Bqhf2d0vEg62lPhgEeW7RmLlxBWmKRcDPUqWJEh+c=\n\
        \n\
        mss.example.org/audit\n\
        3\n\
        fEZN7JZKeL7QtQriECxLP5M2IZgUjfrEUcZxoSjigmU=\n\
        \n\
        \u{2014} mss.example.org/audit \
        Lm/lEWsBWnFrkbQDQgsIzhOASQ+53nl3RgBvVhxwRcAFtI+zZOGGB3uV9LEMGYrugzE13N1JkEu1MborW12LN1t8eAk=\n";

    #[test]
    fn the_bytes_of_a_proof_are_pinned() {
        assert_eq!(proof(1).encode(), PINNED);
        let read = Proof::parse(PINNED.as_bytes()).unwrap();
        assert_eq!(read, proof(1));
        let checkpoint = read.verify(&[0x10], key("mss.example.org/audit").verifier()).unwrap();
        assert_eq!((checkpoint.size(), read.index(), read.hashes().len()), (3, 1, 2));
    }

    #[test]
    fn a_proof_proves_one_entry_of_one_log() {
        let log = key("mss.example.org/audit");
        for index in 0..3 {
            for (at, entry) in (0..).zip(ENTRIES) {
                let verdict = proof(index).verify(&hex(entry), log.verifier());
                assert_eq!(verdict.is_ok(), at == index, "{index} {at}");
                assert!(proof(index).verify(&hex(entry), key("other").verifier()).is_err());
            }
        }
        assert!(matches!(proof(0).verify(b"other", log.verifier()), Err(ProofFault::Inclusion(ProofError::Root))));
        let mut longer = proof(0);
        longer.hashes.push(Hash::EMPTY);
        assert_eq!(longer.verify(&[0], log.verifier()), Err(ProofFault::Inclusion(ProofError::Length)));
    }

    #[test]
    fn extra_data_travels_along() {
        for extra in [&b""[..], b"an entry", &[0xff; 300]] {
            let with = proof(2).with_extra(extra.to_vec());
            let read = Proof::parse(with.encode().as_bytes()).unwrap();
            assert_eq!(read.extra(), Some(extra));
            assert_eq!(read, with);
        }
        assert_eq!(proof(2).extra(), None);
    }

    #[test]
    fn what_is_not_a_proof_is_refused() {
        let good = proof(1).encode();
        for (from, to) in [
            ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
            ("index 1", "index 01"),
            ("index 1", "index +1"),
            ("index 1", "index 9223372036854775807"),
            ("index 1", "Index 1"),
            ("index 1", "extra AAA\nindex 1"),
            ("index 1", "index 1\nextra AAAA"),
            ("index 1\n", ""),
            ("=\n\n", "\n\n"),
            ("\n\n", "\n"),
            ("\n", "\r\n"),
        ] {
            assert!(good.contains(from));
            let read = Proof::parse(good.replacen(from, to, 1).as_bytes());
            assert!(read.is_err(), "{from:?} to {to:?}");
        }
        // The hashes have become text of the note, which nobody has signed.
        let moved = Proof::parse(good.replacen("index 1\n", "index 1\n\n", 1).as_bytes()).unwrap();
        assert!(moved.verify(&[0x10], key("mss.example.org/audit").verifier()).is_err());
        let line = format!("{}\n", Hash::EMPTY);
        let many = good.replacen("index 1\n", &format!("index 1\n{}", line.repeat(63)), 1);
        assert_eq!(Proof::parse(many.as_bytes()), Err(ProofFault::Form));
        assert_eq!(Proof::parse(&vec![b'a'; PROOF_BYTES_MAX + 1]), Err(ProofFault::Form));
        assert_eq!(Proof::parse(&[0xff]), Err(ProofFault::Form));
    }
}
