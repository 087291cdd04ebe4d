//! `cargo xtask fuzz`: every target of `fuzz/` for a while, from its seeds and with its dictionary. All are run, whatever is
//! found first, and those with a finding are named together at the end.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::root;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// These targets only.
    targets: Vec<String>,
    /// How long each is run, its build not counted.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(
        cargo_fuzz().arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status()?.success(),
        "cargo-fuzz and a nightly compiler are missing (cargo install cargo-fuzz --locked; rustup toolchain install nightly)"
    );
    let fuzz = root().join("fuzz");
    let known = targets(&fuzz)?;
    if let Some(unknown) = args.targets.iter().find(|name| !known.contains(*name)) {
        anyhow::bail!("{unknown} is no target: {known:?}");
    }
    let mut found = Vec::new();
    for name in known.iter().filter(|name| args.targets.is_empty() || args.targets.contains(name)) {
        println!("── {name}");
        if !command(&fuzz, name, args.seconds).status()?.success() {
            found.push(name.as_str());
        }
    }
    ensure!(found.is_empty(), "findings, in fuzz/artifacts: {}", found.join(", "));
    Ok(())
}

fn targets(fuzz: &Path) -> Result<BTreeSet<String>> {
    let folder = fuzz.join("fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let names =
        files.map(|file| Ok(file?.path().file_stem().context("a file without a name")?.to_string_lossy().into()));
    names.collect()
}

fn command(fuzz: &Path, target: &str, seconds: u64) -> Command {
    let mut command = cargo_fuzz();
    command.args(["run", target, "--", &format!("-max_total_time={seconds}")]);
    // The dictionary is the target's, or that of the protocol that its name begins with.
    let protocol = target.split('_').next().unwrap_or(target);
    let dictionary = [target, protocol].into_iter().map(|name| fuzz.join(format!("{name}.dict")));
    if let Some(file) = dictionary.into_iter().find(|file| file.exists()) {
        command.arg(format!("-dict={}", file.display()));
    }
    // What is found on the way is put into the first folder, which cargo-fuzz names; these are only read.
    let seeds = fuzz.join("seeds").join(target);
    if seeds.exists() {
        command.arg(seeds);
    }
    command
}

/// By rustup, since what runs this is another toolchain's.
fn cargo_fuzz() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "fuzz"]).current_dir(root());
    // Each toolchain sets these for what it starts.
    for variable in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(variable);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(target: &str) -> Vec<String> {
        let command = command(&root().join("fuzz"), target, 7);
        command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_target_is_run_from_its_seeds_and_with_the_dictionary_of_its_protocol() {
        let session = arguments("smtp_session");
        assert!(session.iter().any(|argument| argument.ends_with("fuzz/smtp.dict")), "{session:?}");
        let list = arguments("trust_list");
        assert!(list.iter().any(|argument| argument.ends_with("fuzz/trust_list.dict")), "{list:?}");
        assert!(list.last().is_some_and(|argument| argument.ends_with("fuzz/seeds/trust_list")), "{list:?}");
    }

    #[test]
    fn every_target_that_is_built_is_run() {
        let manifest: toml::Table = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap().parse().unwrap();
        let built = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap().to_owned());
        assert_eq!(built.collect::<BTreeSet<_>>(), targets(&root().join("fuzz")).unwrap());
    }
}
