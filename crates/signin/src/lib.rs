//! Sign-in with access tokens of an `OpenID` Connect issuer: Pro Santé Connect (spec §4.1, §4.2).
//!
//! We are a resource server (RFC 6750, RFC 9068) and nothing else: nobody is sent to the issuer from here, no token is
//! fetched, kept or passed on. A token that is shown is judged once, at sign-in, and forgotten; it lives for minutes,
//! sessions for hours.
//!
//! Read [`claims`] first: what must hold, decided without input or output. Then [`token`] (whose signature), [`keys`]
//! and [`issuer`] (where keys come from), [`bearer`] (how SASL carries tokens). [`TokenSignIn`] puts them in order.
//!
//! No error and no log here holds a token or a subject.

pub mod bearer;
pub mod claims;
pub mod config;
pub mod fault;
pub mod issuer;
pub mod keys;
pub mod token;

use std::sync::Arc;

use pli_net::NetError;
use pli_types::{Clock, PresentedCertificate, Secret};

pub use bearer::{Bearer, Mechanism};
pub use claims::{Claims, Holder, Rules, judge_claims};
pub use config::{ConfigError, PscConfig};
pub use fault::TokenFault;
pub use issuer::{DocumentSource, Issuer};

/// Judges tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenSignIn {
    issuer: Arc<Issuer>,
    rules: Arc<Rules>,
    clock: Arc<dyn Clock>,
}

impl TokenSignIn {
    /// With documents fetched over HTTPS. Reads the anchors; asks the issuer for nothing before the first token.
    pub fn new(config: &PscConfig, clock: Arc<dyn Clock>) -> Result<Self, NetError> {
        let source = issuer::https(&config.anchors, Arc::clone(&clock))?;
        Ok(Self::with_source(config, Arc::new(source), clock))
    }

    /// With documents from elsewhere.
    #[must_use]
    pub fn with_source(config: &PscConfig, source: Arc<dyn DocumentSource>, clock: Arc<dyn Clock>) -> Self {
        let issuer = Issuer::new(&config.issuer, &config.discovery_url(), source, Arc::clone(&clock));
        Self { issuer: Arc::new(issuer), rules: Arc::new(config.rules()), clock }
    }

    /// Whose token is this? `certificate` is what the client showed on this very connection.
    pub async fn judge(
        &self,
        token: &Secret<String>,
        certificate: Option<&PresentedCertificate>,
    ) -> Result<Holder, TokenFault> {
        let token = token::parse(token)?;
        let key = self.issuer.key(&token).await?;
        let claims = token.verified_by(&key)?;
        judge_claims(&claims, &self.rules, self.clock.now(), certificate)
    }
}
