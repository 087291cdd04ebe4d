//! The records by which mail programs find the server (RFC 6186, RFC 8314 §5.1; `_autodiscover` for Outlook): are they
//! published for every hosted domain, and do they name this node's doors?

use futures_util::future::join_all;
use pli_net::{NetError, Resolver, Service};
use pli_types::Domain;

use super::{Finding, Outcome};
use crate::config::{Config, Door};
use crate::exit::Failure;
use crate::words::{Said, Value};

/// The services, and the doors that they lead to.
const SERVICES: [(&str, Door); 5] = [
    ("_imaps._tcp", Door::Imaps),
    ("_imap._tcp", Door::Imap),
    ("_submissions._tcp", Door::Submissions),
    ("_submission._tcp", Door::Submission),
    ("_autodiscover._tcp", Door::Http),
];

/// A record that a domain should have.
struct Wanted<'a> {
    name: String,
    host: &'a str,
    port: u16,
}

/// One line for a domain where all is in order, else one for each record that is not. Ends with the first question that
/// nobody answers.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    match crate::wiring::resolver(&config.dns.servers) {
        Ok(resolver) => each_domain(config, &resolver).await,
        Err(error) => vec![unanswered(error)],
    }
}

async fn each_domain(config: &Config, resolver: &Resolver) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in &config.server.domains {
        let wanted = wanted(config, &name.0);
        let answers = join_all(wanted.iter().map(|record| resolver.services(&record.name))).await;
        match answers.into_iter().collect::<Result<Vec<_>, _>>() {
            Ok(found) => findings.extend(of_domain(&name.0, &wanted, &found)),
            Err(error) => {
                findings.push(unanswered(error));
                break;
            }
        }
    }
    findings
}

/// The records for the doors that are open, as programs see them. Which port 0 will be, nobody knows.
fn wanted<'a>(config: &'a Config, domain: &Domain) -> Vec<Wanted<'a>> {
    let own = |door: Door| {
        let listener = config.listener.each().find(|(open, _)| *open == door)?.1;
        Some(listener.address.port()).filter(|port| *port != 0)
    };
    let host = config.autoconfig.host(config).as_str();
    let record = |(service, door): (&str, Door)| {
        let port = config.autoconfig.port(door, own(door))?;
        Some(Wanted { name: format!("{service}.{domain}"), host, port })
    };
    SERVICES.into_iter().filter_map(record).collect()
}

fn of_domain(domain: &Domain, wanted: &[Wanted<'_>], found: &[Vec<Service>]) -> Vec<Finding> {
    let check = format!("srv.{domain}");
    let amiss: Vec<Finding> = wanted
        .iter()
        .zip(found)
        .filter_map(|(record, found)| fault(record, found))
        .map(|said| Finding::warn(check.clone(), said))
        .collect();
    if amiss.is_empty() && !wanted.is_empty() {
        return vec![Finding::ok(check, Said::new("doctor.srv", &[("records", &wanted.len())]))];
    }
    amiss
}

/// What is wrong with a record. Other servers may stand beside this one.
fn fault(record: &Wanted<'_>, found: &[Service]) -> Option<Said> {
    let Wanted { name, host, port } = record;
    if found.iter().any(|service| service.port == *port && service.host.eq_ignore_ascii_case(host)) {
        return None;
    }
    let line = format!("{name}. 3600 IN SRV 0 1 {port} {host}.");
    if found.is_empty() {
        return Some(Said::new("srv-missing", &[("record", &name), ("line", &line)]));
    }
    let places: Vec<String> = found.iter().map(|service| format!("{}:{}", service.host, service.port)).collect();
    let values: [(&'static str, &dyn std::fmt::Display); 4] =
        [("record", &name), ("found", &places.join(", ")), ("wanted", &format!("{host}:{port}")), ("line", &line)];
    Some(Said::new("srv-elsewhere", &values))
}

fn unanswered(error: NetError) -> Finding {
    let advice = Value::what(Said::new("look-at-dns", &[]));
    Finding::amiss(Outcome::Warn, "srv", &Failure::from(error).advising(advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(host: &str, port: u16) -> Service {
        Service { priority: 0, weight: 1, port, host: host.to_owned() }
    }

    #[test]
    fn a_record_names_this_node_among_others_or_is_told_with_the_line_to_publish() {
        let record = Wanted { name: "_imaps._tcp.a.fr".to_owned(), host: "mss.a.fr", port: 993 };
        let fault = |found: &[Service]| fault(&record, found).map(|said| said.code());
        assert_eq!(fault(&[service("MSS.a.fr", 993)]), None);
        assert_eq!(fault(&[service("other.a.fr", 993), service("mss.a.fr", 993)]), None);
        assert_eq!(fault(&[]), Some("srv-missing"));
        for elsewhere in [service("mss.a.fr", 143), service("other.a.fr", 993), service("", 0)] {
            assert_eq!(fault(&[elsewhere]), Some("srv-elsewhere"));
        }
    }
}
