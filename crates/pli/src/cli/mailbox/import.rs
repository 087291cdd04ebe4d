//! `pli mailbox import`. The command reads the files as the user who asks; the node puts what is missing into the mailbox.

use std::path::PathBuf;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::export;
use crate::admin::effect::Effect;
use crate::admin::mailbox::{Ask, Carried};
use crate::admin::rows::Warning;
use crate::admin::{Request, Visit};
use crate::cli::Globals;
use crate::cli::asking::{Because, print_effect, visit};
use crate::content::{self, Arriving, Imported, Taker};
use crate::exit::Failure;
use crate::words::Said;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// The mailbox
    address: String,
    /// The Maildir++: of `pli mailbox export`, or of another server
    #[arg(long = "in", value_name = "FOLDER")]
    from: PathBuf,
    #[command(flatten)]
    why: Because,
}

const NOTES: &str = "\
A message that lies in its folder already, byte for byte, is not put there again: run it again if it broke off. What is
larger than [limits] message_size or holds a NUL is left out and told.";

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let dry_run = args.why.dry_run;
    visit(globals, !dry_run, async |settings, visit| {
        let shown = export::look(visit, &args.address).await?;
        let (store, mailbox) = export::open(settings, &args.address).await?;
        let bytes_max = settings.config.limits.message_size.bytes();
        let mut taker = ByNode { visit, address: &args.address, dry_run };
        let done = content::import(&*store, &mailbox, &args.from, bytes_max, &mut taker).await;
        store.close().await;
        let done = done?;
        if done.taken > 0 && !dry_run {
            let note =
                Ask::NoteImport { address: args.address.clone(), taken: done.taken, reason: args.why.reason.clone() };
            visit.ask(Request::Mailbox(note), None).await?;
        }
        let outcome = if done.taken + done.folders_made == 0 { Effect::Unchanged } else { Effect::Changed };
        let about = told(&shown.mailbox.address, &args.from.display().to_string(), &done);
        print_effect(globals, outcome.tried_if(dry_run), &[], &warnings(&done), about)
    })
}

/// Has the node put messages into the mailbox.
struct ByNode<'a> {
    visit: &'a Visit<'a>,
    address: &'a str,
    dry_run: bool,
}

#[async_trait(?Send)]
impl Taker for ByNode<'_> {
    async fn folder(&mut self, name: &str, subscribed: bool) -> Result<(), Failure> {
        let ask = Ask::ImportFolder { address: self.address.to_owned(), name: name.to_owned(), subscribed };
        if self.dry_run {
            return Ok(());
        }
        self.visit.ask(Request::Mailbox(ask), None).await.map(drop)
    }

    async fn message(&mut self, arriving: Arriving) -> Result<(), Failure> {
        let Arriving { folder, flags, internal_date, body } = arriving;
        let carried = Carried { folder, flags: Carried::flags(&flags), internal_date };
        if self.dry_run {
            return Ok(());
        }
        let ask = Ask::ImportMessage { address: self.address.to_owned(), carried };
        self.visit.ask(Request::Mailbox(ask), Some(body)).await.map(drop)
    }
}

fn told(address: &str, from: &str, done: &Imported) -> Map<String, Value> {
    let told = json!({
        "address": address,
        "in": from,
        "folders_made": done.folders_made,
        "taken": done.taken,
        "there": done.there,
        "left_out": done.left_out.len(),
    });
    told.as_object().cloned().unwrap_or_default()
}

fn warnings(done: &Imported) -> Vec<Warning> {
    let warning = |(path, why): &(PathBuf, &'static str)| {
        Warning::coded(why, Said::new("import-left-out", &[("path", &path.display())]))
    };
    done.left_out.iter().map(warning).collect()
}
