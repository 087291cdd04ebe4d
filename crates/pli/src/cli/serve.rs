//! `pli serve`.

use std::path::PathBuf;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::{Globals, runtime};
use crate::exit::Failure;
use crate::{logging, wiring};

/// What `serve` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write process id and ports to this file, as JSON, once every listener accepts
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Runs a node until SIGTERM or SIGINT.
pub(crate) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    logging::begin(LevelFilter::INFO)?;
    let settings = globals.settings()?;
    let runtime = runtime::many_threads()?;
    let outcome = runtime.block_on(wiring::run(settings, globals.config.clone(), args.ready_file.as_deref()));
    // What shutdown did not wait for any longer is not waited for here either.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}
