//! Out and in again, over a real store.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pli_store::{Config, FlagChange, Flags, Mailbox, NewEntry, Store};
use pli_types::{Clock, MailAddress, MessageId, SystemClock, Uid};

use super::*;

/// Puts what comes into the store, as a node does.
struct IntoStore(Arc<dyn Store>, Mailbox);

#[async_trait(?Send)]
impl Taker for IntoStore {
    async fn folder(&mut self, name: &str, subscribed: bool) -> Result<(), Failure> {
        self.0.create_folder(self.1.id, name).await.ok();
        self.0.set_subscribed(self.1.id, name, subscribed).await.map_err(Failure::from)
    }

    async fn message(&mut self, arriving: Arriving) -> Result<(), Failure> {
        put(&self.0, &self.1, &arriving.folder, &arriving.body, arriving.flags, arriving.internal_date).await;
        Ok(())
    }
}

async fn put(store: &Arc<dyn Store>, mailbox: &Mailbox, folder: &str, body: &[u8], flags: Flags, at: Timestamp) -> Uid {
    let folders = store.folders(mailbox.id).await.unwrap();
    let folder = folders.iter().find(|one| one.name == folder).unwrap().id;
    let id = MessageId::at(SystemClock.now());
    let mut writer = store.stage(id).unwrap();
    writer.write(body).await.unwrap();
    let body = writer.finish().await.unwrap();
    store.append(folder, NewEntry { id, body, flags, internal_date: at, audit: Vec::new() }).await.unwrap().1
}

async fn store(folder: &Path) -> Arc<dyn Store> {
    let key = folder.join("master.key");
    std::fs::write(&key, "ab".repeat(32)).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = Config { url: format!("sqlite://{}", folder.join("pli.db").display()), master_key: key };
    pli_store::open(&config, Arc::new(SystemClock)).await.unwrap()
}

async fn mailbox(store: &Arc<dyn Store>, address: &str) -> Mailbox {
    let address = MailAddress::parse(address).unwrap();
    store.add_mailbox(new_mailbox(address.clone()), Vec::new()).await.unwrap();
    store.mailbox(&address).await.unwrap().unwrap()
}

/// Folder, flags, date, body of everything in a mailbox.
async fn all(store: &Arc<dyn Store>, mailbox: &Mailbox) -> Vec<(String, Flags, Timestamp, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in store.folders(mailbox.id).await.unwrap() {
        for entry in store.open_folder(folder.id, false).await.unwrap().entries {
            let body = store.body(entry.message).await.unwrap().to_vec();
            found.push((folder.name.clone(), entry.flags, entry.internal_date, body));
        }
    }
    found
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A mailbox with three messages, two of them the same, in an INBOX and a folder with an accent and a dot.
async fn filled(store: &Arc<dyn Store>) -> Mailbox {
    let one = mailbox(store, "officine@pharmacie.mssante.fr").await;
    store.create_folder(one.id, "Envoyés/2026.03").await.unwrap();
    let seen = Flags { seen: true, keywords: ["archive".to_owned()].into(), ..Flags::default() };
    put(store, &one, "INBOX", b"Subject: a\r\n\r\nA\r\n", seen, at("2026-03-14T12:00:00Z")).await;
    for day in ["2026-03-15T08:00:00Z", "2026-03-16T08:00:00Z"] {
        put(store, &one, "Envoyés/2026.03", b"Subject: b\r\n\r\nB\r\n", Flags::default(), at(day)).await;
    }
    one
}

#[tokio::test]
async fn what_is_exported_comes_back_with_flags_and_dates_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let one = filled(&store).await;
    let out = folder.path().join("out");
    let done = export(&*store, &one, serde_json::Map::new(), &out).await.unwrap();
    assert_eq!((done.messages, done.written, done.bytes), (3, 3, 51));

    assert_eq!(mark(&*store, &one).await.unwrap(), done.mark);

    let other = mailbox(&store, "autre@pharmacie.mssante.fr").await;
    let mut taker = IntoStore(Arc::clone(&store), other.clone());
    let first = import(&*store, &other, &out, 1 << 20, &mut taker).await.unwrap();
    assert_eq!((first.taken, first.there, first.left_out.len()), (3, 0, 0));
    assert_eq!(all(&store, &other).await, all(&store, &one).await);

    let again = import(&*store, &other, &out, 1 << 20, &mut taker).await.unwrap();
    assert_eq!((again.folders_made, again.taken, again.there), (0, 0, 3));
}

#[tokio::test]
async fn a_second_export_writes_what_is_new_and_follows_flags() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let one = filled(&store).await;
    let out = folder.path().join("out");
    export(&*store, &one, serde_json::Map::new(), &out).await.unwrap();
    let description = std::fs::metadata(out.join(DESCRIPTION)).unwrap().modified().unwrap();
    let same = export(&*store, &one, serde_json::Map::new(), &out).await.unwrap();
    assert_eq!((same.messages, same.written, same.renamed), (3, 0, 0));
    assert_eq!(std::fs::metadata(out.join(DESCRIPTION)).unwrap().modified().unwrap(), description);

    let inbox = store.folders(one.id).await.unwrap().remove(0).id;
    let flagged = Flags { flagged: true, ..Flags::default() };
    store.set_flags(inbox, &[Uid(1)], FlagChange::Add, &flagged, Vec::new()).await.unwrap();
    put(&store, &one, "INBOX", b"Subject: c\r\n\r\nC\r\n", Flags::default(), at("2026-03-17T08:00:00Z")).await;
    assert_ne!(mark(&*store, &one).await.unwrap(), same.mark, "something has come in");
    let more = export(&*store, &one, serde_json::Map::new(), &out).await.unwrap();
    assert_eq!((more.messages, more.written, more.renamed), (4, 1, 1));
    let names = files::names(&out.join("cur")).unwrap();
    assert_eq!(names.len(), 2);
    assert!(names.first().unwrap().ends_with(":2,FSa"), "{names:?}");
}

#[tokio::test]
async fn an_export_is_for_its_owner_and_never_mixes_with_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let one = filled(&store).await;
    let out = folder.path().join("out");
    export(&*store, &one, serde_json::Map::new(), &out).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&out), mode(&out.join("cur")), mode(&out.join(DESCRIPTION))), (0o700, 0o700, 0o600));

    let other = mailbox(&store, "autre@pharmacie.mssante.fr").await;
    let fault = export(&*store, &other, serde_json::Map::new(), &out).await.unwrap_err();
    assert!(matches!(fault, ContentFault::FolderInUse(_)), "{fault:?}");
    std::fs::create_dir(folder.path().join("thesis")).unwrap();
    std::fs::write(folder.path().join("thesis/chapter"), "years of work").unwrap();
    let fault = export(&*store, &one, serde_json::Map::new(), &folder.path().join("thesis")).await.unwrap_err();
    assert!(matches!(fault, ContentFault::FolderInUse(_)), "{fault:?}");
}

#[tokio::test]
async fn another_servers_maildir_is_read_and_what_cannot_be_taken_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let one = mailbox(&store, "officine@pharmacie.mssante.fr").await;
    let from = folder.path().join("Maildir");
    for part in ["cur", "new", ".Projets/cur", ".Projets/new"] {
        std::fs::create_dir_all(from.join(part)).unwrap();
    }
    std::fs::write(from.join("cur/1.host:2,RS"), "Subject: a\n\nA\n").unwrap();
    std::fs::write(from.join("new/2.host"), "Subject: b\n\nB\n").unwrap();
    std::fs::write(from.join("new/3.host"), "Subject: c\0\n\n").unwrap();
    std::fs::write(from.join(".Projets/cur/4.host:2,"), "x".repeat(200)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", from.join("new/5.host")).unwrap();
    let mut taker = IntoStore(Arc::clone(&store), one.clone());
    let done = import(&*store, &one, &from, 100, &mut taker).await.unwrap();
    assert_eq!((done.taken, done.folders_made), (2, 1));
    let reasons: Vec<&str> = done.left_out.iter().map(|(_, why)| *why).collect();
    assert_eq!(reasons.iter().filter(|why| **why == "file-not-plain").count(), 1, "{reasons:?}");
    let others: Vec<&str> = reasons.into_iter().filter(|why| *why != "file-not-plain").collect();
    assert_eq!(others, ["message-malformed", "message-too-big"]);
    let held = all(&store, &one).await;
    assert_eq!(held.iter().filter(|(.., body)| body == b"Subject: a\r\n\r\nA\r\n").count(), 1, "{held:?}");
    assert!(held.iter().any(|(_, flags, ..)| flags.answered && flags.seen));

    let nothing = import(&*store, &one, folder.path(), 100, &mut taker).await.unwrap_err();
    assert!(matches!(nothing, ContentFault::NoMaildir(_)), "{nothing:?}");
}

/// A Maildir may come from somebody else: nothing outside of it is read, and nothing is waited for.
#[tokio::test]
async fn links_and_pipes_of_a_maildir_lead_nowhere() {
    for (link, target) in [
        ("cur", "elsewhere"),
        ("new", "elsewhere"),
        (".A", "elsewhere-folder"),
        (".B/cur", "elsewhere"),
        ("dovecot-keywords", "elsewhere/secret"),
        ("mailbox.json", "elsewhere/secret"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path()).await;
        let one = mailbox(&store, "officine@pharmacie.mssante.fr").await;
        let at = |name: &str| folder.path().join(name);
        for part in ["Maildir", "Maildir/.B", "elsewhere", "elsewhere-folder/cur"] {
            std::fs::create_dir_all(at(part)).unwrap();
        }
        if link != "cur" {
            std::fs::create_dir(at("Maildir/cur")).unwrap();
        }
        std::fs::write(at("elsewhere/secret"), "0 secret\n").unwrap();
        std::os::unix::fs::symlink(at(target), at("Maildir").join(link)).unwrap();
        let mut taker = IntoStore(Arc::clone(&store), one.clone());
        let fault = import(&*store, &one, &at("Maildir"), 1000, &mut taker).await.unwrap_err();
        assert!(matches!(&fault, ContentFault::NotPlain(path) if path.ends_with(link)), "{link}: {fault:?}");
        assert!(all(&store, &one).await.is_empty(), "{link}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("cur")).unwrap();
    let pipe = folder.path().join("dovecot-keywords");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    let fault = files::read_plain(&pipe, 10).unwrap_err();
    assert!(matches!(fault, ContentFault::NotPlain(_)), "{fault:?}");
}

fn new_mailbox(address: MailAddress) -> pli_store::NewMailbox {
    pli_store::NewMailbox::new(address, pli_store::MailboxKind::Org)
}
