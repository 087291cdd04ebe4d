//! [`parse`] and [`Token::verified_by`]: from the text of a JWT (RFC 7515 §7.1) to claims that the issuer signed.
//!
//! The algorithm is named by the token, which is the attacker's: it is taken from a closed list without anything
//! symmetric, and the key decides whether it fits. `jku`, `x5u` and `jwk` in the header are never looked at.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pli_types::Secret;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::claims::Claims;
use crate::fault::TokenFault;
use crate::keys::Key;

/// Tokens of Pro Santé Connect have 1 to 3 KiB. What is longer than this fits in no SASL response that we take.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// The algorithms that are taken (RFC 7518 §3.1), all of them with public keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }

    fn of_the_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
        }
    }
}

/// A token whose signature has not been looked at.
pub struct Token<'a> {
    /// What is signed: header and claims as they were sent.
    signed: &'a str,
    signature: &'a str,
    payload: &'a str,
    header: Header,
    /// How it says that it is signed.
    pub(crate) algorithm: Algorithm,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

/// Is it no JWT, so that only its issuer can say what it means?
#[must_use]
pub(crate) fn is_opaque(token: &Secret<String>) -> bool {
    let text = token.reveal();
    !text.is_empty() && text.len() <= TOKEN_BYTES_MAX && !text.contains('.')
}

/// Takes a token apart. Believes nothing of it.
pub fn parse(token: &Secret<String>) -> Result<Token<'_>, TokenFault> {
    let text = token.reveal();
    if text.len() > TOKEN_BYTES_MAX {
        return Err(TokenFault::Malformed);
    }
    let (signed, signature) = text.rsplit_once('.').ok_or(TokenFault::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenFault::Malformed)?;
    if payload.contains('.') {
        return Err(TokenFault::Malformed);
    }
    let header: Header = read(header)?;
    // RFC 7515 §4.1.11: what must be understood and is not makes the token invalid. We understand none.
    if header.crit.is_some() {
        return Err(TokenFault::Malformed);
    }
    let algorithm = Algorithm::parse(&header.alg).ok_or(TokenFault::Algorithm)?;
    Ok(Token { signed, signature, payload, header, algorithm })
}

impl Token<'_> {
    /// Which key it says that it is signed with.
    pub(crate) fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The claims, if this key signed them.
    pub fn verified_by(&self, key: &Key) -> Result<Claims, TokenFault> {
        if !key.fits(self.algorithm) {
            return Err(TokenFault::Algorithm);
        }
        let algorithm = self.algorithm.of_the_library();
        let verified = jsonwebtoken::crypto::verify(self.signature, self.signed.as_bytes(), key.public(), algorithm);
        if !verified.is_ok_and(|verified| verified) {
            return Err(TokenFault::Signature);
        }
        let mut claims: Claims = read(self.payload)?;
        claims.header_type.clone_from(&self.header.typ);
        Ok(claims)
    }
}

impl std::fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// JSON in base64url.
fn read<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, TokenFault> {
    let json = URL_SAFE_NO_PAD.decode(part).map(Zeroizing::new).map_err(|_| TokenFault::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenFault::Malformed)
}
