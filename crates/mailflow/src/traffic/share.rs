//! [`Shares`]: how many messages may be on their way in at one time, in all and from each.
//!
//! A message on its way in holds a chunk of its body in memory (64 KiB), so that the number bounds the memory. A peer that
//! takes all it may, slowly, leaves the others theirs: the last quarter is for those who have few.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::TooMuch;

/// So many each may have on the way while the last quarter is being taken.
const FEW: usize = 4;

/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareLimits {
    /// In all.
    pub all: usize,
    /// From each peer, connector or account.
    pub each: usize,
}

/// May one who has `own` of the `all` that are on the way begin another?
fn may_begin(own: usize, all: usize, limits: ShareLimits) -> bool {
    let common = limits.all - limits.all / 4;
    own < limits.each && all < limits.all && (all < common || own < FEW)
}

/// What is on the way. Copies share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Shares(Arc<Mutex<Taken>>);

/// Whoever has one on the way has an entry, so that there are no more entries than messages.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: HashMap<String, Own>,
}

#[derive(Debug, Default)]
struct Own {
    messages: usize,
    refusing: bool,
}

/// A message's place; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    shares: Shares,
    who: String,
}

impl Shares {
    pub(super) fn take(&self, who: &str, limits: ShareLimits) -> Result<Place, TooMuch> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = taken.all;
        let own = taken.by.get(who).map_or(0, |own| own.messages);
        if !may_begin(own, all, limits) {
            // One who has none on the way has no entry: all of his refusals are told.
            let first = taken.by.get_mut(who).is_none_or(|own| !std::mem::replace(&mut own.refusing, true));
            return Err(TooMuch { first });
        }
        taken.all += 1;
        let own = taken.by.entry(who.to_owned()).or_default();
        *own = Own { messages: own.messages + 1, refusing: false };
        Ok(Place { shares: self.clone(), who: who.to_owned() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(own) = taken.by.get_mut(&self.who) {
            own.messages = own.messages.saturating_sub(1);
            if own.messages == 0 {
                taken.by.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ShareLimits = ShareLimits { all: 20, each: 12 };

    fn take(shares: &Shares, who: &str, times: usize) -> Vec<Place> {
        (0..times).map_while(|_| shares.take(who, LIMITS).ok()).collect()
    }

    #[test]
    fn one_who_takes_all_he_may_leaves_the_others_room() {
        let shares = Shares::default();
        let greedy = take(&shares, "greedy", 100);
        assert_eq!(greedy.len(), LIMITS.each);
        let second = take(&shares, "second", 100);
        assert_eq!(second.len(), FEW, "the last quarter is for those who have few");
        let others: Vec<Place> = (0..100).flat_map(|number| take(&shares, &number.to_string(), 1)).collect();
        assert_eq!(greedy.len() + second.len() + others.len(), LIMITS.all);
        assert!(shares.take("late", LIMITS).is_err());
        drop(greedy);
        assert_eq!(take(&shares, "late", 100).len(), 7, "up to three quarters of all");
        drop((second, others));
        assert_eq!(shares.0.lock().unwrap().by.len(), 0, "nobody is remembered who has none on the way");
        assert_eq!(shares.0.lock().unwrap().all, 0);
    }

    #[test]
    fn the_first_refusal_in_a_row_is_told() {
        let shares = Shares::default();
        let mut places = take(&shares, "a", 12);
        let first = |shares: &Shares| shares.take("a", LIMITS).map_err(|too_much| too_much.first).map(drop);
        assert_eq!([first(&shares), first(&shares)], [Err(true), Err(false)]);
        places.pop();
        assert_eq!(first(&shares), Ok(()));
        places.extend(take(&shares, "a", 1));
        assert_eq!(first(&shares), Err(true));
    }
}
