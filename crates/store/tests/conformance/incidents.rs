//! The register of incidents.

use pli_audit::EventKind;
use pli_store::{Incident, IncidentState, IncidentVersion};

use crate::support::{Backend, Fixture, event};

fn version(at: &Fixture, incident: u64, version: u64, title: &str) -> IncidentVersion {
    let content = Incident {
        title: title.to_owned(),
        state: IncidentState::Open,
        detected_at: at.now(),
        started_at: Some(at.after(-60)),
        ended_at: None,
        facts: "Deux lignes,\n« accentuées »".to_owned(),
        scope: String::new(),
        mailboxes: Some(3),
        persons: None,
        measures: String::new(),
        compromise: "192.0.2.7".to_owned(),
        cnil_told_at: None,
        ans_told_at: Some(at.after(5)),
    };
    IncidentVersion { incident, version, written_at: at.now(), author: "admin".to_owned(), content }
}

pub(crate) async fn every_version_is_kept_and_none_is_written_over(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let write = async |number, one, title| {
        let audit = vec![event(at.id(), EventKind::Changed)];
        at.store.write_incident(version(&at, number, one, title), audit).await.unwrap()
    };
    assert!(!write(2, 1, "a number that is not the next").await);
    assert!(write(1, 1, "one").await);
    assert!(!write(1, 1, "once more").await);
    assert!(!write(1, 3, "a version left out").await);
    assert!(!write(2, 2, "nothing to go on from").await);
    assert!(write(1, 2, "one, later").await);
    assert!(write(2, 1, "two").await);
    let recorded = at.store.entries_from(0, 10).await.unwrap().len();
    assert_eq!(recorded, 3, "what is not written is not on record");
    let at = at.reopen().await;
    let all = at.store.incident(1).await.unwrap();
    assert_eq!(all, [version(&at, 1, 1, "one"), version(&at, 1, 2, "one, later")]);
    let last = at.store.incidents(10).await.unwrap();
    assert_eq!(last, [version(&at, 2, 1, "two"), version(&at, 1, 2, "one, later")]);
    assert_eq!(at.store.incidents(1).await.unwrap().len(), 1);
    assert!(at.store.incident(3).await.unwrap().is_empty());
}
