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

/// The binary whose clock a file sets (`PLI_CLOCK_FILE`): the one that `PLI_TESTING_BINARY`
/// names, or one built now with the feature `testing`, in the profile that this test was built in. What it shares with
/// the other one (all but our own crates) is not built twice; it lies in `target/testing/`, so that neither takes the
/// other's place.
pub fn testing_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("PLI_TESTING_BINARY").map_or_else(build_testing, PathBuf::from))
}

fn build() -> PathBuf {
    let profile = profile_folder();
    run_cargo(&mut cargo_build(&profile));
    profile.join("pli")
}

fn build_testing() -> PathBuf {
    let profile = profile_folder();
    let target = profile.parent().unwrap_or(Path::new("target"));
    let beside = target.join("testing");
    let mut build = cargo_build(&profile);
    build.args(["--features", "testing"]);
    // What is shared stays where it is; only what comes out goes elsewhere.
    run_cargo(build.env("CARGO_BUILD_BUILD_DIR", target).env("CARGO_TARGET_DIR", &beside));
    beside.join(profile.file_name().unwrap_or_default()).join("pli")
}

/// `target/debug` or `target/release`: this test lies in `deps/` below it.
fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let in_deps = test.parent().is_some_and(|folder| folder.ends_with("deps"));
    let profile = test.ancestors().nth(if in_deps { 2 } else { 1 });
    profile.map_or_else(|| PathBuf::from("target/debug"), PathBuf::from)
}

fn cargo_build(profile: &Path) -> Command {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "pli"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    build
}

fn run_cargo(build: &mut Command) {
    let succeeded = build.status().is_ok_and(|status| status.success());
    assert!(succeeded, "pli could not be built");
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
