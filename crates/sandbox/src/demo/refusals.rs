//! Step 4: four peers that may not send, each refused for its own reason.

use super::{Story, Told, refused_for};
use crate::cast;
use crate::client::smtp::SmtpClient;

/// A peer that may not send.
pub(super) struct Refusal {
    /// How its step is told.
    pub(super) title: &'static str,
    /// The peer of the sandbox whose certificate it shows, if any.
    peer: Option<&'static str>,
    /// The reason that it must be given.
    reason: &'static str,
}

pub(super) const REFUSALS: [Refusal; 4] = [
    Refusal { title: "A server without a certificate writes", peer: None, reason: "certificate-missing" },
    Refusal {
        title: "A server whose certificate is on no list writes",
        peer: Some("unlisted"),
        reason: "certificate-not-listed",
    },
    Refusal {
        title: "A server whose certificate was revoked writes",
        peer: Some("revoked"),
        reason: "certificate-revoked",
    },
    Refusal {
        title: "A listed server writes as another's domain",
        peer: Some("wrong-domain"),
        reason: "sender-domain-other-certificate",
    },
];

impl Story<'_> {
    /// The peer begins a transaction with `pro`; the refusal must be for good and name its reason.
    pub(super) async fn refused(&self, refusal: &Refusal) -> anyhow::Result<Told> {
        let identity = refusal.peer.map(|name| self.manifest.peer(name)).transpose()?;
        let tls = self.tls(identity.map(|peer| (peer.certificate.as_str(), peer.key.as_str())))?;
        let operator = self.operator("pro")?;
        let mut client = SmtpClient::starttls(operator.ports.smtp, &tls, "mta.peer.test").await?;
        let reply = client.command(&format!("MAIL FROM:<facturation@{}>", cast::PEER_DOMAIN)).await?;
        client.quit().await;
        refused_for(&reply, refusal.reason)
    }
}
