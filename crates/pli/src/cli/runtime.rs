//! The runtimes that commands run on.

use tokio::runtime::{Builder, Runtime};

use crate::exit::Failure;

/// For what serves others: a thread for each core.
pub(crate) fn many_threads() -> Result<Runtime, Failure> {
    build(&mut Builder::new_multi_thread())
}

/// For one question and its answer.
pub(crate) fn one_thread() -> Result<Runtime, Failure> {
    build(&mut Builder::new_current_thread())
}

fn build(builder: &mut Builder) -> Result<Runtime, Failure> {
    let built = builder.enable_all().build();
    built.map_err(|error| Failure::defect(format!("the runtime cannot be started: {error}")))
}
