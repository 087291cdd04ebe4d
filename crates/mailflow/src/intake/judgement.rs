//! [`JudgementCache`]: what was judged of a peer's certificate, for a moment.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use pli_types::CertificateFault;

/// How long a judgement may be used again within one session. Long enough for a burst of messages on one connection,
/// short enough that an expired or revoked certificate is refused "at once" to a person's eye.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(1);

/// A verdict with what it depends on.
#[derive(Debug, Clone, Copy)]
struct Judgement {
    verdict: Result<(), CertificateFault>,
    at: Timestamp,
    generation: u64,
}

/// The last judgement of one session's certificate. Clones share it: they speak of the same handshake.
#[derive(Debug, Clone, Default)]
pub(crate) struct JudgementCache(Arc<Mutex<Option<Judgement>>>);

impl JudgementCache {
    /// The verdict in force at `now` under the revocation lists of `generation`; asks `judge` unless the last verdict
    /// is less than a second old and was made under the same lists.
    ///
    /// The caller reads `generation` before it calls: lists that come into force while `judge` works void its verdict.
    pub(crate) fn verdict(
        &self,
        now: Timestamp,
        generation: u64,
        judge: impl FnOnce() -> Result<(), CertificateFault>,
    ) -> Result<(), CertificateFault> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.filter(|last| last.generation == generation && is_fresh(last.at, now)) {
            return last.verdict;
        }
        let verdict = judge();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Judgement { verdict, at: now, generation });
        verdict
    }
}

/// A clock that was set back makes nothing fresh.
fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(at);
    !age.is_negative() && age < FRESH_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn a_judgement_is_used_again_within_a_second_and_under_the_same_lists_only() {
        let cache = JudgementCache::default();
        let revoked = || Err(CertificateFault::Revoked);
        assert_eq!(cache.verdict(at(0), 1, || Ok(())), Ok(()));
        assert_eq!(cache.verdict(at(999), 1, revoked), Ok(()), "fresh: not asked again");
        assert_eq!(cache.verdict(at(1_000), 1, revoked), revoked(), "a second old");
        assert_eq!(cache.verdict(at(1_001), 2, || Ok(())), Ok(()), "new lists");
        assert_eq!(cache.verdict(at(900), 2, revoked), revoked(), "the clock was set back");
    }
}
