//! `pli serve`.

use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use tracing::level_filters::LevelFilter;

use super::{Globals, runtime};
use crate::exit::{Exit, Failure};
use crate::{logging, wiring};

/// What `serve` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write process id and ports to this file, as JSON, once every listener accepts
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// End when this process, which started us, ends: the operators of a sandbox do not outlive it
    #[arg(long, value_name = "PID", hide = true)]
    parent: Option<i32>,
}

/// Runs a node until SIGTERM or SIGINT.
pub(crate) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    logging::begin(LevelFilter::INFO)?;
    crate::failpoints::arm();
    args.parent.map_or(Ok(()), end_with)?;
    let settings = globals.settings()?;
    let runtime = runtime::many_threads()?;
    let outcome = runtime.block_on(wiring::run(settings, globals.config.clone(), args.ready_file.as_deref()));
    // What shutdown did not wait for any longer is not waited for here either.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// Asks for SIGTERM when the process that started us ends, however it ends.
fn end_with(parent: i32) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| Failure::defect(format!("the end of process {parent} cannot be watched: {error}")))?;
    // It may have ended before the line above.
    if getppid().is_some_and(|pid| pid.as_raw_nonzero().get() == parent) {
        return Ok(());
    }
    Err(Failure::told(Exit::Usage, "parent-gone", &[("parent", &parent)]))
}
