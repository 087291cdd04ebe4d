//! Signing in: the one gate that every door calls, and what it judges by.
//!
//! Read [`gate`] first: [`SignIn::judge`] takes a [`Proof`] and gives a [`Pass`], or a reason to say no. [`sasl`],
//! [`bearer`] and [`http`] read proofs from what clients send; [`backoff`] says who must wait before he is judged; [`record`] keeps
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
pub mod http;
pub mod introspection;
pub mod issuer;
pub mod keys;
mod metrics;
pub mod proof;
pub mod record;
pub mod sasl;
pub mod sessions;
pub mod token;

use std::sync::Arc;

use pli_net::{HttpClient, NetError};
use pli_types::{Clock, PresentedCertificate, Secret};

pub use bearer::Bearer;
pub use claims::{Claims, Holder, Rules, judge_claims};
pub use config::{ConfigError, IntrospectionConfig, PscConfig};
pub use fault::TokenFault;
pub use gate::{Denied, GateConfig, Parts, Pass, SignIn};
pub use introspection::{Introspection, IntrospectionSource};
pub use issuer::{DocumentSource, Issuer};
pub use proof::{Caller, Proof};
pub use sessions::{Ending, Guard};

/// Judges tokens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TokenSignIn {
    issuer: Arc<Issuer>,
    introspection: Option<Arc<Introspection>>,
    rules: Arc<Rules>,
    clock: Arc<dyn Clock>,
}

impl TokenSignIn {
    /// With documents fetched over HTTPS. Reads the anchors; asks the issuer for nothing before the first token.
    /// `client_secret` is what the file of `[signin.psc.introspection]` holds.
    pub fn new(
        config: &PscConfig,
        client_secret: Option<&Secret<String>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NetError> {
        let source = issuer::https(&config.anchors, Arc::clone(&clock))?;
        let signin = Self::with_source(config, Arc::new(source), Arc::clone(&clock));
        let Some(asked) = &config.introspection else { return Ok(signin) };
        let secret = client_secret.ok_or_else(|| NetError::File {
            path: asked.client_secret.clone(),
            what: "without it the issuer cannot be asked about tokens".to_owned(),
        })?;
        let client = HttpClient::trusting_at(&config.anchors, clock)?;
        let endpoint = introspection::Endpoint::new(client, &asked.url, &asked.client_id, secret);
        Ok(signin.asking(Arc::new(endpoint)))
    }

    /// With documents from elsewhere.
    #[must_use]
    pub fn with_source(config: &PscConfig, source: Arc<dyn DocumentSource>, clock: Arc<dyn Clock>) -> Self {
        let issuer = Issuer::new(&config.issuer, &config.discovery_url(), source, Arc::clone(&clock));
        Self { issuer: Arc::new(issuer), introspection: None, rules: Arc::new(config.rules()), clock }
    }

    /// The same, and the issuer is asked about each token.
    #[must_use]
    pub fn asking(self, source: Arc<dyn IntrospectionSource>) -> Self {
        let introspection = Introspection::new(source, Arc::clone(&self.clock));
        Self { introspection: Some(Arc::new(introspection)), ..self }
    }

    /// Whose token is this? `certificate` is what the client showed on this very connection.
    pub async fn judge(
        &self,
        shown: &Secret<String>,
        certificate: Option<&PresentedCertificate>,
    ) -> Result<Holder, TokenFault> {
        if let Some(introspection) = &self.introspection
            && token::is_opaque(shown)
        {
            let mut claims = introspection.claims(shown).await?;
            // RFC 7662 §2.2: it need not say what we know, having asked there.
            claims.iss.get_or_insert_with(|| self.rules.issuer.clone());
            return judge_claims(&claims, &self.rules, self.clock.now(), certificate);
        }
        let token = token::parse(shown)?;
        let key = self.issuer.key(&token).await?;
        let claims = token.verified_by(&key)?;
        let holder = judge_claims(&claims, &self.rules, self.clock.now(), certificate)?;
        // Asked last: only what would be taken otherwise is worth a question.
        if let Some(introspection) = &self.introspection {
            introspection.claims(shown).await?;
        }
        Ok(holder)
    }
}
