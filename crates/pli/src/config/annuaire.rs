//! `[annuaire]`: the state's health directory over FHIR, and whether it is told of our mailboxes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ConfigFault;

/// Where the national directory's resources begin (spec §7.2).
pub(crate) const NATIONAL: &str = "https://gateway.api.esante.gouv.fr/fhir/v2";

/// `[annuaire]`. Without it, only copies of the directory that are imported are known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnnuaireConfig {
    /// Where its resources begin, `https` only.
    pub(crate) base: String,
    /// File with the application's key, readable by its owner only.
    pub(crate) api_key: PathBuf,
    /// PEM file with the authorities that its certificate must chain to. No other is believed.
    pub(crate) anchors: PathBuf,
    /// Is it told what becomes of our mailboxes?
    #[serde(default)]
    pub(crate) publish: Publish,
}

/// What becomes of that which it should be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Publish {
    /// It waits.
    #[default]
    Off,
    /// It is written to a file, and taken for told.
    File,
    /// It is sent.
    Send,
}

impl AnnuaireConfig {
    /// Checks what no type can tell. Opens no file.
    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        let host = self.base.strip_prefix("https://").unwrap_or_default();
        if host.is_empty() || host.starts_with('/') || host.contains(['?', '#', '@', ' ']) || host.ends_with('/') {
            return Err(ConfigFault::new("config-invalid.annuaire", "[annuaire] base", &[]));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_begin_at_an_https_address_without_a_question() {
        let config = |base: &str| AnnuaireConfig {
            base: base.to_owned(),
            api_key: PathBuf::new(),
            anchors: PathBuf::new(),
            publish: Publish::Off,
        };
        assert!(config("https://annuaire.example/fhir/v2").check().is_ok());
        for bad in
            ["", "http://a.example/fhir", "https://", "https:///fhir", "https://a.example/", "https://a.example/?x"]
        {
            assert_eq!(config(bad).check().unwrap_err().place, "[annuaire] base", "{bad}");
        }
    }
}
