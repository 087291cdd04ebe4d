//! What an admin does: install what is held, go back, see what happened.

use pli_directory::{HistoryAction, ListFault, RollbackFault};

use crate::stage::{Stage, install, lists, refuse};
use crate::support::{at, list};

#[test]
fn an_admin_installs_the_held_list_with_a_reason() {
    let stage = Stage::new();
    let handle = stage.open();
    install(&handle, &list(8, 0..100), 1);
    refuse(&handle, &list(9, 0..50), 2);
    let installed = handle.install(None, "uid:1000 (anne)", "SISRA moves to SARA", at(3)).unwrap();
    assert_eq!((installed.domains, installed.changes.removed.len()), (50, 50));
    assert_eq!((handle.in_force().unwrap().digest, handle.held()), (installed.digest, None));
    let row = handle.history().pop().unwrap();
    assert_eq!((row.action, row.by.as_deref()), (HistoryAction::Installed, Some("uid:1000 (anne)")));
    assert_eq!(row.reason.as_deref(), Some("SISRA moves to SARA"));
    assert_eq!(handle.install(None, "anne", "again", at(4)), Err(ListFault::NothingHeld));
    drop(handle);
    assert_eq!(stage.open().current().unwrap().domains(), 50);
}

#[test]
fn an_admin_lifts_no_other_guard() {
    let stage = Stage::new();
    let handle = stage.open();
    install(&handle, &list(8, 0..100), 1);
    assert_eq!(
        handle.install(Some(list(7, 0..100).as_bytes()), "anne", "why", at(2)).unwrap_err().code(),
        "list-older"
    );
    assert_eq!(handle.install(Some(b"<a/>"), "anne", "why", at(2)).unwrap_err().code(), "list-schema");
    let row = handle.history().pop().unwrap();
    assert_eq!((row.action, row.by.as_deref()), (HistoryAction::Refused, Some("anne")));
    let same = handle.install(Some(list(8, 0..100).as_bytes()), "anne", "why", at(3)).unwrap();
    assert!(same.changes.is_empty(), "the list in force may be installed for nothing");
    assert_eq!(handle.in_force().unwrap().installed_at, at(1));
}

#[test]
fn a_rollback_brings_back_the_list_before_and_sets_the_bad_one_aside() {
    let stage = Stage::new();
    let handle = stage.open();
    let (good, bad) = (list(8, 0..100), list(9, 0..99));
    let before = install(&handle, &good, 1);
    let left = install(&handle, &bad, 2);
    let installed = handle.rollback(None, "anne", "a hospital is missing", at(3)).unwrap();
    assert_eq!((&installed.digest, installed.changes.added.len()), (&before, 1));
    assert!(lists(&handle, "d99.mssante.fr"));
    assert_eq!(refuse(&handle, &bad, 4), ListFault::SetAside, "the publisher still brings it");
    assert_eq!(handle.install(Some(bad.as_bytes()), "anne", "oops", at(5)), Err(ListFault::SetAside));
    drop(handle);
    let handle = stage.open();
    assert_eq!(handle.in_force().unwrap().digest, before);
    assert_eq!(refuse(&handle, &bad, 6), ListFault::SetAside, "a restart does not forget it");
    let row = handle.history().into_iter().find(|row| row.action == HistoryAction::RolledBack).unwrap();
    assert_eq!((row.by.as_deref(), row.reason.as_deref()), (Some("anne"), Some("a hospital is missing")));
    assert!(row.detail.unwrap().contains(&left));
    install(&handle, &list(9, 0..100), 7);
    assert_eq!(handle.rollback(None, "anne", "why", at(8)).unwrap().digest, before, "never to the one set aside");
}

#[test]
fn a_rollback_by_digest_undoes_one() {
    let stage = Stage::new();
    let handle = stage.open();
    let (first, second) = (install(&handle, &list(8, 0..100), 1), install(&handle, &list(9, 0..99), 2));
    handle.rollback(None, "anne", "a mistake", at(3)).unwrap();
    let prefix = second.get(..12).unwrap().to_uppercase();
    assert_eq!(handle.rollback(Some(&prefix), "anne", "it was right", at(4)).unwrap().digest, second);
    assert_eq!(refuse(&handle, &list(8, 0..100), 5), ListFault::SetAside, "now the other one is left");
    assert_eq!(handle.rollback(Some(&first), "anne", "back", at(6)).unwrap().digest, first);
}

#[test]
fn a_rollback_that_cannot_be_done_tells_why() {
    let stage = Stage::new();
    let handle = stage.open();
    let rollback = |to: Option<&str>| handle.rollback(to, "anne", "why", at(9));
    assert_eq!(rollback(None), Err(RollbackFault::NothingBefore));
    let digest = install(&handle, &list(8, 0..100), 1);
    assert_eq!(rollback(None), Err(RollbackFault::NothingBefore));
    assert_eq!(rollback(Some("zz")), Err(RollbackFault::Unknown("zz".into())));
    assert_eq!(rollback(Some("")), Err(RollbackFault::Unknown(String::new())));
    assert_eq!(rollback(Some(&digest)), Err(RollbackFault::InForce));
    let before = install(&handle, &list(9, 0..100), 2);
    install(&handle, &list(10, 0..100), 3);
    std::fs::write(stage.list_file(&before), "something else").unwrap();
    assert!(
        matches!(rollback(None), Err(RollbackFault::List(ListFault::Unreadable(what))) if what.contains("damaged"))
    );
    assert_eq!(rollback(Some(&digest)).unwrap().digest, digest, "one further back is sound");
}
