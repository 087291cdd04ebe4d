//! `[api]`: who may call over HTTPS, beside those who come for health and metrics.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::ConfigFault;

/// `[api]`. Without clients, there is no door for programs that bring something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ApiConfig {
    /// May whoever signs in to his mail ask where his messages are?
    pub(crate) messages: bool,
    /// `[[api.client]]`: who may call.
    pub(crate) client: Vec<ApiClient>,
}

/// `[[api.client]]`: one that may call, proven by a certificate or by a token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiClient {
    /// Its name, for the record.
    pub(crate) name: String,
    /// The subject of its certificate, of the organisations' branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_name: Option<String>,
    /// The SHA-256 of its token, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_sha256: Option<String>,
    /// What it may do.
    pub(crate) scopes: Vec<ApiScope>,
}

/// What a program may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ApiScope {
    /// Bring what pharmacies have dispensed.
    Dispensations,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self { messages: true, client: Vec::new() }
    }
}

impl ApiConfig {
    /// Nothing is set.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks what no type can tell.
    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        let (mut names, mut proofs) = (HashSet::new(), HashSet::new());
        for client in &self.client {
            client.check()?;
            let proof = (&client.certificate_name, &client.token_sha256);
            if !names.insert(&client.name) || !proofs.insert(proof) {
                let place = format!("[[api.client]] {}", client.name);
                return Err(ConfigFault::new("config-invalid.api-twice", place, &[]));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_one_name_and_one_proof_that_can_be_read() {
        let config = |text: &str| toml::from_str::<ApiConfig>(text).unwrap().check().map_err(|fault| fault.code());
        let client =
            |name: &str, proof: &str| format!("[[client]]\nname = \"{name}\"\n{proof}\nscopes = [\"dispensations\"]\n");
        let certificate = "certificate_name = \"CN=passerelle.test,O=PASSERELLE,C=FR\"";
        let token = format!("token_sha256 = \"{}\"", "0aF9".repeat(16));
        let both = client("a", certificate) + &client("b", &token);
        assert_eq!(config(&both), Ok(()));
        for bad in [
            client("a", ""),
            client("a", &format!("{certificate}\n{token}")),
            client("a", "certificate_name = \"passerelle\""),
            client("a", "token_sha256 = \"0a\""),
            client("a", certificate) + &client("a", &token),
            client("a", &token) + &client("b", &token),
        ] {
            assert_eq!(config(&bad), Err("config-invalid"), "{bad}");
        }
        assert!(toml::from_str::<ApiConfig>(&client("a", &token).replace("dispensations", "everything")).is_err());
    }
}
