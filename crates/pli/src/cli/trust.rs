//! `pli trust check FILE`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use pli_directory::TrustList;
use serde_json::{Map, Value, json};

use super::Globals;
use crate::exit::Failure;
use crate::output::{self, SCHEMA_VERSION};

/// What can be done with trust lists.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Would this list be put in force? Needs no configuration
    Check {
        /// The list, as published
        file: PathBuf,
    },
}

/// More than any list that the parser takes, so that it is the parser who says that it is too large.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Check { file } => output::print(&globals.format().object(&check(file)?)),
    }
}

fn check(path: &Path) -> Result<Map<String, Value>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|error| Failure::file(path, &error))?;
    let list = TrustList::parse(&bytes).map_err(|fault| {
        let failure = Failure::from(fault);
        Failure { what: format!("{}: {}", path.display(), failure.what), ..failure }
    })?;
    let members = json!({
        "schema_version": SCHEMA_VERSION,
        "file": path,
        "entries": list.entries(),
        "domains": list.domains(),
        "certificate_names": list.certificate_names(),
        "generated_at": list.generated_at().to_string(),
        "signature": "none",
    });
    Ok(members.as_object().cloned().unwrap_or_default())
}
