//! A store to try things on, and shorthands for what goes into it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind, Face};
use pli_store::{
    AccountChange, AccountKind, Config, Flags, Folder, MailboxKind, NewAccount, NewCredential, NewEntry, NewMailbox,
    NewMessage, Relay, StagedBody, Store, StoreError,
};
use pli_types::clock::local_offset;
use pli_types::{
    AccountId, Clock, DistinguishedName, DsnNotify, FolderId, MailAddress, MailboxId, ManualClock, MessageId, QueueId,
    Recipient, ReversePath, Secret, Uid,
};

/// Where a backend's tests get their stores from.
#[async_trait]
pub(crate) trait Backend: Sync {
    /// An empty store of its own.
    async fn fresh(&self) -> Fixture {
        self.fresh_with_key("5a").await
    }

    /// The same, under the master key of 32 such bytes.
    async fn fresh_with_key(&self, byte: &str) -> Fixture;
}

/// SQLite, in a folder that goes with the fixture.
pub(crate) struct Sqlite;

#[async_trait]
impl Backend for Sqlite {
    async fn fresh_with_key(&self, byte: &str) -> Fixture {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let master_key = folder.path().join("master.key");
        write_private(&master_key, &byte.repeat(32));
        let url = format!("sqlite://{}", folder.path().join("data/pli.db").display());
        let config = Config { url, master_key };
        let clock = Arc::new(ManualClock::new(start()));
        let store = pli_store::open(&config, clock.clone()).await.expect("a fresh store opens");
        Fixture { store, clock, config, folder }
    }
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).expect("a file is written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("permissions are set");
}

/// Some instant: tests do not depend on the time of day.
pub(crate) fn start() -> Timestamp {
    "2026-03-01T08:00:00Z".parse().expect("an instant")
}

/// A store and what belongs to it.
pub(crate) struct Fixture {
    /// The store.
    pub(crate) store: Arc<dyn Store>,
    /// Its clock.
    pub(crate) clock: Arc<ManualClock>,
    /// How it was opened.
    pub(crate) config: Config,
    folder: tempfile::TempDir,
}

impl Fixture {
    /// Ends the store without a word, as a process that stops would, and opens it again.
    pub(crate) async fn reopen(self) -> Self {
        let Self { store, clock, config, folder } = self;
        drop(store);
        let store = pli_store::open(&config, clock.clone()).await.expect("the store opens again");
        Self { store, clock, config, folder }
    }

    /// The folder of its files.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `now`, so many seconds later.
    pub(crate) fn after(&self, seconds: i64) -> Timestamp {
        self.now() + SignedDuration::from_secs(seconds)
    }

    pub(crate) fn id(&self) -> MessageId {
        MessageId::at(self.now())
    }

    pub(crate) async fn mailbox(&self, name: &str) -> MailboxId {
        self.mailbox_with_quota(name, None).await
    }

    pub(crate) async fn mailbox_with_quota(&self, name: &str, quota_bytes: Option<u64>) -> MailboxId {
        self.store.add_mailbox(new_mailbox(name, quota_bytes), Vec::new()).await.expect("a mailbox")
    }

    /// Someone who opens these mailboxes with a password, the first by default.
    pub(crate) async fn person(&self, name: &str, mailboxes: &[MailboxId], password: &str) -> AccountId {
        let account = self.store.add_account(new_account(name), Vec::new()).await.expect("an account");
        let password = NewCredential::Password(secret(password));
        self.store.add_credential(account, password, Vec::new()).await.expect("a credential");
        for mailbox in mailboxes {
            let grant = AccountChange::Grant { mailbox: *mailbox, default: false };
            self.store.change_account(account, grant, Vec::new()).await.expect("a grant");
        }
        account
    }

    pub(crate) async fn folder(&self, mailbox: MailboxId, name: &str) -> Folder {
        let folders = self.store.folders(mailbox).await.expect("folders");
        folders.into_iter().find(|folder| folder.name == name).expect("a folder of this name")
    }

    pub(crate) async fn inbox(&self, mailbox: MailboxId) -> FolderId {
        self.folder(mailbox, "INBOX").await.id
    }

    /// A body under an id, in one piece.
    pub(crate) async fn stage(&self, id: MessageId, body: &[u8]) -> StagedBody {
        let mut writer = self.store.stage(id).expect("a writer");
        writer.write(body).await.expect("bytes are taken");
        writer.finish().await.expect("a body")
    }

    /// A message for mailboxes here.
    pub(crate) async fn message(&self, body: &[u8], deliveries: &[MailboxId]) -> NewMessage {
        let id = self.id();
        NewMessage {
            deliveries: deliveries.to_vec(),
            audit: vec![event(id, EventKind::Accepted)],
            ..NewMessage::new(
                id,
                self.now(),
                ReversePath::Address(address("sender@example.test")),
                self.stage(id, body).await,
            )
        }
    }

    /// A message for recipients elsewhere.
    pub(crate) async fn relayed(&self, body: &[u8], recipients: &[&str]) -> NewMessage {
        let mut message = self.message(body, &[]).await;
        message.relays = recipients.iter().map(|recipient| self.relay(recipient)).collect();
        message
    }

    fn relay(&self, recipient: &str) -> Relay {
        let address = address(recipient);
        Relay {
            id: QueueId::at(self.now()),
            destination: address.domain().clone(),
            recipient: Recipient { address, notify: DsnNotify::default(), orcpt: None },
            expires_at: self.after(5 * 24 * 3600),
        }
    }

    /// Puts a body into a folder; its UID.
    pub(crate) async fn append(&self, folder: FolderId, body: &[u8], flags: Flags) -> Uid {
        let entry = self.entry(body, flags).await;
        self.store.append(folder, entry).await.expect("appended").1
    }

    pub(crate) async fn entry(&self, body: &[u8], flags: Flags) -> NewEntry {
        let id = self.id();
        let body = self.stage(id, body).await;
        NewEntry { id, body, flags, internal_date: self.now(), audit: Vec::new() }
    }

    /// The UIDs in a folder.
    pub(crate) async fn uids(&self, folder: FolderId) -> Vec<Uid> {
        let view = self.store.open_folder(folder, false).await.expect("a view");
        view.entries.iter().map(|entry| entry.uid).collect()
    }

    pub(crate) async fn used(&self, name: &str) -> u64 {
        let found = self.store.mailbox(&address(name)).await.expect("an answer");
        found.expect("a mailbox").used_bytes
    }
}

pub(crate) fn new_mailbox(name: &str, quota_bytes: Option<u64>) -> NewMailbox {
    NewMailbox { quota_bytes, ..NewMailbox::new(address(name), MailboxKind::Per) }
}

pub(crate) fn new_account(name: &str) -> NewAccount {
    NewAccount { name: name.to_owned(), kind: AccountKind::Person, rpps: None, display_name: None }
}

pub(crate) fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// A certificate's name.
pub(crate) fn subject(text: &str) -> DistinguishedName {
    DistinguishedName::parse(text).expect("a distinguished name")
}

pub(crate) fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).expect("an address")
}

/// As the store gives it back: with the local time of this machine.
pub(crate) fn placed(event: Event) -> Event {
    Event { offset: Some(local_offset(event.at.parse().unwrap())), ..event }
}

pub(crate) fn event(message: MessageId, kind: EventKind) -> Event {
    Event { message: Some(message), ..placed(Event::new(start(), kind, Face::Smtp)) }
}

pub(crate) fn deleted() -> Flags {
    Flags { deleted: true, ..Flags::default() }
}

pub(crate) fn uids(numbers: &[u32]) -> Vec<Uid> {
    numbers.iter().copied().map(Uid).collect()
}

/// Bytes that look like nothing, the same every time: a chunk moved or repeated would show.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let step = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(step).take(length).collect()
}

/// Is it this kind of refusal?
macro_rules! refused {
    ($result:expr, $pattern:pat) => {{
        let result = $result;
        assert!(matches!(result, Err($pattern)), "{:?}", result.map(|_| "went well"));
    }};
}

/// Did the store say that there is no such thing?
pub(crate) fn is_not_found<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NotFound(_)))
}

pub(crate) use refused;
