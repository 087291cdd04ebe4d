//! `pli trust check FILE`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use pli_directory::TrustList;
use serde_json::{Value, json};

use super::Globals;
use crate::exit::Failure;
use crate::output::{self, Format, SCHEMA_VERSION};

/// What can be done with trust lists.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Would this list be put in force? Needs no configuration
    Check {
        /// The list, as published
        file: PathBuf,
    },
}

/// What a signed list holds (XML Signature, §1.3).
const SIGNATURE_NAMESPACE: &[u8] = b"http://www.w3.org/2000/09/xmldsig#";

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Check { file } => tell(globals.format(), file, check(file)?),
    }
}

/// A program reads the verdict, good or bad, on standard output. People read why not on standard error.
fn tell(format: Format, path: &Path, verdict: Result<Value, Failure>) -> Result<(), Failure> {
    let (verdict, failure) = match verdict {
        Ok(verdict) => (verdict, None),
        Err(failure) => (refusal(path, &failure), Some(failure)),
    };
    if failure.is_none() || matches!(format, Format::Json | Format::Jsonl) {
        output::print(&format.object(&verdict.as_object().cloned().unwrap_or_default()))?;
    }
    failure.map_or(Ok(()), Err)
}

fn refusal(path: &Path, failure: &Failure) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "file": path,
        "ok": false,
        "reason": failure.code,
        "detail": failure.what,
    })
}

/// A file that cannot be opened or read is no verdict on a list.
fn check(path: &Path) -> Result<Result<Value, Failure>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(TrustList::BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::file(path, &error))?;
    let parsed = TrustList::parse(&bytes).map_err(|fault| {
        let failure = Failure::from(fault);
        Failure { what: format!("{}: {}", path.display(), failure.what), ..failure }
    });
    Ok(parsed.map(|list| {
        json!({
            "schema_version": SCHEMA_VERSION,
            "file": path,
            "ok": true,
            "entries": list.entries(),
            "domains": list.domains(),
            "certificate_names": list.certificate_names(),
            "generated_at": list.generated_at().to_string(),
            "signature": signature(&bytes),
        })
    }))
}

/// Signatures are not verified yet. A list that has one is not called unsigned for that.
fn signature(list: &[u8]) -> &'static str {
    let signed = list.windows(SIGNATURE_NAMESPACE.len()).any(|window| window == SIGNATURE_NAMESPACE);
    if signed { "unchecked" } else { "none" }
}
