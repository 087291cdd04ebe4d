//! `cargo xtask bench smtp`: Pli and Postfix in turn, in one run, on one disk.
//!
//! Pli's `250` comes when the message lies in the mailbox, on stable storage; Postfix's when it lies in the queue, on stable
//! storage, its delivery coming after. Both figures are therefore given: until the last `250`, and until the last delivery.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::postfix::{Postfix, Role};

use super::load::{Connections, Load, send};

/// The domain that Postfix delivers.
const DOMAIN: &str = "bench.mssante.fr";
/// How long the last delivery may come after the last `250`.
const PATIENCE: Duration = Duration::from_mins(5);

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections at once.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// The size of a message, in bytes.
    #[arg(long, default_value_t = 5 * 1024)]
    size: usize,
    /// Messages of a run on kept connections.
    #[arg(long, default_value_t = 4_000)]
    messages: usize,
    /// Messages of a run with a connection each.
    #[arg(long, default_value_t = 960)]
    single_messages: usize,
    /// Runs of each, in turn; the median is reported.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Pli alone: to look into it with a profiler.
    #[arg(long)]
    alone: bool,
}

/// One run of one server.
#[derive(Debug, Clone, Copy)]
struct Figures {
    accepted_per_second: f64,
    delivered_per_second: f64,
    cpu_seconds_per_thousand: f64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("pli-bench-").tempdir()?;
    let pli = Pli::start(&folder.path().join("pli"))?;
    let file = |pointer: &str| pli.text(pointer).map(|relative| pli.folder.join(relative));
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let role = Role {
        port,
        domain: DOMAIN,
        ca: &file("/ca")?,
        certificate: &file("/operators/0/certificate")?,
        key: &file("/operators/0/key")?,
        settings: "smtpd_tls_security_level = encrypt\nsmtpd_tls_req_ccert = yes",
    };
    let postfix = if options.alone { None } else { Some(Postfix::start(role)?) };

    println!("| connections | server | accepted/s | delivered/s | CPU s per 1,000 |");
    println!("| --- | --- | ---: | ---: | ---: |");
    for (mode, name, messages) in [
        (Connections::Kept, "kept open", options.messages),
        (Connections::OneMessageEach, "one message each", options.single_messages),
    ] {
        let load = pli.load(options, mode, messages)?;
        let to_postfix = Load { port, to: format!("all@{DOMAIN}"), ..load.clone() };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..options.runs {
            ours.push(measure(&load, pli.pid()?, || Ok(true))?);
            if let Some(postfix) = &postfix {
                let before = postfix.delivered_count();
                let delivered = || Ok(postfix.delivered_count() >= before + load.messages);
                theirs.push(measure(&to_postfix, postfix.pid()?, delivered)?);
            }
        }
        report(name, &median(&ours), (!options.alone).then(|| median(&theirs)).as_ref());
    }
    Ok(())
}

fn report(name: &str, ours: &Figures, theirs: Option<&Figures>) {
    let print = |server: &str, figures: &Figures, decimals: usize| {
        let Figures { accepted_per_second, delivered_per_second, cpu_seconds_per_thousand } = figures;
        println!(
            "| {name} | {server} | {accepted_per_second:.decimals$} | {delivered_per_second:.decimals$} | {cpu_seconds_per_thousand:.2} |"
        );
    };
    print("Pli", ours, 0);
    if let Some(theirs) = theirs {
        print("Postfix", theirs, 0);
        let ratio = Figures {
            accepted_per_second: ours.accepted_per_second / theirs.accepted_per_second,
            delivered_per_second: ours.delivered_per_second / theirs.delivered_per_second,
            cpu_seconds_per_thousand: ours.cpu_seconds_per_thousand / theirs.cpu_seconds_per_thousand,
        };
        print("Pli ÷ Postfix", &ratio, 1);
    }
}

/// Sends a load; waits until all of it is delivered.
fn measure(load: &Load, pid: u32, delivered: impl Fn() -> Result<bool>) -> Result<Figures> {
    let before = cpu_seconds(pid)?;
    let start = Instant::now();
    let accepted = send(load)?;
    while !delivered()? {
        ensure!(start.elapsed() < PATIENCE, "not delivered within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let until_delivered = start.elapsed();
    // Processes that end are counted at their parent only once it has taken note.
    std::thread::sleep(Duration::from_millis(200));
    let cpu = cpu_seconds(pid)? - before;
    let messages = f64::from(u32::try_from(load.messages)?);
    Ok(Figures {
        accepted_per_second: messages / accepted.as_secs_f64(),
        delivered_per_second: messages / until_delivered.as_secs_f64(),
        cpu_seconds_per_thousand: cpu * 1_000.0 / messages,
    })
}

/// User and system time of a process and all of its descendants, those that have ended included.
fn cpu_seconds(pid: u32) -> Result<f64> {
    let mut ticks = 0;
    let mut open = vec![pid];
    while let Some(pid) = open.pop() {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat")?;
        // utime, stime, cutime, cstime: the 14th to 17th fields, counted from the pid.
        ticks += fields.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        open.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    Ok(f64::from(u32::try_from(ticks)?) / 100.0)
}

fn median(runs: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Figures {
        accepted_per_second: of(|run| run.accepted_per_second),
        delivered_per_second: of(|run| run.delivered_per_second),
        cpu_seconds_per_thousand: of(|run| run.cpu_seconds_per_thousand),
    }
}

/// A sandbox whose first operator is measured.
struct Pli {
    child: Child,
    folder: PathBuf,
    json: serde_json::Value,
}

impl Pli {
    fn start(folder: &Path) -> Result<Self> {
        let built = Command::new(env!("CARGO")).args(["build", "--release", "--package", "pli"]).status()?;
        ensure!(built.success(), "pli could not be built");
        let binary = crate::target_folder()?.join("release/pli");
        let mut child = Command::new(binary).args(["sandbox", "--dir"]).arg(folder).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        ensure!(line.starts_with("sandbox ready"), "the sandbox said {line:?}");
        let json = serde_json::from_slice(&std::fs::read(folder.join("sandbox.json"))?)?;
        Ok(Self { child, folder: folder.to_owned(), json })
    }

    fn value(&self, pointer: &str) -> Result<&serde_json::Value> {
        self.json.pointer(pointer).with_context(|| format!("sandbox.json has no {pointer}"))
    }

    fn text(&self, pointer: &str) -> Result<String> {
        self.value(pointer)?.as_str().map(str::to_owned).with_context(|| format!("sandbox.json: {pointer}"))
    }

    fn pid(&self) -> Result<u32> {
        Ok(u32::try_from(self.value("/operators/0/pid")?.as_u64().context("pid")?)?)
    }

    /// From the listed peer to the first mailbox of the first operator.
    fn load(&self, options: &Options, mode: Connections, messages: usize) -> Result<Load> {
        Ok(Load {
            port: u16::try_from(self.value("/operators/0/ports/smtp")?.as_u64().context("port")?)?,
            certificate: self.folder.join(self.text("/peers/listed/certificate")?),
            key: self.folder.join(self.text("/peers/listed/key")?),
            from: format!("bench@{}", self.text("/peers/listed/domain")?),
            to: self.text("/accounts/0/address")?,
            connections: options.connections,
            messages: messages / options.connections * options.connections,
            size: options.size,
            mode,
        })
    }
}

impl Drop for Pli {
    fn drop(&mut self) {
        let stopped = Command::new("kill").arg(self.child.id().to_string()).status().and_then(|_| self.child.wait());
        if let Err(error) = stopped {
            eprintln!("the sandbox did not stop: {error}");
        }
    }
}
