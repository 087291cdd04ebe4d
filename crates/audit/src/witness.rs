//! What is said to a witness, and what he answers: that he has seen this checkpoint, when, and none that contradicts it
//! (C2SP tlog-witness and tlog-cosignature; the kind with Ed25519). The sending is the caller's affair.

use std::fmt::Write as _;

use crate::checkpoint::SignedCheckpoint;
use crate::hash::Hash;
use crate::key::WitnessKey;
use crate::note::{NOTE_BYTES_MAX, Note, NoteError, SIGNATURES_MAX, Signature, Unsigned};

/// The body of `POST …/add-checkpoint`: the size that the witness has seen last (0 if none), the consistency proof from
/// there ([`crate::tree::consistency::prove`]), and the checkpoint.
#[must_use]
pub fn request(seen: u64, proof: &[Hash], checkpoint: &SignedCheckpoint) -> String {
    let mut body = format!("old {seen}\n");
    for hash in proof {
        // Writing into a string does not fail.
        let _ = writeln!(body, "{hash}");
    }
    body + "\n" + &checkpoint.encode()
}

/// The body of the answer 200: signature lines. The caller adds those to the note that he knows the keys of.
pub fn answer(body: &[u8]) -> Result<Vec<Signature>, NoteError> {
    if body.len() > NOTE_BYTES_MAX {
        return Err(NoteError::TooLong);
    }
    let lines = std::str::from_utf8(body).ok().and_then(|text| text.strip_suffix('\n')).ok_or(NoteError::Form)?;
    if lines.split('\n').nth(SIGNATURES_MAX).is_some() {
        return Err(NoteError::TooLong);
    }
    lines.split('\n').map(Signature::parse).collect()
}

/// The body of the answer 409: the size that the witness has seen last. The proof is to begin there.
#[must_use]
pub fn size_seen(body: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
    line.parse().ok().filter(|size: &u64| size.to_string() == line)
}

/// When this witness has signed the note, in seconds since 1970, if he has.
pub fn cosigned_at(note: &Note, key: &WitnessKey) -> Result<u64, Unsigned> {
    let signature = note.signature_of(key.name(), key.id())?;
    let (time, signature) = signature.bytes().split_first_chunk().ok_or(Unsigned::Forged)?;
    let time = u64::from_be_bytes(*time);
    let message = format!("cosignature/v1\ntime {time}\n{}", note.text());
    // The specification's largest time, which is also what databases hold.
    let known = time <= u64::MAX >> 1;
    if known && key.verifies(message.as_bytes(), signature) { Ok(time) } else { Err(Unsigned::Forged) }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use ed25519_dalek::{Signer as _, SigningKey};
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::key::{KeyError, SignerKey, VerifierKey};

    const NAME: &str = "witness.example/w1";

    fn checkpoint(size: u64) -> SignedCheckpoint {
        let key = SignerKey::from_seed("mss.example.org/audit", &pli_types::Secret::new([7; 32])).unwrap();
        Checkpoint::new("mss.example.org/audit", size, Hash::leaf(b"")).unwrap().sign(&key).unwrap()
    }

    /// A witness as the specification tells of him: his key as text, and his line for a note.
    fn witness(note: &Note, time: u64) -> (String, String) {
        let key = SigningKey::from_bytes(&[9; 32]);
        let bytes = [&[4], key.verifying_key().as_bytes().as_slice()].concat();
        let hash = Sha256::digest([NAME.as_bytes(), b"\n", &bytes].concat());
        let id = format!("{:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3]);
        let signature = key.sign(format!("cosignature/v1\ntime {time}\n{}", note.text()).as_bytes());
        let signed = [&hash[..4], &time.to_be_bytes(), &signature.to_bytes()].concat();
        (format!("{NAME}+{id}+{}", STANDARD.encode(bytes)), format!("\u{2014} {NAME} {}\n", STANDARD.encode(signed)))
    }

    #[test]
    fn the_body_of_a_request_is_pinned() {
        let signed = checkpoint(3);
        let body = request(1, &[Hash::EMPTY, Hash::EMPTY], &signed);
        let hash = Hash::EMPTY;
        assert_eq!(body, format!("old 1\n{hash}\n{hash}\n\n{}", signed.encode()));
        assert_eq!(request(0, &[], &signed), format!("old 0\n\n{}", signed.encode()));
    }

    #[test]
    fn a_witness_says_when_he_has_seen_a_checkpoint() {
        let mut signed = checkpoint(3);
        let (key, line) = witness(signed.note(), 1_679_315_147);
        let key = WitnessKey::parse(&key).unwrap();
        assert_eq!(cosigned_at(signed.note(), &key), Err(Unsigned::Absent));
        for signature in answer(line.as_bytes()).unwrap() {
            signed.note_mut().add(signature).unwrap();
        }
        assert_eq!(cosigned_at(signed.note(), &key), Ok(1_679_315_147));
        // Of another checkpoint it says nothing.
        let mut other = checkpoint(4);
        other.note_mut().add(answer(line.as_bytes()).unwrap().remove(0)).unwrap();
        assert_eq!(cosigned_at(other.note(), &key), Err(Unsigned::Forged));
        let mut late = checkpoint(3);
        let (_, line) = witness(late.note(), u64::MAX);
        late.note_mut().add(answer(line.as_bytes()).unwrap().remove(0)).unwrap();
        assert_eq!(cosigned_at(late.note(), &key), Err(Unsigned::Forged));
    }

    #[test]
    fn a_witness_is_no_log_and_a_log_is_no_witness() {
        let (key, _) = witness(checkpoint(3).note(), 0);
        assert_eq!(WitnessKey::parse(&key).unwrap().to_string(), key);
        assert_eq!(VerifierKey::parse(&key), Err(KeyError::Kind));
        let log = SignerKey::from_seed(NAME, &pli_types::Secret::new([9; 32])).unwrap();
        assert_ne!(log.verifier().id(), WitnessKey::parse(&key).unwrap().id());
        assert_eq!(WitnessKey::parse(&log.verifier().to_string()), Err(KeyError::Kind));
    }

    #[test]
    fn what_is_not_an_answer_is_refused() {
        let (_, line) = witness(checkpoint(3).note(), 0);
        assert_eq!(answer(line.repeat(2).as_bytes()).unwrap().len(), 2);
        for bad in ["", "\n", line.trim_end(), &format!("{line}\n"), "no\n"] {
            assert_eq!(answer(bad.as_bytes()), Err(NoteError::Form), "{bad:?}");
        }
        assert_eq!(answer(line.repeat(SIGNATURES_MAX + 1).as_bytes()), Err(NoteError::TooLong));
        assert_eq!(answer(&vec![b'a'; NOTE_BYTES_MAX + 1]), Err(NoteError::TooLong));
        assert_eq!(size_seen(b"20852014\n"), Some(20_852_014));
        for bad in [&b""[..], b"1", b"01\n", b"+1\n", b"1\n\n", b"-1\n", &[0xff, b'\n']] {
            assert_eq!(size_seen(bad), None, "{bad:?}");
        }
    }
}
