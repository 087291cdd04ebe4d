//! The clock, and the name servers.

use jiff::{SignedDuration, Timestamp};
use pli_directory::{Route, TrustList};
use pli_net::NetError;

use super::{Finding, Outcome};
use crate::cli::looking;
use crate::config::Settings;
use crate::exit::Failure;
use crate::words::{Said, Value};

/// A list is made before it is read. What is more than that was made by another clock.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(1);

/// Both, held against the list in force.
pub(super) async fn look(settings: &Settings, now: Timestamp) -> [Finding; 2] {
    let list = crate::admin::pki(settings).ok().and_then(|pki| looking::trust(settings, &pki, now).0.current());
    [clock(list.as_deref(), now), name_servers(settings, list.as_deref()).await]
}

/// Does the list in force come from the future? Then certificates and revocation lists are judged at a wrong time too.
fn clock(list: Option<&TrustList>, now: Timestamp) -> Finding {
    match list.map(TrustList::generated_at) {
        Some(made) if made.duration_since(now) > AHEAD_MAX => {
            let now = format!("{now:.0}");
            Finding::fail("clock", Said::new("clock-behind", &[("now", &now), ("made", &made)]))
        }
        _ => Finding::ok("clock", Said::new("doctor.clock", &[("now", &format!("{now:.0}"))])),
    }
}

/// Asks for the server's own name: that there is no such name is an answer too.
async fn name_servers(settings: &Settings, list: Option<&TrustList>) -> Finding {
    let name = settings.config.server.name.0.as_str();
    let answer = match crate::wiring::resolver(&settings.config.dns.servers) {
        Ok(resolver) => resolver.addresses(name).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(addresses) => {
            let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            Finding::ok("dns", Said::new("doctor.dns", &[("name", &name), ("addresses", &addresses.join(", "))]))
        }
        Err(NetError::NoHost(what)) => Finding::ok("dns", Said::new("doctor.dns-none", &[("told", &what)])),
        Err(error) => {
            let outcome = if needed(settings, list) { Outcome::Fail } else { Outcome::Warn };
            let advice = Value::what(Said::new("look-at-dns", &[]));
            Finding::amiss(outcome, "dns", &Failure::from(error).advising(advice))
        }
    }
}

/// Is there a domain whose server only the DNS knows?
fn needed(settings: &Settings, list: Option<&TrustList>) -> bool {
    let hosted = settings.hosted_domains();
    let by_dns = |list: &TrustList| {
        list.iter_domains().any(|domain| !hosted.contains(domain) && settings.routes.route(domain) == Route::Mx)
    };
    list.is_none_or(by_dns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_from_the_future_tells_of_a_wrong_clock() {
        let text = "<ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">\
             <DateDeGeneration>2026-03-14T12:00:00Z</DateDeGeneration><ListeDomaines><Domaine><Nom>a.mssante.fr</Nom>\
             <DNCertificatOperateur>CN=mss.a.fr,C=FR</DNCertificatOperateur></Domaine></ListeDomaines>\
             </ListeBlancheMSSante>";
        let list = TrustList::parse(text.as_bytes()).unwrap();
        for (now, code) in [
            ("2026-03-14T12:00:00Z", None),
            ("2026-03-14T11:00:00Z", None),
            ("2026-03-14T10:59:59Z", Some("clock-behind")),
        ] {
            assert_eq!(clock(Some(&list), now.parse().unwrap()).code.as_deref(), code, "{now}");
        }
        assert_eq!(clock(None, Timestamp::UNIX_EPOCH).code, None);
    }
}
