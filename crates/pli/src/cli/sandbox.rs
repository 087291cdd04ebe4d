//! `pli sandbox` and `pli demo`.

use pli_sandbox::cli::{DemoArgs, SandboxArgs};
use pli_sandbox::fault::Fault;

use super::runtime;
use crate::exit::{Exit, Failure};

/// Makes a sandbox and runs it until SIGTERM or SIGINT. Needs no configuration.
pub(crate) fn run(args: &SandboxArgs) -> Result<(), Failure> {
    runtime::many_threads()?.block_on(pli_sandbox::cli::sandbox(args)).map_err(|error| failure(&error))
}

/// Plays the story. Needs no configuration.
pub(crate) fn demo(args: &DemoArgs) -> Result<(), Failure> {
    let held = runtime::many_threads()?.block_on(pli_sandbox::cli::demo(args)).map_err(|error| failure(&error))?;
    if held { Ok(()) } else { Err(Failure::defect("a step of the demo does not hold")) }
}

fn failure(error: &anyhow::Error) -> Failure {
    let (exit, key) = match error.downcast_ref::<Fault>() {
        Some(Fault::Usage(_)) => (Exit::Usage, "usage.sandbox"),
        Some(Fault::Taken(_)) => (Exit::Conflict, "conflict.sandbox"),
        None => (Exit::Remote, "sandbox-failed"),
    };
    Failure::told(exit, key, &[("what", &format!("{error:#}"))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_must_act_decides_the_exit_code() {
        let exit = |error: anyhow::Error| failure(&error).exit as u8;
        assert_eq!(exit(Fault::Usage("--nodes".into()).into()), 2);
        assert_eq!(exit(Fault::Taken("another sandbox runs".into()).into()), 4);
        assert_eq!(exit(anyhow::anyhow!("operator pro does not listen")), 5);
    }
}
