//! Scenario 45, over a real store and a clock that is moved.

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use pli_store::{
    Account, AccountChange, AccountKind, Config, Correspondence, Life, NewAccount, NewCredential, NewMailbox, NewParty,
    NewStory, Notice, Outcome, PartyWay, Relay, Settlement, StoryFilter,
};
use pli_types::{DsnNotify, ManualClock, QueueId, Recipient, RppsId, Secret};

use super::*;
use crate::config::{MailboxConfig, Settings};
use crate::connectors::ConnectorBook;

const ADDRESS: &str = "dr.ancien@cabinet.test";

struct Stage {
    attendant: Attendant,
    clock: Arc<ManualClock>,
    folder: tempfile::TempDir,
}

fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master_key = folder.path().join("master.key");
        std::fs::write(&master_key, "ab".repeat(32)).unwrap();
        std::fs::set_permissions(&master_key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let config = Config { url: format!("sqlite://{}", folder.path().join("pli.db").display()), master_key };
        let clock = Arc::new(ManualClock::new("2026-03-01T08:00:00Z".parse().unwrap()));
        let store = pli_store::open(&config, clock.clone()).await.unwrap();
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/pli.toml");
        let settings = Settings::new(crate::config::load(sample.as_ref()).unwrap()).unwrap();
        let connectors = ConnectorBook::of(&settings);
        let (zone, counted) = (TimeZone::UTC, Arc::clone(&store));
        let attendant = Attendant {
            counting: Counting { store: counted, clock: clock.clone(), zone, connectors },
            store,
            masker: Masker::new(&[7; 32]),
            clock: clock.clone(),
            rules: Rules::new(&MailboxConfig::default()),
            exports: folder.path().join("exports"),
            server_name: "mss.test".to_owned(),
            stories_kept: "180d".parse().unwrap(),
            audit: AuditConfig::default(),
        };
        Self { attendant, clock, folder }
    }

    fn store(&self) -> &dyn Store {
        &*self.attendant.store
    }

    async fn mailbox(&self, name: &str, rpps: Option<&str>) -> MailboxId {
        let rpps = rpps.map(|rpps| RppsId::parse(rpps).unwrap());
        let new = NewMailbox { rpps, ..NewMailbox::new(address(name), MailboxKind::Per) };
        self.store().add_mailbox(new, Vec::new()).await.unwrap()
    }

    async fn days(&self, days: i64) {
        self.clock.advance(SignedDuration::from_hours(24 * days));
        self.attendant.turn(self.clock.now()).await;
    }

    async fn record(&self, name: &str) -> MailboxRecord {
        self.store().mailbox_record(&address(name)).await.unwrap().unwrap()
    }

    async fn life(&self) -> Life {
        self.record(ADDRESS).await.life()
    }

    async fn inbox(&self, name: &str) -> Vec<String> {
        let mailbox = self.store().mailbox(&address(name)).await.unwrap().unwrap();
        let folders = self.store().folders(mailbox.id).await.unwrap();
        let mut found = Vec::new();
        for entry in self.store().open_folder(folders[0].id, false).await.unwrap().entries {
            found.push(String::from_utf8(self.store().body(entry.message).await.unwrap().to_vec()).unwrap());
        }
        found
    }

    /// Someone who opens it.
    async fn account(&self, mailbox: MailboxId) {
        let new = NewAccount { name: "ancien".to_owned(), kind: AccountKind::Person, rpps: None, display_name: None };
        let account = self.store().add_account(new, Vec::new()).await.unwrap();
        let password = NewCredential::Password(Secret::new("p".to_owned()));
        self.store().add_credential(account, password, Vec::new()).await.unwrap();
        let grant = AccountChange::Grant { mailbox, default: true };
        self.store().change_account(account, grant, Vec::new()).await.unwrap();
    }

    async fn sign_in(&self) -> Option<Account> {
        let secret = Secret::new("p".to_owned());
        let account = self.store().sign_in_with_password("ancien", None, &secret).await.unwrap()?;
        self.store().note_sign_in(&account, self.clock.now()).await.unwrap();
        Some(account)
    }

    fn exported(&self, id: MailboxId) -> PathBuf {
        self.folder.path().join(format!("exports/{ADDRESS}-{id}"))
    }
}

#[tokio::test]
async fn who_never_comes_is_told_and_then_his_mailbox_ends_with_its_content_exported() {
    let stage = Stage::new().await;
    let id = stage.mailbox(ADDRESS, Some("10000000001")).await;
    stage.store().change_mailbox(id, MailboxChange::Publish, Vec::new()).await.unwrap();
    stage.account(id).await;
    stage.sign_in().await.unwrap();
    stage.days(300).await;
    // His second mailbox, at which he may be reached.
    stage.mailbox("dr.ancien@hopital.test", Some("10000000001")).await;
    stage.days(34).await;
    assert_eq!((stage.life().await, stage.inbox(ADDRESS).await.len()), (Life::Published, 0), "a day too early");
    stage.days(2).await;
    assert_eq!(stage.life().await, Life::Notice);
    let letters = stage.inbox(ADDRESS).await;
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    for words in [
        "To: <dr.ancien@cabinet.test>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "depuis le 01/03/2026",
        "since 2026-03-01",
        "le 02/03/2027",
        "on 2027-03-02",
    ] {
        assert!(letter.contains(words), "{words} is not in {letter}");
    }
    let elsewhere = stage.inbox("dr.ancien@hopital.test").await;
    assert!(elsewhere.iter().any(|letter| letter.contains(ADDRESS)), "told where he may be reached");

    stage.days(29).await;
    assert_eq!((stage.life().await, stage.inbox(ADDRESS).await.len()), (Life::Notice, 1), "told once");
    stage.days(1).await;
    let record = stage.record(ADDRESS).await;
    assert_eq!((record.life(), record.published), (Life::Deleted, false));
    assert!(stage.store().mailbox(&address(ADDRESS)).await.unwrap().is_none());
    let kept = std::fs::read_dir(stage.exported(id).join("cur")).unwrap().count();
    assert_eq!(kept, 1, "the letter, and nothing else lay there");
    let mode = std::fs::metadata(stage.folder.path().join("exports")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o700);
    assert!(stage.sign_in().await.is_none());

    stage.days(729).await;
    assert!(stage.store().mailbox_record(&address(ADDRESS)).await.unwrap().is_some(), "its address is kept");
    stage.days(1).await;
    assert!(stage.store().mailbox_record(&address(ADDRESS)).await.unwrap().is_none());
}

#[tokio::test]
async fn who_signs_in_after_the_notice_keeps_his_mailbox() {
    let stage = Stage::new().await;
    let id = stage.mailbox(ADDRESS, None).await;
    stage.account(id).await;
    stage.days(336).await;
    assert_eq!(stage.life().await, Life::Notice);
    stage.clock.advance(SignedDuration::from_hours(24 * 28));
    assert!(stage.sign_in().await.is_some());
    stage.days(3).await;
    let record = stage.record(ADDRESS).await;
    assert_eq!((record.life(), record.notice, record.objected_at), (Life::Created, None, Some(stage.clock.now())));
    stage.days(300).await;
    assert_eq!((stage.life().await, stage.inbox(ADDRESS).await.len()), (Life::Created, 1), "counted from there");
}

#[tokio::test]
async fn what_an_admin_has_given_notice_of_ends_though_its_holder_signs_in() {
    let stage = Stage::new().await;
    let id = stage.mailbox(ADDRESS, None).await;
    stage.account(id).await;
    let now = stage.clock.now();
    let notice = Notice { given_at: now, ends_at: now + SignedDuration::from_hours(48), cause: NoticeCause::Admin };
    stage.store().change_mailbox(id, MailboxChange::GiveNotice(notice), Vec::new()).await.unwrap();
    stage.days(1).await;
    assert!(stage.sign_in().await.is_some());
    assert_eq!(stage.life().await, Life::Notice);
    stage.days(1).await;
    assert_eq!(stage.life().await, Life::Deleted);
}

#[tokio::test]
async fn a_mailbox_that_cannot_be_exported_is_not_deleted() {
    let stage = Stage::new().await;
    let id = stage.mailbox(ADDRESS, None).await;
    std::fs::write(stage.folder.path().join("exports"), b"a file is in the way").unwrap();
    stage.days(340).await;
    stage.days(30).await;
    let record = stage.record(ADDRESS).await;
    assert_eq!((record.life(), record.suspended_at), (Life::Notice, None), "it is as it was");
    std::fs::remove_file(stage.folder.path().join("exports")).unwrap();
    stage.days(1).await;
    assert_eq!(stage.life().await, Life::Deleted);
    assert!(stage.exported(id).join("cur").is_dir());
}

#[tokio::test]
async fn patients_spaces_are_left_alone() {
    let stage = Stage::new().await;
    let name = "279035121518989@patient.mssante.fr";
    stage.store().add_mailbox(NewMailbox::new(address(name), MailboxKind::Patient), Vec::new()).await.unwrap();
    stage.days(2000).await;
    stage.days(2000).await;
    assert_eq!((stage.record(name).await.life(), stage.inbox(name).await.len()), (Life::Created, 0));
}

#[tokio::test]
async fn a_node_that_starts_late_still_gives_the_whole_notice() {
    let stage = Stage::new().await;
    stage.mailbox(ADDRESS, None).await;
    stage.days(900).await;
    let notice = stage.record(ADDRESS).await.notice.unwrap();
    assert_eq!(notice.ends_at, stage.clock.now() + SignedDuration::from_hours(24 * 30));
    stage.days(29).await;
    assert_eq!(stage.life().await, Life::Notice);
}

#[test]
fn it_is_time_once_a_day_and_when_the_clock_was_set_back() {
    let at = |hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours);
    assert!(is_due(None, at(5)) && is_due(Some(at(5)), at(29)) && is_due(Some(at(5)), at(4)));
    assert!(!is_due(Some(at(5)), at(28)));
}

#[tokio::test]
async fn what_was_received_long_ago_is_forgotten() {
    let stage = Stage::new().await;
    let mailbox = stage.mailbox(ADDRESS, None).await;
    stage.account(mailbox).await;
    let now = stage.clock.now();
    let id = MessageId::at(now);
    let mut writer = stage.store().stage(id).unwrap();
    writer.write(b"a letter").await.unwrap();
    let body = writer.finish().await.unwrap();
    let correspondence = Correspondence {
        message_id: "1@clinic.test".to_owned(),
        from: address("dr@clinic.test"),
        reply_to: Vec::new(),
        answerable: true,
        receipt_to: None,
    };
    let message = NewMessage {
        deliveries: vec![mailbox],
        correspondence: Some(correspondence),
        ..NewMessage::new(id, now, ReversePath::Null, body)
    };
    stage.store().accept(message).await.unwrap();
    let remembered = async || stage.store().received(mailbox, "1@clinic.test").await.unwrap().is_some();
    for days in [200, 200] {
        // Whoever signs in keeps his mailbox.
        stage.sign_in().await.unwrap();
        stage.days(days).await;
        assert!(remembered().await, "400 days are not over");
    }
    stage.days(1).await;
    assert!(!remembered().await);
}

/// A letter from one address to a mailbox here, or elsewhere where there is none, with its story.
async fn letter(stage: &Stage, message_id: &str, mailbox: Option<MailboxId>) -> MessageId {
    let (store, masker, now) = (stage.store(), &stage.attendant.masker, stage.clock.now());
    let id = MessageId::at(now);
    let mut writer = store.stage(id).unwrap();
    writer.write(b"a letter").await.unwrap();
    let mut message = NewMessage::new(id, now, ReversePath::Null, writer.finish().await.unwrap());
    let row = QueueId::at(now);
    let way = mailbox.map_or(PartyWay::Row(row), PartyWay::Mailbox);
    let recipient = Recipient { address: address(ADDRESS), notify: DsnNotify::default(), orcpt: None };
    message.story = Some(NewStory {
        sender: Some(masker.lookup_address(&address("dr@clinic.test"))),
        message_id: Some(masker.lookup_message_id(message_id)),
        parties: vec![NewParty { recipient: masker.lookup_address(&recipient.address), way }],
    });
    message.deliveries.extend(mailbox);
    if mailbox.is_none() {
        let (destination, expires_at) = (recipient.address.domain().clone(), now + SignedDuration::from_hours(2400));
        message.relays.push(Relay { id: row, recipient, destination, expires_at });
    }
    store.accept(message).await.unwrap();
    id
}

#[tokio::test]
async fn a_story_is_forgotten_half_a_year_after_its_end_and_nobody_finds_it_by_any_key() {
    let stage = Stage::new().await;
    let mailbox = stage.mailbox(ADDRESS, None).await;
    stage.account(mailbox).await;
    let (here, waits) =
        (letter(&stage, "1@clinic.test", Some(mailbox)).await, letter(&stage, "2@clinic.test", None).await);
    let masker = stage.attendant.masker.clone();
    let keys = || {
        let filters = [
            StoryFilter { sender: Some(masker.lookup_address(&address("dr@clinic.test"))), ..StoryFilter::default() },
            StoryFilter { recipient: Some(masker.lookup_address(&address(ADDRESS))), ..StoryFilter::default() },
            StoryFilter { message_id: Some(masker.lookup_message_id("1@clinic.test")), ..StoryFilter::default() },
        ];
        filters.into_iter()
    };
    let found = async || {
        let mut found = Vec::new();
        for filter in keys() {
            found.push(stage.store().find_stories(&filter, 9).await.unwrap().len());
        }
        found
    };
    stage.days(90).await;
    assert_eq!(found().await, [2, 2, 1]);
    // The other one is relayed only now.
    let lease = stage.store().claim_due(stage.clock.now(), Duration::from_mins(5), 9).await.unwrap().remove(0);
    let relayed = Settlement::new(lease, Outcome::Relayed { detail: String::new() });
    stage.store().settle(vec![relayed]).await.unwrap();

    stage.days(90).await;
    assert!(stage.store().story(here).await.unwrap().is_some(), "180 days are not over");
    stage.days(1).await;
    assert_eq!(found().await, [1, 1, 0]);
    assert!(stage.store().story(here).await.unwrap().is_none());
    stage.days(89).await;
    assert!(stage.store().story(waits).await.unwrap().is_some(), "counted from its end, not from its beginning");
    stage.days(1).await;
    assert_eq!(found().await, [0, 0, 0]);
}
