//! Bodies: as they were, in whole and in part, and gone when nothing refers to them.

use pli_store::StoreError;

use crate::support::{Backend, Fixture, deleted, is_not_found, noise, refused};

const CHUNK: usize = 64 * 1024;

async fn keep(at: &Fixture, body: &[u8]) -> pli_types::MessageId {
    let message = at.relayed(body, &["b@clinic.test"]).await;
    let id = message.id;
    at.store.accept(message).await.unwrap();
    id
}

pub(crate) async fn a_body_comes_back_as_it_was_whatever_its_size(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for size in [0, 1, 5000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 30 * 1024 * 1024] {
        let body = noise(size);
        let id = keep(&at, &body).await;
        assert!(at.store.body(id).await.unwrap() == body, "{size}");
        assert_eq!(
            at.store.claim_due(at.now(), std::time::Duration::from_secs(1), 9).await.unwrap()[0].size,
            size as u64
        );
    }
}

pub(crate) async fn a_range_is_exact_at_the_edges_of_chunks(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for size in [0, 10, CHUNK, 3 * CHUNK, 3 * CHUNK + 7] {
        let body = noise(size);
        let id = keep(&at, &body).await;
        let edges = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK, 3 * CHUNK + 6, 3 * CHUNK + 7, 4 * CHUNK];
        for from in edges {
            for length in [0, 1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK] {
                let expected = body.get(from..).unwrap_or_default();
                let expected = &expected[..length.min(expected.len())];
                let part = at.store.body_range(id, from as u64, length as u64).await.unwrap();
                assert!(part == expected, "{length} from {from} of {size}");
            }
        }
        assert_eq!(at.store.body_range(id, u64::MAX, u64::MAX).await.unwrap().len(), 0);
        assert_eq!(at.store.body_range(id, 0, u64::MAX).await.unwrap().len(), size);
    }
}

pub(crate) async fn a_staged_body_is_read_in_parts_before_anything_names_it(backend: &dyn Backend) {
    let at = backend.fresh().await;
    for size in [0, 10, CHUNK, CHUNK + 1, 3 * CHUNK + 7] {
        let body = noise(size);
        let mut message = at.relayed(b"", &["b@clinic.test"]).await;
        message.body = at.stage(message.id, &body).await;
        for from in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 6, 3 * CHUNK + 7, 4 * CHUNK] {
            for length in [0, 1, CHUNK, CHUNK + 1, 5 * CHUNK] {
                let expected = body.get(from..).unwrap_or_default();
                let expected = &expected[..length.min(expected.len())];
                let part = at.store.staged(&message.body, from as u64, length as u64).await.unwrap();
                assert!(part == expected, "{length} from {from} of {size}");
            }
        }
        assert_eq!(at.store.staged(&message.body, u64::MAX, u64::MAX).await.unwrap().len(), 0);
        let id = message.id;
        assert!(is_not_found(&at.store.body(id).await), "nothing names it yet");
        at.store.accept(message).await.unwrap();
        assert!(at.store.body(id).await.unwrap() == body, "read before, and kept as it was: {size}");
    }
}

pub(crate) async fn a_body_staged_by_another_store_is_not_read(backend: &dyn Backend) {
    let (at, other) = (backend.fresh().await, backend.fresh_with_key("a5").await);
    for body in [noise(100), noise(100_000)] {
        let staged = other.stage(other.id(), &body).await;
        refused!(at.store.staged(&staged, 0, 10).await, StoreError::Conflict(_));
    }
}

pub(crate) async fn a_body_written_byte_by_byte_is_the_same(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let body = noise(CHUNK + 3);
    let mut message = at.relayed(b"", &["b@clinic.test"]).await;
    let mut writer = at.store.stage(message.id).unwrap();
    for byte in body.chunks(1) {
        writer.write(byte).await.unwrap();
    }
    message.body = writer.finish().await.unwrap();
    assert_eq!(message.body.size(), body.len() as u64);
    let id = message.id;
    at.store.accept(message).await.unwrap();
    assert!(at.store.body(id).await.unwrap() == body);
}

pub(crate) async fn a_body_goes_with_the_last_that_refers_to_it(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let inbox = at.inbox(mailbox).await;
    let trash = at.folder(mailbox, "Trash").await.id;
    for body in [noise(100), noise(100_000)] {
        at.append(inbox, &body, deleted()).await;
        let entry = at.store.open_folder(inbox, false).await.unwrap().entries.remove(0);
        at.store.copy(inbox, &[entry.uid], trash, Vec::new()).await.unwrap();
        assert_eq!(at.store.expunge(inbox, None, Vec::new()).await.unwrap(), [entry.uid]);
        assert!(at.store.body(entry.message).await.unwrap() == body, "the copy still refers to it");
        at.store.expunge(trash, None, Vec::new()).await.unwrap();
        assert!(is_not_found(&at.store.body(entry.message).await));
        assert!(is_not_found(&at.store.body_range(entry.message, 0, 1).await));
    }
    assert_eq!(at.used("a@hospital.test").await, 0);
}

pub(crate) async fn a_body_staged_for_another_message_is_refused(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mut message = at.relayed(b"one", &["b@clinic.test"]).await;
    message.body = at.stage(at.id(), b"two").await;
    refused!(at.store.accept(message).await, StoreError::Conflict(_));
}
