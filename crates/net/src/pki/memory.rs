//! [`Memory`]: the certificates that were believed a moment ago.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use pli_types::{CertificateFault, CertificateUse};

/// How long a verdict may be used again. Long enough for a burst of messages from one peer, over one connection or over
/// many; short enough that an expired or revoked certificate is refused "at once" to a person's eye.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(1);
/// Peers that send within a second. Beyond, all are judged anew.
const CERTIFICATES_MAX: usize = 256;

/// What was believed, by the certificate's DER. Only what was believed is remembered: nobody else can fill this.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<Vec<u8>, Belief>>);

/// What a verdict depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Belief {
    usage: CertificateUse,
    generation: u64,
    at: Timestamp,
}

impl Memory {
    /// The verdict in force at `now` under the revocation lists of `generation`; asks `judge` unless the certificate was
    /// believed in this use less than a second ago under the same lists.
    ///
    /// The caller reads `generation` before it calls: lists that come into force while `judge` works void its verdict.
    pub(super) fn verdict(
        &self,
        leaf: &[u8],
        usage: CertificateUse,
        generation: u64,
        now: Timestamp,
        judge: impl FnOnce() -> Result<(), CertificateFault>,
    ) -> Result<(), CertificateFault> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(leaf).copied();
        if last.is_some_and(|last| last.usage == usage && last.generation == generation && is_fresh(last.at, now)) {
            return Ok(());
        }
        judge()?;
        let mut believed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if believed.len() >= CERTIFICATES_MAX {
            believed.clear();
        }
        believed.insert(leaf.to_vec(), Belief { usage, generation, at: now });
        Ok(())
    }
}

/// A clock that was set back makes nothing fresh.
fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(at);
    !age.is_negative() && age < FRESH_FOR
}

#[cfg(test)]
mod tests {
    use CertificateUse::{Client, Server};

    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + milliseconds).unwrap()
    }

    const REVOKED: Result<(), CertificateFault> = Err(CertificateFault::Revoked);

    #[test]
    fn a_verdict_is_used_again_within_a_second_and_for_the_same_question_only() {
        let memory = Memory::default();
        assert_eq!(memory.verdict(b"a", Client, 1, at(0), || Ok(())), Ok(()));
        assert_eq!(memory.verdict(b"a", Client, 1, at(999), || REVOKED), Ok(()), "fresh: not asked again");
        assert_eq!(memory.verdict(b"b", Client, 1, at(999), || REVOKED), REVOKED, "another certificate");
        assert_eq!(memory.verdict(b"a", Server, 1, at(999), || REVOKED), REVOKED, "another use");
        assert_eq!(memory.verdict(b"a", Client, 2, at(999), || REVOKED), REVOKED, "new lists");
        assert_eq!(memory.verdict(b"a", Client, 1, at(1_000), || REVOKED), REVOKED, "a second old");
        assert_eq!(memory.verdict(b"a", Client, 1, at(-1), || REVOKED), REVOKED, "the clock was set back");
    }

    #[test]
    fn what_is_not_believed_is_not_remembered() {
        let memory = Memory::default();
        assert_eq!(memory.verdict(b"a", Client, 1, at(0), || REVOKED), REVOKED);
        assert_eq!(memory.verdict(b"a", Client, 1, at(1), || Ok(())), Ok(()));
        for certificate in 0..10 * CERTIFICATES_MAX {
            memory.verdict(&certificate.to_be_bytes(), Client, 1, at(2), || Ok(())).unwrap();
        }
        assert!(memory.0.lock().unwrap().len() <= CERTIFICATES_MAX);
    }
}
