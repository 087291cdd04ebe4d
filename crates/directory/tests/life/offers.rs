//! What becomes of lists that a source offers (scenario 13).

use std::sync::Arc;

use pli_directory::{HistoryAction, ListFault, ListRules, NoSigner, Offer, Signature, TrustHandle};

use crate::stage::{Stage, install, lists, refuse};
use crate::support::{at, list, list_of};

#[test]
fn a_newer_list_takes_the_place_of_the_one_in_force() {
    let stage = Stage::new();
    let handle = stage.open();
    assert!(handle.current().is_none() && handle.in_force().is_none());
    install(&handle, &list(8, 0..20), 1);
    let clone = handle.clone();
    let new = list(9, 1..22);
    let Offer::Installed(installed) = handle.offer(new.as_bytes(), "whitelist.xml", at(2)).unwrap() else {
        panic!("installed")
    };
    assert_eq!((installed.entries, installed.domains, installed.certificate_names), (21, 21, 1));
    assert_eq!((installed.changes.added.len(), installed.changes.removed.len()), (2, 1));
    assert_eq!(installed.signature, Signature::None);
    assert!(lists(&clone, "d21.mssante.fr") && !lists(&clone, "d0.mssante.fr"), "one list for all clones");
    let in_force = handle.in_force().unwrap();
    assert_eq!((in_force.installed_at, in_force.confirmed_at, in_force.source), (at(2), at(2), "whitelist.xml".into()));
    assert_eq!(in_force.digest, installed.digest);
}

#[test]
fn the_list_in_force_offered_again_is_a_confirmation() {
    let stage = Stage::new();
    let handle = stage.open();
    install(&handle, &list(8, 0..20), 1);
    assert_eq!(handle.offer(list(8, 0..20).as_bytes(), "again", at(60)), Ok(Offer::Unchanged));
    let in_force = handle.in_force().unwrap();
    assert_eq!((in_force.installed_at, in_force.confirmed_at), (at(1), at(60)));
    handle.confirm(at(90));
    handle.confirm(at(80));
    assert_eq!(handle.in_force().unwrap().confirmed_at, at(90), "it never goes back");
    assert_eq!(handle.history().len(), 1, "nothing happened");
    drop(handle);
    assert_eq!(stage.open().in_force().unwrap().confirmed_at, at(90), "and it survives a restart");
}

#[test]
fn no_unfit_list_takes_the_place_of_the_one_in_force() {
    let stage = Stage::new();
    let handle = stage.open();
    install(&handle, &list(8, 0..20), 1);
    let next = list(9, 0..20);
    let doctype = |subset: &str| next.replace("<ListeB", &format!("<!DOCTYPE l [{subset}]><ListeB"));
    let cases = [
        (next.trim_end().trim_end_matches('>').to_owned(), "list-malformed"),
        ("<html></html>".to_owned(), "list-schema"),
        (next.replace("d7.", "d 7."), "list-schema"),
        (doctype("<!ENTITY x SYSTEM \"file:///etc/hostname\">"), "list-external-entity"),
        (doctype("<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">"), "list-entity-expansion"),
        (list(7, 0..20), "list-older"),
        (list(9, 0..17), "list-lost-domains"),
        (" ".repeat(70 << 20), "list-too-large"),
    ];
    for (bytes, code) in &cases {
        assert_eq!(refuse(&handle, bytes, 2).code(), *code);
    }
    let told: Vec<_> = handle.history().iter().filter_map(|row| row.fault.clone()).collect();
    assert_eq!(told, cases.map(|(_, code)| code), "each has its row");
    assert!(handle.history().iter().all(|row| row.digest.is_some()));
}

#[test]
fn a_list_dated_ahead_gives_way_to_the_next_true_one() {
    let stage = Stage::new();
    let handle = stage.open();
    install(&handle, &list(8, 0..20).replace("2026-", "2099-"), 1);
    let detail = handle.history()[0].detail.clone().unwrap();
    assert!(detail.contains("2099-") && detail.contains("ahead of 2026-"), "{detail}");
    assert_eq!(refuse(&handle, &list(7, 0..20).replace("2026-", "2099-"), 2).code(), "list-older");
    assert_eq!(refuse(&handle, &list(9, 0..21), 2).code(), "list-older");
    install(&handle, &list(9, 0..21).replace("2026-03-14T09:00", "2026-03-15T00:02"), 3);
}

#[test]
fn a_publisher_that_fails_all_day_is_one_row() {
    let stage = Stage::new();
    let handle = stage.open();
    for hour in 0..24 {
        handle.refused(&ListFault::PublisherSlow, "https://publisher.test/list.xml", at(hour * 60));
    }
    let history = handle.history();
    assert_eq!((history.len(), history[0].count, history[0].action), (1, 24, HistoryAction::Refused));
    assert_eq!((history[0].at, history[0].last_at), (at(0), at(23 * 60)));
    assert_eq!(history[0].fault.as_deref(), Some("list-publisher-slow"));
}

#[test]
fn a_list_that_lost_domains_waits_for_an_admin() {
    let stage = Stage::new();
    let handle = stage.open();
    install(&handle, &list(8, 0..100), 1);
    let lost = ListFault::LostDomains { lost: 11, of: 100 };
    assert_eq!(refuse(&handle, &list(9, 11..100), 2), lost);
    assert_eq!(refuse(&handle, &list(9, 11..100), 3), lost, "told each time");
    let held = handle.held().unwrap();
    assert_eq!((held.lost, held.of, held.since), (11, 100, at(2)), "it waits since it came");
    drop(handle);
    assert_eq!(stage.open().held(), Some(held), "a restart does not forget it");
}

#[test]
fn a_held_list_waits_no_more_when_another_is_the_list() {
    let (first, half) = (list(8, 0..100), list(9, 0..50));
    for other in [list(10, 0..100), first.clone()] {
        let stage = Stage::new();
        let handle = stage.open();
        install(&handle, &first, 1);
        refuse(&handle, &half, 2);
        assert!(handle.held().is_some());
        handle.offer(other.as_bytes(), "publisher", at(3)).unwrap();
        assert_eq!(handle.held(), None, "the publisher mended it, or took it back");
    }
}

#[test]
fn offers_from_many_threads_are_taken_one_after_the_other() {
    let handle = TrustHandle::unkept(ListRules { lost_domains_max: 100, ..ListRules::default() }, Arc::new(NoSigner));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let handle = &handle;
            scope.spawn(move || {
                for number in 0..25 {
                    let second = number * 4 + thread;
                    let date = format!("2026-03-14T00:{:02}:{:02}Z", second / 60, second % 60);
                    let list = list_of(&date, &[("a.mssante.fr", "CN=a,C=FR")]);
                    match handle.offer(list.as_bytes(), "thread", at(0)) {
                        Ok(Offer::Installed(_)) | Err(ListFault::Older { .. }) => {}
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
        for _ in 0..1000 {
            if let Some(list) = handle.current() {
                assert_eq!(list.entries(), 1, "a reader sees a whole list");
            }
        }
    });
    assert_eq!(handle.in_force().unwrap().generated_at, "2026-03-14T00:01:39Z".parse().unwrap(), "the newest stays");
    let installed: Vec<_> = handle.history().into_iter().filter(|row| row.action == HistoryAction::Installed).collect();
    assert!(installed.is_sorted_by_key(|row| row.generated_at), "no list ever went back");
}
