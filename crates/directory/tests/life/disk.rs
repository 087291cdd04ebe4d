//! What the disk does to lists: restarts, damage, no room.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use pli_directory::{KeepingFault, ListFault, ListRules, NoSigner, SignatureRule, TrustHandle};

use crate::stage::{Stage, install, lists, refuse};
use crate::support::{at, list};

#[test]
fn a_restart_puts_the_last_good_list_in_force_again() {
    let stage = Stage::new();
    let handle = stage.open();
    install(&handle, &list(8, 0..20), 1);
    install(&handle, &list(9, 0..21), 2);
    refuse(&handle, &list(7, 0..20), 3);
    let (was, history) = (handle.in_force().unwrap(), handle.history());
    drop(handle);
    let handle = stage.open();
    let now = handle.in_force().unwrap();
    assert!(lists(&handle, "d20.mssante.fr"));
    assert_eq!((now.digest, now.installed_at, now.source), (was.digest, was.installed_at, was.source));
    assert_eq!(handle.history(), history);
    assert_eq!(refuse(&handle, &list(8, 0..20), 4).code(), "list-older", "its date counts on");
}

#[test]
fn whoever_looks_beside_the_node_sees_the_list_in_force_and_changes_nothing() {
    let stage = Stage::new();
    let node = stage.open();
    install(&node, &list(8, 0..20), 1);
    let look = || TrustHandle::look(&stage.path(), ListRules::default(), Arc::new(NoSigner), at(2));
    let (looked, warnings) = look();
    assert!(warnings.is_empty(), "{warnings:?}");
    let (theirs, ours) = (node.in_force().unwrap(), looked.in_force().unwrap());
    assert_eq!((theirs.digest, theirs.installed_at), (ours.digest, ours.installed_at));
    assert_eq!(looked.history(), node.history());
    looked.offer(list(9, 0..21).as_bytes(), "whitelist.xml", at(3)).unwrap_err();
    assert!(!lists(&look().0, "d20.mssante.fr") && !lists(&node, "d20.mssante.fr"));
    install(&node, &list(9, 0..21), 4);
    assert!(lists(&look().0, "d20.mssante.fr"));
    let nowhere = stage.path().join("nowhere");
    let (nothing, warnings) = TrustHandle::look(&nowhere, ListRules::default(), Arc::new(NoSigner), at(2));
    assert!(nothing.current().is_none() && warnings.is_empty() && !nowhere.exists(), "{warnings:?}");
}

#[test]
fn a_damaged_copy_is_noticed_and_the_list_before_serves() {
    let stage = Stage::new();
    let handle = stage.open();
    let first = install(&handle, &list(8, 0..20), 1);
    let second = install(&handle, &list(9, 0..21), 2);
    drop(handle);
    // Still a good list, but not the one that was verified.
    fs::write(stage.list_file(&second), list(9, 0..22)).unwrap();
    let (handle, warnings) = stage.open_with(ListRules::default());
    assert!(warnings.len() == 1 && warnings[0].contains(&second) && warnings[0].contains("damaged"), "{warnings:?}");
    assert_eq!(handle.in_force().unwrap().digest, first);
    install(&handle, &list(9, 0..21), 3);
    drop(handle);
    assert_eq!(stage.open().in_force().unwrap().digest, second, "its publisher mends it");
}

#[test]
fn with_no_copy_left_there_is_no_list_and_the_start_is_not_stopped() {
    let stage = Stage::new();
    let handle = stage.open();
    let digest = install(&handle, &list(8, 0..20), 1);
    drop(handle);
    fs::remove_file(stage.list_file(&digest)).unwrap();
    let (handle, warnings) = stage.open_with(ListRules::default());
    assert!(handle.current().is_none() && warnings.len() == 1, "{warnings:?}");
}

#[test]
fn a_damaged_ledger_costs_no_list() {
    let stage = Stage::new();
    for text in ["", "{", "{\"schema_version\":9,\"kept\":[],\"set_aside\":[]}", "\u{0}\u{0}"] {
        let handle = stage.open();
        install(&handle, &list(8, 0..20), 1);
        install(&handle, &list(9, 0..21), 2);
        drop(handle);
        fs::write(stage.path().join("ledger.json"), text).unwrap();
        let (handle, warnings) = stage.open_with(ListRules::default());
        assert!(warnings.len() == 1 && warnings[0].starts_with("ledger.json"), "{warnings:?}");
        assert!(lists(&handle, "d20.mssante.fr"), "the newest");
        drop(handle);
        fs::remove_dir_all(stage.path()).unwrap();
    }
}

#[test]
fn what_a_power_cut_left_unfinished_is_not_read() {
    let stage = Stage::new();
    let handle = stage.open();
    install(&handle, &list(8, 0..20), 1);
    drop(handle);
    fs::write(stage.path().join("ledger.json.new"), "{").unwrap();
    // A list that was written, but that no ledger names yet.
    let orphan = stage.list_file(&"0".repeat(64));
    fs::write(&orphan, list(9, 0..30)).unwrap();
    let handle = stage.open();
    assert!(!lists(&handle, "d29.mssante.fr"));
    assert!(!stage.path().join("ledger.json.new").exists());
    install(&handle, &list(10, 0..20), 2);
    assert!(!orphan.exists(), "and it is removed");
}

#[test]
fn a_rule_that_was_made_stricter_counts_for_kept_lists_too() {
    let stage = Stage::new();
    install(&stage.open(), &list(8, 0..20), 1);
    let required = ListRules { signature: SignatureRule::Required, ..ListRules::default() };
    let (handle, warnings) = stage.open_with(required);
    assert!(handle.current().is_none());
    assert!(warnings[0].contains("not signed"), "{warnings:?}");
    drop(handle);
    assert!(stage.open().current().is_some(), "a rule that was set by mistake loses nothing");
}

#[test]
fn a_list_that_cannot_be_kept_is_not_put_in_force() {
    let stage = Stage::new();
    let handle = stage.open();
    install(&handle, &list(8, 0..20), 1);
    // A folder where the ledger is to be written: it fails for every user, as a full disk does.
    fs::create_dir(stage.path().join("ledger.json.new")).unwrap();
    assert!(matches!(refuse(&handle, &list(9, 0..21), 2), ListFault::NotKept(_)));
    assert!(matches!(refuse(&handle, &list(9, 0..9), 2), ListFault::NotKept(_)), "nor one that is to be held");
    assert!(handle.held().is_none());
    assert_eq!(stage.files("list-").len(), 1, "it leaves nothing behind");
    assert_eq!(handle.rollback(None, "anne", "why", at(2)).unwrap_err().code(), "rollback-nothing-before");
    fs::remove_dir(stage.path().join("ledger.json.new")).unwrap();
    install(&handle, &list(9, 0..21), 3);
}

#[test]
fn thirty_lists_are_kept_and_no_more() {
    let stage = Stage::new();
    let handle = stage.open();
    let first = install(&handle, &list(0, 0..200), 0);
    for number in 1..=30 {
        install(&handle, &list(8, 0..200 + number), number.into());
    }
    assert_eq!(stage.files("list-").len(), 30);
    assert!(!stage.list_file(&first).exists());
}

#[test]
fn one_process_works_on_a_folder_and_nobody_else_reads_it() {
    let stage = Stage::new();
    let handle = stage.open();
    let again = || TrustHandle::open(&stage.path(), ListRules::default(), Arc::new(NoSigner), at(0));
    assert!(matches!(again(), Err(KeepingFault::InUse(_))));
    install(&handle, &list(8, 0..20), 1);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&stage.path()), 0o700);
    assert!(stage.files("").iter().all(|file| mode(file) == 0o600), "{:?}", stage.files(""));
    drop(handle);
    assert!(again().is_ok());
}

#[test]
fn a_folder_that_cannot_be_made_is_told_by_its_name() {
    let stage = Stage::new();
    fs::create_dir_all(stage.path().parent().unwrap()).unwrap();
    fs::write(stage.path(), "a file").unwrap();
    let fault = TrustHandle::open(&stage.path(), ListRules::default(), Arc::new(NoSigner), at(0)).unwrap_err();
    assert!(fault.to_string().contains("state/trust"), "{fault}");
}
