//! [`Rate`]: how often one address (an IPv6 address by its /64) may call. Pure.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use pli_signin::backoff::Place;

/// Calls of one address in a minute; more are not judged at all.
const CALLS_MAX: u32 = 120;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// Addresses that are remembered; with more of them, the oldest minutes are forgotten first.
const ADDRESSES_MAX: usize = 10_000;

/// Calls, counted by address and minute.
#[derive(Debug, Default)]
pub(super) struct Rate {
    minutes: HashMap<Place, (Timestamp, u32)>,
}

impl Rate {
    /// Counts a call; may it be judged?
    pub(super) fn may(&mut self, address: IpAddr, now: Timestamp) -> bool {
        let place = Place::from(address);
        // Also if the clock was set back.
        let over = |since: Timestamp| now < since || now.duration_since(since) >= MINUTE;
        if self.minutes.len() >= ADDRESSES_MAX && !self.minutes.contains_key(&place) {
            self.minutes.retain(|_, (since, _)| !over(*since));
            if self.minutes.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let (since, calls) = self.minutes.entry(place).or_insert((now, 0));
        if over(*since) {
            (*since, *calls) = (now, 0);
        }
        *calls = calls.saturating_add(1);
        *calls <= CALLS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_call_so_often_in_a_minute_and_holds_up_no_other() {
        let mut rate = Rate::default();
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!((0..CALLS_MAX).all(|_| rate.may(one, now)));
        assert!(!rate.may(one, now) && rate.may(other, now));
        assert!(!rate.may(one, now + SignedDuration::from_secs(59)));
        assert!(rate.may(one, now + MINUTE));
    }

    #[test]
    fn whoever_has_a_network_is_one_caller() {
        let mut rate = Rate::default();
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let address = |host: u32| IpAddr::from((0x2001_0db8_u128 << 96 | u128::from(host)).to_be_bytes());
        assert!((0..CALLS_MAX).all(|host| rate.may(address(host), now)));
        assert!(!rate.may(address(CALLS_MAX), now));
    }

    #[test]
    fn many_addresses_take_bounded_memory() {
        let mut rate = Rate::default();
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        let full = u32::try_from(ADDRESSES_MAX).unwrap();
        assert!((0..full).all(|number| rate.may(address(number), now)));
        assert!(!rate.may(address(full), now) && rate.may(address(0), now));
        assert!(rate.may(address(full), now + MINUTE));
        assert_eq!(rate.minutes.len(), 1);
    }
}
