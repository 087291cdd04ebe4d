//! [`Standing`]: which places have not got the newest checkpoint, as others see it; and [`Trouble`], why.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::words::Said;

/// Why a checkpoint was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nobody answers there, or nobody who is believed.
    Unheard(String),
    /// The receiver does not say that it has come to the end.
    Unconfirmed,
    /// What he answers is no answer of a witness.
    Garbage,
    /// The answer is not signed by his key.
    Forged,
    /// He does not sign, with this status: he does not know the log, or its key.
    Refused(u16),
    /// He has signed this many entries, and they are others.
    Fork(u64),
    /// He has signed more entries than there are: the store was set back.
    Ahead {
        /// As many as he has seen.
        seen: u64,
        /// As many as there are.
        size: u64,
    },
    /// The tiles of our own store do not give a proof.
    Unread(String),
    /// What he signed cannot be kept.
    Unkept(String),
}

impl Trouble {
    /// Does it say that there are two histories?
    pub(crate) fn is_contradiction(&self) -> bool {
        matches!(self, Self::Fork(_) | Self::Ahead { .. })
    }

    /// The alarm's sentence.
    pub(crate) fn said(&self, place: &str, since: Timestamp) -> Said {
        let since = format!("{since:.0}");
        let said = |key: &'static str, more: &[(&'static str, &dyn Display)]| {
            let known: [(&'static str, &dyn Display); 2] = [("place", &place), ("since", &since)];
            Said::new(key, &[&known[..], more].concat())
        };
        match self {
            Self::Unheard(cause) => said("alarm.witness-behind.unheard", &[("cause", cause)]),
            Self::Unconfirmed => said("alarm.witness-behind.unconfirmed", &[]),
            Self::Garbage => said("alarm.witness-behind.garbage", &[]),
            Self::Forged => said("alarm.witness-behind.forged", &[]),
            Self::Refused(status) => said("alarm.witness-behind.refused", &[("status", status)]),
            Self::Fork(size) => said("alarm.witness-contradicts.fork", &[("size", size)]),
            Self::Ahead { seen, size } => said("alarm.witness-contradicts.ahead", &[("seen", seen), ("size", size)]),
            Self::Unread(cause) => said("alarm.witness-behind.unread", &[("cause", cause)]),
            Self::Unkept(cause) => said("alarm.witness-behind.unkept", &[("cause", cause)]),
        }
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unheard(cause) | Self::Unread(cause) | Self::Unkept(cause) => f.write_str(cause),
            Self::Unconfirmed => f.write_str("the receiver does not end the connection"),
            Self::Garbage => f.write_str("what he answers is no answer of a witness"),
            Self::Forged => f.write_str("the answer is not signed by the key in [[audit.witness]]"),
            Self::Refused(status) => write!(f, "he does not sign: {status}"),
            Self::Fork(size) => write!(f, "he has signed {size} entries that are others"),
            Self::Ahead { seen, size } => write!(f, "he has signed {seen} entries, and there are {size}"),
        }
    }
}

/// A place that has not got the newest checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Behind {
    pub(crate) place: String,
    /// Since when nothing has arrived.
    pub(crate) since: Timestamp,
    /// Why, the last time.
    pub(crate) trouble: Trouble,
}

impl Behind {
    /// The alarm's sentence.
    pub(crate) fn said(&self) -> Said {
        self.trouble.said(&self.place, self.since)
    }
}

/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing(Arc<Mutex<BTreeMap<String, Behind>>>);

impl Standing {
    /// The places that have not got it.
    pub(crate) fn behind(&self) -> Vec<Behind> {
        self.with(|behind| behind.values().cloned().collect())
    }

    /// True if it had not, before.
    pub(super) fn arrived(&self, place: &str) -> bool {
        self.with(|behind| behind.remove(place).is_some())
    }

    /// True if this is news.
    pub(super) fn failed(&self, place: &str, now: Timestamp, trouble: Trouble) -> bool {
        self.with(|all| {
            // What contradicts us is not taken back by an answer that says nothing, only by a signature.
            if !trouble.is_contradiction() && all.get(place).is_some_and(|known| known.trouble.is_contradiction()) {
                return false;
            }
            let since = all.get(place).filter(|known| known.trouble.is_contradiction() == trouble.is_contradiction());
            let since = since.map_or(now, |known| known.since);
            let behind = Behind { place: place.to_owned(), since, trouble };
            let before = all.insert(place.to_owned(), behind.clone());
            before.is_none_or(|before| before.trouble != behind.trouble)
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<String, Behind>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contradiction_stays_until_he_signs_again() {
        let standing = Standing::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let ahead = Trouble::Ahead { seen: 7000, size: 40 };
        assert!(standing.failed("w", at(1), Trouble::Garbage));
        assert!(standing.failed("w", at(2), ahead.clone()));
        assert!(!standing.failed("w", at(3), Trouble::Garbage), "an answer that says nothing");
        assert_eq!(standing.behind(), [Behind { place: "w".to_owned(), since: at(2), trouble: ahead }]);
        assert!(standing.arrived("w"));
        assert_eq!(standing.behind(), []);
    }

    #[test]
    fn the_first_of_several_failures_says_since_when() {
        let standing = Standing::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(standing.failed("w", at(1), Trouble::Garbage));
        assert!(!standing.failed("w", at(2), Trouble::Garbage), "no news");
        assert!(standing.failed("w", at(3), Trouble::Refused(404)));
        assert_eq!(standing.behind(), [Behind { place: "w".to_owned(), since: at(1), trouble: Trouble::Refused(404) }]);
        assert!(standing.arrived("w") && !standing.arrived("w"));
        assert_eq!(standing.behind(), []);
    }
}
