//! Accounts, as admins see them.

use pli_store::{AccountChange, AccountKind, CredentialKind, NewAccount, NewCredential, app_password};
use pli_types::{AccountId, CredentialId, MailboxId, RppsId};

use crate::support::{Backend, address, is_not_found, new_account, secret, subject};

pub(crate) async fn an_account_is_known_with_its_grants_and_credentials(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (team, own) = (at.mailbox("team@a.test").await, at.mailbox("Ana@a.test").await);
    let rpps = Some(RppsId::parse("10000000001").unwrap());
    let new = NewAccount {
        name: "Ana".to_owned(),
        kind: AccountKind::Program,
        rpps: rpps.clone(),
        display_name: Some("Ana A.".to_owned()),
    };
    let id = at.store.add_account(new, Vec::new()).await.unwrap();
    for (mailbox, default) in [(team, false), (own, true), (team, false)] {
        at.store.change_account(id, AccountChange::Grant { mailbox, default }, Vec::new()).await.unwrap();
    }
    let certificate = subject("CN=ana,OU=1990000069,C=FR");
    for credential in [
        NewCredential::Password(secret("one")),
        NewCredential::Password(secret("two")),
        NewCredential::AppPassword {
            mailbox: own,
            label: "scanner".to_owned(),
            secret: app_password::generate().unwrap(),
            expires_at: Some(at.after(60)),
        },
        NewCredential::Certificate(certificate.clone()),
    ] {
        at.store.add_credential(id, credential, Vec::new()).await.unwrap();
    }
    let at = at.reopen().await;
    let account = at.store.account("ANA").await.unwrap().unwrap();
    assert_eq!(
        (account.id, account.name.as_str(), account.kind, account.disabled),
        (id, "Ana", AccountKind::Program, false)
    );
    assert_eq!((account.rpps, account.display_name.as_deref()), (rpps, Some("Ana A.")));
    assert_eq!((account.created_at, account.last_sign_in_at), (at.now(), None));
    let grants: Vec<_> =
        account.grants.iter().map(|grant| (grant.address.reveal(), grant.mailbox, grant.default)).collect();
    assert_eq!(grants, [("Ana@a.test".to_owned(), own, true), ("team@a.test".to_owned(), team, false)]);
    let [old, password, app, by_certificate] = account.credentials.as_slice() else {
        panic!("{:?}", account.credentials)
    };
    assert_eq!((old.kind, old.revoked_at), (CredentialKind::Password, Some(at.now())), "replaced");
    assert_eq!((password.kind, password.revoked_at), (CredentialKind::Password, None));
    assert_eq!(
        (app.kind, app.mailbox, app.label.as_deref()),
        (CredentialKind::AppPassword, Some(own), Some("scanner"))
    );
    assert_eq!(app.expires_at, Some(at.after(60)));
    assert_eq!(by_certificate.kind, CredentialKind::Certificate);
    assert_eq!(by_certificate.certificate, Some(certificate.clone()));

    // A certificate that was revoked is free for another account.
    at.store.revoke_credential(by_certificate.id, Vec::new()).await.unwrap();
    assert!(at.store.sign_in_with_certificate(&certificate, None).await.unwrap().is_none());
    let other = at.person("other", &[own], "p").await;
    at.store.add_credential(other, NewCredential::Certificate(certificate.clone()), Vec::new()).await.unwrap();
    assert_eq!(at.store.sign_in_with_certificate(&certificate, None).await.unwrap().unwrap().id, Some(other));
    assert!(at.store.account("nobody").await.unwrap().is_none());

    // A token names the professional: one account is his.
    let rpps = RppsId::parse("10000000001").unwrap();
    assert_eq!(at.store.account_of_professional(&rpps).await.unwrap().map(|account| account.id), Some(id));
    let second = NewAccount { rpps: Some(rpps.clone()), ..new_account("second") };
    assert!(at.store.add_account(second, Vec::new()).await.is_err());
    let details = |rpps: Option<RppsId>| AccountChange::Details { rpps, display_name: None };
    assert!(at.store.change_account(other, details(Some(rpps.clone())), Vec::new()).await.is_err());
    at.store.change_account(id, details(Some(rpps.clone())), Vec::new()).await.unwrap();
    at.store.change_account(id, details(None), Vec::new()).await.unwrap();
    at.store.change_account(other, details(Some(rpps)), Vec::new()).await.unwrap();
}

pub(crate) async fn accounts_come_in_pages_by_name(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for name in ["bea", "Ana", "dan@a.test", "cid"] {
        at.store.add_account(new_account(name), Vec::new()).await.unwrap();
    }
    let page = async |after: Option<&str>, limit| {
        let page = at.store.accounts(after, limit).await.unwrap();
        page.into_iter().map(|account| account.name).collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2).await, ["Ana", "bea"]);
    assert_eq!(page(Some("BEA"), 9).await, ["cid", "dan@a.test"]);
    assert_eq!(page(Some("dan@a.test"), 9).await, [""; 0]);
}

pub(crate) async fn what_is_not_there_cannot_be_changed(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@a.test").await;
    let account = at.person("ana", &[mailbox], "p").await;
    let nobody = AccountId(account.0 + 1);
    let nothing = MailboxId(mailbox.0 + 1);
    for change in [AccountChange::Disable, AccountChange::Remove, AccountChange::Grant { mailbox, default: true }] {
        assert!(is_not_found(&at.store.change_account(nobody, change, Vec::new()).await));
    }
    let grant = AccountChange::Grant { mailbox: nothing, default: false };
    assert!(is_not_found(&at.store.change_account(account, grant, Vec::new()).await));
    let revoke = AccountChange::Revoke { mailbox: nothing };
    assert!(is_not_found(&at.store.change_account(account, revoke, Vec::new()).await));
    assert!(is_not_found(&at.store.add_credential(nobody, NewCredential::Password(secret("p")), Vec::new()).await));
    assert!(is_not_found(&at.store.revoke_credential(CredentialId(99), Vec::new()).await));
    let change = pli_store::MailboxChange::Suspend;
    assert!(is_not_found(&at.store.change_mailbox(nothing, change, Vec::new()).await));
    assert!(at.store.mailbox_record(&address("nobody@a.test")).await.unwrap().is_none());
}
