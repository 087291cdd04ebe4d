//! `cargo xtask ci`: lock file, format, pages, lints, documentation, dependencies, tests. Everything is run, whatever fails first,
//! and the failures are named together at the end.

use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::{docs, root, target_folder};

type Step = fn() -> anyhow::Result<()>;

const STEPS: &[(&str, Step)] = &[
    ("lock file", lock_file),
    ("format", format),
    ("pages made from code", docs::check),
    ("lints", lints),
    ("documentation", documentation),
    ("dependencies", dependencies),
    ("tests", tests),
];

pub(crate) fn run() -> anyhow::Result<()> {
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        println!("── {name}");
        if let Err(error) = step() {
            println!("── {name}: {error:#}");
            failed.push(*name);
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// First, since the steps that follow would mend it in passing.
fn lock_file() -> anyhow::Result<()> {
    succeed(command(&["metadata", "--locked", "--format-version", "1"]).stdout(Stdio::null()))
}

fn format() -> anyhow::Result<()> {
    cargo(&["fmt", "--all", "--check"])
}

fn lints() -> anyhow::Result<()> {
    cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])?;
    // The build whose clock a test can set, and that it can end at any point.
    cargo(&[
        "clippy",
        "--package",
        "pli",
        "--package",
        "pli-failpoint",
        "--all-targets",
        "--features",
        "pli/testing",
        "--",
        "--deny",
        "warnings",
    ])
}

fn documentation() -> anyhow::Result<()> {
    let mut command = command(&["doc", "--workspace", "--no-deps"]);
    succeed(command.env("RUSTDOCFLAGS", "--deny warnings"))
}

/// A second provider of cryptography or a second TLS stack would come in by a feature that somebody else switched on.
const NEVER: &[&str] = &["ring", "openssl-sys", "native-tls"];

/// Advisories are left out: their database must be fetched, and a check of this repository needs no network.
fn dependencies() -> anyhow::Result<()> {
    for name in NEVER {
        // Fails where the lock file does not even name the crate, and prints nothing where nobody uses it.
        let output = command(&["tree", "--workspace", "--locked", "--invert", name]).output()?;
        ensure!(output.stdout.is_empty(), "{name} is in the tree:\n{}", String::from_utf8_lossy(&output.stdout));
    }
    if !is_installed("deny") {
        println!("skipped: cargo-deny is not installed (cargo install cargo-deny --locked)");
        return Ok(());
    }
    cargo(&["deny", "check", "bans", "licenses", "sources"])
}

/// In the release profile, as Pli is used: the scenarios kill it under load. The architecture's invariants are among them
/// (`crates/xtask/tests/tidy.rs`).
fn tests() -> anyhow::Result<()> {
    succeed(&mut command(&["test", "--workspace", "--release", "--doc"]))?;
    let all = ["test", "--workspace", "--release", "--lib", "--bins", "--tests", "--no-fail-fast"];
    if std::env::var_os("PLI_REFERENCE_DATA").is_some() {
        // libtest cannot skip at run time: what needs the reference data, or OpenSSL, is ignored there, and named after it.
        for needed in ["reference_data", "openssl"] {
            cargo(&[all.as_slice(), &["--", "--ignored", needed]].concat())?;
        }
    }
    succeed(command(&all).env("PLI_TEST_BINARY", target_folder()?.join("release/pli")))
}

fn is_installed(subcommand: &str) -> bool {
    let mut command = command(&[subcommand, "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    succeed(&mut command(arguments))
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root());
    command
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
