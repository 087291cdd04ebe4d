//! `pli sandbox` and `pli demo`: their options, and what they do with a terminal and with signals.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use pli_types::{Clock, SystemClock};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::demo::{Printer, Story};
use crate::fault::Fault;
use crate::lock::Lock;
use crate::process::{self, Running};
use crate::{manifest, revoke, seed};

/// Options of `pli sandbox`.
#[derive(Debug, Clone, Args)]
pub struct SandboxArgs {
    /// Folder of the sandbox: empty, missing, or made by an earlier run
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Make everything, start nothing
    #[arg(long)]
    pub seed_only: bool,
    /// Take this certificate back (PEM) by a new revocation list, and do nothing else. The sandbox may be running
    #[arg(long, value_name = "FILE", conflicts_with = "seed_only")]
    pub revoke: Option<PathBuf>,
    /// Where the operators keep their stores. So far only files in DIR, the default
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Processes an operator. More than one needs `--store postgres://`
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub nodes: u16,
}

/// Options of `pli demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Stop after the story
    #[arg(long)]
    pub once: bool,
    /// Print the steps as JSON lines
    #[arg(long)]
    pub json: bool,
}

/// Makes, starts and stops a sandbox.
pub async fn sandbox(args: &SandboxArgs) -> anyhow::Result<()> {
    refuse_what_is_not_built(args)?;
    if let Some(certificate) = &args.revoke {
        let subject = revoke::revoke(&args.dir, certificate, SystemClock.now())?;
        return Ok(say(&format!("revoked {subject}"))?);
    }
    let mut stop = Stop::listen()?;
    let dir = std::path::absolute(&args.dir)?;
    seed::judge_before_lock(&dir)?;
    let lock = Lock::take(&dir)?;
    let seeded = seed::seed(&dir, Arc::new(SystemClock)).await?;
    if args.seed_only {
        return Ok(());
    }
    let mut running = tokio::select! {
        running = process::start(&dir, seeded) => running?,
        () = stop.told() => return Ok(()),
    };
    say(&format!("sandbox ready {}", args.dir.join(manifest::FILE).display()))?;
    keep_running(&mut running, &mut stop).await;
    running.stop().await?;
    drop(lock);
    Ok(())
}

/// Plays the story in a temporary sandbox; true if every step held.
pub async fn demo(args: &DemoArgs) -> anyhow::Result<bool> {
    let mut stop = Stop::listen()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let folder = tempfile::Builder::new().prefix("pli-demo-").tempdir()?;
    let dir = folder.path();
    let seeded = seed::seed(dir, Arc::clone(&clock)).await?;
    let mut running = tokio::select! {
        running = process::start(dir, seeded) => running?,
        () = stop.told() => return Ok(false),
    };
    let mut printer = Printer::new(args.json);
    printer.opening(dir)?;
    let story = Story { dir, manifest: &running.manifest, clock };
    let held = tokio::select! {
        held = story.play(&mut printer) => held?,
        () = stop.told() => false,
    };
    if held && !args.once {
        printer.how_to_connect(dir, &running.manifest)?;
        keep_running(&mut running, &mut stop).await;
    }
    running.stop().await?;
    Ok(held)
}

/// What this version cannot do is said, not guessed.
fn refuse_what_is_not_built(args: &SandboxArgs) -> Result<(), Fault> {
    let what = match (args.store.as_deref(), args.nodes) {
        (Some(url), _) if url.starts_with("postgres") => "--store: stores on PostgreSQL are not built yet",
        (Some(_), _) => "--store: the SQLite files of a sandbox are always in DIR",
        (None, 2..) => "--nodes: more than one needs stores on PostgreSQL, which are not built yet",
        (None, _) => return Ok(()),
    };
    Err(Fault::Usage(what.to_owned()))
}

async fn keep_running(running: &mut Running, stop: &mut Stop) {
    tokio::select! {
        () = running.watch(|name, status| warn(&format!("operator {name} ended: {status}"))) => {}
        () = stop.told() => {}
    }
}

/// SIGTERM and SIGINT, listened to from the first moment, so that none is lost between two phases.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// To standard error. If that is closed there is nobody to tell.
fn warn(line: &str) {
    writeln!(std::io::stderr(), "{line}").unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(store: Option<&str>, nodes: u16) -> SandboxArgs {
        SandboxArgs { dir: "d".into(), seed_only: false, revoke: None, store: store.map(str::to_owned), nodes }
    }

    #[test]
    fn what_is_not_built_yet_is_refused() {
        refuse_what_is_not_built(&args(None, 1)).unwrap();
        for refused in [args(Some("postgres://localhost/pli"), 1), args(None, 2), args(Some("sqlite:///x"), 1)] {
            assert!(matches!(refuse_what_is_not_built(&refused), Err(Fault::Usage(_))));
        }
    }
}
