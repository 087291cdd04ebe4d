//! What only SQLite has: files that can be tampered with, a lock, a start that sweeps, a reader beside.

use std::fs;
use std::path::{Path, PathBuf};

use pli_audit::verify::What;
use pli_audit::{Event, EventKind, Place};
use pli_store::{Config, Flags, StoreError};
use pli_types::MessageId;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::support::{Backend, Fixture, Sqlite, event, noise, refused, write_private};

const LARGE: usize = 200_000;

/// All files below `bodies`.
fn body_files(at: &Fixture) -> Vec<PathBuf> {
    let list = |path: &Path| fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    let shards: Vec<PathBuf> = list(&at.data().join("bodies"));
    shards.iter().flat_map(|shard| -> Vec<PathBuf> { list(shard) }).collect()
}

async fn keep(at: &Fixture, size: usize) -> MessageId {
    let message = at.relayed(&noise(size), &["b@clinic.test"]).await;
    let id = message.id;
    at.store.accept(message).await.unwrap();
    id
}

/// Does something to the tables behind the store's back.
async fn tamper(at: &Fixture, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(at.data().join("pli.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn corrupt_in<T: std::fmt::Debug>(result: Result<T, StoreError>) -> (&'static str, &'static str, String) {
    match result {
        Err(StoreError::Corrupt { table, column, row, .. }) => (table, column, row),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn any_flipped_byte_of_a_file_is_found() {
    let at = Sqlite.fresh().await;
    let id = keep(&at, LARGE).await;
    let file = body_files(&at).remove(0);
    let good = fs::read(&file).unwrap();
    for place in [0, 65_535, 65_536, 65_552, 140_000, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 0x40;
        fs::write(&file, bad).unwrap();
        let (table, column, row) = corrupt_in(at.store.body(id).await);
        assert_eq!((table, column, row), ("bodies", "chunk", format!("{id}[{}]", place / 65_552)), "{place}");
    }
    // A part that does not touch the broken chunk can still be read.
    assert_eq!(at.store.body_range(id, 0, 65_536).await.unwrap(), noise(LARGE)[..65_536]);
    fs::write(&file, &good).unwrap();
    assert_eq!(at.store.body(id).await.unwrap(), noise(LARGE));
}

#[tokio::test]
async fn a_file_cut_off_extended_reordered_swapped_or_gone_is_found() {
    let at = Sqlite.fresh().await;
    let (id, other) = (keep(&at, LARGE).await, keep(&at, LARGE).await);
    let path = |id: MessageId| body_files(&at).into_iter().find(|file| file.ends_with(id.to_string())).unwrap();
    let (file, good) = (path(id), fs::read(path(id)).unwrap());
    let (first, second) = (65_552, 2 * 65_552);
    let reordered = [&good[first..second], &good[..first], &good[second..]].concat();
    let tampered: [(&str, Vec<u8>); 5] = [
        ("cut at a chunk", good[..second].to_vec()),
        ("cut anywhere", good[..good.len() - 1].to_vec()),
        ("extended", [&good[..], b"x"].concat()),
        ("reordered", reordered),
        ("of another message", fs::read(path(other)).unwrap()),
    ];
    for (what, bad) in tampered {
        fs::write(&file, bad).unwrap();
        assert_eq!(corrupt_in(at.store.body(id).await).0, "bodies", "{what}");
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(corrupt_in(at.store.body(id).await), ("bodies", "file", id.to_string()));
}

#[tokio::test]
async fn a_file_cut_to_fit_a_changed_size_is_found() {
    let at = Sqlite.fresh().await;
    let id = keep(&at, LARGE).await;
    let file = body_files(&at).remove(0);
    let good = fs::read(&file).unwrap();
    fs::write(&file, &good[..2 * 65_552]).unwrap();
    tamper(&at, "UPDATE messages SET size = 131072").await;
    assert_eq!(corrupt_in(at.store.body(id).await), ("bodies", "chunk", format!("{id}[1]")));
}

#[tokio::test]
async fn a_flipped_byte_in_a_row_is_found_and_named() {
    let at = Sqlite.fresh().await;
    let id = keep(&at, 5000).await;
    let row = id.to_string();
    tamper(&at, "UPDATE messages SET body = CAST(substr(body, 1, 99) || x'00' || substr(body, 101) AS BLOB)").await;
    assert_eq!(corrupt_in(at.store.body(id).await), ("messages", "body", row.clone()));
    tamper(&at, "UPDATE messages SET size = size + 1").await;
    assert_eq!(corrupt_in(at.store.body(id).await), ("messages", "size", row.clone()));
    tamper(&at, "UPDATE messages SET wrapped_key = CAST(substr(wrapped_key, 1, 30) || zeroblob(30) AS BLOB)").await;
    assert_eq!(corrupt_in(at.store.body(id).await), ("messages", "wrapped_key", row));
    tamper(&at, "UPDATE queue SET destination = 'not a host'").await;
    let (table, column, row) = corrupt_in(at.store.queue_rows(1).await);
    assert_eq!((table, column, row.len()), ("queue", "destination", 32));
    tamper(&at, "UPDATE messages SET sender = 'no address'").await;
    let claimed = at.store.claim_due(at.now(), std::time::Duration::from_secs(1), 1).await;
    assert_eq!(corrupt_in(claimed), ("messages", "sender", id.to_string()));
    tamper(&at, "UPDATE audit SET event = x'7b'").await;
    assert_eq!(corrupt_in(at.store.events_of(id).await), ("audit", "event", "1".to_owned()));
}

#[tokio::test]
async fn no_person_of_the_record_can_be_read_from_the_files_and_one_who_is_erased_from_nowhere() {
    let at = Sqlite.fresh().await;
    let id = at.id();
    let named = |number: &str| Event {
        sender: Some(format!("{number}@patient.mssante.fr").into()),
        ..event(id, EventKind::Refused)
    };
    for number in ["279035121518989", "297022A02077878"] {
        at.store.append_audit(vec![named(number)]).await.unwrap();
    }
    let held = |words: &str| {
        let files = ["pli.db", "pli.db-wal"].map(|name| fs::read(at.data().join(name)).unwrap_or_default()).concat();
        files.windows(words.len()).any(|window| window == words.as_bytes())
    };
    assert!(held("⟦0⟧@patient.mssante.fr"));
    for words in ["279035", "297022", "ins-"] {
        assert!(!held(words), "{words}");
    }
    tamper(&at, "DELETE FROM audit_subjects WHERE subject = (SELECT unhex(json_extract(event, '$.subjects[0].id')) FROM audit WHERE seq = 1)").await;
    let told = at.store.events_of(id).await.unwrap();
    let shown: Vec<_> = told.iter().map(|event| event.sender.as_ref().unwrap().reveal()).collect();
    assert!(shown[0].starts_with("erased-") && shown[1].starts_with("297022A02077878@"), "{shown:?}");
    // Whoever comes again after that is another.
    at.store.append_audit(vec![named("279035121518989")]).await.unwrap();
    let again = at.store.events_of(id).await.unwrap().pop().unwrap();
    assert_eq!(again.sender.unwrap().reveal(), "279035121518989@patient.mssante.fr");
}

#[tokio::test]
async fn nothing_of_a_body_can_be_read_from_the_files() {
    let at = Sqlite.fresh().await;
    let secret = b"Compte rendu de consultation";
    for repeat in [1, 10_000] {
        let message = at.relayed(&secret.repeat(repeat), &["b@clinic.test"]).await;
        at.store.accept(message).await.unwrap();
    }
    at.store.close().await;
    let mut files = body_files(&at);
    assert_eq!(files.len(), 1);
    files.push(at.data().join("pli.db"));
    for file in files {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", file.display());
    }
}

#[tokio::test]
async fn a_body_that_is_dropped_leaves_no_file() {
    let at = Sqlite.fresh().await;
    let mut writer = at.store.stage(at.id()).unwrap();
    writer.write(&noise(LARGE)).await.unwrap();
    assert_eq!(body_files(&at).len(), 1);
    drop(writer);
    assert_eq!(body_files(&at).len(), 0, "dropped unfinished");
    drop(at.stage(at.id(), &noise(LARGE)).await);
    assert_eq!(body_files(&at).len(), 0, "dropped unnamed");
    let mut refused = at.message(&noise(LARGE), &[pli_types::MailboxId(99)]).await;
    refused.audit.clear();
    at.store.accept(refused).await.unwrap_err();
    assert_eq!(body_files(&at).len(), 0, "refused");
    let nobody = at.message(&noise(LARGE), &[]).await;
    at.store.accept(nobody).await.unwrap();
    assert_eq!(body_files(&at).len(), 0, "for nobody");
}

#[tokio::test]
async fn a_body_that_is_removed_leaves_no_file() {
    let at = Sqlite.fresh().await;
    let inbox = at.inbox(at.mailbox("a@hospital.test").await).await;
    at.append(inbox, &noise(LARGE), crate::support::deleted()).await;
    assert_eq!(body_files(&at).len(), 1);
    at.store.expunge(inbox, None, Vec::new()).await.unwrap();
    // Its removal comes after the answer; closing waits for it.
    at.store.close().await;
    assert_eq!(body_files(&at).len(), 0);
}

#[tokio::test]
async fn a_file_that_no_message_names_is_swept_at_the_start() {
    let at = Sqlite.fresh().await;
    let id = keep(&at, LARGE).await;
    let kept = body_files(&at).remove(0);
    let orphan = at.id();
    let orphan = at.data().join("bodies").join(&orphan.to_string()[30..]).join(orphan.to_string());
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, b"a crash came before the transaction").unwrap();
    let foreign = at.data().join("bodies/README");
    fs::write(&foreign, b"not ours").unwrap();
    let at = at.reopen().await;
    assert!(!orphan.exists());
    assert!(kept.exists() && foreign.exists());
    assert_eq!(at.store.body(id).await.unwrap(), noise(LARGE));
}

#[tokio::test]
async fn two_servers_never_share_a_store() {
    let at = Sqlite.fresh().await;
    let second = pli_store::open(&at.config, at.clock.clone()).await;
    let error = second.err().unwrap();
    assert!(matches!(error, StoreError::Configuration(_)), "{error:?}");
    assert!(error.to_string().contains("pli.db.lock"), "{error}");
    at.store.close().await;
    pli_store::open(&at.config, at.clock.clone()).await.unwrap();
}

#[tokio::test]
async fn a_reader_beside_the_node_sees_what_is_committed_and_writes_nothing() {
    let at = Sqlite.fresh().await;
    let id = keep(&at, LARGE).await;
    let reader = pli_store::open_read_only(&at.config, at.clock.clone()).await.unwrap();
    assert_eq!(reader.queue_rows(9).await.unwrap()[0].message, id);
    assert_eq!(reader.body(id).await.unwrap(), noise(LARGE));
    refused!(reader.append_audit(vec![event(id, EventKind::Opened)]).await, StoreError::Configuration(_));
    refused!(reader.stage(at.id()), StoreError::Configuration(_));
    let later = keep(&at, 10).await;
    assert_eq!(reader.queue_rows(9).await.unwrap()[1].message, later);
}

#[tokio::test]
async fn a_reader_of_nothing_is_told_so() {
    let at = Sqlite.fresh().await;
    let config = Config { url: "sqlite:///nowhere/pli.db".to_owned(), ..at.config.clone() };
    refused!(pli_store::open_read_only(&config, at.clock.clone()).await, StoreError::Configuration(_));
}

#[tokio::test]
async fn a_store_without_its_node_can_be_looked_into() {
    let at = Sqlite.fresh().await;
    let id = keep(&at, 10).await;
    at.store.close().await;
    let reader = pli_store::open_read_only(&at.config, at.clock.clone()).await.unwrap();
    assert_eq!(reader.body(id).await.unwrap().len(), 10);
}

#[tokio::test]
async fn tables_newer_than_this_program_are_refused() {
    let at = Sqlite.fresh().await;
    at.store.close().await;
    tamper(&at, "PRAGMA user_version = 99").await;
    let error = pli_store::open(&at.config, at.clock.clone()).await.err().unwrap().to_string();
    assert!(error.contains("version 99") && error.contains("newer pli"), "{error}");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let at = Sqlite.fresh().await;
    at.store.close().await;
    tamper(&at, "PRAGMA application_id = 7").await;
    refused!(pli_store::open(&at.config, at.clock.clone()).await, StoreError::Configuration(_));
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let at = Sqlite.fresh().await;
    at.store.close().await;
    write_private(&at.config.master_key, &"a5".repeat(32));
    for error in [
        pli_store::open(&at.config, at.clock.clone()).await.err().unwrap(),
        pli_store::open_read_only(&at.config, at.clock.clone()).await.err().unwrap(),
    ] {
        assert!(matches!(error, StoreError::Configuration(_)), "{error:?}");
        assert!(error.to_string().contains("master.key"), "{error}");
    }
}

#[tokio::test]
async fn what_was_queued_is_written_though_the_store_is_dropped() {
    use futures_util::FutureExt;

    let at = Sqlite.fresh().await;
    let mailbox = at.mailbox("a@hospital.test").await;
    let message = at.message(b"kept", &[mailbox]).await;
    let id = message.id;
    assert!(at.store.accept(message).now_or_never().is_none());
    let at = at.reopen().await;
    assert_eq!(&at.store.body(id).await.unwrap()[..], b"kept");
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let at = Sqlite.fresh().await;
    let inbox = at.inbox(at.mailbox("a@hospital.test").await).await;
    let entry = at.entry(b"x", Flags::default()).await;
    at.store.close().await;
    at.store.close().await;
    refused!(at.store.append(inbox, entry).await, StoreError::Unavailable { full: false, .. });
    refused!(at.store.folder_status(inbox).await, StoreError::Unavailable { .. });
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let at = Sqlite.fresh().await;
    keep(&at, LARGE).await;
    let data = at.data();
    let mut paths = body_files(&at);
    paths.extend([data.join("pli.db"), data.join("pli.db-wal"), data.join("pli.db.lock"), data.join("bodies"), data]);
    for path in paths {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} {mode:o}", path.display());
    }
}

#[tokio::test]
async fn nothing_that_a_campaign_tells_of_anyone_can_be_read_from_the_files() {
    let at = Sqlite.fresh().await;
    let (template, value) = ("Rappel de l'examen du vingt-quatrième mois", "Apolline Dupont-Durand");
    let pace = pli_types::Pace::per_second(1);
    let new = pli_store::NewCampaign { name: "examen".to_owned(), template: template.to_owned(), pace, at: at.now() };
    at.store.begin_campaign(new, Vec::new()).await.unwrap();
    let campaign = at.store.campaign("examen").await.unwrap().unwrap().id;
    let patient = pli_types::Ins::parse("279035121518989").unwrap();
    let recipient = pli_store::CampaignRecipient { patient, values: vec![value.to_owned()] };
    at.store.enlist(campaign, vec![recipient], at.now()).await.unwrap();
    at.store.close().await;
    let bytes = fs::read(at.data().join("pli.db")).unwrap();
    for secret in [template, value] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    tamper(&at, "UPDATE campaign_recipients SET value_part = 1").await;
    let store = pli_store::open(&at.config, at.clock.clone()).await.unwrap();
    let (table, column, row) = corrupt_in(store.waiting_recipients(campaign, 1).await);
    assert_eq!((table, column, row.as_str()), ("campaign_recipients", "value_sealed", "1"));
}

/// Counted in claims, not in time: each of them may wait for a dead server.
#[tokio::test]
async fn one_row_behind_a_hundred_thousand_for_a_dead_destination_is_in_the_first_claim() {
    let at = Sqlite.fresh().await;
    let accept = async |to: &str| at.store.accept(at.relayed(b"body", &[to]).await).await.unwrap();
    accept("a@dead.test").await;
    tamper(
        &at,
        "WITH RECURSIVE places (place) AS (VALUES (2) UNION ALL SELECT place + 1 FROM places WHERE place < 100000)
         INSERT INTO messages (id, accepted_at, sender, parameters, size, key_id, wrapped_key, body)
         SELECT randomblob(16), accepted_at, sender, parameters, size, key_id, wrapped_key, body FROM places, messages",
    )
    .await;
    tamper(
        &at,
        "INSERT INTO queue (id, message_id, recipient, notify, destination, next_attempt_at, claimable_at, expires_at)
         SELECT randomblob(16), m.id, q.recipient, q.notify, q.destination, q.next_attempt_at, q.claimable_at, q.expires_at
         FROM messages AS m JOIN queue AS q ON q.message_id <> m.id",
    )
    .await;
    at.clock.advance(jiff::SignedDuration::from_hours(1));
    let live = accept("b@live.test").await;
    let lease = std::time::Duration::from_mins(5);
    let claim = async || at.store.claim_due(at.now(), lease, 64).await.unwrap();
    let first = claim().await;
    assert!(first.iter().any(|lease| lease.message == live.id), "{} others", first.len());
    let dead = first.iter().filter(|lease| lease.destination.as_str() == "dead.test").count();
    assert_eq!(dead, 32, "each destination has the same share");
    // Nothing else is there for anybody else: the dead one has all that a claim takes.
    assert_eq!(claim().await.len(), 64);
    let later = accept("c@live.test").await;
    assert!(claim().await.iter().any(|lease| lease.message == later.id), "and so again");
}

#[tokio::test]
async fn of_a_story_that_is_forgotten_no_key_is_left() {
    let at = Sqlite.fresh().await;
    let mailbox = at.mailbox("b@here.test").await;
    let mut message = at.message(b"body", &[mailbox]).await;
    let key = |number| pli_types::LookupKey::from_bytes([number; 16]);
    let party = pli_store::NewParty { recipient: key(3), way: pli_store::PartyWay::Mailbox(mailbox) };
    let (sender, message_id) = (Some(key(1)), Some(key(2)));
    message.story = Some(pli_store::NewStory { sender, message_id, parties: vec![party] });
    at.store.accept(message).await.unwrap();
    assert_eq!((rows(&at, "stories").await, rows(&at, "story_parties").await), (1, 1));
    at.clock.advance(jiff::SignedDuration::from_secs(1));
    assert_eq!(at.store.forget_stories(at.now(), 9).await.unwrap(), 1);
    assert_eq!((rows(&at, "stories").await, rows(&at, "story_parties").await), (0, 0));
}

/// How many rows a table has.
async fn rows(at: &Fixture, table: &'static str) -> i64 {
    let options = SqliteConnectOptions::new().filename(at.data().join("pli.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let count = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_the_record_that_was_changed_is_found_in_its_place() {
    for (sql, place, what) in [
        (
            "UPDATE audit SET event = CAST(replace(CAST(event AS TEXT), 'opened', 'failed') AS BLOB) WHERE seq = 278",
            Place::Entry(277),
            What::Altered,
        ),
        ("DELETE FROM audit WHERE seq = 5", Place::Entry(4), What::Removed),
        (
            "UPDATE audit SET event = (SELECT event FROM audit WHERE seq = 9) WHERE seq = 3",
            Place::Entry(2),
            What::Moved(8),
        ),
        ("UPDATE audit SET event = zeroblob(70000) WHERE seq = 1", Place::Entry(0), What::Altered),
        ("DELETE FROM audit WHERE seq > 256", Place::Entry(256), What::Missing),
        (
            "UPDATE audit_tiles SET hashes = zeroblob(8192) WHERE level = 0 AND number = 0",
            Place::Tile { level: 0, index: 0 },
            What::Rebuildable(0),
        ),
        ("DELETE FROM audit_tiles WHERE level = 0 AND number = 1", Place::Tile { level: 0, index: 1 }, What::Missing),
        ("DELETE FROM audit_checkpoints", Place::Checkpoint, What::Missing),
    ] {
        let at = Sqlite.fresh().await;
        let found = crate::audit_log::damaged(&at, 300, async |at| tamper(at, sql).await).await;
        assert_eq!(found, (place, what), "{sql}");
    }
}

#[tokio::test]
async fn a_gap_in_the_record_shows_in_what_is_read_to_seal_it() {
    let at = Sqlite.fresh().await;
    at.store.append_audit((0..4).map(|_| event(at.id(), EventKind::Opened)).collect()).await.unwrap();
    tamper(&at, "DELETE FROM audit WHERE seq = 2").await;
    let indexes: Vec<u64> = at.store.entries_from(0, 100).await.unwrap().iter().map(|row| row.0).collect();
    assert_eq!(indexes, [0, 2, 3]);
}

#[tokio::test]
async fn of_a_pruned_entry_nothing_is_read_but_its_place() {
    let at = Sqlite.fresh().await;
    let id = at.id();
    for kind in [EventKind::Accepted, EventKind::Delivered, EventKind::Opened] {
        at.store.append_audit(vec![event(id, kind)]).await.unwrap();
    }
    tamper(&at, "UPDATE audit SET event = x'' WHERE seq = 2").await;
    let read = at.store.events_from(0, 10).await.unwrap();
    let read: Vec<_> = read.into_iter().map(|one| (one.index, one.event.map(|event| event.kind))).collect();
    assert_eq!(read, [(0, Some(EventKind::Accepted)), (1, None), (2, Some(EventKind::Opened))]);
    let of: Vec<_> = at.store.events_of(id).await.unwrap().iter().map(|event| event.kind).collect();
    assert_eq!(of, [EventKind::Accepted, EventKind::Opened]);
}
