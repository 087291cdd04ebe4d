//! `pli account add`.

use crate::admin::account::{AccountWish, Ask, Told};
use crate::admin::{Answer, Request};
use crate::cli::asking::Trial;
use crate::cli::{Globals, bulk, sheet};
use crate::exit::Failure;
use crate::words::Said;

/// An account, or a file of them.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// The name to sign in with
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    name: Option<String>,
    /// Whose it is: with it, a token of Pro Santé Connect signs in
    #[arg(long, value_name = "NUMBER")]
    rpps: Option<String>,
    /// Who it is, for people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// It is a program's, not a person's
    #[arg(long)]
    program: bool,
    /// A mailbox that it opens; the first one if no other is asked for at sign-in
    #[arg(long = "mailbox", value_name = "ADDRESS")]
    mailboxes: Vec<String>,
    #[command(flatten)]
    source: bulk::Source,
    #[command(flatten)]
    trial: Trial,
}

const NOTES: &str = "\
It can sign in once it has a password (`passwd`), an app password or a certificate, or by its RPPS number. An account
that is there already gets the mailboxes that it lacks. Columns of a file, of which `name` must be there: name;rpps;
display_name;program;mailboxes, the last with commas between addresses.";

const ROWS: bulk::Kind<AccountWish> = bulk::Kind {
    columns: &["name", "rpps", "display_name", "program", "mailboxes"],
    read: row,
    request: |dry_run| Request::Account(Ask::AddMany { dry_run }),
    answer: |answer| match answer {
        Answer::Account(Told::Rows { rows }) => Some(rows),
        _ => None,
    },
};

/// Makes one, or many.
pub(super) fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let dry_run = args.trial.dry_run;
    if let Some(file) = &args.source.file {
        return bulk::run(globals, &ROWS, file, args.source.report.as_deref(), dry_run);
    }
    let Args { name, rpps, display_name, program, mailboxes, .. } = args;
    let name = name.unwrap_or_default();
    let wish = AccountWish { name: name.clone(), rpps, display_name, program, mailboxes };
    super::change(globals, Ask::Add { wish: Box::new(wish), dry_run }, &name)
}

fn row(row: &sheet::Row<'_>) -> Result<AccountWish, Said> {
    let mailboxes = row.cell("mailboxes").unwrap_or_default();
    let mailboxes = mailboxes.split(',').map(str::trim).filter(|address| !address.is_empty());
    Ok(AccountWish {
        name: row.cell("name").unwrap_or_default(),
        rpps: row.cell("rpps"),
        display_name: row.cell("display_name"),
        program: row.yes_or_no("program")?.unwrap_or(false),
        mailboxes: mailboxes.map(str::to_owned).collect(),
    })
}
