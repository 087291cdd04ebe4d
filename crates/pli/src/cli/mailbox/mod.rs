//! `pli mailbox`: the mailboxes of professionals, teams, programs and practices.

mod add;
mod delete;
mod export;
mod import;
mod life;
mod list;
mod set;
mod show;

use super::Globals;
use super::asking::{self, Because, Why, beside_the_point, print_effect};
use super::reveal::Reveal;
use crate::admin::mailbox::{Ask, ChangeTold, Step, Told};
use crate::admin::{Answer, Request};
use crate::exit::Failure;

/// What can be done with mailboxes.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// All of them, by address, or those of a domain, type, state, structure or holder
    List(list::Args),
    /// One: its life, who may open it, what it holds
    Show {
        /// Its address
        address: String,
        #[command(flatten)]
        reveal: Reveal,
    },
    /// Make one, or one for each row of a file
    Add(Box<add::Args>),
    /// Change what is told about one; its address and its type never change
    Set(Box<set::Args>),
    /// Have it shown in the directory
    Publish(Taken<Because>),
    /// Take it out of the directory
    Unpublish(Taken<Why>),
    /// Take no mail for it and let nobody in; open sessions end
    Suspend(Taken<Why>),
    /// Open it again
    Resume(Taken<Because>),
    /// Give notice of its deletion; or, with --now, delete it once its content is safe
    Delete(delete::Args),
    /// Withdraw the notice of its deletion
    Undelete(Taken<Because>),
    /// Write what it holds to a folder: Maildir++, and mailbox.json with what is told about it
    Export(export::Args),
    /// Bring what a Maildir++ holds into it; what is there already stays
    Import(import::Args),
}

/// A mailbox, and what a step in its life takes besides.
#[derive(Debug, clap::Args)]
pub(crate) struct Taken<T: clap::Args> {
    /// Its address
    address: String,
    #[command(flatten)]
    why: T,
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list::run(globals, &args),
        Command::Show { address, reveal } => show::run(globals, address, &reveal),
        Command::Add(args) => add::run(globals, *args),
        Command::Set(args) => set::run(globals, *args),
        Command::Publish(taken) => life::run(globals, Step::Publish, taken),
        Command::Unpublish(taken) => life::run(globals, Step::Unpublish, explained(taken)),
        Command::Suspend(taken) => life::run(globals, Step::Suspend, explained(taken)),
        Command::Resume(taken) => life::run(globals, Step::Resume, taken),
        Command::Delete(args) => delete::run(globals, args),
        Command::Undelete(taken) => life::run(globals, Step::Undelete, taken),
        Command::Export(args) => export::run(globals, &args),
        Command::Import(args) => import::run(globals, &args),
    }
}

fn explained(Taken { address, why }: Taken<Why>) -> Taken<Because> {
    Taken { address, why: Because { reason: Some(why.reason), dry_run: why.dry_run } }
}

/// Asks for a change, and prints what became of it. `address` is what was typed: shown where there is no mailbox yet.
fn change(globals: &Globals, ask: Ask, address: &str) -> Result<(), Failure> {
    let answer = asking::ask(globals, Request::Mailbox(ask), None)?;
    print_change(globals, &changed(answer)?, address)
}

fn changed(answer: Answer) -> Result<ChangeTold, Failure> {
    match answer {
        Answer::Mailbox(Told::Change(told)) => Ok(*told),
        _ => Err(beside_the_point()),
    }
}

fn print_change(globals: &Globals, told: &ChangeTold, address: &str) -> Result<(), Failure> {
    let mut about = serde_json::Map::new();
    match &told.mailbox {
        Some(mailbox) => about.extend(asking::plain_members(mailbox)),
        None => {
            about.insert("address".to_owned(), globals.scrubber()(address).into());
        }
    }
    print_effect(globals, told.outcome, &told.changed, &told.warnings, about)
}
