//! `pli account certificate`.

use std::path::{Path, PathBuf};

use pli_net::{certificate_details, certificates_in};
use pli_store::CredentialKind;

use super::{change, show};
use crate::admin::account::{AccountTold, Ask, Kind};
use crate::cli::Globals;
use crate::cli::asking::{Trial, Why, members};
use crate::exit::{Exit, Failure};
use crate::output::{self, Listing};

/// What can be done with certificates.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Let an account sign in by a certificate of this name
    #[command(after_help = NOTES)]
    Add {
        /// The account
        name: String,
        /// The certificate's subject, as `pli certificate check` shows it
        #[arg(long, value_name = "DN", required_unless_present = "file", conflicts_with = "file")]
        subject: Option<String>,
        /// The certificate, in PEM or DER
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        trial: Trial,
    },
    /// Those of an account
    List {
        /// The account
        name: String,
    },
    /// Take one back; sessions that it opened end
    Revoke {
        /// The account
        name: String,
        /// Its `id` or its subject
        #[arg(value_name = "ID")]
        which: String,
        #[command(flatten)]
        why: Why,
    },
}

const NOTES: &str = "\
A mailbox of type APP opens to a certificate only, whose OU names the mailbox's structure: 1 and its FINESS number, or 3
and its SIRET number. A renewed certificate of the same name needs nothing here.";

const COLUMNS: &[&str] =
    &["id", "label", "mailbox", "certificate", "created_at", "expires_at", "revoked_at", "last_used_at"];

pub(super) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::Add { name, subject, file, trial } => {
            let subject = match file {
                Some(file) => subject_in(&file)?,
                None => subject.unwrap_or_default(),
            };
            change(globals, Ask::CertificateAdd { name: name.clone(), subject, dry_run: trial.dry_run }, &name)
        }
        Command::List { name } => print_list(globals, &show(globals, name, None)?, CredentialKind::Certificate),
        Command::Revoke { name, which, why: Why { reason, dry_run } } => {
            let kind = Kind::Certificate;
            change(globals, Ask::CredentialRevoke { name: name.clone(), kind, which, reason, dry_run }, &name)
        }
    }
}

/// The credentials of one kind.
pub(super) fn print_list(globals: &Globals, account: &AccountTold, kind: CredentialKind) -> Result<(), Failure> {
    let of_kind = account.credentials.iter().filter(|credential| credential.kind == kind);
    let rows = of_kind.map(members).collect();
    output::print(&globals.format().list(&Listing { columns: COLUMNS, rows }))
}

/// The subject of the first certificate in a file.
fn subject_in(file: &Path) -> Result<String, Failure> {
    if let Err(error) = std::fs::metadata(file) {
        return Err(Failure::file(file, &error));
    }
    let ders = certificates_in(file)?;
    let details = ders.first().and_then(|leaf| certificate_details(leaf));
    details
        .map(|details| details.subject.to_string())
        .ok_or_else(|| Failure::told(Exit::Usage, "file-unusable.certificate", &[("path", &file.display())]))
}
