//! Stores of older versions open, and whoever could sign in still can.

use argon2::password_hash::PasswordHasher;
use pli_store::national::Search;
use pli_store::{AccountKind, CredentialKind, Life, MailboxKind, MailboxState, SpaceState};
use pli_types::MailboxId;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::support::{Backend, Fixture, Sqlite, address, secret, subject};

const OLD: [&str; 2] = [
    include_str!("../../migrations/sqlite/0001_store.sql"),
    include_str!("../../migrations/sqlite/0002_professionals.sql"),
];

/// Those from there to the words of the directory, which came with the seventh.
const BEFORE_WORDS: [&str; 4] = [
    include_str!("../../migrations/sqlite/0003_people.sql"),
    include_str!("../../migrations/sqlite/0004_connectors.sql"),
    include_str!("../../migrations/sqlite/0005_directory.sql"),
    include_str!("../../migrations/sqlite/0006_publications.sql"),
];

/// Everyone is published; one is on the liste rouge, one is suspended.
const PUBLISHED: &str = r#"
    UPDATE mailboxes SET published = 1, unlisted = id = 3;
    INSERT INTO directory_entries (mailbox_id, number, columns) VALUES
        (1, 1, '{"structure":"Officine Lefèvre","town":"Angoulême"}'), (2, 1, '{"family_name":"Lefèvre"}'),
        (3, 1, '{"family_name":"Lefèvre"}'), (4, 2, '{"sign":"LEFEVRE & Cie"}'), (5, 1, '{"family_name":"Lefèvre"}');
"#;

/// An ORG with a password, a colleague who is suspended, a professional, a program with its certificate, a closed space.
const PEOPLE: &str = r#"
    INSERT INTO mailboxes (id, address, address_key, kind, state, rpps, finess, quota_bytes, used_bytes) VALUES
        (1, 'Officine@Pharmacie.test', 'officine@pharmacie.test', 'ORG', 'open', NULL, '990000044', 1000, 5),
        (2, 'parti@pharmacie.test', 'parti@pharmacie.test', 'PER', 'suspended', NULL, NULL, NULL, 0),
        (3, '"a@b"@pharmacie.test', '"a@b"@pharmacie.test', 'PER', 'open', '10000000001', NULL, NULL, 0),
        (4, 'resultats@ch.test', 'resultats@ch.test', 'APP', 'open', NULL, '990000069', NULL, 0),
        (5, '279035121518989@patient.mssante.fr', '279035121518989@patient.mssante.fr', 'PATIENT', 'closed', NULL,
         NULL, NULL, 0);
    INSERT INTO folders (mailbox_id, name, uid_validity) SELECT id, 'INBOX', 7 FROM mailboxes;
    INSERT INTO accounts (id, name, name_key, mailbox_id, password_hash, certificate) VALUES
        (11, 'Officine@pharmacie.test', 'officine@pharmacie.test', 1, 'HASH', NULL),
        (12, 'parti@pharmacie.test', 'parti@pharmacie.test', 2, 'HASH', NULL),
        (14, 'resultats@ch.test', 'resultats@ch.test', 4, NULL, 'CN=resultats.ch.test,OU=1990000069,O=L''Hôpital,C=FR'),
        (15, '279035121518989@patient.mssante.fr', '279035121518989@patient.mssante.fr', 5, 'HASH', NULL);
"#;

/// A store of this version.
async fn old_store(version: usize) -> Fixture {
    older_store(OLD[..version].concat(), "", version).await
}

/// A store of these tables, in which these people are; and what came after.
async fn older_store(tables: String, later: &str, version: usize) -> Fixture {
    let at = Sqlite.fresh().await;
    at.store.close().await;
    std::fs::remove_dir_all(at.data()).unwrap();
    std::fs::create_dir_all(at.data()).unwrap();
    let options = SqliteConnectOptions::new().filename(at.data().join("pli.db")).create_if_missing(true);
    let mut connection: SqliteConnection = options.connect().await.unwrap();
    let hash = argon2::Argon2::default().hash_password(b"p").unwrap().to_string();
    let stamp = format!("PRAGMA application_id = {}; PRAGMA user_version = {version};", 0x506c_6901);
    for sql in [tables, PEOPLE.replace("HASH", &hash), later.to_owned(), stamp] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    at.reopen().await
}

#[tokio::test]
async fn whoever_could_sign_in_to_an_older_store_still_can() {
    for version in 1..=OLD.len() {
        let at = old_store(version).await;
        let by_password = async |name: &str| at.store.sign_in_with_password(name, None, &secret("p")).await.unwrap();
        let account = by_password("officine@Pharmacie.test").await.unwrap();
        assert_eq!((account.id.unwrap().0, account.mailbox.id.0), (11, 1));
        assert_eq!((account.mailbox.quota_bytes, account.mailbox.used_bytes), (Some(1000), 5));
        assert_eq!(account.writes_as.len(), 1);
        assert!(at.store.still_holds(&account).await.unwrap());
        assert!(by_password("parti@pharmacie.test").await.is_none(), "suspended");
        assert!(by_password("279035121518989@patient.mssante.fr").await.is_some(), "closed lets its owner in");
        let name = subject("C=FR,O=L\u{2019}HOPITAL,OU=1990000069,CN=Resultats.ch.test");
        let program = at.store.sign_in_with_certificate(&name, None).await.unwrap().unwrap();
        assert_eq!((program.id.unwrap().0, program.mailbox.kind), (14, MailboxKind::App));
        let rpps = pli_types::RppsId::parse("10000000001").unwrap();
        assert_eq!(at.store.sign_in_as_professional(&rpps, None).await.unwrap().unwrap().mailbox.id.0, 3);
        // Nothing of an older number is given again.
        let next = at.person("new", &[account.mailbox.id], "q").await;
        assert!(next.0 > 15, "{next}");
    }
}

#[tokio::test]
async fn a_mailbox_of_an_older_store_begins_its_life_with_the_migration() {
    for version in 1..=OLD.len() {
        let at = old_store(version).await;
        let record = async |name: &str| at.store.mailbox_record(&address(name)).await.unwrap().unwrap();
        let open = record("officine@pharmacie.test").await;
        assert_eq!((open.life(), open.published, open.created_at), (Life::Created, false, at.now()));
        assert_eq!(open.structure.as_ref().unwrap().national(), "1990000044");
        assert_eq!(open.active_at(), at.now(), "not inactive since for ever");
        let away = record("parti@pharmacie.test").await;
        assert_eq!((away.life(), away.suspended_at), (Life::Suspended, Some(at.now())));
        let away =
            at.store.change_mailbox(away.mailbox.id, pli_store::MailboxChange::Resume, Vec::new()).await.unwrap();
        assert_eq!(away.mailbox.state, MailboxState::Open);
        let space = record("279035121518989@patient.mssante.fr").await;
        assert_eq!(space.mailbox.state, MailboxState::Closed);
        let domain = Some(address("x@pharmacie.test").domain().clone());
        let filter = pli_store::MailboxFilter { domain, ..pli_store::MailboxFilter::default() };
        assert_eq!(
            at.store.mailbox_records(&filter, None, 9).await.unwrap().len(),
            3,
            "whatever stands before the last @"
        );
        let kinds: Vec<_> = at
            .store
            .accounts(None, 9)
            .await
            .unwrap()
            .into_iter()
            .map(|account| (account.id.0, account.kind, account.credentials[0].kind, account.grants[0].default))
            .collect();
        assert_eq!(
            kinds,
            [
                (15, AccountKind::Person, CredentialKind::Password, true),
                (11, AccountKind::Person, CredentialKind::Password, true),
                (12, AccountKind::Person, CredentialKind::Password, true),
                (14, AccountKind::Program, CredentialKind::Certificate, true),
            ]
        );
    }
}

#[tokio::test]
async fn who_was_shown_before_there_was_an_index_is_found_in_it() {
    let later = format!("{}{PUBLISHED}", BEFORE_WORDS.concat().replace(":now", "0"));
    let at = older_store(OLD.concat(), &later, 6).await;
    let search = Search { words: "lefevre".to_owned(), ..Search::default() };
    let shown = [MailboxId(1), MailboxId(4)];
    assert_eq!(
        at.store.likely_mailboxes(&search).await.unwrap(),
        shown,
        "by address; nobody who is hidden, no patient"
    );
    let at = at.reopen().await;
    assert_eq!(at.store.likely_mailboxes(&search).await.unwrap(), shown);
}

#[tokio::test]
async fn a_patients_mailbox_of_an_older_store_has_its_space() {
    let later = "INSERT INTO mailboxes (id, address, address_key, kind, state) VALUES
        (6, '297022a02077878@patient.mssante.fr', '297022A02077878@patient.mssante.fr', 'PATIENT', 'suspended'),
        (7, 'nobody@patient.mssante.fr', 'nobody@patient.mssante.fr', 'PATIENT', 'open');";
    let at = older_store(OLD[..1].concat(), later, 1).await;
    let space = async |at: &Fixture, ins: &str| {
        let space = at.store.space(&pli_types::Ins::parse(ins).unwrap()).await.unwrap().unwrap();
        (space.state, space.mailbox)
    };
    let at = at.reopen().await;
    assert_eq!(space(&at, "279035121518989").await, (SpaceState::Closed, Some(MailboxId(5))));
    assert_eq!(space(&at, "297022A02077878").await, (SpaceState::Open, Some(MailboxId(6))));
    assert_eq!(at.store.count_spaces(SpaceState::Open).await.unwrap(), 1);
    assert_eq!(at.store.count_spaces(SpaceState::Closed).await.unwrap(), 1);
}
