//! `pli directory pharmacies`: which structures are pharmacies, which the national directory's extraction does not tell.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use pli_store::Pharmacy;
use pli_types::FinessId;
use serde_json::{Map, Value, json};

use crate::admin::dispensation::{Ask, PHARMACIES_MAX, Told};
use crate::admin::{Answer, Request};
use crate::cli::asking::{ask, beside_the_point};
use crate::cli::{Globals, reading, sheet};
use crate::exit::{Exit, Failure};
use crate::output::{self, Listing, SCHEMA_VERSION};

/// Told, or asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// These structures are pharmacies: a FINESS number a line below the header `finess`. Without it, those known are shown
    file: Option<PathBuf>,
    /// No others are, but those that have dispensed
    #[arg(long, requires = "file")]
    all: bool,
    /// Tell what would be done, and do nothing
    #[arg(long, requires = "file")]
    dry_run: bool,
}

/// Structures read at a time.
const PAGE: usize = 1000;

const COLUMNS: &[&str] = &["finess", "told", "dispensed"];

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    match &args.file {
        Some(file) => tell(globals, file, args),
        None => show(globals),
    }
}

fn tell(globals: &Globals, file: &Path, args: &Args) -> Result<(), Failure> {
    let structures = read(file)?;
    let told = if args.dry_run {
        None
    } else {
        let attached = structures.iter().map(FinessId::as_str).collect::<Vec<_>>().join("\n");
        let request = Request::Dispensation(Ask::Pharmacies { all: args.all });
        match ask(globals, request, Some(attached.into_bytes()))? {
            Answer::Dispensation(told) => Some(told),
            _ => return Err(beside_the_point()),
        }
    };
    let count = |of: fn(&Told) -> u64| told.as_ref().map(of);
    let shown = json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": if args.dry_run { "would-be-imported" } else { "imported" },
        "dry_run": args.dry_run,
        "lines": structures.len(),
        "created": count(|told| told.created),
        "changed": count(|told| told.changed),
        "unchanged": count(|told| told.unchanged),
    });
    output::print(&globals.format().object(&shown.as_object().cloned().unwrap_or_default()))
}

/// All of them, or none: a list with a fault in it is not taken.
fn read(file: &Path) -> Result<Vec<FinessId>, Failure> {
    let input = std::fs::File::open(file).map_err(|error| Failure::file(file, &error))?;
    let bytes_max = PHARMACIES_MAX as u64 * 16;
    let mut sheet =
        sheet::Sheet::begin(BufReader::new(input.take(bytes_max)), &["finess"]).map_err(|fault| fault.about(file))?;
    let mut structures = Vec::new();
    while let Some(row) = sheet.next().map_err(|fault| fault.about(file))? {
        let text = row.cell("finess").unwrap_or_default();
        let finess = FinessId::parse(&text).map_err(|_| {
            Failure::told(Exit::Usage, "finess-invalid", &[("text", &text.escape_debug())]).about(&format!(
                "{}: {}",
                file.display(),
                row.line
            ))
        })?;
        structures.push(finess);
        if structures.len() > PHARMACIES_MAX {
            let (file, most) = (file.display(), PHARMACIES_MAX);
            return Err(Failure::told(Exit::Usage, "pharmacies-many", &[("file", &file), ("most", &most)]));
        }
    }
    Ok(structures)
}

fn show(globals: &Globals) -> Result<(), Failure> {
    let known = reading::read(globals, |reading| async move {
        let mut known: Vec<Pharmacy> = Vec::new();
        loop {
            let after = known.last().map(|pharmacy| pharmacy.structure.clone());
            let page = reading.store.pharmacies(after.as_ref(), PAGE).await?;
            let ended = page.len() < PAGE;
            known.extend(page);
            if ended {
                return Ok(known);
            }
        }
    })?;
    output::print(&globals.format().list(&Listing { columns: COLUMNS, rows: known.iter().map(members).collect() }))
}

fn members(pharmacy: &Pharmacy) -> Map<String, Value> {
    let members = json!({
        "schema_version": SCHEMA_VERSION,
        "finess": pharmacy.structure.as_str(),
        "told": pharmacy.told,
        "dispensed": pharmacy.dispensed,
    });
    members.as_object().cloned().unwrap_or_default()
}
