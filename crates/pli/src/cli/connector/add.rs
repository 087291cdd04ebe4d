//! `pli connector add`.

use std::path::PathBuf;

use pli_directory::ConnectorConfig;

use super::certificate::{Roles, name_of};
use super::{Globals, address, change, domain};
use crate::admin::connector::Ask;
use crate::exit::Failure;

/// Which, and what it may do.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// Its name here: small letters, digits, dots, hyphens, underscores
    name: String,
    #[command(flatten)]
    certificate: Certificate,
    /// A domain that it may send as, and whose mail without a mailbox here is handed to it; may be given again
    #[arg(long = "domain", value_name = "DOMAIN", value_parser = domain, requires = "host")]
    domains: Vec<String>,
    /// An address of another domain that it may send as; may be given again
    #[arg(long = "address", value_name = "ADDRESS", value_parser = address, required_unless_present = "domains")]
    addresses: Vec<String>,
    /// Where the mail for its domains is handed: a name or an IP address
    #[arg(long, value_name = "HOST", requires = "domains")]
    host: Option<String>,
    /// And at which port [default: 25]
    #[arg(long, value_name = "PORT", requires = "host")]
    port: Option<u16>,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// One of the two.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Certificate {
    /// The subject of its certificate (RFC 4514)
    #[arg(long, value_name = "NAME")]
    certificate_name: Option<String>,
    /// Its certificate, in PEM or DER: judged, and its subject taken
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
}

const NOTES: &str = "\
The server is known by its certificate: what it shows when it brings mail, and what it must show when mail is handed to
it. A file is judged as a node would: it must chain through \"organisations\", hold today, be unrevoked, and be meant for
clients, and for servers too where there is a domain. Only the subject is kept: a renewed certificate of the same subject
counts at once.

The same again changes nothing and says `unchanged`; other values for the same name are a conflict (exit status 4).";

pub(super) fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let roles = if args.domains.is_empty() { Roles::Client } else { Roles::ClientAndServer };
    let certificate_name = match (args.certificate.certificate, args.certificate.certificate_name) {
        (Some(file), _) => name_of(globals, &file, roles)?,
        (None, name) => name.unwrap_or_default(),
    };
    let connector = ConnectorConfig {
        name: args.name,
        certificate_name,
        port: args.host.as_ref().map(|_| args.port.unwrap_or(25)),
        host: args.host,
        domains: args.domains,
        addresses: args.addresses,
    };
    let name = connector.name.clone();
    change(globals, &name, Ask::Add { connector, dry_run: args.dry_run })
}
