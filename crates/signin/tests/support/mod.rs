//! An issuer without a socket, and its tokens, honest and forged.

#![allow(dead_code, unreachable_pub, reason = "shared by several test binaries; each uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, reason = "a test may fail loudly")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pli_net::HttpFault;
use pli_signin::{DocumentSource, PscConfig};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use serde_json::{Value, json};

pub const ISSUER: &str = "https://psc.test/realm";
pub const RPPS: &str = "99700218896";

/// A key to sign with.
pub struct SigningKey {
    pub id: String,
    pub private: EncodingKey,
    pub algorithm: Algorithm,
}

impl SigningKey {
    pub fn p256(id: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        Self {
            id: id.to_owned(),
            private: EncodingKey::from_ec_der(&pair.serialize_der()),
            algorithm: Algorithm::ES256,
        }
    }

    pub fn rsa(id: &str, algorithm: Algorithm) -> Self {
        use rustls_pki_types::PrivatePkcs8KeyDer;
        use rustls_pki_types::pem::PemObject as _;
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        // The library wants what is within the PKCS#8.
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(pair.serialize_pem().as_bytes()).unwrap();
        Self { id: id.to_owned(), private: EncodingKey::from_rsa_der(pkcs1(pkcs8.secret_pkcs8_der())), algorithm }
    }

    pub fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.private, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        serde_json::to_value(jwk).unwrap()
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_typed(claims, Some("JWT"))
    }

    pub fn sign_typed(&self, claims: &Value, typ: Option<&str>) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id.clone());
        header.typ = typ.map(str::to_owned);
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}

/// The `RSAPrivateKey` in a PKCS#8: the last OCTET STRING, which is all the rest.
fn pkcs1(pkcs8: &[u8]) -> &[u8] {
    let at = pkcs8.windows(2).position(|pair| pair == [0x04, 0x82]).unwrap();
    &pkcs8[at + 4..]
}

/// What an honest token says at `now`.
pub fn claims(now: i64) -> Value {
    json!({
        "typ": "Bearer", "iss": ISSUER, "aud": ["account", "pli"], "azp": "lps", "exp": now + 240, "iat": now,
        "acr": "eidas1", "SubjectNameID": format!("8{RPPS}"),
    })
}

/// A token of any header, and any signature.
pub fn forged(header: &Value, claims: &Value, sign: impl FnOnce(&str) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(&signed));
    format!("{signed}.{signature}")
}

pub fn config() -> PscConfig {
    PscConfig {
        issuer: ISSUER.to_owned(),
        anchors: "anchors.pem".into(),
        audiences: vec!["pli".to_owned()],
        authorized_parties: vec!["lps".to_owned()],
        acr: vec!["eidas1".to_owned()],
        subject_claim: "SubjectNameID".to_owned(),
        discovery: "/.well-known/openid-configuration".to_owned(),
        require_cnf: false,
        introspection: None,
    }
}

/// An issuer's documents; counts how often its keys are fetched.
#[derive(Default)]
pub struct Documents {
    pub keys: Mutex<Vec<Value>>,
    pub is_down: AtomicBool,
    pub issuer: Mutex<Option<String>>,
    pub fetches: AtomicUsize,
}

impl Documents {
    pub fn with(keys: &[&SigningKey]) -> Arc<Self> {
        let documents = Self::default();
        documents.publish(keys);
        Arc::new(documents)
    }

    pub fn publish(&self, keys: &[&SigningKey]) {
        *self.keys.lock().unwrap() = keys.iter().map(|key| key.public()).collect();
    }

    pub fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl DocumentSource for Documents {
    async fn get(&self, url: &str) -> Result<Vec<u8>, HttpFault> {
        // Others get their turn here, as they would over a network.
        tokio::task::yield_now().await;
        if self.is_down.load(Ordering::SeqCst) {
            return Err(HttpFault::TooSlow);
        }
        let document = match url.strip_prefix(ISSUER) {
            Some("/.well-known/openid-configuration") => {
                let issuer = self.issuer.lock().unwrap().clone().unwrap_or_else(|| ISSUER.to_owned());
                json!({"issuer": issuer, "jwks_uri": format!("{ISSUER}/certs")})
            }
            Some("/certs") => {
                self.fetches.fetch_add(1, Ordering::SeqCst);
                json!({"keys": *self.keys.lock().unwrap()})
            }
            _ => return Err(HttpFault::Answer("404".to_owned())),
        };
        Ok(document.to_string().into_bytes())
    }
}
