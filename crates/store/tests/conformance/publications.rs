//! What the state's directory is to be told.

use jiff::Timestamp;
use pli_store::{
    MailboxChange, MailboxDetails, MailboxKind, NewMailbox, Publication, PublicationBacklog, PublicationOutcome,
};

use crate::support::{Backend, Fixture, address};

async fn waiting(at: &Fixture) -> Vec<Publication> {
    at.store.waiting_publications(10).await.unwrap()
}

async fn hasten(at: &Fixture, names: &[&str], now: Timestamp) {
    let addresses: Vec<_> = names.iter().map(|name| address(name)).collect();
    at.store.hasten_publications(&addresses, now, Vec::new()).await.unwrap();
}

fn later(next_at: Timestamp, told: Option<&str>) -> PublicationOutcome {
    PublicationOutcome::Later { next_at, fault: "annuaire-slow".to_owned(), told: told.map(str::to_owned) }
}

pub(crate) async fn what_waits_is_given_in_the_order_in_which_it_is_due(backend: &dyn Backend) {
    let at = backend.fresh().await;
    hasten(&at, &["b@x.test"], at.now()).await;
    hasten(&at, &["A@x.test"], at.after(1)).await;
    let all = waiting(&at).await;
    assert_eq!(all.iter().map(|one| one.address.reveal()).collect::<Vec<_>>(), ["b@x.test", "A@x.test"]);
    at.store.settle_publication(&all[0], later(at.after(60), None), at.now(), Vec::new()).await.unwrap();
    let at = at.reopen().await;
    let all = waiting(&at).await;
    assert_eq!(all.iter().map(|one| one.address.reveal()).collect::<Vec<_>>(), ["A@x.test", "b@x.test"]);
    assert_eq!((all[1].attempts, all[1].fault.as_deref()), (1, Some("annuaire-slow")));
    let backlog = at.store.publication_backlog().await.unwrap();
    assert_eq!((backlog.waiting, backlog.oldest_since), (2, Some(all[1].waits_since)));
    assert_eq!(backlog.fault.as_deref(), Some("annuaire-slow"));
}

pub(crate) async fn what_was_told_is_remembered_and_waits_no_longer(backend: &dyn Backend) {
    let at = backend.fresh().await;
    assert_eq!(at.store.publication_backlog().await.unwrap(), PublicationBacklog::default());
    hasten(&at, &["a@x.test"], at.now()).await;
    let one = waiting(&at).await.remove(0);
    let told = PublicationOutcome::Told(Some("{}".to_owned()));
    at.store.settle_publication(&one, told, at.after(5), Vec::new()).await.unwrap();
    assert_eq!(waiting(&at).await, []);
    let known = at.store.publication(&address("A@X.test")).await.unwrap().unwrap();
    assert_eq!((known.waits, known.told.as_deref(), known.told_at), (false, Some("{}"), Some(at.after(5))));
    assert_eq!(at.store.publication(&address("b@x.test")).await.unwrap(), None);
}

/// Two orders for one mailbox are never told out of order: there is one, the newest.
pub(crate) async fn a_change_during_a_try_waits_still_and_is_due_at_once(backend: &dyn Backend) {
    for failed in [false, true] {
        let at = backend.fresh().await;
        hasten(&at, &["a@x.test"], at.now()).await;
        let tried = waiting(&at).await.remove(0);
        hasten(&at, &["a@x.test"], at.after(1)).await;
        let outcome =
            if failed { later(at.after(600), Some("x")) } else { PublicationOutcome::Told(Some("x".to_owned())) };
        at.store.settle_publication(&tried, outcome, at.after(2), Vec::new()).await.unwrap();
        let [left] = waiting(&at).await.try_into().unwrap();
        assert_eq!((left.change, left.attempts, left.next_at), (tried.change + 1, 0, at.after(1)), "{failed}");
        assert_eq!((left.told.as_deref(), left.waits_since), (Some("x"), at.now()), "{failed}");
    }
}

/// Every change of a mailbox that the directory has is noted with it, and none of one that it never had (scenario 46).
pub(crate) async fn a_change_of_a_mailbox_is_noted_in_its_own_transaction(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let new = NewMailbox::new(address("a@x.test"), MailboxKind::Per);
    let mailbox = at.store.add_mailbox(new, Vec::new()).await.unwrap();
    let change = async |change| at.store.change_mailbox(mailbox, change, Vec::new()).await.unwrap();
    let unlisted = MailboxDetails { unlisted: true, ..MailboxDetails::default() };
    change(MailboxChange::Details(unlisted)).await;
    assert!(!change(MailboxChange::Publish).await.is_shown());
    change(MailboxChange::Suspend).await;
    change(MailboxChange::Resume).await;
    assert_eq!(waiting(&at).await, [], "it was never to be there");

    assert!(change(MailboxChange::Details(MailboxDetails::default())).await.is_shown());
    let tried = waiting(&at).await.remove(0);
    at.store
        .settle_publication(&tried, PublicationOutcome::Told(Some("x".to_owned())), at.now(), Vec::new())
        .await
        .unwrap();
    change(MailboxChange::Quota(Some(1))).await;
    assert_eq!(waiting(&at).await, [], "nothing that the directory knows of");
    let kept = at.after(1);
    for step in [MailboxChange::Suspend, MailboxChange::Unpublish, MailboxChange::Delete { address_kept_until: kept }] {
        let shown = change(step.clone()).await.is_shown();
        let left = waiting(&at).await;
        assert!(!shown && left.len() == 1, "{step:?}");
        let told = PublicationOutcome::Told(Some("x".to_owned()));
        at.store.settle_publication(&left[0], told, at.now(), Vec::new()).await.unwrap();
    }
}
