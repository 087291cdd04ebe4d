//! `pli mailbox export`. The command reads the store itself, beside the node: the files are of the user who asks, and the
//! content of a mailbox crosses no socket. The record says so before the first message is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pli_store::{Mailbox, Store};
use serde_json::{Map, Value};

use crate::admin::effect::Effect;
use crate::admin::mailbox::{self, Ask, Shown, Told};
use crate::admin::{Answer, Request, Visit};
use crate::cli::Globals;
use crate::cli::asking::{Why, beside_the_point, plain_members, print_effect, visit};
use crate::config::{Settings, check_secret_file};
use crate::content::{self, Exported};
use crate::exit::Failure;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// The mailbox
    address: String,
    /// The folder to write to: new, empty, or of an earlier export of this mailbox
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    why: Why,
}

const NOTES: &str = "\
The folder is for its owner only (0700) and on stable storage when the command ends. Into the folder of an earlier export
it writes what is new and removes nothing. Flags and dates are kept, and a folder's keywords, 26 of them at most.";

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    visit(globals, !args.why.dry_run, async |settings, visit| {
        let shown = look(visit, &args.address).await?;
        if args.why.dry_run {
            let mut about = told(&shown.mailbox.address, &args.out, &Exported::default());
            about.insert("messages".to_owned(), shown.messages.into());
            return print_effect(globals, Effect::WouldBeCreated, &[], &[], about);
        }
        let done = write(settings, visit, &args.address, &args.out, &args.why.reason, &shown).await?;
        let outcome = match (done.written + done.renamed, done.written == done.messages) {
            (0, _) if done.messages > 0 => Effect::Unchanged,
            (_, true) => Effect::Created,
            _ => Effect::Changed,
        };
        print_effect(globals, outcome, &[], &[], told(&shown.mailbox.address, &args.out, &done))
    })
}

/// The mailbox, which must not be deleted.
pub(super) async fn look(visit: &Visit<'_>, address: &str) -> Result<Box<Shown>, Failure> {
    let ask = Ask::Show { address: address.to_owned(), reveal: None };
    let Answer::Mailbox(Told::Shown(shown)) = visit.ask(Request::Mailbox(ask), None).await? else {
        return Err(beside_the_point());
    };
    Ok(shown)
}

/// Puts it on record, then writes the files.
pub(super) async fn write(
    settings: &Settings,
    visit: &Visit<'_>,
    address: &str,
    out: &Path,
    reason: &str,
    shown: &Shown,
) -> Result<Exported, Failure> {
    let note = Ask::NoteExport { address: address.to_owned(), reason: reason.to_owned() };
    visit.ask(Request::Mailbox(note), None).await?;
    let (store, mailbox) = open(settings, address).await?;
    let done = content::export(&*store, &mailbox, plain_members(&shown.mailbox), out).await;
    store.close().await;
    Ok(done?)
}

/// The store, to look into, and the mailbox in it.
pub(super) async fn open(settings: &Settings, address: &str) -> Result<(Arc<dyn Store>, Mailbox), Failure> {
    let config = &settings.config.store;
    check_secret_file(&config.master_key)?;
    let store = pli_store::open_read_only(config, crate::clock::clock()).await?;
    if let Some(mailbox) = store.mailbox(&mailbox::address(address)?).await? {
        return Ok((store, mailbox));
    }
    store.close().await;
    Err(mailbox::refusal::unknown(address))
}

/// What is told of an export.
pub(super) fn told(address: &str, out: &Path, done: &Exported) -> Map<String, Value> {
    let mut told = Map::new();
    told.insert("address".to_owned(), address.into());
    told.insert("out".to_owned(), out.display().to_string().into());
    for (name, count) in [
        ("folders", done.folders),
        ("messages", done.messages),
        ("written", done.written),
        ("renamed", done.renamed),
        ("keywords_left_out", done.keywords_left_out),
    ] {
        told.insert(name.to_owned(), count.into());
    }
    told.insert("bytes".to_owned(), done.bytes.into());
    told
}
