//! [`MasterKey`]: the operator's, wraps the key of every message.

use std::fmt;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use pli_audit::{Subject, SubjectId, SubjectKey};
use pli_types::{MessageId, Person};
use zeroize::Zeroizing;

use super::chunk::BodyKey;
use crate::{Result, StoreError};

const KEY_BYTES: usize = 32;

/// Names a master key without telling anything of it, so that rows wrapped by an earlier one are known.
pub(crate) type KeyId = [u8; 8];

/// The operator's key, one for all nodes of a store.
pub(crate) struct MasterKey {
    key: LessSafeKey,
    id: KeyId,
    /// By which a person's identifier becomes what his row is found by.
    subjects: hmac::Key,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(<hidden>)")
    }
}

impl MasterKey {
    /// Reads 64 hexadecimal digits from a file that only its owner may read.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let shown = path.display();
        check_permissions(path)?;
        let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
            StoreError::Configuration(format!("the master key cannot be read from {shown}: {error}"))
        })?;
        let bytes = decode_hex(text.trim()).ok_or_else(|| {
            StoreError::Configuration(format!(
                "the master key in {shown} must be 64 hexadecimal digits, such as `openssl rand -hex 32` prints"
            ))
        })?;
        Self::from_bytes(&bytes)
    }

    /// Takes the key itself.
    pub(crate) fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self> {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"pli master key id");
        let mut id = KeyId::default();
        for (to, from) in id.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        let subjects = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"pli subject digests 1");
        Ok(Self { key: aead_key(bytes)?, id, subjects: hmac::Key::new(hmac::HMAC_SHA256, subjects.as_ref()) })
    }

    /// Its name.
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// A new key for this message: ready for use, and wrapped.
    pub(crate) fn new_body_key(&self, message: MessageId) -> Result<(BodyKey, Vec<u8>)> {
        let mut bytes = Zeroizing::new(random()?);
        let key = BodyKey::new(message, aead_key(&bytes)?);
        Ok((key, self.wrap(self.associated(message), &mut bytes)?))
    }

    /// The key of a message again; none if this is not what [`MasterKey::new_body_key`] gave for it.
    pub(crate) fn unwrap(&self, message: MessageId, wrapped: &[u8]) -> Option<BodyKey> {
        let bytes = self.unwrapped(self.associated(message), wrapped)?;
        Some(BodyKey::new(message, aead_key(&bytes).ok()?))
    }

    /// What a person's row in the record's list of subjects is found by. Without the master key nothing can be tried out
    /// against it, and the row goes when he is erased.
    pub(crate) fn subject_digest(&self, person: &Person) -> [u8; 32] {
        let tag = hmac::sign(&self.subjects, person.known().as_bytes());
        std::array::from_fn(|position| tag.as_ref().get(position).copied().unwrap_or_default())
    }

    /// A person who is new to the record: his name and key there, and the key wrapped.
    pub(crate) fn new_subject(&self) -> Result<(Subject, Vec<u8>)> {
        let id = SubjectId(random()?);
        let mut bytes = Zeroizing::new(random()?);
        let key = SubjectKey::new(*bytes);
        Ok((Subject { id, key }, self.wrap(self.associated_subject(id), &mut bytes)?))
    }

    /// The key of a subject again; none if this is not what [`MasterKey::new_subject`] gave for him.
    pub(crate) fn unwrap_subject(&self, id: SubjectId, wrapped: &[u8]) -> Option<SubjectKey> {
        self.unwrapped(self.associated_subject(id), wrapped).map(|bytes| SubjectKey::new(*bytes))
    }

    fn wrap(&self, whose: Vec<u8>, bytes: &mut [u8; KEY_BYTES]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(whose), bytes)
            .map_err(|_| StoreError::unavailable("a key could not be wrapped"))?;
        Ok([&nonce[..], bytes, tag.as_ref()].concat())
    }

    fn unwrapped(&self, whose: Vec<u8>, wrapped: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let bytes = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(whose), &mut sealed).ok()?;
        <[u8; KEY_BYTES]>::try_from(&*bytes).ok().map(Zeroizing::new)
    }

    /// What is authenticated beside a wrapped key: whose it is, and who wrapped it.
    fn associated(&self, message: MessageId) -> Vec<u8> {
        [b"pli key 1".as_slice(), message.as_bytes(), &self.id].concat()
    }

    fn associated_subject(&self, subject: SubjectId) -> Vec<u8> {
        [b"pli subject 1".as_slice(), &subject.0, &self.id].concat()
    }
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| StoreError::unavailable("no random numbers for a key"))?;
    Ok(bytes)
}

fn aead_key(bytes: &[u8; KEY_BYTES]) -> Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| StoreError::unavailable("a key could not be set up"))?;
    Ok(LessSafeKey::new(key))
}

#[cfg(unix)]
fn check_permissions(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| {
        StoreError::Configuration(format!(
            "there is no master key at {shown} ({error}); \
             make one with `(umask 077; openssl rand -hex 32 > {shown})` and keep a copy in a safe place: \
             without it no message can be read"
        ))
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    let of_others = mode & 0o077;
    if of_others == 0 {
        return Ok(());
    }
    Err(StoreError::Configuration(format!(
        "the master key {shown} may be read by others (mode {mode:03o}); run `chmod 600 {shown}`"
    )))
}

#[cfg(not(unix))]
fn check_permissions(_path: &Path) -> Result<()> {
    Ok(())
}

fn decode_hex(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut out = Zeroizing::new([0; KEY_BYTES]);
    if text.len() != KEY_BYTES * 2 {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn id() -> MessageId {
        MessageId::at(Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_wrapped_key_opens_for_its_message_and_master_only() {
        let master = MasterKey::from_bytes(&[1; 32]).unwrap();
        let (message, other) = (id(), id());
        let (_, wrapped) = master.new_body_key(message).unwrap();
        assert!(master.unwrap(message, &wrapped).is_some());
        assert!(master.unwrap(other, &wrapped).is_none());
        assert!(MasterKey::from_bytes(&[2; 32]).unwrap().unwrap(message, &wrapped).is_none());
    }

    #[test]
    fn any_flipped_bit_of_a_wrapped_key_is_found() {
        let master = MasterKey::from_bytes(&[1; 32]).unwrap();
        let message = id();
        let (_, wrapped) = master.new_body_key(message).unwrap();
        for bit in 0..wrapped.len() * 8 {
            let mut bad = wrapped.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(master.unwrap(message, &bad).is_none(), "bit {bit}");
        }
        assert!(master.unwrap(message, &wrapped[..5]).is_none());
    }

    #[test]
    fn a_subjects_key_opens_under_its_own_name_and_master_only() {
        let master = MasterKey::from_bytes(&[1; 32]).unwrap();
        let (subject, wrapped) = master.new_subject().unwrap();
        let (other, _) = master.new_subject().unwrap();
        assert!(master.unwrap_subject(subject.id, &wrapped).is_some());
        assert!(master.unwrap_subject(other.id, &wrapped).is_none());
        assert!(MasterKey::from_bytes(&[2; 32]).unwrap().unwrap_subject(subject.id, &wrapped).is_none());
    }

    #[test]
    fn a_person_is_found_by_the_same_digest_however_he_is_written_and_under_one_master_only() {
        let digest = |key: u8, text| MasterKey::from_bytes(&[key; 32]).unwrap().subject_digest(&Person::parse(text));
        assert_eq!(digest(1, "279035121518989"), digest(1, "2790351215189"));
        assert_ne!(digest(1, "279035121518989"), digest(1, "297022A02077878"));
        assert_ne!(digest(1, "279035121518989"), digest(2, "279035121518989"));
    }

    #[test]
    fn two_master_keys_have_two_names() {
        let id = |byte| MasterKey::from_bytes(&[byte; 32]).unwrap().id();
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
    }

    #[cfg(unix)]
    #[test]
    fn a_master_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        std::fs::write(&path, "0f".repeat(32)).unwrap();
        let set_mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        set_mode(0o640);
        let error = MasterKey::load(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
        set_mode(0o600);
        assert_eq!(MasterKey::load(&path).unwrap().id(), MasterKey::from_bytes(&[0x0f; 32]).unwrap().id());
    }

    #[test]
    fn a_master_key_of_another_length_is_refused() {
        for text in ["", "0f", &"0f".repeat(31), &"0f".repeat(33), &"0g".repeat(32), &"é".repeat(32)] {
            assert!(decode_hex(text).is_none(), "{text}");
        }
    }
}
