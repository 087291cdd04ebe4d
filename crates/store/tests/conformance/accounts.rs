//! Accounts and signing in.

use pli_store::{MailboxKind, MailboxState, NewAccount, NewCredential, NewMailbox, StoreError};
use pli_types::{DistinguishedName, MailAddress, MailboxId, RppsId, Secret};

use crate::support::{Backend, Fixture, is_not_found, refused};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn name(text: &str) -> DistinguishedName {
    DistinguishedName::parse(text).expect("a distinguished name")
}

async fn add(at: &Fixture, name: &str, mailbox: MailboxId, credential: NewCredential) -> Result<(), StoreError> {
    let new = NewAccount { name: name.to_owned(), mailbox, credential };
    at.store.add_account(new, Vec::new()).await.map(drop)
}

pub(crate) async fn a_password_opens_the_account_of_its_name_only(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for who in ["a", "b"] {
        let mailbox = at.mailbox(&format!("{who}@hospital.test")).await;
        let password = NewCredential::Password(secret(&format!("password of {who}")));
        add(&at, &format!("{who}@hospital.test"), mailbox, password).await.unwrap();
    }
    let sign_in = |name: &'static str, password: &'static str| {
        let store = at.store.clone();
        async move { store.sign_in_with_password(name, &secret(password)).await.unwrap() }
    };
    let account = sign_in("A@Hospital.test", "password of a").await.unwrap();
    assert_eq!(account.mailbox.address.reveal(), "a@hospital.test");
    assert!(sign_in("a@hospital.test", "password of b").await.is_none());
    assert!(sign_in("a@hospital.test", "").await.is_none());
    assert!(sign_in("nobody@hospital.test", "password of a").await.is_none());
    assert!(sign_in("", "").await.is_none());
}

pub(crate) async fn a_certificate_opens_the_account_whatever_the_spelling_of_its_name(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("app@hospital.test").await;
    let credential = NewCredential::Certificate(name("CN=app.hospital.test,OU=Hôpital d'Été,C=FR"));
    add(&at, "app@hospital.test", mailbox, credential).await.unwrap();
    let same = name("C=FR,OU=HOPITAL  D\u{2019}ETE,CN=App.Hospital.test");
    let account = at.store.sign_in_with_certificate(&same).await.unwrap().unwrap();
    assert_eq!(account.mailbox.id, mailbox);
    let other = name("CN=app.hospital.test,OU=Autre,C=FR");
    assert!(at.store.sign_in_with_certificate(&other).await.unwrap().is_none());
    // There is no password to guess.
    assert!(at.store.sign_in_with_password("app@hospital.test", &secret("")).await.unwrap().is_none());
}

pub(crate) async fn a_suspended_mailbox_lets_nobody_in(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    add(&at, "a@hospital.test", mailbox, NewCredential::Password(secret("p"))).await.unwrap();
    add(&at, "app", mailbox, NewCredential::Certificate(name("CN=app"))).await.unwrap();
    for (state, lets_in) in [(MailboxState::Suspended, false), (MailboxState::Closed, true), (MailboxState::Open, true)]
    {
        at.store.set_mailbox_state(mailbox, state, Vec::new()).await.unwrap();
        let by_password = at.store.sign_in_with_password("a@hospital.test", &secret("p")).await.unwrap();
        let by_certificate = at.store.sign_in_with_certificate(&name("CN=app")).await.unwrap();
        assert_eq!((by_password.is_some(), by_certificate.is_some()), (lets_in, lets_in), "{state:?}");
    }
}

pub(crate) async fn a_professional_opens_his_own_mailboxes_only(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let rpps = |text: &str| RppsId::parse(text).unwrap();
    let address = |text: &str| MailAddress::parse(text).unwrap();
    for (local, kind, number) in [
        ("ana", MailboxKind::Per, "10000000001"),
        ("bea", MailboxKind::Per, "10000000002"),
        ("bea2", MailboxKind::Per, "10000000002"),
        ("cabinet", MailboxKind::Cab, "10000000001"),
    ] {
        let new = NewMailbox {
            address: address(&format!("{local}@hospital.test")),
            kind,
            rpps: Some(rpps(number)),
            finess: None,
            state: MailboxState::Open,
            quota_bytes: None,
        };
        at.store.add_mailbox(new, Vec::new()).await.unwrap();
    }
    let opens = async |number: &str, asked: Option<&str>| {
        let asked = asked.map(address);
        let account = at.store.sign_in_as_professional(&rpps(number), asked.as_ref()).await.unwrap();
        account.map(|account| account.mailbox.address.reveal())
    };
    let ana = Some("ana@hospital.test".to_owned());
    assert_eq!(opens("10000000001", None).await, ana);
    assert_eq!(opens("10000000001", Some("ANA@hospital.test")).await, ana);
    assert_eq!(opens("10000000001", Some("bea@hospital.test")).await, None, "another's");
    assert_eq!(opens("10000000001", Some("cabinet@hospital.test")).await, None, "not a person's");
    assert_eq!(opens("10000000002", None).await, None, "which of the two?");
    assert_eq!(opens("10000000002", Some("bea2@hospital.test")).await, Some("bea2@hospital.test".to_owned()));
    assert_eq!(opens("10000000003", None).await, None);
    let mailbox = at.store.mailbox(&address("ana@hospital.test")).await.unwrap().unwrap();
    at.store.set_mailbox_state(mailbox.id, MailboxState::Suspended, Vec::new()).await.unwrap();
    assert_eq!(opens("10000000001", None).await, None, "suspended");
}

pub(crate) async fn a_name_or_certificate_is_given_once(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let password = || NewCredential::Password(secret("p"));
    add(&at, "a@hospital.test", mailbox, password()).await.unwrap();
    refused!(add(&at, "A@hospital.TEST", mailbox, password()).await, StoreError::Conflict(_));
    add(&at, "app1", mailbox, NewCredential::Certificate(name("CN=app,C=FR"))).await.unwrap();
    let same = NewCredential::Certificate(name("C=fr,CN=APP"));
    refused!(add(&at, "app2", mailbox, same).await, StoreError::Conflict(_));
    assert!(is_not_found(&add(&at, "b@hospital.test", MailboxId(99), password()).await));
}

pub(crate) async fn an_unknown_name_costs_a_check_too(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    add(&at, "a@hospital.test", mailbox, NewCredential::Password(secret("p"))).await.unwrap();
    let mut fastest = [std::time::Duration::MAX; 2];
    for _ in 0..5 {
        for (slot, name) in ["a@hospital.test", "nobody@hospital.test"].iter().enumerate() {
            let begin = std::time::Instant::now();
            assert!(at.store.sign_in_with_password(name, &secret("wrong")).await.unwrap().is_none());
            fastest[slot] = fastest[slot].min(begin.elapsed());
        }
    }
    // A hash costs thousands of times what a look-up does: anything near is the same work.
    let [known, unknown] = fastest;
    assert!(unknown > known / 3, "known {known:?}, unknown {unknown:?}");
}
