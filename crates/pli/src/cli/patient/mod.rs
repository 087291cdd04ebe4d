//! `pli patient`: patients' spaces, on the node that hosts them.

mod import;
mod run;
mod sheet;

use super::Globals;
use super::asking::{Because, Why, ask, beside_the_point, members, plain_members, print_effect};
use super::reveal::Reveal;
use crate::admin::patient::{Ask, Told};
use crate::admin::{Answer, Request};
use crate::exit::{Exit, Failure};
use crate::output;

/// What can be done with patients' spaces.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Open and close the spaces that a file names, and make those that are new
    Import(import::Args),
    /// One: may he be written to, is he a minor, what his mailbox holds
    Show {
        /// His INS, all 15 characters; `-`: read it from standard input
        #[arg(value_name = "INS")]
        patient: String,
        #[command(flatten)]
        reveal: Reveal,
    },
    /// Let him be written to; a space that is not there is made
    Open {
        /// His INS, all 15 characters; `-`: read it from standard input
        #[arg(value_name = "INS")]
        patient: String,
        #[command(flatten)]
        why: Because,
    },
    /// Let him not be written to any more; he still reads what he has
    Close {
        /// His INS, all 15 characters; `-`: read it from standard input
        #[arg(value_name = "INS")]
        patient: String,
        #[command(flatten)]
        why: Why,
    },
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Import(args) => import::run(globals, args),
        Command::Show { patient, reveal } => show(globals, patient, reveal),
        Command::Open { patient, why: Because { reason, dry_run } } => {
            set(globals, patient, "open", reason.clone(), *dry_run)
        }
        Command::Close { patient, why: Why { reason, dry_run } } => {
            set(globals, patient, "closed", Some(reason.clone()), *dry_run)
        }
    }
}

fn show(globals: &Globals, patient: &str, reveal: &Reveal) -> Result<(), Failure> {
    let request = Request::Patient(Ask::Show { patient: typed(patient)?, reveal: reveal.why() });
    let Answer::Patient(Told::Shown(shown)) = ask(globals, request, None)? else {
        return Err(beside_the_point());
    };
    output::print(&globals.format().object(&members(&shown)))
}

fn set(globals: &Globals, patient: &str, state: &str, reason: Option<String>, dry_run: bool) -> Result<(), Failure> {
    let ask_for = Ask::Set { patient: typed(patient)?, state: state.to_owned(), reason, dry_run };
    let Answer::Patient(Told::Change { outcome, patient, state }) = ask(globals, Request::Patient(ask_for), None)?
    else {
        return Err(beside_the_point());
    };
    let changed: &[String] = if outcome.is_unchanged() { &[] } else { &["state".to_owned()] };
    let about = plain_members(&serde_json::json!({"patient": patient, "state": state}));
    print_effect(globals, outcome, changed, &[], about)
}

/// What stands on the command line is seen by whoever lists processes; standard input is not.
pub(super) fn typed(patient: &str) -> Result<String, Failure> {
    if patient != "-" {
        return Ok(patient.to_owned());
    }
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    read.map_err(|error| Failure::told(Exit::Usage, "standard-input", &[("cause", &error)]))?;
    Ok(line.trim().to_owned())
}
