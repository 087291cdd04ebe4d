//! Other programs, run to their end.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};

/// Runs it; its standard output if it succeeded, else an error with what it said.
pub fn succeed(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}: {}", output.status, said(&output));
    Ok(output.stdout)
}

/// Runs it with this on its standard input, however it ends.
pub fn fed(command: &mut Command, input: &[u8]) -> Result<Output> {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().with_context(|| format!("{command:?}"))?;
    let mut stdin = child.stdin.take().context("no input")?;
    let input = input.to_vec();
    // It may end without having read everything.
    let feeding = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output()?;
    feeding.join().ok();
    Ok(output)
}

/// Both outputs as text.
#[must_use]
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
