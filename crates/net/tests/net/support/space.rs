//! [`Space`]: a trust space whose revocation lists are published.

use jiff::{SignedDuration, Timestamp};
use pli_net::{Pki, RevocationStatus};
use pli_types::{CertificateFault, CertificateUse};

use super::publisher::{Does, Publisher};
use super::trust::{Issued, Leaf, Trust, der, list, now};

pub(crate) const ROOT: &str = "/root.crl";
pub(crate) const ORGANISATIONS: &str = "/organisations.crl";

/// A trust space whose lists are published, both good, and none of them in a file.
pub(crate) struct Space {
    pub(crate) publisher: Publisher,
    pub(crate) trust: Trust,
}

impl Space {
    pub(crate) fn new() -> Self {
        let publisher = Publisher::start();
        let space = Self { trust: Trust::publishing(&publisher.url(ROOT)), publisher };
        space.publish(ROOT, &list(&space.trust.root, &[]));
        space.publish(ORGANISATIONS, &list(&space.trust.organisations, &[]));
        space
    }

    pub(crate) fn publish(&self, path: &str, list: &str) {
        self.publisher.does(path, Does::Serve(der(list)));
    }

    pub(crate) fn pki(&self) -> Pki {
        self.trust.load(&self.trust.config_without_lists())
    }

    pub(crate) fn operator(&self, serial: u64) -> Issued {
        let url = self.publisher.url(ORGANISATIONS);
        Leaf::new("mx.example").serial(serial).listed_at(&[&url]).signed_by(&self.trust.organisations)
    }

    /// With both lists fetched.
    pub(crate) async fn ready(&self) -> (Pki, Issued) {
        let (pki, operator) = (self.pki(), self.operator(5));
        pki.prepare(&operator.presented(), now()).await;
        pki.fetch_due(now()).await;
        assert_eq!(judged(&pki, &operator), Ok(()));
        (pki, operator)
    }
}

pub(crate) fn judged(pki: &Pki, issued: &Issued) -> Result<(), CertificateFault> {
    judged_at(pki, issued, now())
}

pub(crate) fn judged_at(pki: &Pki, issued: &Issued, at: Timestamp) -> Result<(), CertificateFault> {
    pki.judge(&issued.presented(), CertificateUse::Client, at)
}

pub(crate) fn after(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

/// What is known of the list at the end of this path.
pub(crate) fn status(pki: &Pki, path: &str) -> RevocationStatus {
    let mut all = pki.revocation_lists().into_iter().filter(|list| list.source.ends_with(path));
    let found = all.next().unwrap();
    assert!(all.next().is_none());
    found
}
