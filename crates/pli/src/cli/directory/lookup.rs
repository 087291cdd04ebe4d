//! `pli directory lookup`: asks the state's directory itself.

use pli_directory::extraction::Column;
use pli_directory::fhir::Found;
use pli_types::{RppsId, StructureId};

use super::{Globals, TABLE_COLUMNS, columns_of, runtime};
use crate::annuaire::{Annuaire, Trouble};
use crate::config::AnnuaireConfig;
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Listing};

/// Whom to look for: one of these.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Args {
    /// A mailbox's address, or a part of it with its @
    #[arg(value_name = "ADDRESS", value_parser = part)]
    address: Option<String>,
    /// A professional, by RPPS number
    #[arg(long, value_name = "NUMBER", value_parser = rpps)]
    rpps: Option<RppsId>,
    /// A structure, by FINESS or SIRET number
    #[arg(long, value_name = "NUMBER", value_parser = structure)]
    structure: Option<StructureId>,
}

/// Short parts would find the country.
fn part(text: &str) -> Result<String, String> {
    let fits = text.contains('@') && text.chars().count() >= 4 && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("an address, or a part of one that has an @".to_owned()) }
}

fn rpps(text: &str) -> Result<RppsId, String> {
    RppsId::parse(text).map_err(|error| error.to_string())
}

fn structure(text: &str) -> Result<StructureId, String> {
    StructureId::parse(text).map_err(|error| error.to_string())
}

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let annuaire = Annuaire::new(&configured(globals)?, crate::clock::clock())?;
    let found = runtime::one_thread()?.block_on(ask(&annuaire, args))?;
    if found.is_empty() {
        // Not repeated: what was typed may be a patient's.
        return Err(Failure::told(Exit::NotFound, "directory-unknown.at-the-state", &[]));
    }
    let rows = found.iter().map(|found| columns_of(found.line())).collect::<Result<_, _>>()?;
    let format = globals.format();
    let columns = if format == Format::Table { TABLE_COLUMNS } else { Column::MEMBERS };
    output::print(&format.list(&Listing { columns, rows }))
}

async fn ask(annuaire: &Annuaire, args: &Args) -> Result<Vec<Found>, Trouble> {
    match (&args.address, &args.rpps, &args.structure) {
        (Some(address), ..) => annuaire.by_address(address).await,
        (_, Some(rpps), _) => annuaire.by_holder(rpps).await,
        (_, _, Some(structure)) => annuaire.by_structure(structure).await,
        (None, None, None) => Ok(Vec::new()),
    }
}

/// `[annuaire]`, which a command needs.
pub(super) fn configured(globals: &Globals) -> Result<AnnuaireConfig, Failure> {
    let annuaire = globals.settings()?.config.annuaire;
    annuaire.ok_or_else(|| Failure::told(Exit::Usage, "annuaire-not-configured", &[]))
}
