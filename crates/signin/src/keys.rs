//! [`KeySet`]: the keys that an issuer signs with (RFC 7517).

use std::fmt;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;

use crate::token::{Algorithm, Token};

/// An issuer has two keys while it changes them. What has more than this is no key set.
const KEYS_MAX: usize = 32;

/// A public key that signatures can be checked with.
#[derive(Clone)]
pub struct Key {
    id: Option<String>,
    kind: Kind,
    /// The one algorithm that it is for, if the issuer says so.
    only: Option<Algorithm>,
    public: DecodingKey,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
}

impl Key {
    /// May it have signed by this algorithm?
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        let kind = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => Kind::Rsa,
            Algorithm::Es256 => Kind::P256,
        };
        self.kind == kind && self.only.is_none_or(|only| only == algorithm)
    }

    pub(crate) fn public(&self) -> &DecodingKey {
        &self.public
    }

    /// Keys for encryption, of other kinds, or for algorithms that are not taken, are none of ours. A symmetric "key"
    /// in a public set is nobody's.
    fn read(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let kind = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Kind::Rsa,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Kind::P256,
            _ => return None,
        };
        let only = match jwk.common.key_algorithm {
            Some(algorithm) => Some(Algorithm::parse(&algorithm.to_string())?),
            None => None,
        };
        let public = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, kind, only, public })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys of an issuer.
#[derive(Debug, Clone)]
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads the document at `jwks_uri`; `None` if it is none, or holds no key that could be used.
    #[must_use]
    pub fn read(document: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(document).ok()?;
        if document.keys.len() > KEYS_MAX {
            return None;
        }
        let keys: Vec<Key> = document.keys.into_iter().filter_map(Key::read).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// The key that a token names; without a name the only one that it can be.
    #[must_use]
    pub fn find(&self, token: &Token<'_>) -> Option<&Key> {
        let mut fitting = self.0.iter().filter(|key| key.fits(token.algorithm));
        match token.key_id() {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)),
            None => fitting.next().filter(|_| fitting.next().is_none()),
        }
    }
}
