//! [`Unproven`]: destinations whose server could not prove itself, so that an admin is told once of each.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pli_policy::Reason;
use pli_types::Domain;

use super::verdict::Trouble;
use crate::metrics;

/// Destinations remembered. Beyond, one may be told of twice.
const DESTINATIONS_MAX: usize = 10_000;

/// What was told of each destination.
#[derive(Debug, Default)]
pub(crate) struct Unproven {
    told: Mutex<HashMap<Domain, Reason>>,
}

impl Unproven {
    /// No server of the destination could be used. If that is for want of a proof, it is counted, and an admin is
    /// warned unless he was told the same of this destination already.
    pub(crate) fn tell(&self, destination: &Domain, trouble: &Trouble) {
        // In a reply, it is our proof that the server does not find.
        if trouble.reply.is_some() || !is_want_of_proof(trouble.reason) {
            return;
        }
        metrics::unproven(trouble.reason);
        if self.is_news(destination, trouble.reason) {
            let (reason, detail) = (trouble.reason.code(), &trouble.detail);
            tracing::warn!(%destination, reason, detail, "the next server does not prove itself; its mail is kept here");
        }
    }

    fn is_news(&self, destination: &Domain, reason: Reason) -> bool {
        let mut told = self.lock();
        if told.len() >= DESTINATIONS_MAX && !told.contains_key(destination) {
            told.clear();
        }
        let news = told.insert(destination.clone(), reason) != Some(reason);
        metrics::unproven_destinations(told.len());
        news
    }

    /// A server of the destination has proven itself.
    pub(crate) fn proven(&self, destination: &Domain) {
        let mut told = self.lock();
        if told.remove(destination).is_some() {
            metrics::unproven_destinations(told.len());
            tracing::info!(%destination, "the next server proves itself again");
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Domain, Reason>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Other troubles pass by themselves, or are nobody's attack.
fn is_want_of_proof(reason: Reason) -> bool {
    matches!(reason, Reason::PeerTls | Reason::PeerCertificateNotListed) || reason.is_certificate_fault()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    #[test]
    fn each_destination_is_news_once_until_it_changes() {
        let unproven = Unproven::default();
        let (a, b) = (domain("a.fr"), domain("b.fr"));
        assert!(unproven.is_news(&a, Reason::PeerTls) && unproven.is_news(&b, Reason::PeerTls));
        assert!(!unproven.is_news(&a, Reason::PeerTls));
        assert!(unproven.is_news(&a, Reason::CertificateExpired), "another reason is told");
        unproven.proven(&a);
        assert!(unproven.is_news(&a, Reason::CertificateExpired), "and so is a relapse");
    }

    #[test]
    fn a_server_that_is_down_has_failed_to_prove_nothing() {
        let unproven = Unproven::default();
        unproven.tell(&domain("a.fr"), &Trouble::scrubbed(Reason::PeerUnreachable, String::new()));
        assert!(unproven.lock().is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let unproven = Unproven::default();
        for number in 0..=DESTINATIONS_MAX {
            assert!(unproven.is_news(&domain(&format!("d{number}.fr")), Reason::PeerTls));
        }
        assert_eq!(unproven.lock().len(), 1);
    }
}
