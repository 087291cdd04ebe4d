//! A sandbox: three operators as separate processes, made in a temporary folder.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::command::{said, succeed};
use crate::description::{Account, Connector, Description, Operator, Patient, Peer};
use crate::wire::{Identity, Wire};
use crate::{Outcome, confidential, pli, wait};

/// A running sandbox. Stopped, and its folder removed, when dropped.
#[derive(Debug)]
pub struct Sandbox {
    children: Mutex<Vec<Child>>,
    dir: PathBuf,
    description: Description,
    folder: Option<TempDir>,
    program: Program,
}

/// A sandbox that no process runs yet: its files can still be changed.
#[derive(Debug)]
pub struct Seed {
    folder: TempDir,
    description: Description,
    program: Program,
}

/// What operators run, and the variables that they are given.
#[derive(Debug, Clone)]
struct Program {
    binary: Cow<'static, Path>,
    variables: Vec<(String, OsString)>,
}

impl Program {
    /// The binary under test, with nothing special.
    fn plain() -> Self {
        Self { binary: pli::binary().into(), variables: Vec::new() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&*self.binary);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Those that scenarios have in common, until [`Sandbox::stop_shared`].
static SHARED: Mutex<Option<Arc<Sandbox>>> = Mutex::new(None);
static QUIET: Mutex<Option<Arc<Sandbox>>> = Mutex::new(None);

/// A sandbox in which nothing else happens meanwhile.
pub struct Quiet {
    sandbox: Arc<Sandbox>,
    _turn: MutexGuard<'static, Option<Arc<Sandbox>>>,
}

impl std::ops::Deref for Quiet {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl Seed {
    /// Made, not started.
    pub fn new() -> Result<Self> {
        Self::of(Program::plain())
    }

    /// The same, whose operators run the build for tests ([`pli::testing_binary`]).
    pub fn testing() -> Result<Self> {
        Self::of(Program { binary: pli::testing_binary().into(), variables: Vec::new() })
    }

    /// The same, whose operators run this build.
    pub fn running(binary: PathBuf) -> Result<Self> {
        Self::of(Program { binary: binary.into(), variables: Vec::new() })
    }

    fn of(program: Program) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("pli-e2e-").tempdir()?;
        succeed(program.command().args(["sandbox", "--seed-only", "--dir"]).arg(folder.path()))?;
        let description = Description::read(folder.path())?;
        Ok(Self { folder, description, program })
    }

    /// Gives a variable to all that is started in it, such as `PLI_CLOCK_FILE`.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.program.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// What is in it.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Changes an operator's configuration.
    pub fn configure(&self, operator: &str, change: impl FnOnce(&mut toml::Table)) -> Outcome {
        let file = self.dir().join(&self.description.operator(operator)?.config);
        let mut table: toml::Table = std::fs::read_to_string(&file)?.parse()?;
        change(&mut table);
        std::fs::write(&file, table.to_string())?;
        Ok(())
    }

    /// Starts all of it.
    pub fn start(self) -> Result<Sandbox> {
        let mut sandbox = Sandbox::run(self.folder.path(), self.program)?;
        sandbox.folder = Some(self.folder);
        Ok(sandbox)
    }

    /// Starts this operator alone, as an admin would: nobody serves revocation lists, nobody else answers.
    pub fn start_only(self, operator: &str) -> Result<Sandbox> {
        let dir = self.folder.path().to_owned();
        let children = Mutex::default();
        let Self { folder, description, program } = self;
        let mut sandbox = Sandbox { children, dir, description, folder: Some(folder), program };
        sandbox.begin(operator)?;
        Ok(sandbox)
    }
}

impl Sandbox {
    /// A new one of the scenario's own.
    pub fn start() -> Result<Self> {
        Seed::new()?.start()
    }

    /// The one that scenarios share. They may not kill it or change its lists.
    pub fn shared() -> Result<Arc<Self>> {
        Self::common(&mut SHARED.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One that scenarios use in turn, so that "nothing was kept" can be seen. They may not kill it or change its lists.
    pub fn quiet() -> Result<Quiet> {
        let mut turn = QUIET.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Quiet { sandbox: Self::common(&mut turn)?, _turn: turn })
    }

    fn common(place: &mut Option<Arc<Self>>) -> Result<Arc<Self>> {
        if let Some(running) = place {
            return Ok(Arc::clone(running));
        }
        Ok(Arc::clone(place.insert(Arc::new(Self::start()?))))
    }

    /// Stops what scenarios had in common, once all are done.
    pub fn stop_shared() {
        for place in [&SHARED, &QUIET] {
            drop(place.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    /// One in this folder, new or earlier.
    pub fn start_in(dir: &Path) -> Result<Self> {
        Self::run(dir, Program::plain())
    }

    fn run(dir: &Path, program: Program) -> Result<Self> {
        let mut child = program
            .command()
            .args(["sandbox", "--dir"])
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the sandbox")?;
        let stdout = child.stdout.take().context("the sandbox has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line.starts_with("sandbox ready "), "the sandbox said: {line:?}");
        let description = Description::read(dir)?;
        Ok(Self { children: Mutex::new(vec![child]), dir: dir.to_owned(), description, folder: None, program })
    }

    /// What is in it.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file named in `sandbox.json`.
    pub fn path(&self, relative: &Path) -> PathBuf {
        self.dir.join(relative)
    }

    /// What a client trusts.
    pub fn ca(&self) -> PathBuf {
        self.path(&self.description.ca)
    }

    /// The trust list's file.
    pub fn whitelist(&self) -> PathBuf {
        self.path(&self.description.whitelist)
    }

    /// An operator.
    pub fn operator(&self, name: &str) -> Result<&Operator> {
        self.description.operator(name)
    }

    /// An operator's process.
    pub fn pid(&self, operator: &str) -> Result<u32> {
        self.operator(operator)?.pid.with_context(|| format!("{operator} does not run"))
    }

    /// The first account of this type at this operator.
    pub fn account(&self, operator: &str, kind: &str) -> Result<&Account> {
        self.description
            .accounts
            .iter()
            .find(|account| account.operator == operator && account.kind == kind)
            .with_context(|| format!("no {kind} account at {operator}"))
    }

    /// The first patient whose space is in this state.
    pub fn patient(&self, space: &str) -> Result<&Patient> {
        self.description
            .patients
            .iter()
            .find(|patient| patient.space == space)
            .with_context(|| format!("no {space} patient"))
    }

    /// A certificate to play a peer with.
    pub fn peer(&self, name: &str) -> Result<&Peer> {
        self.description.peers.get(name).with_context(|| format!("no peer {name}"))
    }

    /// An address at the listed peer's domain.
    pub fn peer_address(&self) -> Result<String> {
        Ok(format!("cabinet@{}", self.peer("listed")?.domain))
    }

    /// The hospital's own server.
    pub fn connector(&self) -> Result<&Connector> {
        self.description.connectors.first().context("no connector")
    }

    /// `--config FILE` of an operator.
    pub fn config(&self, operator: &str) -> Result<PathBuf> {
        Ok(self.path(&self.operator(operator)?.config))
    }

    /// Runs `pli WORDS… --config FILE -o json` for an operator; what it prints, if it succeeds.
    pub fn pli(&self, operator: &str, words: &[&str]) -> Result<serde_json::Value> {
        let output = self.try_pli(operator, words)?;
        ensure!(output.status.success(), "pli {words:?} ended with {}: {}", output.status, said(&output));
        serde_json::from_slice(&output.stdout).context("what pli printed is not JSON")
    }

    /// The same, however it ends.
    pub fn try_pli(&self, operator: &str, words: &[&str]) -> Result<std::process::Output> {
        let mut command = self.program.command();
        command.args(words).arg("--config").arg(self.config(operator)?).args(["-o", "json"]);
        command.output().context("running pli")
    }

    /// `pli message trace ID` at an operator.
    pub fn trace(&self, operator: &str, id: &str) -> Result<serde_json::Value> {
        let trace = self.pli(operator, &["message", "trace", id])?;
        confidential::read(&format!("trace of {id}"), &trace.to_string());
        Ok(trace)
    }

    /// `pli queue list` at an operator.
    pub fn queue(&self, operator: &str) -> Result<Vec<serde_json::Value>> {
        Ok(self.pli(operator, &["queue", "list"])?.as_array().context("not an array")?.clone())
    }

    /// The metrics page of an operator.
    pub fn metrics(&self, operator: &str) -> Result<String> {
        let mut wire = Wire::connect(self.operator(operator)?.ports.http)?;
        wire.start_tls(Identity { ca: &self.ca(), client: None })?;
        wire.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        Ok(wire.to_end())
    }

    /// The figure of one line of the metrics page, its labels as printed; `None` if there is no such line.
    pub fn metric(&self, operator: &str, line: &str) -> Result<Option<f64>> {
        let page = self.metrics(operator)?;
        let figure = page.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        Ok(figure.map(str::parse).transpose()?)
    }

    /// Kills one operator's process, as a power cut would.
    pub fn kill_nine(&self, operator: &str) -> Result<()> {
        signal("KILL", self.pid(operator)?)
    }

    /// Have all processes that were started ended?
    pub fn has_ended(&self) -> Result<bool> {
        let mut all = true;
        for child in self.children.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            all &= child.try_wait()?.is_some();
        }
        Ok(all)
    }

    /// Stops everything cleanly and waits for the end.
    pub fn stop(&self) -> Result<()> {
        for child in self.children.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            if child.try_wait()?.is_none() {
                signal("TERM", child.id())?;
                wait::until("the sandbox to stop", Duration::from_mins(1), || Ok(child.try_wait()?))?;
            }
        }
        Ok(())
    }

    /// Stops an operator that was started alone, and starts it again.
    pub fn restart(&mut self, operator: &str) -> Result<()> {
        self.stop()?;
        self.children.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.begin(operator)
    }

    /// Starts one operator and waits until it listens.
    fn begin(&mut self, operator: &str) -> Result<()> {
        let ready = self.config(operator)?.with_file_name("ready.json");
        if ready.exists() {
            std::fs::remove_file(ready)?;
        }
        let child = self.serve(operator)?;
        let pid = child.id();
        self.children.lock().unwrap_or_else(PoisonError::into_inner).push(child);
        self.set_pid(operator, pid);
        self.await_ready(operator)
    }

    /// `pli serve` for one operator, its log where the sandbox would put it.
    fn serve(&self, operator: &str) -> Result<Child> {
        let config = self.config(operator)?;
        let log = std::fs::File::options().create(true).append(true).open(config.with_file_name("pli.log"))?;
        let mut command = self.program.command();
        command.arg("serve").arg("--config").arg(&config).arg("--ready-file").arg(config.with_file_name("ready.json"));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.spawn().with_context(|| format!("starting {operator}"))
    }

    fn set_pid(&mut self, operator: &str, pid: u32) {
        for known in self.description.operators.iter_mut().filter(|known| known.name == operator) {
            known.pid = Some(pid);
        }
    }

    fn await_ready(&self, operator: &str) -> Outcome {
        let ready = self.config(operator)?.with_file_name("ready.json");
        wait::until("the operator to listen", Duration::from_secs(30), || {
            for child in self.children.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
                let log = || std::fs::read_to_string(ready.with_file_name("pli.log")).unwrap_or_default();
                ensure!(child.try_wait()?.is_none(), "{operator} ended at its start: {}", log());
            }
            Ok(ready.exists().then_some(()))
        })
    }
}

impl Sandbox {
    /// What the operators that still run count is read before they go.
    fn read_metrics(&self) {
        for operator in &self.description.operators {
            if let Ok(page) = self.metrics(&operator.name) {
                confidential::read(&format!("metrics of {}", operator.name), &page);
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.read_metrics();
        if let Err(error) = self.stop() {
            eprintln!("the sandbox did not stop: {error:#}");
        }
        if let Err(error) = confidential::read_logs(&self.dir) {
            eprintln!("the logs could not be read: {error:#}");
        }
        if let (Some(folder), true) = (self.folder.take(), std::env::var_os("PLI_KEEP_SANDBOX").is_some()) {
            eprintln!("kept: {}", folder.keep().display());
        }
    }
}

/// Sends a signal by the system's own `kill`.
pub fn signal(name: &str, pid: u32) -> Result<()> {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status()?;
    ensure!(status.success(), "kill -{name} {pid}: {status}");
    Ok(())
}
