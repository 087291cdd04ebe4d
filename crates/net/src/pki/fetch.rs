//! Revocation lists, fetched from the certificates' own distribution points (RFC 5280 §4.2.1.13).

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use pli_types::PresentedCertificate;
use rustls_pki_types::CertificateDer;
use tokio::time::{Instant, timeout};
use webpki::EndEntityCert;

use super::cache::Origin;
use super::point::{self, Point};
use super::revocation::{ListFault, Signed};
use super::{Inner, LIST_BYTES_MAX};
use crate::http::{FetchLimits, Fetched, Validators};

/// How long one point may take, all its addresses together.
const TOTAL: Duration = Duration::from_mins(1);
/// The same, while a peer waits for our reply.
const TOTAL_WAITED_FOR: Duration = Duration::from_secs(9);
/// How long a peer waits at most, whoever is asking.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many points are asked at once.
const AT_ONCE: usize = 4;
/// How far an authority's clock may be ahead of ours. A list from further ahead would bar its successors.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

impl Inner {
    /// Learns the distribution point of this certificate if its signatures lead to our anchor: only what our authorities
    /// have signed may name an address that we ask. Gives it if it has never been asked.
    pub(super) fn learn(&self, certificate: &PresentedCertificate, now: Timestamp) -> Option<Point> {
        let der = CertificateDer::from(certificate.leaf.as_slice());
        let addresses = point::addresses(&der);
        if addresses.is_empty() {
            return None;
        }
        if let Some((known, asked)) = self.points.find(&addresses) {
            return (!asked).then_some(known);
        }
        let leaf = EndEntityCert::try_from(&der).ok()?;
        let mut organisations = self.authorities.organisations.iter();
        let issuer = organisations.find(|one| self.road(&leaf, one).leads(certificate, now))?;
        let point = Point { authority: issuer.name.clone(), addresses };
        self.points.learn(&point, false).then_some(point)
    }

    /// Asks every point that is due.
    pub(super) async fn ask_due(self: &Arc<Self>, now: Timestamp) {
        let ask = |point: Point| async move {
            let Some(flight) = self.points.flight(&point) else { return };
            // Somebody is asking it just now.
            let Ok(_one) = flight.try_lock() else { return };
            self.ask(&point, now, TOTAL).await;
        };
        stream::iter(self.points.due(now)).for_each_concurrent(AT_ONCE, ask).await;
    }

    /// Asks a point that has never been asked, or waits for whoever does.
    pub(super) async fn ask_first(self: &Arc<Self>, point: &Point, now: Timestamp) {
        let Some(flight) = self.points.flight(point) else { return };
        let asking = async {
            let _one = flight.lock().await;
            if self.points.find(&point.addresses).is_some_and(|(_, asked)| !asked) {
                self.ask(point, now, TOTAL_WAITED_FOR).await;
            }
        };
        // What is not known by then, the judgement will say.
        timeout(PATIENCE, asking).await.ok();
    }

    /// Asks the addresses of a point in their order, until one gives a good list.
    async fn ask(self: &Arc<Self>, point: &Point, now: Timestamp, total: Duration) {
        let end = Instant::now() + total;
        let mut faults = Vec::new();
        for (address, behind) in point.addresses.iter().zip((1..=point.addresses.len()).rev()) {
            let left = end.saturating_duration_since(Instant::now());
            // One that drips must not use up the time of those behind it.
            let share = left / u32::try_from(behind).unwrap_or(u32::MAX);
            match self.ask_at(point, address, now, share).await {
                Ok(()) => return,
                Err(fault) => faults.push(format!("{address}: {fault}")),
            }
        }
        let (point, fault) = (point.clone(), faults.join("; "));
        self.off_thread(move |inner| {
            inner.points.failed(&point, &fault, now);
            // It may have been forgotten, and its list with it.
            inner.put_fetched_in_force();
            Ok(())
        })
        .await
        .ok();
    }

    async fn ask_at(
        self: &Arc<Self>,
        point: &Point,
        address: &str,
        now: Timestamp,
        total: Duration,
    ) -> Result<(), String> {
        let validators = self.points.validators(point, address);
        let limits = FetchLimits { bytes: LIST_BYTES_MAX, total };
        let fetched = self.http.get(address, &validators, &limits).await.map_err(|fault| fault.to_string())?;
        let (point, address) = (point.clone(), address.to_owned());
        self.off_thread(move |inner| match fetched {
            Fetched::NotModified => {
                inner.points.confirmed(&point, now);
                Ok(())
            }
            Fetched::Body { bytes, validators } => inner.take(&point, address, &bytes, validators, now),
        })
        .await
    }

    /// Runs what reads large lists or writes the disk where it holds up nobody. A panic there is a fault like others:
    /// what is read is hostile.
    async fn off_thread(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<(), String> + Send + 'static,
    ) -> Result<(), String> {
        let inner = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|_| Err("the revocation list there was lost to a bug".to_owned()))
    }

    /// Puts a list in force, if it is the authority's, lasts, and is not older than the one that the point gave before.
    fn take(
        &self,
        point: &Point,
        address: String,
        der: &[u8],
        validators: Validators,
        now: Timestamp,
    ) -> Result<(), String> {
        let signed = Signed::read(der, &self.authorities).map_err(|fault| fault.to_string())?;
        if !signed.is_of(&point.authority, &self.authorities) {
            return Err(ListFault::OtherAuthority(signed.issuer(&self.authorities)).to_string());
        }
        let list = &signed.list;
        if list.next_update <= now {
            return Err(format!("the revocation list there ended at {}", list.next_update));
        }
        if list.this_update.duration_since(now) > AHEAD_MAX {
            return Err(format!("the revocation list there is dated {}; is our clock right?", list.this_update));
        }
        let held = self.points.held(point);
        if held.is_some_and(|held| held.list.part == list.part && held.list.this_update > list.this_update) {
            let dated = list.this_update;
            return Err(format!("the revocation list there, of {dated}, is older than the one in force, which stays"));
        }
        let (entries, next_update) = (list.entries, list.next_update);
        let origin = Origin { address, validators, confirmed_at: now };
        self.points.took(point, signed, der, origin);
        if self.put_fetched_in_force() {
            tracing::info!(authority = %point.authority, entries, %next_update, "a fetched revocation list is in force");
        }
        Ok(())
    }

    /// True if these are other lists than those in force.
    pub(super) fn put_fetched_in_force(&self) -> bool {
        let mut sources = self.sources();
        sources.fetched = self.points.lists(&self.authorities);
        self.put_in_force(&sources)
    }
}
