//! `pli account`: who signs in, by what, and which mailboxes that opens.

mod add;
mod app_password;
mod certificate;
mod grant;
mod list;
mod passwd;
mod set;

use serde_json::{Map, Value, json};

use super::Globals;
use super::asking::{self, Why, beside_the_point, members, print_effect};
use super::reveal::Reveal;
use crate::admin::account::{AccountTold, Ask, ChangeTold, Told};
use crate::admin::{Answer, Request};
use crate::exit::Failure;
use crate::output;

/// What can be done with accounts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// All of them, by name
    List {
        #[command(flatten)]
        reveal: Reveal,
    },
    /// One: the mailboxes that it opens, and what it may sign in by
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        reveal: Reveal,
    },
    /// Make one, or one for each row of a file
    Add(add::Args),
    /// Change what is told about one, or whether it may sign in
    Set(set::Args),
    /// Remove one with all that it may sign in by; its mailboxes stay
    Rm {
        /// Its name
        name: String,
        #[command(flatten)]
        why: Why,
    },
    /// Open a mailbox to one
    Grant(grant::Args),
    /// Close a mailbox to one; its app passwords for that mailbox end
    Revoke(grant::RevokeArgs),
    /// Give one a new password: typed, read from standard input, or made
    Passwd(passwd::Args),
    /// Passwords for one program and one mailbox each
    #[command(subcommand)]
    AppPassword(app_password::Command),
    /// Certificates to sign in by
    #[command(subcommand)]
    Certificate(certificate::Command),
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { reveal } => list::run(globals, &reveal),
        Command::Show { name, reveal } => {
            let shown = show(globals, name, reveal.why())?;
            output::print(&globals.format().object(&members(&shown)))
        }
        Command::Add(args) => add::run(globals, args),
        Command::Set(args) => set::run(globals, args),
        Command::Rm { name, why } => {
            let ask = Ask::Remove { name: name.clone(), reason: why.reason, dry_run: why.dry_run };
            change(globals, ask, &name)
        }
        Command::Grant(args) => grant::run(globals, args),
        Command::Revoke(args) => grant::revoke(globals, args),
        Command::Passwd(args) => passwd::run(globals, &args),
        Command::AppPassword(command) => app_password::run(globals, command),
        Command::Certificate(command) => certificate::run(globals, command),
    }
}

/// One account; `reveal` is why identifiers are to be in clear.
fn show(globals: &Globals, name: String, reveal: Option<String>) -> Result<AccountTold, Failure> {
    match asking::ask(globals, Request::Account(Ask::Show { name, reveal }), None)? {
        Answer::Account(Told::Shown(shown)) => Ok(*shown),
        _ => Err(beside_the_point()),
    }
}

/// Asks for a change, and prints what became of it. `name` is what was typed: shown where there is no account.
fn change(globals: &Globals, ask: Ask, name: &str) -> Result<(), Failure> {
    let told = changed(globals, ask, None)?;
    print_change(globals, &told, name, Map::new())
}

fn changed(globals: &Globals, ask: Ask, attached: Option<Vec<u8>>) -> Result<ChangeTold, Failure> {
    match asking::ask(globals, Request::Account(ask), attached)? {
        Answer::Account(Told::Change(told)) => Ok(*told),
        _ => Err(beside_the_point()),
    }
}

fn print_change(globals: &Globals, told: &ChangeTold, name: &str, besides: Map<String, Value>) -> Result<(), Failure> {
    let mut about = Map::new();
    match &told.account {
        Some(account) => {
            about.insert("name".to_owned(), account.name.as_str().into());
            about.insert("disabled".to_owned(), account.disabled.into());
            about.insert("mailboxes".to_owned(), json!(account.mailboxes));
        }
        None => {
            about.insert("name".to_owned(), globals.scrubber()(name).into());
        }
    }
    if let Some(credential) = &told.credential {
        about.insert("credential".to_owned(), json!(credential));
    }
    if let Some(secret) = &told.secret {
        about.insert("secret".to_owned(), secret.0.as_str().into());
    }
    about.extend(besides);
    print_effect(globals, told.outcome, &told.changed, &told.warnings, about)
}
