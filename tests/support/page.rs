//! Settings that a page of the documentation shows, as the tests run them: what people copy is what was tried.

use std::path::Path;

use anyhow::{Context, Result};

/// The block of `docs/connectors.md` whose fence names this kind.
pub fn connector_settings(kind: &str) -> Result<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/connectors.md");
    let page = std::fs::read_to_string(&page).with_context(|| page.display().to_string())?;
    let block = page.split_once(&format!("```{kind}\n")).and_then(|(_, rest)| rest.split_once("```\n"));
    Ok(block.with_context(|| format!("docs/connectors.md has no block {kind}"))?.0.to_owned())
}
