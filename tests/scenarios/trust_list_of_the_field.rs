//! The real list of March 2025 (spec scenario 16).

use anyhow::{Context, ensure};
use e2e::{Outcome, need, pli};

fn list(name: &str) -> anyhow::Result<std::path::PathBuf> {
    Ok(need::reference_data().context("no reference data")?.join("whitelist").join(name))
}

/// Scenario 16.
pub(crate) fn the_real_list_loads() -> Outcome {
    let checked =
        pli::json(["trust".into(), "check".into(), list("listeblanchemssante-2025-03-13.xml")?.into_os_string()])?;
    for (member, expected) in [("entries", 619), ("domains", 516), ("certificate_names", 35)] {
        ensure!(checked[member] == expected, "{member}: {checked}");
    }
    Ok(())
}

/// Scenario 16.
pub(crate) fn the_list_as_published_is_refused_as_truncated() -> Outcome {
    let file = list("listeblanchemssante-2025-03-13-as-published.xml")?;
    let output = pli::run(["trust".into(), "check".into(), file.into_os_string()])?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(6), "exit status {}: {said}", output.status);
    ensure!(said.contains("cut short"), "the reason is missing: {said}");
    Ok(())
}
