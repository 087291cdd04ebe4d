//! `pli account passwd`. A password is never an argument: those can be read by every process of the machine.

use std::io::{BufRead, IsTerminal, Write};

use pli_store::app_password;
use pli_types::Secret;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::Map;

use super::{changed, print_change};
use crate::admin::account::Ask;
use crate::cli::Globals;
use crate::cli::asking::Trial;
use crate::exit::{Exit, Failure};

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// The account
    name: String,
    /// Have one made, and show it this once
    #[arg(long)]
    generate: bool,
    #[command(flatten)]
    trial: Trial,
}

const NOTES: &str = "\
On a terminal it is asked for twice and not shown; else the first line of standard input is taken. It has 12 characters
at least. A password that the account has already is told as unchanged.";

/// The most bytes of a line that is a password.
const LINE_BYTES_MAX: u64 = 4096;

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let password = if args.generate {
        app_password::generate()?
    } else if std::io::stdin().is_terminal() {
        typed_twice()?
    } else {
        line(std::io::stdin().lock())?
    };
    let ask = Ask::Passwd { name: args.name.clone(), dry_run: args.trial.dry_run };
    let told = changed(globals, ask, Some(password.reveal().clone().into_bytes()))?;
    let mut besides = Map::new();
    if args.generate && !args.trial.dry_run {
        besides.insert("password".to_owned(), password.reveal().as_str().into());
    }
    print_change(globals, &told, &args.name, besides)
}

fn typed_twice() -> Result<Secret<String>, Failure> {
    let silence = Silence::begin()?;
    let first = prompted("New password: ")?;
    let second = prompted("The same again: ")?;
    drop(silence);
    if first.reveal() == second.reveal() {
        return Ok(first);
    }
    Err(Failure::told(Exit::Usage, "password-mistyped", &[]))
}

fn prompted(words: &str) -> Result<Secret<String>, Failure> {
    let mut out = std::io::stderr();
    out.write_all(words.as_bytes()).and_then(|()| out.flush()).ok();
    let typed = line(std::io::stdin().lock());
    out.write_all(b"\n").ok();
    typed
}

fn line(input: impl BufRead) -> Result<Secret<String>, Failure> {
    let mut line = String::new();
    let read = input.take(LINE_BYTES_MAX).read_line(&mut line);
    let line = Secret::new(line);
    let password = line.reveal().trim_end_matches(['\n', '\r']);
    if read.is_err() || password.is_empty() {
        return Err(Failure::told(Exit::Usage, "password-invalid", &[]));
    }
    Ok(Secret::new(password.to_owned()))
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> Result<Self, Failure> {
        let failed = |error: rustix::io::Errno| Failure::told(Exit::Usage, "terminal-unusable", &[("error", &error)]);
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Flush, &silent).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0).ok();
    }
}
