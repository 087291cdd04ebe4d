//! `pli mailbox list`.

use crate::admin::mailbox::{Ask, Filter, MailboxTold, Told};
use crate::admin::{Answer, Request};
use crate::cli::Globals;
use crate::cli::asking::{Columns, PAGE, members, pages};
use crate::cli::reveal::Reveal;
use crate::exit::Failure;

/// Which are shown: those for which all that is said holds.
#[derive(Debug, clap::Args)]
#[command(after_help = "Deleted mailboxes are shown with `--state deleted` only, as long as their addresses are kept.")]
pub(crate) struct Args {
    #[command(flatten)]
    reveal: Reveal,
    /// At this domain
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = ["PER", "ORG", "APP", "CAB", "PATIENT"])]
    kind: Option<String>,
    /// In this state of their life
    #[arg(
        long,
        value_name = "STATE",
        value_parser = ["created", "published", "unlisted", "suspended", "notice", "deleted"]
    )]
    state: Option<String>,
    /// Of the structure with this FINESS number
    #[arg(long, value_name = "NUMBER", conflicts_with = "siret")]
    finess: Option<String>,
    /// Of the structure with this SIRET number
    #[arg(long, value_name = "NUMBER")]
    siret: Option<String>,
    /// Of the holder with this RPPS number
    #[arg(long, value_name = "NUMBER")]
    rpps: Option<String>,
}

const COLUMNS: Columns = Columns {
    table: &["address", "type", "life", "display_name", "used_bytes", "last_sign_in_at"],
    widths: &[48, 7, 9, 24, 12, 0],
    csv: &[
        "address",
        "type",
        "life",
        "published",
        "liste_rouge",
        "display_name",
        "rpps",
        "finess",
        "siret",
        "responsible",
        "service",
        "description",
        "digitisation",
        "rank",
        "quota_bytes",
        "used_bytes",
        "created_at",
        "last_sign_in_at",
        "suspended_at",
        "notice_ends_at",
        "deleted_at",
    ],
};

/// Prints them as they come.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let filter = Filter {
        domain: args.domain.clone(),
        kind: args.kind.clone(),
        state: args.state.clone(),
        finess: args.finess.clone(),
        siret: args.siret.clone(),
        rpps: args.rpps.clone(),
    };
    let reveal = args.reveal.why();
    let request = |after| {
        let (filter, reveal) = (filter.clone(), reveal.clone());
        Request::Mailbox(Ask::List { filter, after, limit: PAGE, reveal })
    };
    let page = |answer| match answer {
        Answer::Mailbox(Told::Page { rows, next }) => Some((rows, next)),
        _ => None,
    };
    pages(globals, &COLUMNS, reveal.is_some(), request, page, |mailbox: &MailboxTold| members(mailbox))
}
