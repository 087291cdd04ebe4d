//! Refusals of peers that have proven nothing: recorded, whoever floods, and never waited for.

use std::time::Duration;

use jiff::SignedDuration;
use pli_audit::{Event, EventKind, Face, Leaf};
use pli_mailflow::{Client, PeerOnWire};
use pli_net::Shutdown;
use pli_policy::Reason;

use crate::relay::{Relay, session, tls};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";

impl Relay {
    /// Someone who shows no certificate writes so many times.
    async fn strangers(&self, times: usize) {
        let nobody = session(Face::Smtp, Client::Peer(PeerOnWire::new(Some(tls(None)))));
        for _ in 0..times {
            let refused = self.begin(&nobody, DOCTOR).await.map(drop).unwrap_err();
            assert_eq!(refused.reason, Reason::CertificateMissing);
        }
    }

    /// The rows of the record that tell of refusals.
    async fn refusals(&self) -> Vec<Event> {
        let rows = self.store.entries_from(0, 10_000).await.unwrap();
        let events = rows.into_iter().map(|(_, bytes)| Leaf::parse(&bytes).unwrap().open(|_| None));
        events.filter(|event| event.kind == EventKind::Refused).collect()
    }

    /// Waits until there are so many.
    async fn refusals_come_to(&self, count: usize) -> Vec<Event> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let found = self.refusals().await;
            if found.len() >= count {
                return found;
            }
            assert!(tokio::time::Instant::now() < deadline, "{} of {count}: {found:#?}", found.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn the_first_are_recorded_each_and_how_many_followed_when_the_minute_is_over() {
    let relay = Relay::start().await;
    let end = Shutdown::default();
    end.spawn(relay.intake.clone().keep_strangers(end.clone()));
    relay.strangers(40).await;
    let rows = relay.refusals_come_to(10).await;
    assert!(rows.iter().all(|row| row.count.is_none() && row.detail.is_some()), "{rows:#?}");
    relay.clock.advance(SignedDuration::from_mins(1));
    let rows = relay.refusals_come_to(11).await;
    let last = rows.last().unwrap();
    assert_eq!((rows.len(), last.count, last.remote.as_deref()), (11, Some(30), Some("192.0.2.9")));
    assert_eq!(last.detail.as_ref().unwrap().reveal(), "30 more since 2026-06-01T08:00:00Z");
    // What the minute under way has brought is recorded at the end of the node; who comes after that, at once.
    relay.strangers(25).await;
    assert!(end.finish(Duration::from_secs(30)).await);
    let rows = relay.refusals().await;
    assert_eq!((rows.len(), rows.last().unwrap().count), (22, Some(15)));
    relay.strangers(1).await;
    assert_eq!(relay.refusals().await.len(), 23);
    relay.stop().await;
}

#[tokio::test]
async fn a_store_that_takes_nothing_holds_no_reply_back_and_nothing_is_lost() {
    let mut relay = Relay::start().await;
    relay.store.close().await;
    relay.strangers(40).await;
    assert!(relay.intake.record_strangers().await.is_err(), "the store is closed");
    relay.open_store_again().await;
    relay.intake.record_strangers().await.unwrap();
    assert_eq!(relay.refusals().await.len(), 10);
    let end = Shutdown::default();
    end.spawn(relay.intake.clone().keep_strangers(end.clone()));
    assert!(end.finish(Duration::from_secs(30)).await);
    let told: u64 = relay.refusals().await.iter().map(|row| row.count.unwrap_or(1)).sum();
    assert_eq!(told, 40);
    relay.stop().await;
}
