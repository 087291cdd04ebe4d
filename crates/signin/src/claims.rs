//! [`judge_claims`]: what a token whose signature is right must say. Pure.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use pli_types::{PresentedCertificate, RppsId};
use serde::Deserialize;
use serde_json::Value;

use crate::fault::TokenFault;

/// How far the issuer's clock may be from ours, in seconds.
const LEEWAY_SECONDS: i64 = 30;

/// What the token must say.
#[derive(Debug, Clone)]
pub struct Rules {
    /// `iss`, to the letter.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audiences: Vec<String>,
    /// `azp` must be one of these: the programs that tokens are taken from.
    pub authorized_parties: Vec<String>,
    /// `acr` must be one of these.
    pub acr: Vec<String>,
    /// The claim that holds the professional's national identifier.
    pub subject_claim: String,
    /// Must there be a `cnf`?
    pub require_cnf: bool,
}

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// His number in the RPPS.
    pub rpps: RppsId,
}

/// What a token says (RFC 7519 §4.1, RFC 9068 §2.2), as far as it is looked at.
#[derive(Clone, Deserialize)]
pub struct Claims {
    /// `typ` of the header, which the signature covers too.
    #[serde(skip)]
    pub header_type: Option<String>,
    /// `typ` among the claims: how Keycloak tells access tokens (`Bearer`) from others.
    #[serde(default)]
    pub typ: Option<String>,
    /// The issuer.
    #[serde(default)]
    pub iss: Option<String>,
    /// Whom it is meant for.
    #[serde(default)]
    pub aud: Audience,
    /// Which program it was given to.
    #[serde(default)]
    pub azp: Option<String>,
    /// Its end, in seconds since 1970.
    #[serde(default)]
    pub exp: Option<i64>,
    /// Its beginning.
    #[serde(default)]
    pub nbf: Option<i64>,
    /// When it was made.
    #[serde(default)]
    pub iat: Option<i64>,
    /// How strongly the holder proved himself.
    #[serde(default)]
    pub acr: Option<String>,
    /// What the one who shows it must prove (RFC 7800).
    #[serde(default)]
    pub cnf: Option<BTreeMap<String, Value>>,
    /// All the rest.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

/// `aud`: one name or several (RFC 7519 §4.1.3).
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Audience {
    fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

impl std::fmt::Debug for Claims {
    /// Nothing of it: claims name a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claims").finish_non_exhaustive()
    }
}

/// Whose token is this, shown now over a connection with this certificate? The first rule that it breaks is told.
pub fn judge_claims(
    claims: &Claims,
    rules: &Rules,
    now: Timestamp,
    certificate: Option<&PresentedCertificate>,
) -> Result<Holder, TokenFault> {
    must(is_access_token(claims), TokenFault::Type)?;
    must(claims.iss.as_deref() == Some(&rules.issuer), TokenFault::Issuer)?;
    must(claims.aud.names().iter().any(|name| rules.audiences.contains(name)), TokenFault::Audience)?;
    must(is_one_of(claims.azp.as_ref(), &rules.authorized_parties), TokenFault::Party)?;
    in_time(claims, now.as_second())?;
    must(is_one_of(claims.acr.as_ref(), &rules.acr), TokenFault::Assurance)?;
    must(!rules.require_cnf || claims.cnf.is_some(), TokenFault::Binding)?;
    must(is_bound_here(claims, certificate), TokenFault::Binding)?;
    let subject = claims.others.get(&rules.subject_claim);
    let rpps = subject.and_then(Value::as_str).and_then(rpps).ok_or(TokenFault::Subject)?;
    Ok(Holder { rpps })
}

fn must(holds: bool, fault: TokenFault) -> Result<(), TokenFault> {
    if holds { Ok(()) } else { Err(fault) }
}

fn is_one_of(value: Option<&String>, accepted: &[String]) -> bool {
    value.is_some_and(|value| accepted.contains(value))
}

/// `at+jwt` (RFC 9068 §2.1), or Keycloak's way: `JWT`, and the claim `typ` says `Bearer`. An ID token is neither, and
/// what it was made for is not to open mailboxes.
fn is_access_token(claims: &Claims) -> bool {
    let header = claims.header_type.as_deref().map(str::to_ascii_lowercase);
    match header.as_deref().map(|name| name.strip_prefix("application/").unwrap_or(name)) {
        Some("at+jwt") => claims.typ.as_deref().is_none_or(is_bearer),
        Some("jwt") | None => claims.typ.as_deref().is_some_and(is_bearer),
        Some(_) => false,
    }
}

fn is_bearer(typ: &str) -> bool {
    typ.eq_ignore_ascii_case("Bearer")
}

/// A token without an end would be one for ever.
fn in_time(claims: &Claims, now: i64) -> Result<(), TokenFault> {
    must(claims.exp.is_some_and(|end| now < end.saturating_add(LEEWAY_SECONDS)), TokenFault::Expired)?;
    let begun = |start: Option<i64>| start.is_none_or(|start| start.saturating_sub(LEEWAY_SECONDS) <= now);
    must(begun(claims.nbf) && begun(claims.iat), TokenFault::NotYetValid)
}

/// A token with `cnf` counts only with its certificate (RFC 8705 §3.1). A binding of another kind (`DPoP`) cannot be
/// proven over SASL, so it never holds.
fn is_bound_here(claims: &Claims, certificate: Option<&PresentedCertificate>) -> bool {
    let Some(confirmation) = &claims.cnf else { return true };
    let (Some(wanted), Some(shown)) = (confirmation.get("x5t#S256").and_then(Value::as_str), certificate) else {
        return false;
    };
    let shown = URL_SAFE_NO_PAD.encode(digest(&SHA256, &shown.leaf));
    confirmation.len() == 1 && wanted == shown
}

/// A national identifier of someone in the RPPS is `8` and the number. Other first digits are other registers'.
fn rpps(identifier: &str) -> Option<RppsId> {
    RppsId::parse(identifier.strip_prefix('8')?).ok()
}

#[cfg(test)]
mod tests;
