//! Of whoever is erased, the files of an SQLite store hold nothing.

use std::fs;

use pli_audit::{Event, EventKind};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::audit_log::{seal, sound_to};
use crate::keeping::{self, INS};
use crate::support::{Backend, Fixture, Sqlite, event};

/// What would tell that he was here, and where it is looked for.
struct Needles(Vec<(&'static str, Vec<u8>)>);

impl Needles {
    /// His number in all its spellings, and what the store makes of it.
    async fn of_him(at: &Fixture) -> Self {
        let options = SqliteConnectOptions::new().filename(at.data().join("pli.db")).read_only(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        // The first entry is about him alone.
        let sql = "SELECT digest, key FROM audit_subjects JOIN audit_about USING (subject) WHERE seq = 1";
        let (digest, key): (Vec<u8>, Vec<u8>) = sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let number: u64 = pli_types::Ins::parse(INS).unwrap().to_number();
        Self(vec![
            ("INS", INS.as_bytes().to_vec()),
            ("INS without its key", INS.as_bytes()[..13].to_vec()),
            ("INS in groups", b"2 79 03 51 215 189".to_vec()),
            ("its number", number.to_be_bytes()[2..].to_vec()),
            ("its key in stories", keeping::erase().key.as_bytes().to_vec()),
            ("its digest in the record", digest),
            ("the wrapped key", key),
        ])
    }

    /// Which of them lie in files of the store.
    fn found(&self, at: &Fixture) -> Vec<&'static str> {
        let files: Vec<Vec<u8>> =
            ["pli.db", "pli.db-wal", "pli.db-shm"].iter().map(|name| fs::read(at.data().join(name)).unwrap()).collect();
        let lies = |needle: &[u8]| files.iter().any(|file| file.windows(needle.len()).any(|window| window == needle));
        self.0.iter().filter(|(_, needle)| lies(needle)).map(|(what, _)| *what).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_patient_who_is_erased_no_byte_is_left_in_the_files() {
    let at = Sqlite.fresh().await;
    keeping::about(&at, EventKind::Relayed, INS).await;
    keeping::live(&at).await;
    // Enough of others for his row to have been moved.
    for batch in 0..20_u32 {
        let other = |n: u32| Event {
            recipient: Some(format!("18001{:08}", batch * 100 + n).into()),
            detail: Some("asked for 2 79 03 51 215 189 89".into()),
            ..event(at.id(), EventKind::Opened)
        };
        at.store.append_audit((0..100).map(other).collect()).await.unwrap();
    }
    let size = keeping::size(&at).await;
    assert!(seal(&at, size).await);
    let needles = Needles::of_him(&at).await;
    let before = needles.found(&at);
    // In groups he was never written down: an event's text is sealed as it comes in.
    let expected: Vec<_> = needles.0.iter().map(|(what, _)| *what).filter(|what| *what != "INS in groups").collect();
    assert_eq!(before, expected, "what is looked for can be found");

    at.store.erase(keeping::erase(), vec![keeping::note(&at, EventKind::Erased)]).await.unwrap();
    assert_eq!(needles.found(&at), [""; 0]);
    sound_to(&at, size).await;
    // Nor later, when the store has been at work and opened anew.
    assert!(seal(&at, size + 1).await);
    let at = at.reopen().await;
    at.store.append_audit(vec![event(at.id(), EventKind::Opened)]).await.unwrap();
    assert_eq!(needles.found(&at), [""; 0]);
    sound_to(&at, size + 1).await;
}
