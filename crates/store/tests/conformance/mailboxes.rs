//! Mailboxes.

use pli_store::{MailboxKind, MailboxState, StoreError};

use crate::support::{Backend, address, is_not_found, new_mailbox, refused};

pub(crate) async fn a_mailbox_is_found_by_any_spelling_of_its_address(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = at.mailbox_with_quota("Dr.Martin@Hospital.Test", Some(1000)).await;
    for spelling in ["dr.martin@hospital.test", "DR.MARTIN@HOSPITAL.TEST"] {
        let found = at.store.mailbox(&address(spelling)).await.unwrap().unwrap();
        assert_eq!(found.id, id);
        assert_eq!(found.address.reveal(), "Dr.Martin@hospital.test");
        assert_eq!((found.kind, found.state), (MailboxKind::Per, MailboxState::Open));
        assert_eq!((found.quota_bytes, found.used_bytes), (Some(1000), 0));
    }
    assert!(at.store.mailbox(&address("nobody@hospital.test")).await.unwrap().is_none());
}

pub(crate) async fn an_address_is_given_once(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let first = at.mailbox("a@hospital.test").await;
    refused!(at.store.add_mailbox(new_mailbox("A@hospital.test", None), Vec::new()).await, StoreError::Conflict(_));
    assert_ne!(at.mailbox("b@hospital.test").await, first);
}

pub(crate) async fn the_state_of_a_mailbox_is_kept(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = at.mailbox("a@hospital.test").await;
    for state in [MailboxState::Suspended, MailboxState::Closed, MailboxState::Open] {
        at.store.set_mailbox_state(id, state, Vec::new()).await.unwrap();
        assert_eq!(at.store.mailbox(&address("a@hospital.test")).await.unwrap().unwrap().state, state);
    }
    let unknown = pli_types::MailboxId(id.0 + 1);
    assert!(is_not_found(&at.store.set_mailbox_state(unknown, MailboxState::Open, Vec::new()).await));
}
