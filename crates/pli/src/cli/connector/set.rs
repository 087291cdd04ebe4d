//! `pli connector set`.

use std::path::PathBuf;

use super::certificate::{Roles, name_of};
use super::{Globals, address, change, domain, one};
use crate::admin::connector::{Ask, Change};
use crate::exit::Failure;

/// Which, and what shall be otherwise.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// Its name
    name: String,
    /// From now on, this is the subject of its certificate (RFC 4514)
    #[arg(long, value_name = "NAME", conflicts_with = "certificate")]
    certificate_name: Option<String>,
    /// From now on, it shows this certificate, in PEM or DER: judged, and its subject taken
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// It may send as this domain, and as no other that is not given too
    #[arg(long = "domain", value_name = "DOMAIN", value_parser = domain)]
    domains: Option<Vec<String>>,
    /// It has no domain any more
    #[arg(long, conflicts_with_all = ["domains", "host", "port"])]
    no_domain: bool,
    /// It may send as this address, and as no other that is not given too
    #[arg(long = "address", value_name = "ADDRESS", value_parser = address)]
    addresses: Option<Vec<String>>,
    /// It has no address any more
    #[arg(long, conflicts_with = "addresses")]
    no_address: bool,
    /// The mail for its domains is handed to this host
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// And at this port
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

const NOTES: &str = "\
What is not given stays. A certificate of another subject takes the place of the one before at once: the one before is
refused at the next MAIL, on open connections too. One of the same subject is no change: the subject is what counts.
Mail that waits for its domains is tried at once.";

pub(super) fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let certificate_name = match (&args.certificate, args.certificate_name) {
        (Some(file), _) => {
            let serves = match &args.domains {
                Some(domains) => !domains.is_empty(),
                None => !args.no_domain && !one(globals, &args.name)?.connector.domains.is_empty(),
            };
            Some(name_of(globals, file, if serves { Roles::ClientAndServer } else { Roles::Client })?)
        }
        (None, name) => name,
    };
    let wanted = Change {
        certificate_name,
        domains: args.domains.or_else(|| args.no_domain.then(Vec::new)),
        addresses: args.addresses.or_else(|| args.no_address.then(Vec::new)),
        host: args.host,
        port: args.port,
    };
    let name = args.name;
    change(globals, &name, Ask::Set { name: name.clone(), change: wanted, dry_run: args.dry_run })
}
