//! `pli connector show`.

use std::sync::Arc;

use pli_directory::{Connector, Routes};
use pli_mailflow::ProbeReport;
use pli_types::{Domain, Masker, Span};
use serde_json::{Map, Value, json};

use super::{Globals, members_of, one};
use crate::admin::connector::Row;
use crate::cli::peer::probe;
use crate::cli::runtime;
use crate::exit::{Exit, Failure};
use crate::output::{self, Format};

/// Which.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// Its name
    name: String,
    /// Walk the way of a message to its server, step by step, and send none
    #[arg(long)]
    probe: bool,
    /// How long each step of the probe may take, from 100ms to 5m
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = probe::patience)]
    timeout: Span,
}

const NOTES: &str = "\
--probe connects as a delivery would: it must reach the server, hear STARTTLS, shake hands, and see a certificate that
is believed and has the connector's subject. The server hears EHLO, STARTTLS, EHLO, MAIL, RSET and QUIT over at most five
connections. What fails first is told with who must act (exit status 5). The steps are those of `pli peer probe`.

Warnings tell what keeps mail from passing elsewhere, or answers from coming back.";

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let row = one(globals, &args.name)?;
    if !args.probe {
        return output::print(&globals.format().object(&members_of(&row, globals.format())));
    }
    let (report, masker) = probed(globals, &row, args)?;
    output::print(&print(globals.format(), &row, &report, &masker))?;
    // Whatever it is, mail for the hospital does not pass, and it is not for us alone to mend.
    report.first_failure().map_or(Ok(()), |finding| {
        let mut failure = probe::failure(finding);
        failure.exit = Exit::Remote;
        Err(failure)
    })
}

fn probed(globals: &Globals, row: &Row, args: &Args) -> Result<(ProbeReport, Masker), Failure> {
    let settings = globals.settings()?;
    let connector = Connector::checked(&row.connector).map_err(Failure::defect)?;
    let none = || Failure::told(Exit::Conflict, "connector-without-server", &[("name", &args.name)]);
    let domain: Domain = connector.domains.first().cloned().ok_or_else(none)?;
    let routes = Routes::with(vec![connector], &[]).map_err(Failure::defect)?;
    let probe = probe::probe(&settings, Arc::new(routes), args.timeout.get())?;
    let report = runtime::one_thread()?.block_on(probe.walk(&domain));
    Ok((report, probe.masker))
}

/// For programs one object; for people and CSV, the steps below the connector.
fn print(format: Format, row: &Row, report: &ProbeReport, masker: &Masker) -> String {
    let mut members = members_of(row, format);
    match format {
        Format::Table => format!("{}\n{}", format.object(&members), probe::print(format, report, masker)),
        Format::Csv => probe::print(format, report, masker),
        Format::Json | Format::Jsonl => {
            let told: Value = serde_json::from_str(&probe::print(format, report, masker)).unwrap_or(Value::Null);
            let told: Map<String, Value> = told.as_object().cloned().unwrap_or_default();
            members.insert("probe".to_owned(), json!(told));
            format.object(&members)
        }
    }
}
