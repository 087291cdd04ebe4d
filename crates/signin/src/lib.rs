//! Signing in: the one gate that every door calls, and what it judges by.
//!
//! Read [`gate`] first: [`SignIn::judge`] takes a [`Proof`] and gives a [`Pass`], or a reason to say no. [`sasl`] and
//! [`bearer`] read proofs from what clients send; [`backoff`] says who must wait before he is judged; [`record`] keeps
//! what happened; [`sessions`] ends what was begun when it may not go on.
//!
//! Of tokens we are a resource server (RFC 6750, RFC 9068) and nothing else (spec §4.1, §4.2): nobody is sent to the
//! issuer from here, no token is fetched, kept or passed on. A token that is shown is judged once, at sign-in, and
//! forgotten; it lives for minutes, sessions for hours. [`claims`] decides what must hold, without input or output;
//! [`token`] whose signature it is; [`keys`] and [`issuer`] say where keys come from; [`TokenSignIn`] puts them in order.
//!
//! No error and no log here holds a password, a token or a token's subject.

pub mod backoff;
pub mod bearer;
pub mod claims;
pub mod config;
pub mod fault;
pub mod gate;
pub mod issuer;
pub mod keys;
mod metrics;
pub mod proof;
pub mod record;
pub mod sasl;
pub mod sessions;
pub mod token;

use std::sync::Arc;

use pli_net::NetError;
use pli_types::{Clock, PresentedCertificate, Secret};

pub use bearer::Bearer;
pub use claims::{Claims, Holder, Rules, judge_claims};
pub use config::{ConfigError, PscConfig};
pub use fault::TokenFault;
pub use gate::{Denied, GateConfig, Parts, Pass, SignIn};
pub use issuer::{DocumentSource, Issuer};
pub use proof::{Caller, Proof};
pub use sessions::{Ending, Guard};

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
