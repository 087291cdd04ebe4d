//! `pli mailbox add`.

use crate::admin::mailbox::{Ask, Attributes, Told, Wish};
use crate::admin::{Answer, Request};
use crate::cli::asking::Trial;
use crate::cli::{Globals, bulk, sheet};
use crate::exit::Failure;
use crate::words::Said;

/// A mailbox, or a file of them.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// Its address
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    address: Option<String>,
    /// Whose it is: a professional's, a team's, a program's, a practice's
    #[arg(
        long = "type",
        value_name = "TYPE",
        required_unless_present = "file",
        conflicts_with = "file",
        value_parser = ["PER", "ORG", "APP", "CAB"]
    )]
    kind: Option<String>,
    #[command(flatten)]
    attributes: Attributes,
    #[command(flatten)]
    source: bulk::Source,
    #[command(flatten)]
    trial: Trial,
}

const NOTES: &str = "\
PER and CAB need --rpps; ORG and APP need --finess or --siret, and --responsible. A mailbox that is there already and is
as wished is told as unchanged. Columns of a file, of which `address` must be there: address;type;rpps;finess;siret;
responsible;service;description;display_name;liste_rouge;digitisation;rank;quota. A row that is refused keeps no other
from being done; run it again after correcting the file: what is done stays as it is.";

const ROWS: bulk::Kind<Wish> = bulk::Kind {
    columns: &[
        "address",
        "type",
        "rpps",
        "finess",
        "siret",
        "responsible",
        "service",
        "description",
        "display_name",
        "liste_rouge",
        "digitisation",
        "rank",
        "quota",
    ],
    read: row,
    request: |dry_run| Request::Mailbox(Ask::AddMany { dry_run }),
    answer: |answer| match answer {
        Answer::Mailbox(Told::Rows { rows }) => Some(rows),
        _ => None,
    },
};

/// Makes one, or many.
pub(super) fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let dry_run = args.trial.dry_run;
    if let Some(file) = &args.source.file {
        return bulk::run(globals, &ROWS, file, args.source.report.as_deref(), dry_run);
    }
    let address = args.address.unwrap_or_default();
    let wish = Wish { address: address.clone(), kind: args.kind, attributes: args.attributes };
    super::change(globals, Ask::Add { wish: Box::new(wish), dry_run }, &address)
}

fn row(row: &sheet::Row<'_>) -> Result<Wish, Said> {
    let rank = row.cell("rank").map(|rank| match rank.parse() {
        Ok(rank @ 1..=99) => Ok(rank),
        _ => Err(Said::new("row-invalid.rank", &[])),
    });
    let attributes = Attributes {
        rpps: row.cell("rpps"),
        finess: row.cell("finess"),
        siret: row.cell("siret"),
        responsible: row.cell("responsible"),
        service: row.cell("service"),
        description: row.cell("description"),
        display_name: row.cell("display_name"),
        liste_rouge: row.yes_or_no("liste_rouge")?,
        digitisation: row.yes_or_no("digitisation")?,
        rank: rank.transpose()?,
        quota: row.cell("quota"),
    };
    Ok(Wish { address: row.cell("address").unwrap_or_default(), kind: row.cell("type"), attributes })
}
