//! How a store is opened.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[store]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `sqlite:///var/lib/pli/pli.db`. Large bodies lie in the folder `bodies` beside it.
    pub url: String,
    /// File with the operator's master key: 64 hexadecimal digits. Wraps the key of every message.
    pub master_key: PathBuf,
}
