//! The life of a mailbox, from its making to the end of the time for which its address is kept.

use jiff::SignedDuration;
use pli_audit::EventKind;
use pli_store::{
    AccountChange, Change, Life, MailboxChange, MailboxDetails, MailboxFilter, MailboxKind, MailboxRecord,
    MailboxState, NewCredential, NewMailbox, Notice, NoticeCause, StoreError, app_password,
};
use pli_types::{MailboxId, RppsId, StructureId};

use crate::support::{Backend, Fixture, address, event, is_not_found, new_mailbox, noise, refused, secret};

async fn change(at: &Fixture, mailbox: MailboxId, change: MailboxChange) -> MailboxRecord {
    let after = at.store.change_mailbox(mailbox, change, Vec::new()).await.unwrap();
    let kept = at.store.mailbox_record(&after.mailbox.address).await.unwrap().unwrap();
    assert_eq!(format!("{after:?}"), format!("{kept:?}"), "what was answered is what is kept");
    after
}

fn details() -> MailboxDetails {
    MailboxDetails {
        display_name: "Urgences".to_owned(),
        description: "Comptes rendus".to_owned(),
        service: "SAU".to_owned(),
        responsible: Some("Dr Durand".to_owned()),
        unlisted: false,
        digitisation: true,
        rank: Some(2),
    }
}

fn notice(at: &Fixture, seconds: i64, cause: NoticeCause) -> MailboxChange {
    MailboxChange::GiveNotice(Notice { given_at: at.now(), ends_at: at.after(seconds), cause })
}

fn kept_for(at: &Fixture, seconds: i64) -> MailboxChange {
    MailboxChange::Delete { address_kept_until: at.after(seconds) }
}

pub(crate) async fn a_mailbox_is_known_with_all_that_was_said_of_it(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let structure = StructureId::parse("318751275100012").ok();
    let new = NewMailbox {
        structure: structure.clone(),
        details: details(),
        state: MailboxState::Suspended,
        quota_bytes: Some(7),
        ..NewMailbox::new(address("Urgences@a.test"), MailboxKind::Org)
    };
    let id = at.store.add_mailbox(new, Vec::new()).await.unwrap();
    let at = at.reopen().await;
    let record = at.store.mailbox_record(&address("urgences@A.test")).await.unwrap().unwrap();
    assert_eq!((record.mailbox.id, record.mailbox.kind), (id, MailboxKind::Org));
    assert_eq!(record.mailbox.state, MailboxState::Suspended);
    assert_eq!((record.rpps, record.structure, record.details), (None, structure, details()));
    assert_eq!((record.created_at, record.suspended_at), (at.now(), Some(at.now())));

    let rpps = RppsId::parse("10000000001").ok();
    change(&at, id, MailboxChange::Resume).await;
    change(&at, id, MailboxChange::Holder { rpps: rpps.clone(), structure: None }).await;
    change(&at, id, MailboxChange::Details(MailboxDetails::default())).await;
    let record = change(&at, id, MailboxChange::Quota(None)).await;
    assert_eq!((record.rpps, record.structure, record.details), (rpps, None, MailboxDetails::default()));
    assert_eq!((record.mailbox.state, record.mailbox.quota_bytes), (MailboxState::Open, None));
}

pub(crate) async fn the_first_stage_that_applies_is_where_a_mailbox_stands(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = at.mailbox("a@a.test").await;
    let life = async || at.store.mailbox_record(&address("a@a.test")).await.unwrap().unwrap().life();
    assert_eq!(life().await, Life::Created);
    let unlisted = MailboxDetails { unlisted: true, ..details() };
    for (step, expected) in [
        (MailboxChange::Publish, Life::Published),
        (MailboxChange::Details(unlisted), Life::Unlisted),
        (MailboxChange::Suspend, Life::Suspended),
        (notice(&at, 60, NoticeCause::Admin), Life::Notice),
        (MailboxChange::Resume, Life::Notice),
        (MailboxChange::WithdrawNotice, Life::Unlisted),
        (MailboxChange::Details(details()), Life::Published),
        (MailboxChange::Unpublish, Life::Created),
        (kept_for(&at, 60), Life::Deleted),
    ] {
        let told = format!("{step:?}");
        change(&at, id, step).await;
        assert_eq!(life().await, expected, "{told}");
        for stage in Life::ALL {
            let filter = MailboxFilter { life: Some(stage), ..MailboxFilter::default() };
            let found = at.store.mailbox_records(&filter, None, 9).await.unwrap().len();
            assert_eq!(found, usize::from(stage == expected), "{stage:?} after {told}");
        }
    }
}

async fn listed(at: &Fixture, filter: &MailboxFilter, after: Option<&str>, limit: usize) -> Vec<String> {
    let after = after.map(address);
    let page = at.store.mailbox_records(filter, after.as_ref(), limit).await.unwrap();
    page.iter().map(|record| record.mailbox.address.reveal()).collect()
}

pub(crate) async fn mailboxes_come_in_pages_by_address(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for name in ["c@a.test", "B@a.test", "a@b.test", "a@a.test"] {
        at.mailbox(name).await;
    }
    let all = MailboxFilter::default();
    assert_eq!(listed(&at, &all, None, 2).await, ["a@a.test", "a@b.test"]);
    assert_eq!(listed(&at, &all, Some("A@b.test"), 2).await, ["B@a.test", "c@a.test"]);
    assert_eq!(listed(&at, &all, Some("c@a.test"), 2).await, [""; 0]);
    assert_eq!(listed(&at, &all, None, usize::MAX).await.len(), 4);
}

pub(crate) async fn mailboxes_are_filtered_by_all_that_is_asked(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (rpps, structure) = (RppsId::parse("10000000001").ok(), StructureId::parse("990000069").ok());
    for (name, kind, rpps, structure) in [
        ("ana@a.test", MailboxKind::Per, &rpps, &None),
        ("ana@b.test", MailboxKind::Per, &rpps, &structure),
        ("lab@a.test", MailboxKind::App, &None, &structure),
    ] {
        let (rpps, structure) = (rpps.clone(), structure.clone());
        let new = NewMailbox { rpps, structure, ..NewMailbox::new(address(name), kind) };
        at.store.add_mailbox(new, Vec::new()).await.unwrap();
    }
    let domain = Some(address("x@a.test").domain().clone());
    let none = MailboxFilter::default;
    for (filter, expected) in [
        (MailboxFilter { domain: domain.clone(), ..none() }, vec!["ana@a.test", "lab@a.test"]),
        (MailboxFilter { kind: Some(MailboxKind::Per), ..none() }, vec!["ana@a.test", "ana@b.test"]),
        (MailboxFilter { structure: structure.clone(), ..none() }, vec!["ana@b.test", "lab@a.test"]),
        (MailboxFilter { rpps: rpps.clone(), ..none() }, vec!["ana@a.test", "ana@b.test"]),
        (MailboxFilter { domain, rpps, life: Some(Life::Created), ..none() }, vec!["ana@a.test"]),
        (MailboxFilter { structure, kind: Some(MailboxKind::Org), ..none() }, vec![]),
    ] {
        assert_eq!(listed(&at, &filter, None, 9).await, expected, "{filter:?}");
    }
    assert_eq!(listed(&at, &none(), Some("ana@a.test"), 1).await, ["ana@b.test"]);
}

pub(crate) async fn a_deleted_mailbox_is_gone_and_its_address_kept(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = at.mailbox("a@a.test").await;
    let other = at.mailbox("b@a.test").await;
    change(&at, id, MailboxChange::Details(details())).await;
    change(&at, id, MailboxChange::Publish).await;
    let message = at.message(&noise(300_000), &[id, other]).await;
    let shared = message.id;
    at.store.accept(message).await.unwrap();
    let message = at.message(b"own", &[id]).await;
    let own = message.id;
    at.store.accept(message).await.unwrap();

    let audit = vec![event(own, EventKind::Deleted)];
    let after = at.store.change_mailbox(id, kept_for(&at, 60), audit.clone()).await.unwrap();
    assert_eq!((after.life(), after.deleted_at, after.published), (Life::Deleted, Some(at.now()), false));
    assert_eq!(at.store.events_of(own).await.unwrap().last(), audit.last());
    let at = at.reopen().await;
    assert!(at.store.mailbox(&address("a@a.test")).await.unwrap().is_none(), "it takes no mail");
    assert!(at.store.folders(id).await.unwrap().is_empty());
    assert!(is_not_found(&at.store.body(own).await));
    assert_eq!(at.store.body(shared).await.unwrap(), noise(300_000), "another one still has it");
    assert!(is_not_found(&at.store.change_mailbox(id, MailboxChange::Resume, Vec::new()).await));
    let late = at.message(b"late", &[id]).await;
    assert!(is_not_found(&at.store.accept(late).await));

    let record = at.store.mailbox_record(&address("A@a.test")).await.unwrap().unwrap();
    assert_eq!((record.mailbox.id, record.life(), record.details), (id, Life::Deleted, details()));
    assert_eq!((record.mailbox.used_bytes, record.created_at, record.deleted_at), (0, at.now(), Some(at.now())));
    assert_eq!(at.store.forget_former_addresses(at.after(59)).await.unwrap(), 0);
    assert_eq!(at.store.forget_former_addresses(at.after(60)).await.unwrap(), 1);
    assert!(at.store.mailbox_record(&address("a@a.test")).await.unwrap().is_none());
}

pub(crate) async fn a_deletion_takes_the_ways_in_that_open_nothing_else(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (own, team) = (at.mailbox("own@a.test").await, at.mailbox("team@a.test").await);
    let account = at.person("ana", &[own, team], "p").await;
    let for_team = app_password::generate().unwrap();
    let new =
        NewCredential::AppPassword { mailbox: team, label: String::new(), secret: for_team.clone(), expires_at: None };
    at.store.add_credential(account, new, Vec::new()).await.unwrap();
    let session = at.store.sign_in_with_password("team@a.test", None, &for_team).await.unwrap().unwrap();
    change(&at, team, kept_for(&at, 60)).await;
    assert!(!at.store.still_holds(&session).await.unwrap());
    assert!(at.store.sign_in_with_password("team@a.test", None, &for_team).await.unwrap().is_none());
    let account = at.store.account("ana").await.unwrap().unwrap();
    assert_eq!(account.grants.iter().map(|grant| grant.mailbox).collect::<Vec<_>>(), [own]);
    let app = &account.credentials[1];
    assert_eq!((app.mailbox, app.revoked_at), (None, Some(at.now())));
    assert!(at.store.sign_in_with_password("ana", None, &secret("p")).await.unwrap().is_some());
}

pub(crate) async fn a_kept_address_is_given_back_to_its_holder_only(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let rpps = |text: &str| RppsId::parse(text).ok();
    let new = |name: &str, rpps| NewMailbox { rpps, ..new_mailbox(name, None) };
    let add = async |new| at.store.add_mailbox(new, Vec::new()).await;
    let (ana, bea) = (rpps("10000000001"), rpps("10000000002"));
    let first = add(new("a@a.test", ana.clone())).await.unwrap();
    change(&at, first, kept_for(&at, 60)).await;
    refused!(add(new("A@a.test", bea.clone())).await, StoreError::Conflict(_));
    refused!(add(new("a@a.test", None)).await, StoreError::Conflict(_));
    let second = add(new("a@a.test", ana)).await.unwrap();
    assert_ne!(first, second, "it is another mailbox, and empty");
    assert_eq!(at.store.mailbox_record(&address("a@a.test")).await.unwrap().unwrap().life(), Life::Created);
    change(&at, second, kept_for(&at, 60)).await;
    at.clock.advance(SignedDuration::from_secs(60));
    add(new("a@a.test", bea)).await.unwrap();

    // Nobody knows whose it was: nobody gets it before its time.
    let nobodys = add(new("n@a.test", None)).await.unwrap();
    change(&at, nobodys, kept_for(&at, 60)).await;
    refused!(add(new("n@a.test", None)).await, StoreError::Conflict(_));
    // A patient's address is made of who he is.
    let patient = || NewMailbox::new(address("279035121518989@patient.mssante.fr"), MailboxKind::Patient);
    let space = add(patient()).await.unwrap();
    change(&at, space, kept_for(&at, 60)).await;
    add(patient()).await.unwrap();
}

pub(crate) async fn inactive_mailboxes_are_found_and_those_that_are_not_are_left_alone(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (old, seen) = (at.mailbox("old@a.test").await, at.mailbox("seen@a.test").await);
    let (away, noticed, objected) =
        (at.mailbox("away@a.test").await, at.mailbox("noticed@a.test").await, at.mailbox("objected@a.test").await);
    let patient = NewMailbox::new(address("279035121518989@patient.mssante.fr"), MailboxKind::Patient);
    at.store.add_mailbox(patient, Vec::new()).await.unwrap();
    at.person("old", &[old], "p").await;
    at.person("seen", &[seen], "p").await;
    let sign_in = async |name: &str, second| {
        let session = at.store.sign_in_with_password(name, None, &secret("p")).await.unwrap().unwrap();
        at.store.note_sign_in(&session, at.after(second)).await.unwrap();
    };
    sign_in("old", 10).await;
    sign_in("seen", 5000).await;
    change(&at, away, MailboxChange::Suspend).await;
    change(&at, noticed, notice(&at, 50, NoticeCause::Admin)).await;
    change(&at, objected, notice(&at, 40, NoticeCause::Inactivity)).await;
    let before = at.after(1000);
    at.clock.advance(SignedDuration::from_secs(2000));
    change(&at, objected, MailboxChange::WithdrawNotice).await;
    let young = at.mailbox("young@a.test").await;
    let ids = |list: Vec<MailboxRecord>| list.iter().map(|record| record.mailbox.id).collect::<Vec<_>>();
    assert_eq!(ids(at.store.inactive_since(before, 9).await.unwrap()), [old]);
    let later = at.after(3600);
    assert_eq!(ids(at.store.inactive_since(later, 9).await.unwrap()), [old, objected, young, seen]);
    assert_eq!(ids(at.store.inactive_since(later, 2).await.unwrap()), [old, objected]);
    assert_eq!(ids(at.store.notices_ended_by(at.now(), 9).await.unwrap()), [noticed]);
    assert_eq!(ids(at.store.notices_ended_by(at.after(-1951), 9).await.unwrap()), []);
}

pub(crate) async fn a_sign_in_answers_a_notice_for_inactivity(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@a.test").await;
    at.person("ana", &[mailbox], "p").await;
    let sign_in = async || {
        let session = at.store.sign_in_with_password("ana", None, &secret("p")).await.unwrap().unwrap();
        at.store.note_sign_in(&session, at.now()).await.unwrap();
    };
    let record = async || at.store.mailbox_record(&address("a@a.test")).await.unwrap().unwrap();
    sign_in().await;
    // Within the hour: the notice counts more than the saving of a write.
    at.clock.advance(SignedDuration::from_secs(10));
    change(&at, mailbox, notice(&at, 60, NoticeCause::Inactivity)).await;
    at.clock.advance(SignedDuration::from_secs(10));
    let mut changes = at.store.subscribe();
    sign_in().await;
    assert_eq!(changes.try_recv().unwrap(), Change::Access);
    assert_eq!((record().await.life(), record().await.standing_notice()), (Life::Created, None));
    assert_eq!(at.store.notices_answered(9).await.unwrap().len(), 1);
    assert!(at.store.notices_ended_by(at.after(999), 9).await.unwrap().is_empty());
    refused!(at.store.change_mailbox(mailbox, kept_for(&at, 9), Vec::new()).await, StoreError::Conflict(_));
    change(&at, mailbox, MailboxChange::WithdrawNotice).await;
    assert_eq!((record().await.notice, record().await.objected_at), (None, Some(at.now())));
    assert!(at.store.notices_answered(9).await.unwrap().is_empty());
    // What an admin decided is not undone by a sign-in.
    change(&at, mailbox, notice(&at, 60, NoticeCause::Admin)).await;
    sign_in().await;
    assert_eq!(record().await.life(), Life::Notice);
    assert_eq!(at.store.notices_ended_by(at.after(60), 9).await.unwrap().len(), 1);
    change(&at, mailbox, kept_for(&at, 9)).await;
}

pub(crate) async fn what_ends_a_session_is_told(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@a.test").await;
    let account = at.person("ana", &[mailbox], "p").await;
    let credential = at.store.account("ana").await.unwrap().unwrap().credentials[0].id;
    let mut changes = at.store.subscribe();
    let mut told = || std::iter::from_fn(|| changes.try_recv().ok()).filter(|told| *told == Change::Access).count();
    change(&at, mailbox, MailboxChange::Quota(Some(1))).await;
    assert_eq!(told(), 0, "a limit concerns nobody's right to be there");
    for step in [MailboxChange::Suspend, MailboxChange::Resume, notice(&at, 60, NoticeCause::Admin)] {
        change(&at, mailbox, step).await;
        assert_eq!(told(), 1);
    }
    at.store.set_mailbox_state(mailbox, MailboxState::Closed, Vec::new()).await.unwrap();
    assert_eq!(told(), 1);
    for step in [AccountChange::Disable, AccountChange::Enable, AccountChange::Revoke { mailbox }] {
        at.store.change_account(account, step, Vec::new()).await.unwrap();
        assert_eq!(told(), 1);
    }
    at.store.revoke_credential(credential, Vec::new()).await.unwrap();
    assert_eq!(told(), 1);
    at.store.add_credential(account, NewCredential::Password(secret("new")), Vec::new()).await.unwrap();
    assert_eq!(told(), 0, "there was none to replace");
    change(&at, mailbox, kept_for(&at, 60)).await;
    assert_eq!(told(), 1);
}
