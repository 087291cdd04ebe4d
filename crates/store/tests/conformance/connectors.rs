//! Connectors.

use pli_audit::{Event, EventKind, Face};
use pli_store::{ConnectorRecord, StoreError};
use pli_types::{DistinguishedName, Domain, MessageId};

use crate::support::{Backend, Fixture, address, is_not_found, placed, refused};

fn hospital(at: &Fixture) -> ConnectorRecord {
    ConnectorRecord {
        name: "hospital".to_owned(),
        certificate_name: DistinguishedName::parse("CN=mta.hospital.test,O=Hôpital d'Été,C=FR").unwrap(),
        domains: ["a.hospital.test", "b.hospital.test"].map(|text| Domain::parse(text).unwrap()).to_vec(),
        addresses: vec![address("Labo@shared.test"), address("pacs@shared.test")],
        server: Some(("mta.hospital.test".to_owned(), 25)),
        added_at: at.now(),
        changed_at: at.now(),
    }
}

/// It sends as one address, and takes no mail.
fn program(at: &Fixture, name: &str, sends_as: &str) -> ConnectorRecord {
    ConnectorRecord {
        name: name.to_owned(),
        certificate_name: DistinguishedName::parse(&format!("CN={name}")).unwrap(),
        domains: Vec::new(),
        addresses: vec![address(sends_as)],
        server: None,
        added_at: at.now(),
        changed_at: at.now(),
    }
}

pub(crate) async fn a_connector_comes_back_as_it_was_kept(backend: &dyn Backend) {
    let at = backend.fresh().await;
    assert_eq!(at.store.connectors().await.unwrap(), []);
    let (one, other) = (program(&at, "analyser", "x@shared.test"), hospital(&at));
    at.store.put_connector(other.clone(), Vec::new()).await.unwrap();
    at.store.put_connector(one.clone(), Vec::new()).await.unwrap();
    let at = at.reopen().await;
    assert_eq!(at.store.connectors().await.unwrap(), [one, other]);
}

pub(crate) async fn a_connector_that_is_put_again_is_changed_as_a_whole(backend: &dyn Backend) {
    let at = backend.fresh().await;
    at.store.put_connector(hospital(&at), Vec::new()).await.unwrap();
    let later = at.after(60);
    let changed =
        ConnectorRecord { added_at: later, changed_at: later, ..program(&at, "hospital", "pacs@shared.test") };
    at.store.put_connector(changed.clone(), Vec::new()).await.unwrap();
    let kept = at.store.connectors().await.unwrap();
    assert_eq!(kept, [ConnectorRecord { added_at: at.now(), ..changed }], "it was added when it was added");
}

pub(crate) async fn a_domain_or_an_address_has_one_connector(backend: &dyn Backend) {
    let at = backend.fresh().await;
    at.store.put_connector(hospital(&at), Vec::new()).await.unwrap();
    let same_address = program(&at, "other", "LABO@shared.test");
    let same_domain = ConnectorRecord { name: "other".to_owned(), addresses: Vec::new(), ..hospital(&at) };
    for other in [same_address, same_domain] {
        refused!(at.store.put_connector(other, Vec::new()).await, StoreError::Conflict(_));
    }
    assert_eq!(at.store.connectors().await.unwrap(), [hospital(&at)]);
}

pub(crate) async fn what_is_done_to_a_connector_is_on_record_and_what_is_refused_is_not(backend: &dyn Backend) {
    let at = backend.fresh().await;
    // Found again by the message that they name, as no connector's event does.
    let event = |detail: &str| {
        let event = placed(Event::new(at.now(), EventKind::Changed, Face::Cli));
        Event { message: Some(MessageId::at(at.now())), detail: Some(detail.into()), ..event }
    };
    let (added, refused, removed) = (event("added"), event("refused"), event("removed"));
    at.store.put_connector(hospital(&at), vec![added.clone()]).await.unwrap();
    let other = program(&at, "other", "labo@shared.test");
    refused!(at.store.put_connector(other, vec![refused.clone()]).await, StoreError::Conflict(_));
    assert!(is_not_found(&at.store.remove_connector("other", at.now(), vec![refused.clone()]).await));
    at.store.remove_connector("hospital", at.now(), vec![removed.clone()]).await.unwrap();
    for (event, kept) in [(added, true), (refused, false), (removed, true)] {
        let found = at.store.events_of(event.message.unwrap()).await.unwrap();
        assert_eq!(found.contains(&event), kept, "{event:?}");
    }
}

pub(crate) async fn what_a_removed_connector_had_is_free_and_its_name_is_known(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let event = || vec![Event::new(at.now(), EventKind::Changed, Face::Cli)];
    assert!(is_not_found(&at.store.remove_connector("hospital", at.now(), event()).await));
    assert!(!at.store.knows_connector("hospital").await.unwrap());
    at.store.put_connector(hospital(&at), Vec::new()).await.unwrap();
    assert!(at.store.knows_connector("hospital").await.unwrap());
    at.store.remove_connector("hospital", at.now(), event()).await.unwrap();
    assert!(is_not_found(&at.store.remove_connector("hospital", at.after(1), event()).await));
    assert!(at.store.knows_connector("hospital").await.unwrap());
    assert_eq!(at.store.connectors().await.unwrap(), []);

    let heir = ConnectorRecord { name: "heir".to_owned(), ..hospital(&at) };
    at.store.put_connector(heir.clone(), Vec::new()).await.unwrap();
    let back =
        ConnectorRecord { added_at: at.after(2), changed_at: at.after(2), ..program(&at, "hospital", "y@shared.test") };
    at.store.put_connector(back.clone(), Vec::new()).await.unwrap();
    assert_eq!(at.store.connectors().await.unwrap(), [heir, back], "of two of one name, each has its own age");
}
