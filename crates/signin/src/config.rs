//! [`PscConfig`]: `[signin.psc]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::claims::Rules;

/// `[signin.psc]`: whose tokens open mailboxes.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PscConfig {
    /// The issuer's name, as its tokens have it: an `https` address.
    pub issuer: String,
    /// PEM file with the authorities that the issuer's certificate must chain to. No other is believed.
    pub anchors: PathBuf,
    /// Whom tokens must be meant for (`aud`): one of these.
    pub audiences: Vec<String>,
    /// The programs that tokens are taken from (`azp`).
    pub authorized_parties: Vec<String>,
    /// How strongly the holder must have proven himself (`acr`): one of these.
    #[serde(default = "eidas1")]
    pub acr: Vec<String>,
    /// The claim with the professional's national identifier: `8` and the RPPS number.
    #[serde(default = "subject_name_id")]
    pub subject_claim: String,
    /// What follows the issuer's name in the address of its discovery document.
    #[serde(default = "wallet")]
    pub discovery: String,
    /// Are only tokens taken that are bound to the certificate of the connection (`cnf`, RFC 8705 §3)?
    #[serde(default)]
    pub require_cnf: bool,
    /// Whether the issuer is asked about each token; it must be, of tokens that are no JWT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection: Option<IntrospectionConfig>,
}

/// `[signin.psc.introspection]` (RFC 7662).
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionConfig {
    /// Where to ask: an `https` address, its certificate judged by the same anchors.
    pub url: String,
    /// As whom we ask.
    pub client_id: String,
    /// File with that client's password, on one line.
    pub client_secret: PathBuf,
}

fn eidas1() -> Vec<String> {
    vec!["eidas1".to_owned()]
}

fn subject_name_id() -> String {
    "SubjectNameID".to_owned()
}

fn wallet() -> String {
    "/.well-known/wallet-openid-configuration".to_owned()
}

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ConfigError {
    /// The key.
    pub key: &'static str,
    /// What is wrong.
    pub what: &'static str,
    /// What to write instead.
    pub next: &'static str,
}

impl PscConfig {
    /// Holds the values against what they are for. Opens no file.
    pub fn check(&self) -> Result<(), ConfigError> {
        let fault = |key, what, next| Err(ConfigError { key, what, next });
        if !is_https(&self.issuer) {
            return fault("issuer", "this is not an https address", "write it as https://HOST/PATH");
        }
        for (key, values) in
            [("audiences", &self.audiences), ("authorized_parties", &self.authorized_parties), ("acr", &self.acr)]
        {
            if values.is_empty() || values.iter().any(|value| value.trim().is_empty()) {
                return fault(key, "no token could fit", "name one value at least, and no empty one");
            }
        }
        if self.subject_claim.trim().is_empty() {
            return fault("subject_claim", "no claim is named", "name the claim with the national identifier");
        }
        if !self.discovery.starts_with('/') || !is_graphic(&self.discovery) {
            return fault("discovery", "this is not a path", "begin it with /");
        }
        if self.introspection.as_ref().is_some_and(|asked| !is_https(&asked.url)) {
            return fault("introspection.url", "this is not an https address", "write it as https://HOST/PATH");
        }
        if self.introspection.as_ref().is_some_and(|asked| asked.client_id.trim().is_empty()) {
            return fault(
                "introspection.client_id",
                "no client is named",
                "name the client that the issuer knows us as",
            );
        }
        Ok(())
    }

    /// What tokens must say.
    #[must_use]
    pub fn rules(&self) -> Rules {
        Rules {
            issuer: self.issuer.clone(),
            audiences: self.audiences.clone(),
            authorized_parties: self.authorized_parties.clone(),
            acr: self.acr.clone(),
            subject_claim: self.subject_claim.clone(),
            require_cnf: self.require_cnf,
        }
    }

    /// Where the issuer tells where its keys are.
    pub(crate) fn discovery_url(&self) -> String {
        format!("{}{}", self.issuer.trim_end_matches('/'), self.discovery)
    }
}

/// With a host, and without anything that would end up in a log or beside the request line.
fn is_https(url: &str) -> bool {
    let host = url.strip_prefix("https://").unwrap_or_default();
    !host.is_empty() && !host.starts_with('/') && !host.contains(['@', '?', '#']) && is_graphic(host)
}

fn is_graphic(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(line: &str) -> PscConfig {
        let mut table: toml::Table = toml::from_str(
            "issuer = 'https://psc.test/realm'\nanchors = 'psc.pem'\naudiences = ['pli']\nauthorized_parties = ['lps']",
        )
        .unwrap();
        table.extend(toml::from_str::<toml::Table>(line).unwrap());
        table.try_into().unwrap()
    }

    #[test]
    fn a_value_that_no_token_could_fit_is_refused() {
        for (line, key) in [
            ("issuer = 'http://psc.test'", "issuer"),
            ("issuer = 'https://'", "issuer"),
            ("issuer = 'https:///realm'", "issuer"),
            ("issuer = 'https://me:secret@psc.test'", "issuer"),
            ("issuer = 'https://psc.test/a b'", "issuer"),
            ("audiences = []", "audiences"),
            ("authorized_parties = ['lps', ' ']", "authorized_parties"),
            ("acr = []", "acr"),
            ("subject_claim = ''", "subject_claim"),
            ("discovery = 'well-known'", "discovery"),
            ("introspection = {url = 'http://p.test', client_id = 'a', client_secret = 's'}", "introspection.url"),
            (
                "introspection = {url = 'https://p.test', client_id = '', client_secret = 's'}",
                "introspection.client_id",
            ),
        ] {
            assert_eq!(with(line).check().unwrap_err().key, key, "{line}");
        }
        with("").check().unwrap();
    }

    #[test]
    fn the_defaults_are_those_of_pro_sante_connect() {
        let config = with("");
        assert_eq!(config.discovery_url(), "https://psc.test/realm/.well-known/wallet-openid-configuration");
        assert_eq!((config.acr, config.subject_claim), (vec!["eidas1".to_owned()], "SubjectNameID".to_owned()));
    }
}
