//! `pli peer list`.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use pli_directory::{Connector, TrustList};
use pli_mailflow::{PeerRecord, Seen};
use pli_types::{DistinguishedName, Domain, Masker};
use serde_json::{Map, Value, json};

use crate::admin::{self, Answer, Request};
use crate::cli::{Globals, looking, runtime};
use crate::config::read_key;
use crate::connectors::routes_beside_the_node;
use crate::exit::Failure;
use crate::output::{self, Listing, SCHEMA_VERSION};

/// Which are shown.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// Show the operators of the trust list that were never seen too
    #[arg(long)]
    all: bool,
    /// Show the operators of this domain only, seen or not
    #[arg(long, value_name = "DOMAIN", value_parser = super::probe::domain)]
    domain: Option<Domain>,
    /// Show the operators whose certificate's name holds this only, in any case
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
}

const NOTES: &str = "\
Who was seen last comes first. `in` is them bringing mail to us, `out` is us connecting to them. A running node is
asked; without one, it is shown what the last one has written. A row with `proven` false is a certificate that no authority of the trust space has issued: anybody
can make one, in any name.";

/// What a table and CSV show.
const COLUMNS: &[&str] =
    &["name", "proven", "domains", "first_domains", "in_last_seen", "in_outcome", "out_last_seen", "out_outcome"];

/// Domains of one operator that are shown.
const DOMAINS_SHOWN: usize = 3;

/// Does it.
pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let settings = globals.settings()?;
    let config = &settings.config;
    let masker = Masker::new(read_key(&config.server.masking_key)?.reveal());
    // A running node is asked: what it writes to its file is up to a minute old.
    let asked = runtime::one_thread()?.block_on(admin::ask(&settings, Request::PeerList, None))?;
    let Answer::Peers { rows: records } = asked else {
        return Err(Failure::defect("the node answers another question than was asked"));
    };
    let pki = looking::pki(&settings)?;
    let list = looking::trust_in_force(&settings, &pki, crate::clock::clock().now())?.current();
    let routes = runtime::one_thread()?.block_on(routes_beside_the_node(&settings))?;
    let peers = peers(records, known(list.as_deref(), routes.connectors().iter(), &masker));
    let rows = peers.iter().filter(|peer| peer.is_asked_for(args)).map(Peer::members).collect();
    output::print(&globals.format().list(&Listing { columns: COLUMNS, rows }))
}

/// A certificate name: what we know of it, and what was seen of it.
#[derive(Debug)]
struct Peer {
    name: String,
    /// `None` if it was never seen.
    proven: Option<bool>,
    known: Known,
    incoming: Option<Seen>,
    outgoing: Option<Seen>,
}

/// What list and configuration say of a name.
#[derive(Debug, Default)]
struct Known {
    listed: bool,
    /// The name of the connector whose certificate it is.
    connector: Option<String>,
    /// Listed for it, or the connector's. In order.
    domains: BTreeSet<Domain>,
}

/// By names in the form of the book: masked. Two spellings of a name are one.
fn known<'a>(
    list: Option<&TrustList>,
    connectors: impl Iterator<Item = &'a Connector>,
    masker: &Masker,
) -> HashMap<DistinguishedName, Known> {
    let in_the_book = |name: &DistinguishedName| {
        DistinguishedName::parse(&masker.certificate_name(name)).unwrap_or_else(|_| name.clone())
    };
    let mut known: HashMap<DistinguishedName, Known> = HashMap::new();
    for (domain, names) in list.into_iter().flat_map(TrustList::iter) {
        for name in names {
            let known = known.entry(in_the_book(name)).or_default();
            known.listed = true;
            known.domains.insert(domain.clone());
        }
    }
    for connector in connectors {
        let known = known.entry(in_the_book(&connector.certificate_name)).or_default();
        known.connector = Some(connector.name.clone());
        known.domains.extend(connector.domains.iter().cloned());
    }
    known
}

/// Every name that was seen or is known, who was seen last first.
fn peers(records: Vec<PeerRecord>, mut known: HashMap<DistinguishedName, Known>) -> Vec<Peer> {
    let (mut proven, mut peers) = (HashMap::<DistinguishedName, Peer>::new(), Vec::new());
    for record in records {
        // Nothing is known of a certificate that proves nothing, whatever its name.
        let name = DistinguishedName::parse(&record.name).ok().filter(|_| record.proven);
        match name {
            None => peers.push(Peer::seen(record, Known::default())),
            Some(name) => match proven.entry(name) {
                Entry::Occupied(mut peer) => peer.get_mut().merge(record),
                Entry::Vacant(place) => {
                    let known = known.remove(place.key()).unwrap_or_default();
                    place.insert(Peer::seen(record, known));
                }
            },
        }
    }
    peers.extend(proven.into_values());
    peers.extend(known.into_iter().map(|(name, known)| Peer::unseen(name.to_string(), known)));
    peers.sort_by(|a, b| b.last_seen().cmp(&a.last_seen()).then_with(|| a.name.cmp(&b.name)));
    peers
}

impl Peer {
    fn seen(record: PeerRecord, known: Known) -> Self {
        let PeerRecord { name, proven, incoming, outgoing } = record;
        Self { name, proven: Some(proven), known, incoming, outgoing }
    }

    fn unseen(name: String, known: Known) -> Self {
        Self { name, proven: None, known, incoming: None, outgoing: None }
    }
}

impl Peer {
    /// The same name in another spelling.
    fn merge(&mut self, other: PeerRecord) {
        self.incoming = merged(self.incoming.take(), other.incoming);
        self.outgoing = merged(self.outgoing.take(), other.outgoing);
    }

    fn last_seen(&self) -> Option<Timestamp> {
        [&self.incoming, &self.outgoing].into_iter().flatten().map(|seen| seen.last_seen).max()
    }

    fn is_asked_for(&self, args: &Args) -> bool {
        let by_domain = args.domain.as_ref().is_none_or(|domain| self.known.domains.contains(domain));
        let text = args.name.as_ref().map(|text| text.to_lowercase());
        let by_name = text.is_none_or(|text| self.name.to_lowercase().contains(&text));
        let unseen_too = args.all || args.domain.is_some();
        by_domain && by_name && (unseen_too || self.last_seen().is_some())
    }

    fn members(&self) -> Map<String, Value> {
        let first: Vec<&str> = self.known.domains.iter().take(DOMAINS_SHOWN).map(Domain::as_str).collect();
        let mut members = Map::new();
        members.insert("schema_version".to_owned(), json!(SCHEMA_VERSION));
        members.insert("name".to_owned(), json!(self.name));
        members.insert("proven".to_owned(), json!(self.proven));
        members.insert("listed".to_owned(), json!(self.known.listed));
        members.insert("connector".to_owned(), json!(self.known.connector));
        members.insert("domains".to_owned(), json!(self.known.domains.len()));
        members.insert("first_domains".to_owned(), json!(first));
        for (side, seen) in [("in", &self.incoming), ("out", &self.outgoing)] {
            members.extend(side_members(side, seen.as_ref()));
        }
        members
    }
}

/// The counts together, the rest of who was seen later.
fn merged(one: Option<Seen>, other: Option<Seen>) -> Option<Seen> {
    let (one, other) = match (one, other) {
        (Some(one), Some(other)) => (one, other),
        (one, other) => return one.or(other),
    };
    let (first, accepted, refused) = (
        one.first_seen.min(other.first_seen),
        one.accepted.saturating_add(other.accepted),
        one.refused.saturating_add(other.refused),
    );
    let later = if one.last_seen > other.last_seen { one } else { other };
    Some(Seen { first_seen: first, accepted, refused, ..later })
}

/// `in_last_seen` and so on; null where nothing was seen.
fn side_members(side: &str, seen: Option<&Seen>) -> Vec<(String, Value)> {
    let text = |value: fn(&Seen) -> String| seen.map_or(Value::Null, |seen| json!(value(seen)));
    let members = [
        ("first_seen", text(|seen| seen.first_seen.to_string())),
        ("last_seen", text(|seen| seen.last_seen.to_string())),
        ("address", text(|seen| seen.address.to_string())),
        ("tls", text(|seen| seen.tls.clone())),
        ("serial", text(|seen| seen.serial.clone())),
        ("not_after", text(|seen| seen.not_after.to_string())),
        ("outcome", text(|seen| seen.outcome.clone())),
        ("accepted", json!(seen.map_or(0, |seen| seen.accepted))),
        ("refused", json!(seen.map_or(0, |seen| seen.refused))),
    ];
    members.into_iter().map(|(name, value)| (format!("{side}_{name}"), value)).collect()
}

#[cfg(test)]
mod tests {
    use pli_directory::ConnectorServer;

    use super::*;

    fn record(name: &str, proven: bool, last_seen: &str) -> PeerRecord {
        let seen = json!({
            "first_seen": "2026-06-01T00:00:00Z", "last_seen": last_seen, "address": "192.0.2.1", "tls": "TLSv1.3",
            "serial": "01", "not_after": "2027-06-01T00:00:00Z", "outcome": "accepted", "accepted": 3, "refused": 1,
        });
        serde_json::from_value(json!({"name": name, "proven": proven, "in": seen})).unwrap()
    }

    fn list() -> TrustList {
        let entry = |domain: &str, name: &str| {
            format!("<Domaine><Nom>{domain}</Nom><DNCertificatOperateur>{name}</DNCertificatOperateur></Domaine>")
        };
        let entries = [entry("b.fr", "CN=a,C=FR"), entry("a.fr", "CN=a,C=FR"), entry("c.fr", "CN=c,C=FR")].concat();
        let text = format!(
            "<ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">\
             <DateDeGeneration>2026-06-01T00:00:00Z</DateDeGeneration>\
             <ListeDomaines>{entries}</ListeDomaines></ListeBlancheMSSante>"
        );
        TrustList::parse(text.as_bytes()).unwrap()
    }

    /// The list, and a hospital that is not in it.
    fn all_known() -> HashMap<DistinguishedName, Known> {
        let hospital = Connector {
            name: "hospital".to_owned(),
            certificate_name: DistinguishedName::parse("CN=mta,C=FR").unwrap(),
            domains: vec![Domain::parse("h.fr").unwrap()],
            addresses: Vec::new(),
            server: Some(ConnectorServer { host: "mta.h.fr".to_owned(), port: 25 }),
        };
        known(Some(&list()), std::iter::once(&hospital), &Masker::new(&[1; 32]))
    }

    fn args(all: bool, domain: Option<&str>, name: Option<&str>) -> Args {
        Args { all, domain: domain.map(|domain| Domain::parse(domain).unwrap()), name: name.map(str::to_owned) }
    }

    fn names(records: &[PeerRecord], args: &Args) -> Vec<String> {
        let peers = peers(records.to_vec(), all_known());
        peers.into_iter().filter(|peer| peer.is_asked_for(args)).map(|peer| peer.name).collect()
    }

    #[test]
    fn who_was_seen_last_comes_first_and_who_never_was_only_if_asked_for() {
        let records = [record("CN=a,C=FR", true, "2026-06-02T00:00:00Z"), record("CN=z", true, "2026-06-03T00:00:00Z")];
        assert_eq!(names(&records, &args(false, None, None)), ["CN=z", "CN=a,C=FR"]);
        assert_eq!(names(&records, &args(true, None, None)), ["CN=z", "CN=a,C=FR", "CN=c,C=FR", "CN=mta,C=FR"]);
        assert_eq!(names(&records, &args(false, Some("C.fr"), None)), ["CN=c,C=FR"]);
        assert_eq!(names(&records, &args(true, None, Some("cn=A"))), ["CN=a,C=FR"]);
    }

    #[test]
    fn a_row_shows_what_the_list_says_of_a_name() {
        let records = vec![record("CN=a,C=FR", true, "2026-06-02T00:00:00Z")];
        let peers = peers(records, all_known());
        let row = peers[0].members();
        assert_eq!((&row["listed"], &row["domains"]), (&json!(true), &json!(2)));
        assert_eq!(row["first_domains"], json!(["a.fr", "b.fr"]));
        assert_eq!((&row["in_accepted"], &row["out_last_seen"]), (&json!(3), &Value::Null));
        assert!(COLUMNS.iter().all(|column| row.contains_key(*column)));
    }

    #[test]
    fn a_hospitals_own_server_is_told_as_such() {
        let peers = peers(vec![record("CN=mta,C=FR", true, "2026-06-02T00:00:00Z")], all_known());
        let row = peers[0].members();
        assert_eq!((&row["listed"], &row["connector"]), (&json!(false), &json!("hospital")));
        assert_eq!(row["first_domains"], json!(["h.fr"]));
        assert_eq!(names(&[], &args(false, Some("h.fr"), None)), ["CN=mta,C=FR"]);
    }

    #[test]
    fn a_forged_certificate_stands_apart_from_the_operator_whose_name_it_bears() {
        let records =
            [record("CN=a,C=FR", true, "2026-06-02T00:00:00Z"), record("CN=a,C=FR", false, "2026-06-03T00:00:00Z")];
        let peers = peers(records.to_vec(), all_known());
        assert_eq!(peers.len(), 4, "the others were never seen: {peers:?}");
        assert_eq!((peers[0].proven, peers[0].known.listed, peers[0].known.domains.len()), (Some(false), false, 0));
        assert_eq!((peers[1].proven, peers[1].known.listed, peers[1].known.domains.len()), (Some(true), true, 2));
        assert_eq!(peers[2].proven, None);
    }

    #[test]
    fn two_spellings_of_a_name_are_one_row() {
        let records =
            [record("CN=a,C=FR", true, "2026-06-02T00:00:00Z"), record("C=fr,CN=A", true, "2026-06-03T00:00:00Z")];
        let peers = peers(records.to_vec(), all_known());
        let incoming = peers[0].incoming.as_ref().unwrap();
        assert_eq!((incoming.accepted, incoming.last_seen.to_string().as_str()), (6, "2026-06-03T00:00:00Z"));
        assert_eq!(names(&records, &args(false, None, None)).len(), 1);
    }
}
