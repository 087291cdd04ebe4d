//! The `pli` binary under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

/// The binary under test: the one that `PLI_TEST_BINARY` names, or that of the profile that this test was built in,
/// brought up to date first.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("PLI_TEST_BINARY").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let profile = test.parent().and_then(Path::parent).unwrap_or(Path::new("target/debug"));
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "pli"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let succeeded = build.status().is_ok_and(|status| status.success());
    assert!(succeeded, "pli could not be built");
    profile.join("pli")
}

/// Runs `pli` to its end.
pub fn run<I, S>(arguments: I) -> Result<Output>
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    Command::new(binary()).args(arguments).output().context("running pli")
}

/// Runs `pli … -o json`, expects exit status 0, parses what it prints.
pub fn json<I, S>(arguments: I) -> Result<serde_json::Value>
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    let output = Command::new(binary()).args(arguments).args(["-o", "json"]).output().context("running pli")?;
    ensure!(output.status.success(), "pli ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("what pli printed is not JSON")
}
