//! `pli peer probe DOMAIN`.

use std::sync::Arc;
use std::time::Duration;

use pli_directory::Routes;
use pli_mailflow::delivery::probe::{Fault, Finding, Outcome, Party};
use pli_mailflow::{Probe, ProbeReport};
use pli_net::{OwnCertificate, TlsConfig};
use pli_policy::Reason;
use pli_types::{Domain, Masker, Span};
use serde_json::{Map, Value, json};

use crate::alarms::put_pair_right;
use crate::cli::{Globals, looking, runtime};
use crate::config::{Settings, check_secret_file, read_key};
use crate::connectors::routes_beside_the_node;
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Listing, SCHEMA_VERSION};
use crate::wiring;
use crate::words::{self, Said, language};

/// Which one, and how patiently.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// The domain that mail would be for
    #[arg(value_name = "DOMAIN", value_parser = domain)]
    domain: Domain,
    /// How long each step may take, from 100ms to 5m
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = patience)]
    timeout: Span,
}

const NOTES: &str = "\
Runs beside a node or without one: the trust list is the one that the node has kept, or that of the configuration. The
server hears EHLO, STARTTLS, EHLO, MAIL FROM:<postmaster@one of our domains>, RSET and QUIT, over at most five
connections; no recipient is named and no message sent. A server that has not proven who it is hears nothing under TLS.

Outcomes: `ok`; `warning`, mail passes but it is not as it should be; `fail`, mail does not pass; `skipped`.
Exit status: 0 without a failing step, 1 if a rule of ours forbids the delivery (the server's certificate is not
believed or not listed for the domain, or no trust list is in force), 3 if the domain is not listed, 5 if the server
cannot be reached, offers no TLS or takes no mail from us.";

pub(super) fn domain(text: &str) -> Result<Domain, String> {
    // With the dot at its end, a name is written as the DNS writes it.
    Domain::parse(text.strip_suffix('.').unwrap_or(text)).map_err(|error| error.to_string())
}

pub(in crate::cli) fn patience(text: &str) -> Result<Span, String> {
    let span: Span = text.parse()?;
    if (Duration::from_millis(100)..=Duration::from_mins(5)).contains(&span.get()) {
        Ok(span)
    } else {
        Err("from 100ms to 5m".to_owned())
    }
}

/// Does it.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let settings = globals.settings()?;
    let routes = runtime::one_thread()?.block_on(routes_beside_the_node(&settings))?;
    let probe = probe(&settings, routes, args.timeout.get())?;
    let report = runtime::one_thread()?.block_on(probe.walk(&args.domain));
    output::print(&print(globals.format(), &report, &probe.masker))?;
    report.first_failure().map_or(Ok(()), |finding| Err(failure(finding)))
}

/// What a node would know, read beside it.
pub(in crate::cli) fn probe(settings: &Settings, routes: Arc<Routes>, patience: Duration) -> Result<Probe, Failure> {
    let (config, clock) = (&settings.config, crate::clock::clock());
    check_secret_file(&config.tls.key)?;
    let pki = looking::pki(settings)?;
    Ok(Probe {
        server_name: config.server.name.0.to_string(),
        hosted_domains: settings.hosted_domains(),
        list: looking::trust_in_force(settings, &pki, clock.now())?.current(),
        pki,
        routes,
        resolver: wiring::resolver(&config.dns.servers)?,
        port: config.delivery.port,
        own: own(&config.tls)?,
        masker: Masker::new(read_key(&config.server.masking_key)?.reveal()),
        clock,
        patience,
    })
}

/// A probe is a delivery as far as MAIL, and a delivery shows our certificate.
fn own(files: &TlsConfig) -> Result<OwnCertificate, Failure> {
    OwnCertificate::load(files).map_err(|error| {
        let failure = Failure::from(error);
        let said = Said::new("no-probe-without-certificate", &[]).with("fault", failure.what_value());
        Failure::saying(failure.exit, failure.code, said.with("advice", put_pair_right()))
    })
}

const COLUMNS: &[&str] = &["step", "outcome", "milliseconds", "reason", "detail"];

/// For people and CSV a line a step; for programs one object.
pub(in crate::cli) fn print(format: Format, report: &ProbeReport, masker: &Masker) -> String {
    let steps = Listing { columns: COLUMNS, rows: report.findings.iter().map(members).collect() };
    match format {
        Format::Csv => format.list(&steps),
        // What failed is told on standard error.
        Format::Table => {
            let warning = report.first_warning().filter(|_| report.first_failure().is_none());
            let told = warning.and_then(|finding| finding.fault.map(|fault| warning_text(finding, fault)));
            format.list(&steps) + &told.unwrap_or_default()
        }
        Format::Json | Format::Jsonl => {
            let object = json!({
                "schema_version": SCHEMA_VERSION,
                "domain": masker.scrub(report.domain.as_str()),
                "ok": report.first_failure().is_none(),
                "steps": steps.rows,
                "first_failure": report.first_failure().map(explained),
                "first_warning": report.first_warning().map(explained),
            });
            format.object(object.as_object().unwrap_or(&Map::new()))
        }
    }
}

fn members(finding: &Finding) -> Map<String, Value> {
    let members = json!({
        "step": finding.step.code(),
        "outcome": finding.outcome.code(),
        "detail": finding.detail,
        "reason": finding.reason().map(Reason::code),
        "milliseconds": u64::try_from(finding.took.as_millis()).unwrap_or(u64::MAX),
    });
    members.as_object().cloned().unwrap_or_default()
}

fn explained(finding: &Finding) -> Value {
    let mut members = members(finding);
    if let Some(fault) = finding.fault {
        members.insert("meaning".to_owned(), json!(fault.means()));
        members.insert("who".to_owned(), json!(fault.who().code()));
        members.insert("next".to_owned(), json!(fault.next()));
        if let Fault::MailRefused(named) = fault {
            members.insert("peer_reason".to_owned(), json!(named.map(Reason::code)));
        }
    }
    Value::Object(members)
}

fn warning_text(finding: &Finding, fault: Fault) -> String {
    let (told, language) = (told(finding, fault), language());
    Said::new("warning", &[("what", &told.what(language)), ("next", &told.next(language))]).what(language)
}

/// What was seen, what that means, and who must do what.
fn told(finding: &Finding, fault: Fault) -> Said {
    let who = match fault.who() {
        Party::They => Said::new("they-must-act", &[]),
        Party::We => Said::new("we-must-act", &[]),
    };
    let seen = finding.detail.trim_end_matches('.');
    let said = Said::new("step", &[("step", &finding.step.code()), ("seen", &seen)]);
    let said = said.with("meaning", words::Value::phrase(fault.means())).with("who", words::Value::what(who));
    said.with("advice", words::Value::phrase(fault.next()))
}

/// The first failing step, explained.
pub(in crate::cli) fn failure(finding: &Finding) -> Failure {
    debug_assert_eq!(finding.outcome, Outcome::Fail);
    let Some((fault, reason)) = finding.fault.zip(finding.reason()) else {
        return Failure::defect("a step failed without a fault");
    };
    Failure::saying(exit(fault), reason.code(), told(finding, fault))
}

fn exit(fault: Fault) -> Exit {
    match fault.reason() {
        // Whatever reason it names, it is the other side that takes nothing.
        _ if matches!(fault, Fault::MailRefused(_)) => Exit::Remote,
        Reason::RecipientDomainNotListed => Exit::NotFound,
        Reason::PeerUnreachable | Reason::PeerTls | Reason::PeerRefused => Exit::Remote,
        _ => Exit::Refused,
    }
}

#[cfg(test)]
mod tests {
    use pli_mailflow::delivery::probe::Step;
    use pli_types::CertificateFault;

    use super::*;

    fn finding(outcome: Outcome, fault: Fault) -> Finding {
        let detail = "550 no".to_owned();
        Finding { step: Step::Mail, outcome, detail, fault: Some(fault), took: Duration::from_millis(12) }
    }

    fn masker() -> Masker {
        Masker::new(&[7; 32])
    }

    fn report(outcome: Outcome, fault: Fault) -> ProbeReport {
        ProbeReport { domain: domain("a.fr").unwrap(), findings: vec![finding(outcome, fault)] }
    }

    #[test]
    fn who_must_act_decides_the_exit_code() {
        for (fault, exit, code) in [
            (Fault::NotListed, 3, "recipient-domain-not-listed"),
            (Fault::NoList, 1, "list-unavailable"),
            (Fault::Certificate(CertificateFault::Revoked), 1, "certificate-revoked"),
            (Fault::Certificate(CertificateFault::RevocationUnknown), 1, "revocation-unknown"),
            (Fault::OtherName, 1, "peer-certificate-not-listed"),
            (Fault::NoConnection, 5, "peer-unreachable"),
            (Fault::NoStarttls, 5, "peer-tls"),
            (Fault::MailRefused(None), 5, "peer-refused"),
            (Fault::MailRefused(Some(Reason::CertificateNotListed)), 5, "certificate-not-listed"),
        ] {
            let failure = failure(&finding(Outcome::Fail, fault));
            assert_eq!((failure.exit as u8, failure.code), (exit, code), "{fault:?}");
        }
    }

    #[test]
    fn the_first_failure_is_explained_to_people_and_programs() {
        let fault = Fault::MailRefused(Some(Reason::CertificateNotListed));
        let text = failure(&finding(Outcome::Fail, fault)).to_string();
        assert!(text.starts_with("error[certificate-not-listed]: mail: 550 no. "), "{text}");
        assert!(text.contains("\n  next: we must act. "), "{text}");
        let printed: Value =
            serde_json::from_str(&print(Format::Json, &report(Outcome::Fail, fault), &masker())).unwrap();
        assert_eq!(printed["ok"], false);
        let first = &printed["first_failure"];
        assert_eq!((&first["who"], &first["peer_reason"]), (&json!("we"), &json!("certificate-not-listed")));
        assert_eq!((&printed["steps"][0]["milliseconds"], &printed["first_warning"]), (&json!(12), &Value::Null));
    }

    #[test]
    fn a_warning_is_explained_where_nothing_failed() {
        let text = print(Format::Table, &report(Outcome::Warning, Fault::NoTls12), &masker());
        assert!(text.contains("\nwarning: mail: 550 no. The "), "{text}");
        assert!(text.ends_with("TLS 1.3 besides.\n"), "{text}");
    }

    #[test]
    fn patience_has_bounds() {
        for (text, taken) in
            [("20s", true), ("100ms", true), ("5m", true), ("99ms", false), ("6m", false), ("9", false)]
        {
            assert_eq!(patience(text).is_ok(), taken, "{text}");
        }
    }
}
