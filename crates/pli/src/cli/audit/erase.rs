//! `pli audit erase`: a patient is forgotten.

use crate::admin::record::{Ask, Told};
use crate::admin::{Answer, Request};
use crate::cli::Globals;
use crate::cli::asking::{Why, ask, beside_the_point, plain_members, print_effect};
use crate::cli::patient::typed;
use crate::exit::Failure;

/// What `erase` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// His INS, all 15 characters; `-`: read it from standard input
    #[arg(long, value_name = "INS")]
    ins: String,
    /// Although what is on record about him is to be kept for longer: the law asks for it; the record says so
    #[arg(long)]
    before_time: bool,
    #[command(flatten)]
    why: Why,
}

pub(crate) const NOTES: &str = "\
Refused while a mailbox, a space, an account, queued mail or a notice of his is in use, and while what is on record about
him is to be kept ([audit] mail_kept, access_kept). Nothing brings back what is erased. docs/audit.md lists what goes.";

/// Does it.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let Why { reason, dry_run } = args.why.clone();
    let (patient, before_time) = (typed(&args.ins)?, args.before_time);
    let request = Request::Audit(Ask::Erase { patient, reason, before_time, dry_run });
    let Answer::Audit(told) = ask(globals, request, None)? else { return Err(beside_the_point()) };
    let Told { outcome, rows, .. } = &told;
    let changed: Vec<String> = rows.keys().cloned().collect();
    let mut about = plain_members(&told);
    about.remove("outcome");
    print_effect(globals, *outcome, &changed, &[], about)
}
