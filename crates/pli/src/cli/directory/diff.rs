//! `pli directory diff`: our mailboxes beside the copy of the national directory.

use pli_addressbook::Difference;
use pli_types::Domain;
use serde_json::{Map, Value, json};

use super::{Globals, no_copy, read};
use crate::exit::{Exit, Failure};
use crate::output::{Format, Rows, SCHEMA_VERSION};

/// What is compared.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// This hosted domain only
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    domain: Option<Domain>,
}

const NOTES: &str = "\
`missing`: we show it, and the copy does not have it. `extra`: the copy has it, and we do not show it; `why` says the
reason, nothing if there is no such mailbox here. `different`: a column that says something else; case, accents and signs
are not looked at, nor is what our line leaves out. Differences are no failure.";

const COLUMNS: &[&str] = &["difference", "address", "why", "line", "column", "ours", "theirs"];
/// What a table leaves to each.
const WIDTHS: &[usize] = &[10, 44, 12, 4, 20, 32, 0];

fn domain(text: &str) -> Result<Domain, String> {
    Domain::parse(text).map_err(|error| error.to_string())
}

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let hosted = globals.settings()?.hosted_domains();
    let domains = match &args.domain {
        None => hosted,
        Some(domain) if hosted.contains(domain) => vec![domain.clone()],
        Some(domain) => return Err(Failure::told(Exit::Usage, "directory-not-hosted", &[("domain", domain)])),
    };
    let format = globals.format();
    read(globals, async |book| {
        if book.about().is_none() {
            return Err(no_copy());
        }
        let widths = if format == Format::Table { WIDTHS } else { &[] };
        let mut rows = Rows::begin(std::io::stdout().lock(), format, COLUMNS, widths);
        for domain in &domains {
            book.compare(domain, |difference| told(&difference).iter().all(|row| rows.row(row))).await?;
        }
        rows.end()
    })
}

/// A row a column that differs, so that a spreadsheet reads it.
fn told(difference: &Difference) -> Vec<Map<String, Value>> {
    let row = |name: &str, address: &pli_types::MailAddress, more: Value| {
        let row = json!({
            "schema_version": SCHEMA_VERSION, "difference": name, "address": address.reveal(),
            "why": null, "line": null, "column": null, "ours": null, "theirs": null,
        });
        let mut row = row.as_object().cloned().unwrap_or_default();
        row.extend(more.as_object().cloned().unwrap_or_default());
        row
    };
    match difference {
        Difference::Missing(address) => vec![row("missing", address, json!({}))],
        Difference::Extra(address, why) => {
            vec![row("extra", address, json!({"why": why.map(pli_addressbook::Hidden::as_str)}))]
        }
        Difference::Different(address, differing) => {
            let one = |one: &pli_addressbook::Differing| {
                let (ours, theirs) = (said(&one.ours), said(&one.theirs));
                let more = json!({"line": one.line, "column": one.column.member(), "ours": ours, "theirs": theirs});
                row("different", address, more)
            };
            differing.iter().map(one).collect()
        }
    }
}

fn said(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
