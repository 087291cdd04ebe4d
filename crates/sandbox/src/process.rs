//! The operators of a sandbox as processes: started, waited for, stopped. One that dies stays dead.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::future::{join_all, try_join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::crl_server::CrlServer;
use crate::manifest::{Manifest, Operator};
use crate::seed::Seeded;

/// How long the operators may take to listen: a slow machine, building at the same time.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How long an operator may take to finish what it does.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks at a file.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Of a log, what an error message shows.
const LOG_TAIL_LINES: usize = 8;

/// The operators, running.
pub struct Running {
    /// The sandbox, with the processes' ids in it.
    pub manifest: Manifest,
    operators: Vec<Process>,
    dir: PathBuf,
    /// Serves the revocation lists until this is dropped.
    _lists: JoinSet<()>,
}

struct Process {
    name: String,
    child: Child,
    ready: PathBuf,
    log: PathBuf,
}

/// Serves the revocation lists, starts every operator as `pli serve` and returns when every listener accepts; `sandbox.json` then has their ids.
/// Should one fail, none is left running.
pub async fn start(dir: &Path, seeded: Seeded) -> anyhow::Result<Running> {
    let Seeded { mut manifest, ports } = seeded;
    // From here to the servers' own bind, the ports are free for anyone: a moment.
    drop(ports);
    let mut lists = JoinSet::new();
    if let Some(server) = CrlServer::bind(dir, &manifest).await? {
        lists.spawn(server.serve());
    }
    let mut operators = launch(dir, &manifest)?;
    let deadline = Instant::now() + READY_WITHIN;
    try_join_all(operators.iter_mut().map(|operator| operator.wait_until_ready(deadline))).await?;
    for (entry, operator) in manifest.operators.iter_mut().zip(&operators) {
        entry.pid = operator.child.id();
    }
    manifest.save(dir)?;
    Ok(Running { manifest, operators, dir: dir.to_owned(), _lists: lists })
}

fn launch(dir: &Path, manifest: &Manifest) -> anyhow::Result<Vec<Process>> {
    let program = std::env::current_exe().context("cannot find the pli binary that is running")?;
    manifest.operators.iter().map(|operator| Process::launch(&program, dir, operator)).collect()
}

impl Process {
    fn launch(program: &Path, dir: &Path, operator: &Operator) -> anyhow::Result<Self> {
        let folder = dir.join(&operator.name);
        let (ready, log) = (folder.join("ready.json"), folder.join("pli.log"));
        if ready.exists() {
            fs::remove_file(&ready).with_context(|| format!("cannot remove {}", ready.display()))?;
        }
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let child = Command::new(program)
            .arg("serve")
            .arg("--config")
            .arg(dir.join(&operator.config))
            .arg("--ready-file")
            .arg(&ready)
            .arg("--parent")
            .arg(std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {} serve", program.display()))?;
        Ok(Self { name: operator.name.clone(), child, ready, log })
    }

    /// The ready file says that every listener accepts.
    async fn wait_until_ready(&mut self, deadline: Instant) -> anyhow::Result<()> {
        while !self.ready.exists() {
            if let Some(status) = self.child.try_wait()? {
                bail!("operator {} ended at its start ({status}):\n{}", self.name, tail(&self.log));
            }
            if Instant::now() >= deadline {
                bail!("operator {} does not listen after {READY_WITHIN:?}:\n{}", self.name, tail(&self.log));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(pid) = self.child.id() else { return Ok(()) };
        terminate(pid);
        if timeout(STOPPED_WITHIN, self.child.wait()).await.is_err() {
            self.child.kill().await?;
            bail!(
                "operator {} did not stop within {STOPPED_WITHIN:?} and was killed: see {}",
                self.name,
                self.log.display()
            );
        }
        Ok(())
    }
}

/// SIGTERM. A process that is gone already is no fault.
fn terminate(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        kill_process(pid, Signal::TERM).unwrap_or_default();
    }
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LOG_TAIL_LINES)..).unwrap_or_default().join("\n")
}

impl Running {
    /// Tells of each operator that ends, as it ends, for ever. An ended child is reaped, so that its id does not linger.
    pub async fn watch(&mut self, mut tell: impl FnMut(&str, ExitStatus)) {
        let mut ends: FuturesUnordered<_> = self
            .operators
            .iter_mut()
            .filter(|operator| operator.child.id().is_some())
            .map(|operator| async { (operator.name.as_str(), operator.child.wait().await) })
            .collect();
        while let Some((name, ended)) = ends.next().await {
            if let Ok(status) = ended {
                tell(name, status);
            }
        }
        std::future::pending::<()>().await;
    }

    /// SIGTERM to all, then waits for all; `sandbox.json` then has no ids. An error names the first that had to be killed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let stopped = join_all(self.operators.iter_mut().map(Process::stop)).await;
        for operator in &mut self.manifest.operators {
            operator.pid = None;
        }
        self.manifest.save(&self.dir)?;
        stopped.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_end_of_the_log_only() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("pli.log");
        let lines: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
        fs::write(&log, lines.join("\n")).unwrap();
        let shown = tail(&log);
        assert!(shown.starts_with("line 92") && shown.ends_with("line 99"));
        assert_eq!(tail(Path::new("/nowhere")), "");
    }

    #[tokio::test]
    async fn a_process_that_ends_at_once_is_told_with_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let child = Command::new("false").spawn().unwrap();
        let log = dir.path().join("pli.log");
        fs::write(&log, "the configuration cannot be read").unwrap();
        let mut process = Process { name: "pro".into(), child, ready: dir.path().join("ready.json"), log };
        let error = process.wait_until_ready(Instant::now() + READY_WITHIN).await.unwrap_err().to_string();
        assert!(error.contains("operator pro ended at its start"), "{error}");
        assert!(error.contains("the configuration cannot be read"), "{error}");
    }

    #[tokio::test]
    async fn a_stopped_process_gets_sigterm() {
        use std::os::unix::process::ExitStatusExt;
        let child = Command::new("sleep").arg("600").kill_on_drop(true).spawn().unwrap();
        let mut process = Process { name: "pro".into(), child, ready: PathBuf::new(), log: PathBuf::new() };
        process.stop().await.unwrap();
        assert_eq!(process.child.wait().await.unwrap().signal(), Some(Signal::TERM.as_raw()));
    }
}
