//! Running the built binary, and reading how it ended.
#![allow(dead_code, reason = "each test file uses some of these")]

pub(crate) mod annuaire;
pub(crate) mod letters;
pub(crate) mod lists;
pub(crate) mod name_server;
pub(crate) mod node;
pub(crate) mod record;
pub(crate) mod siem;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The binary, with these arguments and nothing of ours in its environment.
pub(crate) fn pli(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pli"))
        .args(arguments)
        .env_remove("PLI_CONFIG")
        .env_remove("PLI_LOG")
        .env("LC_ALL", "C")
        .output()
        .expect("the binary runs")
}

pub(crate) fn exit(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("no exit code: {output:?}"))
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A failure: nothing on standard output, its code on standard error, what to do next at the end.
pub(crate) fn assert_fails(output: &Output, code: i32, stable: &str) {
    assert_eq!(exit(output), code, "{}", stderr(output));
    assert_eq!(stdout(output), "");
    assert!(stderr(output).starts_with(&format!("error[{stable}]: ")), "{}", stderr(output));
    assert!(stderr(output).lines().last().unwrap().starts_with("  next: "), "{}", stderr(output));
}

pub(crate) fn file(folder: &tempfile::TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
