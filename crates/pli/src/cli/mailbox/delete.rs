//! `pli mailbox delete`. With `--now` and `--export`: what it holds is written and on stable storage, and nothing has come
//! in since, before anything is removed.

use std::path::{Path, PathBuf};

use super::export;
use crate::admin::mailbox::{Ask, ChangeTold, Now, Step};
use crate::admin::{Request, Visit};
use crate::cli::Globals;
use crate::cli::asking::{Why, visit};
use crate::config::Settings;
use crate::exit::Failure;

/// What it takes.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// The mailbox
    address: String,
    /// Delete it now, without notice: say what becomes of its content
    #[arg(long, requires = "content")]
    now: bool,
    /// Write what it holds to this folder first
    #[arg(long, value_name = "FOLDER", requires = "now", group = "content")]
    export: Option<PathBuf>,
    /// Its content is not wanted
    #[arg(long, requires = "now", group = "content")]
    no_export: bool,
    #[command(flatten)]
    why: Why,
}

const NOTES: &str = "\
Without --now, notice is given: the mailbox works on until the notice ends ([mailbox] notice), and the node deletes it
then; `pli mailbox undelete` withdraws the notice. The address of a deleted mailbox is nobody else's for as long as
[mailbox] address_kept says.";

pub(super) fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let Args { address, now, export, no_export: _, why: Why { reason, dry_run } } = args;
    let order = Order { address: &address, reason: &reason, dry_run };
    visit(globals, !dry_run, async |settings, visit| {
        let told = match export {
            Some(folder) => order.with_export(settings, visit, &folder).await?,
            None => order.delete(visit, now.then_some(Now::NotExported)).await?,
        };
        super::print_change(globals, &told, &address)
    })
}

struct Order<'a> {
    address: &'a str,
    reason: &'a str,
    dry_run: bool,
}

impl Order<'_> {
    async fn delete(&self, visit: &Visit<'_>, now: Option<Now>) -> Result<ChangeTold, Failure> {
        let ask = Ask::Delete {
            address: self.address.to_owned(),
            reason: self.reason.to_owned(),
            now,
            dry_run: self.dry_run,
        };
        super::changed(visit.ask(Request::Mailbox(ask), None).await?)
    }

    /// Twice: first with the mailbox in use, then, closed, what has come in meanwhile. If the first fails, nothing has
    /// changed.
    async fn with_export(&self, settings: &Settings, visit: &Visit<'_>, folder: &Path) -> Result<ChangeTold, Failure> {
        let shown = export::look(visit, self.address).await?;
        if self.dry_run || shown.mailbox.deleted_at.is_some() {
            return self.delete(visit, Some(Now::NotExported)).await;
        }
        export::write(settings, visit, self.address, folder, self.reason, &shown).await?;
        let suspend = Ask::Step {
            address: self.address.to_owned(),
            step: Step::Suspend,
            reason: Some(self.reason.to_owned()),
            dry_run: false,
        };
        visit.ask(Request::Mailbox(suspend), None).await?;
        let done = export::write(settings, visit, self.address, folder, self.reason, &shown).await?;
        self.delete(visit, Some(Now::Exported { mark: done.mark, messages: done.messages })).await
    }
}
