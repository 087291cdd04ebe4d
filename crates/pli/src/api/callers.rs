//! [`Callers`]: who may call, proven by a certificate of the organisations' branch or by a token.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use pli_net::Pki;
use pli_types::{CertificateFault, CertificateUse, DistinguishedName, Masker};
use pli_web::api::{Caller, Refused, Scope};

use crate::config::{ApiClient, ApiConfig, ApiScope, ConfigFault};

/// Those of `[[api.client]]`.
#[derive(Debug)]
pub(crate) struct Callers(Vec<Known>);

#[derive(Debug)]
struct Known {
    name: String,
    proof: Proof,
    scopes: Vec<ApiScope>,
}

#[derive(Debug)]
enum Proof {
    Certificate(DistinguishedName),
    /// The SHA-256 of the token: long and random, so that nothing slower is needed.
    Token([u8; 32]),
}

/// Why a caller is not let in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// He showed nothing.
    Nothing,
    /// His certificate is not believed.
    Certificate(DistinguishedName, CertificateFault),
    /// It is, and nobody of this name is known.
    Stranger(DistinguishedName),
    /// Nobody has this token.
    Token,
    /// This one is not let in for what he asks.
    Scope(String),
}

impl Fault {
    /// What he is told.
    pub(super) fn refused(&self) -> Refused {
        match self {
            Self::Nothing | Self::Certificate(..) | Self::Stranger(_) | Self::Token => Refused::Unknown,
            Self::Scope(_) => Refused::Scope,
        }
    }

    /// Who he is, for the record.
    pub(super) fn name(&self, masker: &Masker) -> String {
        match self {
            Self::Nothing | Self::Token => String::new(),
            Self::Certificate(name, _) | Self::Stranger(name) => masker.certificate_name(name),
            Self::Scope(name) => name.clone(),
        }
    }

    /// What was wrong, for the record.
    pub(super) fn detail(&self) -> Option<String> {
        let told = match self {
            Self::Nothing => "neither a certificate nor a token".to_owned(),
            Self::Certificate(_, fault) => fault.to_string(),
            Self::Stranger(_) => "no caller has this certificate".to_owned(),
            Self::Token => "no caller has this token".to_owned(),
            Self::Scope(_) => return None,
        };
        Some(told)
    }
}

impl Callers {
    /// Reads the settings, which have been checked.
    pub(crate) fn new(config: &ApiConfig) -> Result<Self, ConfigFault> {
        let known = |client: &ApiClient| {
            let proof = client.proof()?;
            Ok(Known { name: client.name.clone(), proof, scopes: client.scopes.clone() })
        };
        config.client.iter().map(known).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who calls. A token, where one is shown, is what counts: a certificate may be the proxy's before him.
    pub(super) async fn judge(
        &self,
        caller: &Caller,
        scope: Scope,
        pki: &Pki,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let known = if let Some(token) = &caller.token {
            self.by_token(token.reveal().as_bytes()).ok_or(Fault::Token)?
        } else if let Some(certificate) = &caller.connected.tls.certificate {
            pki.prepare(certificate, now).await;
            let subject = certificate.subject.clone();
            let judged = pki.judge_lately(certificate, CertificateUse::Client, now);
            judged.map_err(|fault| Fault::Certificate(subject.clone(), fault))?;
            self.by_certificate(&subject).ok_or(Fault::Stranger(subject))?
        } else {
            return Err(Fault::Nothing);
        };
        let Scope::Dispensations = scope;
        if known.scopes.contains(&ApiScope::Dispensations) {
            Ok(known.name.clone())
        } else {
            Err(Fault::Scope(known.name.clone()))
        }
    }

    /// Looks at every one of them, whether or not one fits: how long it takes tells nothing.
    fn by_token(&self, token: &[u8]) -> Option<&Known> {
        let hash = digest(&SHA256, token);
        let mut found = None;
        for known in &self.0 {
            if let Proof::Token(kept) = &known.proof
                && verify_slices_are_equal(kept, hash.as_ref()).is_ok()
            {
                found = Some(known);
            }
        }
        found
    }

    fn by_certificate(&self, subject: &DistinguishedName) -> Option<&Known> {
        self.0.iter().find(|known| matches!(&known.proof, Proof::Certificate(name) if name == subject))
    }
}

impl ApiClient {
    /// What proves this one: exactly one of the two is set.
    fn proof(&self) -> Result<Proof, ConfigFault> {
        let fault = |key| ConfigFault::new(key, format!("[[api.client]] {}", self.name), &[]);
        match (&self.certificate_name, &self.token_sha256) {
            (Some(name), None) => {
                DistinguishedName::parse(name).map(Proof::Certificate).map_err(|_| fault("config-invalid.api-name"))
            }
            (None, Some(hash)) => hash_of(hash).map(Proof::Token).ok_or_else(|| fault("config-invalid.api-token")),
            _ => Err(fault("config-invalid.api-proof")),
        }
    }

    /// Checks it.
    pub(crate) fn check(&self) -> Result<(), ConfigFault> {
        self.proof().map(drop)
    }
}

/// 64 hexadecimal digits.
fn hash_of(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, place) in hash.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(place..place + 2)?, 16).ok()?;
    }
    Some(hash)
}
