//! Read receipts that patients' mailboxes owe.

use pli_audit::EventKind;
use pli_store::{
    Change, Correspondence, DueReceipt, FlagChange, Flags, MailboxChange, MailboxKind, NewMailbox, NewMessage,
};
use pli_types::{FolderId, MailboxId, MessageId, Uid};

use crate::support::{Backend, Fixture, address, deleted, event};

const PATIENT: &str = "279035121518989@patient.mssante.fr";
const DOCTOR: &str = "dr.martin@clinic.test";

async fn patient(at: &Fixture) -> MailboxId {
    let new = NewMailbox::new(address(PATIENT), MailboxKind::Patient);
    at.store.add_mailbox(new, Vec::new()).await.unwrap()
}

/// A letter of the doctor's with this Message-ID, whose receipt goes there.
async fn letter(at: &Fixture, id: &str, receipt_to: Option<&str>, to: &[MailboxId]) -> MessageId {
    let correspondence = Correspondence {
        message_id: id.to_owned(),
        from: address(DOCTOR),
        reply_to: Vec::new(),
        answerable: true,
        receipt_to: receipt_to.map(address),
    };
    let message = at.message(b"a letter", to).await;
    let id = message.id;
    at.store.accept(NewMessage { correspondence: Some(correspondence), ..message }).await.unwrap();
    id
}

fn seen() -> Flags {
    Flags { seen: true, ..Flags::default() }
}

async fn flag(at: &Fixture, folder: FolderId, uid: u32, change: FlagChange, flags: &Flags) {
    assert_eq!(at.store.set_flags(folder, &[Uid(uid)], change, flags, Vec::new()).await.unwrap().len(), 1);
}

async fn open(at: &Fixture, folder: FolderId, uid: u32) {
    flag(at, folder, uid, FlagChange::Add, &seen()).await;
}

async fn due(at: &Fixture) -> Vec<DueReceipt> {
    at.store.receipts_due(None, 100).await.unwrap()
}

pub(crate) async fn a_message_that_is_opened_owes_one_receipt_whatever_happens_to_its_flags(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = patient(&at).await;
    let inbox = at.inbox(mailbox).await;
    let message = letter(&at, "1@clinic.test", Some(DOCTOR), &[mailbox]).await;
    flag(&at, inbox, 1, FlagChange::Add, &Flags { flagged: true, ..Flags::default() }).await;
    assert_eq!(due(&at).await, [], "not opened");
    let mut changes = at.store.subscribe();
    let opened_at = at.now();
    open(&at, inbox, 1).await;
    let mut told = Vec::new();
    while let Ok(change) = changes.try_recv() {
        told.push(change);
    }
    assert!(told.contains(&Change::Receipts), "{told:?}");
    at.clock.advance(jiff::SignedDuration::from_secs(60));
    let at = at.reopen().await;
    let [one] = due(&at).await.try_into().unwrap();
    let expected = DueReceipt { id: one.id, message, reader: address(PATIENT), receipt_to: address(DOCTOR), opened_at };
    assert_eq!(one, expected);
    assert_eq!(at.store.receipts_due(Some(one.id), 100).await.unwrap(), []);
    for settled in [false, true] {
        flag(&at, inbox, 1, FlagChange::Remove, &seen()).await;
        flag(&at, inbox, 1, FlagChange::Replace, &seen()).await;
        assert_eq!(due(&at).await.len(), usize::from(!settled));
        if !settled {
            assert!(at.store.settle_receipt(one.id, None, Vec::new()).await.unwrap());
        }
    }
    // The same message once more, from a server that has not heard our 250.
    letter(&at, "1@clinic.test", Some(DOCTOR), &[mailbox]).await;
    open(&at, inbox, 2).await;
    assert_eq!(due(&at).await, []);
}

pub(crate) async fn a_receipt_and_its_report_are_one_transaction(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = patient(&at).await;
    let message = letter(&at, "1@clinic.test", Some(DOCTOR), &[mailbox]).await;
    open(&at, at.inbox(mailbox).await, 1).await;
    let at = at.reopen().await;
    let id = due(&at).await[0].id;
    let told = vec![event(message, EventKind::Reported)];
    let report = at.relayed(b"opened", &[DOCTOR]).await;
    assert!(at.store.settle_receipt(id, Some(report), told.clone()).await.unwrap());
    let at = at.reopen().await;
    assert_eq!(due(&at).await, []);
    let again = at.relayed(b"opened", &[DOCTOR]).await;
    assert!(!at.store.settle_receipt(id, Some(again), told).await.unwrap());
    let rows = at.store.queue_rows(9).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.recipient.reveal()).collect::<Vec<_>>(), [DOCTOR]);
    let kinds: Vec<_> = at.store.events_of(message).await.unwrap().iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Accepted, EventKind::Reported]);
}

pub(crate) async fn only_a_patient_who_opens_what_asks_for_it_owes_a_receipt(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (mailbox, doctor) = (patient(&at).await, at.mailbox("dr.leroy@clinic.test").await);
    let (inbox, trash) = (at.inbox(mailbox).await, at.folder(mailbox, "Trash").await.id);
    letter(&at, "1@clinic.test", None, &[mailbox]).await;
    open(&at, inbox, 1).await;
    assert_eq!(due(&at).await, [], "nobody asked");
    letter(&at, "2@clinic.test", Some(DOCTOR), &[mailbox, doctor]).await;
    open(&at, at.inbox(doctor).await, 1).await;
    assert_eq!(due(&at).await, [], "a professional's mailbox");
    at.append(inbox, b"his own", seen()).await;
    at.store.copy(inbox, &[Uid(2)], trash, Vec::new()).await.unwrap();
    assert_eq!(due(&at).await, [], "nothing was opened");
    open(&at, trash, 1).await;
    open(&at, inbox, 2).await;
    assert_eq!(due(&at).await.len(), 1, "two copies are one message");
}

pub(crate) async fn what_is_opened_can_be_read_until_its_receipt_is_settled(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = patient(&at).await;
    let inbox = at.inbox(mailbox).await;
    let message = letter(&at, "1@clinic.test", Some(DOCTOR), &[mailbox]).await;
    open(&at, inbox, 1).await;
    flag(&at, inbox, 1, FlagChange::Add, &deleted()).await;
    at.store.expunge(inbox, None, Vec::new()).await.unwrap();
    let at = at.reopen().await;
    assert_eq!(at.store.body(message).await.unwrap(), &b"a letter"[..]);
    assert!(at.store.settle_receipt(due(&at).await[0].id, None, Vec::new()).await.unwrap());
    assert!(at.store.body(message).await.is_err(), "nothing refers to it any more");
}

pub(crate) async fn receipts_go_with_their_mailbox_and_their_time(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = patient(&at).await;
    let inbox = at.inbox(mailbox).await;
    for (id, uid) in [("1@clinic.test", 1), ("2@clinic.test", 2)] {
        letter(&at, id, Some(DOCTOR), &[mailbox]).await;
        open(&at, inbox, uid).await;
    }
    at.store.settle_receipt(due(&at).await[0].id, None, Vec::new()).await.unwrap();
    at.store.forget_received(at.after(1), 100).await.unwrap();
    let left = due(&at).await;
    assert_eq!(left.len(), 1, "what is owed is not forgotten");
    // The other one was: of the same Message-ID, a message of another year owes one anew.
    letter(&at, "1@clinic.test", Some(DOCTOR), &[mailbox]).await;
    open(&at, inbox, 3).await;
    assert_eq!(due(&at).await.len(), 2);
    let delete = MailboxChange::Delete { address_kept_until: at.after(60) };
    at.store.change_mailbox(mailbox, delete, Vec::new()).await.unwrap();
    assert_eq!(due(&at).await, []);
    assert!(at.store.body(left[0].message).await.is_err());
}
