//! `pli account app-password`.

use jiff::Timestamp;
use pli_store::CredentialKind;

use super::{certificate::print_list, change, show};
use crate::admin::account::{Ask, Kind, NewAppPassword};
use crate::cli::Globals;
use crate::cli::asking::{Trial, Why};
use crate::exit::Failure;

/// What can be done with app passwords.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make one for a program and a mailbox; it is shown this once, and the mailbox's address is the name to sign in with
    Add {
        /// The account
        name: String,
        /// The mailbox that it opens, and no other
        #[arg(long, value_name = "ADDRESS")]
        mailbox: String,
        /// What it is for: `Thunderbird, desk`
        #[arg(long, value_name = "TEXT")]
        label: String,
        /// When it ends, as in 2027-01-01T00:00:00Z; without it, when it is taken back
        #[arg(long, value_name = "TIME")]
        expires: Option<Timestamp>,
        #[command(flatten)]
        trial: Trial,
    },
    /// Those of an account, without what is secret about them
    List {
        /// The account
        name: String,
    },
    /// Take one back; sessions that it opened end
    Revoke {
        /// The account
        name: String,
        /// Its `id` or its label
        #[arg(value_name = "ID")]
        which: String,
        #[command(flatten)]
        why: Why,
    },
}

pub(super) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::Add { name, mailbox, label, expires, trial } => {
            let new = NewAppPassword { mailbox, label, expires_at: expires };
            change(globals, Ask::AppPasswordAdd { name: name.clone(), new, dry_run: trial.dry_run }, &name)
        }
        Command::List { name } => print_list(globals, &show(globals, name, None)?, CredentialKind::AppPassword),
        Command::Revoke { name, which, why: Why { reason, dry_run } } => {
            let kind = Kind::AppPassword;
            change(globals, Ask::CredentialRevoke { name: name.clone(), kind, which, reason, dry_run }, &name)
        }
    }
}
