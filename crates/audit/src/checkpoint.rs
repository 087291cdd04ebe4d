//! [`Checkpoint`]: which log, how large, with which root; signed, it is what the log's operator stands for (C2SP
//! tlog-checkpoint).

use crate::hash::Hash;
use crate::key::{SignerKey, VerifierKey, is_name};
use crate::note::{Note, NoteError, Unsigned};
use crate::tree::SIZE_MAX;

/// A log at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

/// What is not a checkpoint, or not one of this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note at all.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A note with another text.
    #[error("the text is not a checkpoint: an origin, a size and a root are expected, each on a line")]
    Form,
    /// The origin does not do as the name of a key, or the size is beyond [`SIZE_MAX`].
    #[error("an origin is a name without spaces and +, and a size is below 2^63")]
    Value,
    /// The checkpoint of another log: its origin is not the key's name.
    #[error("the checkpoint is of another log than the key")]
    OtherLog,
    /// Nobody who counts has signed it.
    #[error("the checkpoint is not signed by the log's key: {0}")]
    Unsigned(#[from] Unsigned),
}

/// How a checkpoint stands to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The same size and the same root.
    Equal,
    /// It is larger. Whether it only grew is what a consistency proof tells.
    Ahead,
    /// It is smaller than the log has been: the log was cut, or this checkpoint is the older one.
    Behind,
    /// The same size and another root: the log shows two faces.
    Fork,
    /// Their origins differ.
    OtherLog,
}

impl Checkpoint {
    /// A log's state. The origin names the log and its key: a URL without scheme, such as `mss.example.org/audit`.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        if !is_name(origin) || size > SIZE_MAX {
            return Err(CheckpointError::Value);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions: Vec::new() })
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root);
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Reads the text of a note. What it says counts for nothing before the note is verified.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Form)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Form);
        let (origin, size, root) = (line()?, line()?, line()?);
        let root = Hash::from_base64(root).ok_or(CheckpointError::Form)?;
        let number: u64 = size.parse().map_err(|_| CheckpointError::Form)?;
        if number.to_string() != size {
            return Err(CheckpointError::Form);
        }
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Form);
        }
        Ok(Self { extensions, ..Self::new(origin, number, root)? })
    }

    /// Signs it. The key has the origin's name, so that one line tells whose checkpoint it is.
    pub fn sign(self, key: &SignerKey) -> Result<SignedCheckpoint, CheckpointError> {
        if key.verifier().name() != self.origin {
            return Err(CheckpointError::OtherLog);
        }
        let note = Note::sign(self.text(), key)?;
        Ok(SignedCheckpoint { checkpoint: self, note })
    }

    /// How this one stands to one that was seen earlier.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Standing {
        if self.origin != earlier.origin {
            return Standing::OtherLog;
        }
        match self.size.cmp(&earlier.size) {
            std::cmp::Ordering::Less => Standing::Behind,
            std::cmp::Ordering::Greater => Standing::Ahead,
            std::cmp::Ordering::Equal if self.root == earlier.root => Standing::Equal,
            std::cmp::Ordering::Equal => Standing::Fork,
        }
    }

    /// Which log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many entries it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all of them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The lines behind the root, which mean nothing here.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

/// A checkpoint that the log's key has signed, with everyone's signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Reads a signed checkpoint and believes it: its form, its origin, and the key's signature.
    pub fn open(bytes: &[u8], key: &VerifierKey) -> Result<Self, CheckpointError> {
        Self::of_note(Note::parse(bytes)?, key)
    }

    pub(crate) fn of_note(note: Note, key: &VerifierKey) -> Result<Self, CheckpointError> {
        // First whether it is signed at all: what stands in a text that is not, nobody has said.
        note.verify(key)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != key.name() {
            return Err(CheckpointError::OtherLog);
        }
        Ok(Self { checkpoint, note })
    }

    pub(crate) fn into_checkpoint(self) -> Checkpoint {
        self.checkpoint
    }

    /// What was signed.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note, with every signature.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The note, to add a witness's signature.
    pub fn note_mut(&mut self) -> &mut Note {
        &mut self.note
    }

    /// The bytes that are stored and handed out.
    #[must_use]
    pub fn encode(&self) -> String {
        self.note.encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Signature;

    fn key(name: &str) -> SignerKey {
        SignerKey::from_seed(name, &pli_types::Secret::new([7; 32])).unwrap()
    }

    fn checkpoint(size: u64, root: &[u8]) -> Checkpoint {
        Checkpoint::new("mss.example.org/audit", size, Hash::leaf(root)).unwrap()
    }

    /// What is stored and handed out today, and may be in an auditor's drawer: never to be changed.
    const PINNED: &str = "mss.example.org/audit\n\
        20852163\n\
        47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\
        \n\
        \u{2014} mss.example.org/audit \
        Lm/lEbK4bT0ZYBMq8YS8m+skKBT7gAYjoU0CP69iAnZjnIGWvOpOL2iswbCKMBK6DoqIpu7gR0ZLEyiNg5pAKNHprQs=\n";

    #[test]
    fn the_bytes_of_a_signed_checkpoint_are_pinned() {
        let signed = Checkpoint::new("mss.example.org/audit", 20_852_163, Hash::EMPTY).unwrap();
        let signed = signed.sign(&key("mss.example.org/audit")).unwrap();
        assert_eq!(signed.encode(), PINNED);
        let public = "mss.example.org/audit+2e6fe511+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
        assert_eq!(key("mss.example.org/audit").verifier().to_string(), public);
        let opened = SignedCheckpoint::open(PINNED.as_bytes(), key("mss.example.org/audit").verifier()).unwrap();
        assert_eq!(opened, signed);
        assert_eq!(opened.checkpoint().size(), 20_852_163);
        assert_eq!(opened.checkpoint().root(), Hash::EMPTY);
    }

    #[test]
    fn the_checkpoint_of_the_specification_is_read() {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let read = Checkpoint::parse(text).unwrap();
        assert_eq!((read.origin(), read.size()), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(read.text(), text);
    }

    #[test]
    fn extension_lines_are_signed_kept_and_mean_nothing() {
        let text = format!("mss.example.org/audit\n0\n{}\nfirst\nsecond line\n", Hash::EMPTY);
        let note = Note::sign(text.clone(), &key("mss.example.org/audit")).unwrap();
        let opened = SignedCheckpoint::open(note.encode().as_bytes(), key("mss.example.org/audit").verifier()).unwrap();
        assert_eq!(opened.checkpoint().extensions(), ["first", "second line"]);
        assert_eq!(opened.checkpoint().text(), text);
    }

    #[test]
    fn what_is_not_a_checkpoint_is_refused() {
        let root = Hash::EMPTY.to_string();
        for (bad, expected) in [
            (String::new(), CheckpointError::Form),
            (format!("log\n1\n{root}"), CheckpointError::Form),
            (format!("\n1\n{root}\n"), CheckpointError::Form),
            ("log\n1\n".to_owned(), CheckpointError::Form),
            (format!("log\n\n{root}\n"), CheckpointError::Form),
            (format!("log\n01\n{root}\n"), CheckpointError::Form),
            (format!("log\n+1\n{root}\n"), CheckpointError::Form),
            (format!("log\n-1\n{root}\n"), CheckpointError::Form),
            (format!("log\n1 \n{root}\n"), CheckpointError::Form),
            (format!("log\n99999999999999999999\n{root}\n"), CheckpointError::Form),
            (format!("log\n1\n{}\n", root.trim_end_matches('=')), CheckpointError::Form),
            (format!("log\n1\n{root}\n\n"), CheckpointError::Form),
            (format!("log\n1\n{root}\none\n\ntwo\n"), CheckpointError::Form),
            (format!("log\n9223372036854775808\n{root}\n"), CheckpointError::Value),
            (format!("a log\n1\n{root}\n"), CheckpointError::Value),
        ] {
            assert_eq!(Checkpoint::parse(&bad), Err(expected), "{bad:?}");
        }
    }

    #[test]
    fn only_the_logs_own_key_counts() {
        let signed = checkpoint(3, b"root").sign(&key("mss.example.org/audit")).unwrap();
        let bytes = signed.encode();
        let open = |name| SignedCheckpoint::open(bytes.as_bytes(), key(name).verifier());
        assert!(open("mss.example.org/audit").is_ok());
        assert_eq!(open("other"), Err(CheckpointError::Unsigned(Unsigned::Absent)));
        assert_eq!(checkpoint(3, b"root").sign(&key("other")).unwrap_err(), CheckpointError::OtherLog);
        // Signed by a key that is trusted, for another log.
        let note = Note::sign(checkpoint(3, b"root").text(), &key("other")).unwrap();
        let opened = SignedCheckpoint::open(note.encode().as_bytes(), key("other").verifier());
        assert_eq!(opened, Err(CheckpointError::OtherLog));
    }

    #[test]
    fn a_witness_signs_beside_the_log() {
        let mut signed = checkpoint(3, b"root").sign(&key("mss.example.org/audit")).unwrap();
        let line = "\u{2014} witness.example/w1 AAAAAgMEBQ==";
        signed.note_mut().add(Signature::parse(line).unwrap()).unwrap();
        let opened = SignedCheckpoint::open(signed.encode().as_bytes(), key("mss.example.org/audit").verifier());
        assert_eq!(opened.unwrap(), signed);
    }

    #[test]
    fn two_checkpoints_are_compared() {
        let one = checkpoint(3, b"root");
        assert_eq!(one.since(&checkpoint(3, b"root")), Standing::Equal);
        assert_eq!(one.since(&checkpoint(3, b"other")), Standing::Fork);
        assert_eq!(one.since(&checkpoint(2, b"other")), Standing::Ahead);
        assert_eq!(one.since(&checkpoint(4, b"other")), Standing::Behind);
        let other = Checkpoint::new("other", 3, Hash::leaf(b"root")).unwrap();
        assert_eq!(one.since(&other), Standing::OtherLog);
    }
}
