//! `pli certificate check FILE`.

use std::path::{Path, PathBuf};

use pli_net::{CertificateDetails, Pki, PkiConfig, certificate_details, certificates_in};
use pli_policy::Reason;
use pli_types::{CertificateFault, CertificateUse};
use rustls_pki_types::CertificateDer;
use serde_json::{Map, Value, json};

use crate::cli::{Globals, looking, runtime};
use crate::connectors::routes_beside_the_node;
use crate::exit::Failure;
use crate::output::{self, SCHEMA_VERSION};
use crate::words::{self, Said, certificate_fault};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The certificate, in PEM or DER; of several in a file, the first
    file: PathBuf,
    /// Judge it under this root, instead of that of the configuration
    #[arg(long, value_name = "FILE", requires = "organisations")]
    anchor: Option<PathBuf>,
    /// And through this authority
    #[arg(long, value_name = "FILE", requires = "anchor")]
    organisations: Option<PathBuf>,
    /// And under these revocation lists
    #[arg(long, value_name = "FILE", requires = "anchor")]
    crl: Option<PathBuf>,
}

/// Prints what stands in it and what would be thought of it. Fails with the reason's code if it would be refused.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let file = &args.file;
    if let Err(error) = std::fs::metadata(file) {
        return Err(Failure::file(file, &error));
    }
    let none = || Said::new("file-unusable.certificate", &[("path", &file.display())]);
    let ders = certificates_in(file).map_err(|error| Failure::from(error).advising(words::Value::next(none())))?;
    let unreadable = || Failure::defect(format!("{}: a certificate that was read has gone", file.display()));
    let details = ders.first().and_then(|leaf| certificate_details(leaf)).ok_or_else(unreadable)?;
    let mut members = described(file, &details, ders.len());
    let judgement = Judgement::of(globals, args, &ders)?;
    members.extend(judgement.iter().flat_map(Judgement::members));
    output::print(&globals.format().object(&members))?;
    match judgement.and_then(|judgement| judgement.refusal()) {
        None => Ok(()),
        Some((reason, what)) => {
            let said = Said::new("about", &[("subject", &file.display())]).with("fault", what);
            Err(Failure::refused(reason, said))
        }
    }
}

fn described(file: &Path, details: &CertificateDetails, count: usize) -> Map<String, Value> {
    let members = json!({
        "schema_version": SCHEMA_VERSION,
        "file": file,
        "certificates": count,
        "subject": details.subject.to_string(),
        "issuer": details.issuer.to_string(),
        "serial": details.serial,
        "not_before": details.not_before.to_string(),
        "not_after": details.not_after.to_string(),
        "usages": details.usages,
        "key": details.key,
        "dns_names": details.dns_names,
        "crl_points": details.crl_points,
        "fingerprint": details.fingerprint,
    });
    members.as_object().cloned().unwrap_or_default()
}

/// What a node would think of it.
struct Judgement {
    as_client: Result<(), CertificateFault>,
    as_server: Result<(), CertificateFault>,
    /// `None` without a trust list.
    known: Option<Known>,
}

/// What stands for its name.
struct Known {
    domains: Vec<String>,
    connector: Option<String>,
}

impl Judgement {
    /// Under the authorities of the command line, or else of the configuration. `None` if there is neither.
    fn of(globals: &Globals, args: &Args, ders: &[Vec<u8>]) -> Result<Option<Self>, Failure> {
        let now = crate::clock::clock().now();
        let chain: Vec<_> = ders.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let unreadable = || Failure::defect("a certificate that was read has gone");
        let certificate = pli_net::peer::presented(&chain).ok_or_else(unreadable)?;
        let judged = |pki: &Pki, known| Self {
            as_client: pki.judge(&certificate, CertificateUse::Client, now),
            as_server: pki.judge(&certificate, CertificateUse::Server, now),
            known,
        };
        if let (Some(anchor), Some(organisations)) = (&args.anchor, &args.organisations) {
            let mut config = PkiConfig::new(anchor, organisations);
            config.crl.clone_from(&args.crl);
            // Nothing was ever fetched into a folder that is not there.
            let pki = Pki::look(&config, Path::new("/nonexistent"))?;
            return Ok(Some(judged(&pki, None)));
        }
        if !globals.has_configuration() {
            return Ok(None);
        }
        let settings = globals.settings()?;
        let pki = Pki::look(&settings.config.pki, &settings.config.server.state)?;
        let (trust, _) = looking::trust(&settings, &pki, now);
        let routes = runtime::one_thread()?.block_on(routes_beside_the_node(&settings))?;
        let known = trust.current().map(|list| Known {
            domains: list.domains_of(&certificate.subject).iter().map(ToString::to_string).collect(),
            connector: routes.connector(&certificate.subject).map(|connector| connector.name.clone()),
        });
        let mut judgement = judged(&pki, known);
        // `[pki] server_auth_clients`: a listed name's certificate for servers is taken from a client too, unless it is
        // a connector's.
        let known = judgement.known.as_ref();
        let listed = known.is_some_and(|known| !known.domains.is_empty() && known.connector.is_none());
        let for_servers_only = judgement.as_client == Err(CertificateFault::WrongUse) && judgement.as_server.is_ok();
        if settings.config.pki.server_auth_clients && listed && for_servers_only {
            judgement.as_client = Ok(());
        }
        Ok(Some(judgement))
    }

    fn members(&self) -> Map<String, Value> {
        let verdict = |judged: Result<(), CertificateFault>| match judged {
            Ok(()) => "believed",
            Err(fault) => Reason::from(fault).code(),
        };
        let members = json!({
            "as_client": verdict(self.as_client),
            "as_server": verdict(self.as_server),
            "domains": self.known.as_ref().map(|known| &known.domains),
            "connector": self.known.as_ref().and_then(|known| known.connector.as_ref()),
        });
        members.as_object().cloned().unwrap_or_default()
    }

    /// In neither role would it be believed, or nobody knows its name.
    fn refusal(&self) -> Option<(Reason, words::Value)> {
        if let (Err(_), Err(fault)) = (self.as_client, self.as_server) {
            return Some((fault.into(), certificate_fault(fault)));
        }
        let unknown = self.known.as_ref().is_some_and(|known| known.domains.is_empty() && known.connector.is_none());
        let what = || words::Value::what(Said::new("certificate-unknown", &[]));
        unknown.then(|| (Reason::CertificateNotListed, what()))
    }
}
