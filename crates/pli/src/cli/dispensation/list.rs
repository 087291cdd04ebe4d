//! `pli dispensation list`.

use pli_store::Dispensing;
use pli_types::{FinessId, Ins};
use serde_json::{Map, Value, json};

use crate::cli::Globals;
use crate::cli::reading::{masker, read};
use crate::cli::reveal::Reveal;
use crate::exit::Failure;
use crate::output::{self, Listing, SCHEMA_VERSION};

/// Of whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    reveal: Reveal,
    /// The patient's INS: 15 characters
    #[arg(long, value_name = "INS", value_parser = ins)]
    patient: Ins,
    /// By this pharmacy only
    #[arg(long, value_name = "NUMBER", value_parser = finess)]
    pharmacy: Option<FinessId>,
}

/// More than a patient can have been dispensed to in the time that is kept.
const ROWS_MAX: usize = 10_000;

const COLUMNS: &[&str] = &["patient", "pharmacy", "date", "reimbursed"];

fn ins(text: &str) -> Result<Ins, String> {
    Ins::parse(text).map_err(|error| error.to_string())
}

fn finess(text: &str) -> Result<FinessId, String> {
    FinessId::parse(text).map_err(|error| error.to_string())
}

/// Prints them.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let masker = masker(globals)?;
    // Looked at for its effect: nothing is shown in clear before that is on record.
    args.reveal.sight(globals, "dispensation list", None, masker.clone())?;
    let patient = match args.reveal.why() {
        Some(_) => args.patient.reveal().to_owned(),
        None => masker.ins(&args.patient),
    };
    let found = read(globals, |reading| async move {
        Ok(reading.store.dispensings(&args.patient, args.pharmacy.as_ref(), ROWS_MAX).await?)
    })?;
    let rows = found.iter().map(|dispensing| members(&patient, dispensing)).collect();
    output::print(&globals.format().list(&Listing { columns: COLUMNS, rows }))
}

fn members(patient: &str, dispensing: &Dispensing) -> Map<String, Value> {
    let members = json!({
        "schema_version": SCHEMA_VERSION,
        "patient": patient,
        "pharmacy": dispensing.pharmacy.as_str(),
        "date": dispensing.on.to_string(),
        "reimbursed": dispensing.reimbursed,
    });
    members.as_object().cloned().unwrap_or_default()
}
