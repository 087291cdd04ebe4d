//! [`Idle`]: a node that does not run, in a sandbox of its own; commands work on its store, as an admin types them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// What a bench of the store can be told.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Where the store lies: the disk that is meant. The system's temporary folder if it is not said.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Measure a build without optimisation: to try the measuring out.
    #[arg(long)]
    dev: bool,
}

/// The node, the `pli` that works on its store, and the example of `pli-store` that does what no command does.
pub(super) struct Idle {
    folder: TempDir,
    binaries: PathBuf,
    operator: &'static str,
    example: &'static str,
}

impl Idle {
    /// Builds both, and makes the sandbox.
    pub(super) fn new(place: &Place, operator: &'static str, example: &'static str) -> Result<Self> {
        let (profile, built) = if place.dev { ("dev", "debug") } else { ("release", "release") };
        for what in [&["--package", "pli"][..], &["--package", "pli-store", "--example", example]] {
            let mut cargo = Command::new(env!("CARGO"));
            ensure!(cargo.args(["build", "--profile", profile]).args(what).status()?.success(), "{cargo:?}");
        }
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("pli-bench-");
        let folder = match &place.folder {
            Some(path) => folder.tempdir_in(path)?,
            None => folder.tempdir()?,
        };
        let made = Self { folder, binaries: crate::target_folder()?.join(built), operator, example };
        let mut sandbox = Command::new(made.binaries.join("pli"));
        sandbox.args(["sandbox", "--seed-only", "--dir"]).arg(made.file("space")).stdout(Stdio::null());
        ensure!(sandbox.status()?.success(), "{sandbox:?}");
        Ok(made)
    }

    /// A file beside the sandbox.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The node's folder.
    pub(super) fn node(&self) -> PathBuf {
        self.file("space").join(self.operator)
    }

    /// What its database takes on the disk.
    pub(super) fn store_bytes(&self) -> Result<u64> {
        Ok(self.node().join("store/pli.db").metadata()?.len())
    }

    /// `pli WORDS… --output json --config …`
    pub(super) fn pli(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.binaries.join("pli"));
        command.args(words).args(["--output", "json", "--config"]).arg(self.node().join("pli.toml"));
        command.stderr(Stdio::inherit());
        command
    }

    /// The example, without its arguments.
    pub(super) fn example(&self) -> Command {
        Command::new(self.binaries.join("examples").join(self.example))
    }

    /// `pli VERB import FILE`, and a row of what it took; what it told.
    pub(super) fn import(&self, what: &str, verb: &str, file: &Path, lines: u64) -> Result<serde_json::Value> {
        let mut import = self.pli(&[verb, "import"]);
        let begin = Instant::now();
        let output = import.arg(file).output()?;
        let time = begin.elapsed().as_secs_f64();
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).context("no outcome")?;
        ensure!(output.status.success(), "{told}");
        #[expect(clippy::cast_precision_loss, reason = "shown without its fractions")]
        let rate = lines as f64 / time;
        println!("| {what} | {lines} | {time:.1} s | {rate:.0} |");
        Ok(told)
    }
}
