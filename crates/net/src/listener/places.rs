//! [`Places`]: how many connections there are, in all and from each address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::LimitsConfig;

/// So many places each address may have while the last quarter of all is being taken.
const FEW: usize = 4;

/// The places of one listener. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Places {
    limits: LimitsConfig,
    taken: Arc<Mutex<Taken>>,
}

/// Holds an entry per address that has a connection, so its size has the limit on connections.
#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// Which limit has been reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("as many connections as this listener takes")]
    Total,
    #[error("as many connections as one address may have")]
    Address,
    #[error("the last places are for addresses that have few")]
    Last,
}

/// May an address that has `own` of the `all` connections have another? Many addresses of one peer, however patient, leave
/// the last quarter to those who have few.
fn may_take(own: usize, all: usize, limits: LimitsConfig) -> Result<(), Full> {
    let common = limits.connections - limits.connections / 4;
    match () {
        () if all >= limits.connections => Err(Full::Total),
        () if own >= limits.connections_per_address => Err(Full::Address),
        () if all >= common && own >= FEW => Err(Full::Last),
        () => Ok(()),
    }
}

/// A connection's place in the limits, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    taken: Arc<Mutex<Taken>>,
    source: IpAddr,
}

impl Places {
    pub(super) fn new(limits: LimitsConfig) -> Self {
        Self { limits, taken: Arc::default() }
    }

    pub(super) fn take(&self, remote: IpAddr) -> Result<Place, Full> {
        let source = source(remote);
        let mut taken = lock(&self.taken);
        let here = taken.by_source.get(&source).copied().unwrap_or_default();
        may_take(here, taken.total, self.limits)?;
        taken.by_source.insert(source, here + 1);
        taken.total += 1;
        Ok(Place { taken: Arc::clone(&self.taken), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.total = taken.total.saturating_sub(1);
        if let Some(here) = taken.by_source.get_mut(&self.source) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                taken.by_source.remove(&self.source);
            }
        }
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What counts as one address. Whoever has an IPv6 address has the 2^64 of its network, so that they count as one;
/// an IPv4 address met on an IPv6 socket counts as itself.
fn source(remote: IpAddr) -> IpAddr {
    match remote.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: usize, connections_per_address: usize) -> Places {
        Places::new(LimitsConfig { connections, connections_per_address, ..LimitsConfig::default() })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_place_dropped_can_be_taken_again() {
        let places = places(1, 1);
        let place = places.take(ip("192.0.2.1")).unwrap();
        assert_eq!(places.take(ip("192.0.2.2")).unwrap_err(), Full::Total);
        drop(place);
        places.take(ip("192.0.2.2")).unwrap();
    }

    #[test]
    fn one_address_cannot_take_the_places_of_another() {
        let places = places(10, 2);
        let _held = [places.take(ip("192.0.2.1")).unwrap(), places.take(ip("192.0.2.1")).unwrap()];
        assert_eq!(places.take(ip("::ffff:192.0.2.1")).unwrap_err(), Full::Address);
        places.take(ip("192.0.2.2")).unwrap();
    }

    #[test]
    fn many_addresses_of_one_peer_leave_the_last_quarter_to_those_who_have_few() {
        let places = places(40, 10);
        let take = |last: u8, times| (0..times).map_while(move |_| places.take(ip(&format!("192.0.2.{last}"))).ok());
        let greedy: Vec<Place> = (1..=3).flat_map(|last| take.clone()(last, 10)).collect();
        assert_eq!(greedy.len(), 30);
        assert_eq!(take.clone()(1, 1).count(), 0);
        let others: Vec<Place> = (4..=5).flat_map(|last| take.clone()(last, 10)).collect();
        assert_eq!(others.len(), 2 * FEW);
        let late: Vec<Place> = (6..=9).flat_map(|last| take.clone()(last, 1)).collect();
        assert_eq!((late.len(), take(6, 1).count()), (2, 0), "and no more than all");
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let places = places(10, 1);
        let _held = places.take(ip("2001:db8:0:1::1")).unwrap();
        assert_eq!(places.take(ip("2001:db8:0:1:ffff::2")).unwrap_err(), Full::Address);
        places.take(ip("2001:db8:0:2::1")).unwrap();
    }

    #[test]
    fn addresses_that_are_gone_leave_nothing_behind() {
        let places = places(10, 1);
        drop(places.take(ip("192.0.2.1")).unwrap());
        drop(places.take(ip("192.0.2.1")).unwrap());
        assert!(lock(&places.taken).by_source.is_empty());
    }
}
