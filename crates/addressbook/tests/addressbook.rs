//! Ours and the national copy read as one: who is found, who is not, and where the two differ.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pli_addressbook::{AddressBook, Difference, Differing, Hidden, Line, Source, found_by};
use pli_directory::extraction::{Column, Entry};
use pli_store::national::{About, Import, Listed, Search, install};
use pli_store::{Config, DirectoryEntry, MailboxChange, MailboxDetails, MailboxKind, NewMailbox, NewMessage, Store};
use pli_types::{Domain, FinessId, MailAddress, MailboxId, ManualClock, MessageId, ReversePath, RppsId, StructureId};

const RPPS: &str = "10003441234";

struct Place {
    folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    now: Timestamp,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master_key = folder.path().join("master.key");
        std::fs::write(&master_key, "5a".repeat(32)).unwrap();
        std::fs::set_permissions(&master_key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let url = format!("sqlite://{}", folder.path().join("pli.db").display());
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let store = pli_store::open(&Config { url, master_key }, Arc::new(ManualClock::new(now))).await.unwrap();
        Self { folder, store, now }
    }

    fn state(&self) -> &Path {
        self.folder.path()
    }

    /// A doctor's mailbox with one line of the directory.
    async fn doctor(&self, name: &str, details: MailboxDetails) -> MailboxId {
        let rpps = Some(RppsId::parse(RPPS).unwrap());
        let new = NewMailbox { rpps, details, ..NewMailbox::new(address(name), MailboxKind::Per) };
        let mailbox = self.store.add_mailbox(new, Vec::new()).await.unwrap();
        self.entry(mailbox, 1, &[("family_name", "Lefèvre"), ("given_name", "Zoé"), ("town", "75014 Paris")]).await;
        mailbox
    }

    async fn entry(&self, mailbox: MailboxId, number: u16, columns: &[(&str, &str)]) {
        let columns = columns.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        self.store.put_directory_entry(mailbox, None, DirectoryEntry { number, columns }, Vec::new()).await.unwrap();
    }

    async fn change(&self, mailbox: MailboxId, change: MailboxChange) {
        self.store.change_mailbox(mailbox, change, Vec::new()).await.unwrap();
    }

    async fn import(&self, lines: &[String]) {
        let mut import = Import::begin(self.state()).await.unwrap();
        for line in lines {
            let entry = Entry::parse(line).unwrap();
            let more = import.add(&Listed { address: &entry.address().key(), line, words: &found_by(&entry) });
            assert!(!more);
        }
        let about = About { digest: "d".into(), bytes: 1, taken: 0, refused: 0, addresses: 0, imported_at: self.now };
        drop(import.finish(about).await.unwrap());
        install(self.state()).await.unwrap();
    }

    async fn book(&self) -> AddressBook {
        let hosted = [Domain::parse("cabinet.mssante.fr").unwrap()];
        AddressBook::open(Arc::clone(&self.store), self.state(), hosted).await.unwrap()
    }

    async fn found(&self, words: &str) -> Vec<(&'static str, String)> {
        let search = Search { words: words.to_owned(), ..Search::default() };
        named(&self.book().await.search(&search, 50).await.unwrap())
    }

    async fn exported(&self) -> Vec<(&'static str, String)> {
        let (mut book, mut lines) = (self.book().await, Vec::new());
        let mut take = |line| {
            lines.push(line);
            true
        };
        book.each_own(&mut take).await.unwrap();
        book.each_national(&mut take).await.unwrap();
        named(&lines)
    }

    async fn compared(&self) -> Vec<Difference> {
        let mut differences = Vec::new();
        let domain = Domain::parse("cabinet.mssante.fr").unwrap();
        let take = |difference| {
            differences.push(difference);
            true
        };
        self.book().await.compare(&domain, take).await.unwrap();
        differences
    }
}

fn address(name: &str) -> MailAddress {
    MailAddress::parse(&format!("{name}@cabinet.mssante.fr")).unwrap()
}

fn named(lines: &[Line]) -> Vec<(&'static str, String)> {
    let address = |line: &Line| Entry::parse(&line.text).unwrap().address().reveal();
    lines.iter().map(|line| (line.source.as_str(), address(line))).collect()
}

fn line(columns: &[(Column, &str)]) -> String {
    let columns: BTreeMap<&str, &str> = columns.iter().map(|(column, text)| (column.member(), *text)).collect();
    let cell = |column: &Column| columns.get(column.member()).copied().unwrap_or_default();
    Column::ALL.iter().map(cell).collect::<Vec<_>>().join("|")
}

/// As the state's directory has a doctor of ours.
fn national(name: &str, town: &str) -> String {
    line(&[
        (Column::Type, "PER"),
        (Column::Address, &format!("{name}@cabinet.mssante.fr")),
        (Column::PersonIdType, "8"),
        (Column::PersonId, RPPS),
        (Column::PersonNationalId, &format!("8{RPPS}")),
        (Column::StructureIdType, "1"),
        (Column::StructureId, "990000010"),
        (Column::Title, "DR"),
        (Column::FamilyName, "LEFEVRE"),
        (Column::GivenName, "ZOE"),
        (Column::Town, town),
    ])
}

#[tokio::test]
async fn liste_rouge_is_never_found() {
    let place = Place::new().await;
    let red = place.doctor("rouge", MailboxDetails { unlisted: true, ..MailboxDetails::default() }).await;
    let shown = place.doctor("zoe", MailboxDetails::default()).await;
    for mailbox in [red, shown] {
        place.change(mailbox, MailboxChange::Publish).await;
    }
    // The state's directory still has it.
    place.import(&[national("rouge", "75014 PARIS"), national("ailleurs", "75014 PARIS")]).await;

    let (own, other) =
        (("own", "zoe@cabinet.mssante.fr".to_owned()), ("national", "ailleurs@cabinet.mssante.fr".to_owned()));
    for words in ["lefevre", RPPS, "paris", "zoe lef"] {
        assert_eq!(place.found(words).await, [own.clone(), other.clone()], "{words}");
    }
    assert_eq!(place.exported().await, [own, other]);
    // It is not missing there either: it is one too many.
    assert_eq!(
        place.compared().await,
        [
            Difference::Missing(address("zoe")),
            Difference::Extra(address("ailleurs"), None),
            Difference::Extra(address("rouge"), Some(Hidden::Unlisted)),
        ]
    );
    let told = place.book().await.show(&address("Rouge")).await.unwrap();
    assert_eq!(
        (told.hidden, told.lines.len()),
        (Some(Hidden::Unlisted), 2),
        "an admin sees it, and why nobody else does"
    );

    // Yet it receives mail.
    let store = &place.store;
    let mailbox = store.mailbox(&address("rouge")).await.unwrap().unwrap();
    let id = MessageId::at(place.now);
    let mut body = store.stage(id).unwrap();
    body.write(b"Subject: x\r\n\r\nx\r\n").await.unwrap();
    let message = NewMessage {
        deliveries: vec![mailbox.id],
        ..NewMessage::new(id, place.now, ReversePath::Null, body.finish().await.unwrap())
    };
    store.accept(message).await.unwrap();
    let inbox = store.folders(mailbox.id).await.unwrap()[0].id;
    assert_eq!(store.folder_status(inbox).await.unwrap().messages, 1);
}

#[tokio::test]
async fn a_mailbox_is_found_while_it_is_published_and_not_suspended() {
    let place = Place::new().await;
    let zoe = place.doctor("zoe", MailboxDetails::default()).await;
    place.import(&[national("zoe", "75014 PARIS")]).await;
    let why = async || place.book().await.show(&address("zoe")).await.unwrap().hidden;
    let kept = place.now.checked_add(SignedDuration::from_hours(24)).unwrap();
    for (change, hidden) in [
        (MailboxChange::Publish, None),
        (MailboxChange::Suspend, Some(Hidden::Suspended)),
        (MailboxChange::Resume, None),
        (MailboxChange::Unpublish, Some(Hidden::Unpublished)),
        (MailboxChange::Publish, None),
        (MailboxChange::Delete { address_kept_until: kept }, Some(Hidden::Deleted)),
    ] {
        place.change(zoe, change.clone()).await;
        assert_eq!(why().await, hidden, "{change:?}");
        let lines = usize::from(hidden.is_none());
        assert_eq!(place.found("lefevre").await.len(), lines, "{change:?}: ours, and not the copy's beside it");
        assert_eq!(place.exported().await.len(), 2 * lines, "{change:?}");
    }
}

#[tokio::test]
async fn what_the_mailbox_itself_says_is_not_written_twice() {
    let place = Place::new().await;
    let details = MailboxDetails { service: "Imagerie".into(), digitisation: true, ..MailboxDetails::default() };
    let structure = Some(StructureId::Finess(FinessId::parse("990000010").unwrap()));
    let new = NewMailbox { structure, details, ..NewMailbox::new(address("irm"), MailboxKind::Org) };
    let irm = place.store.add_mailbox(new, Vec::new()).await.unwrap();
    place.change(irm, MailboxChange::Publish).await;
    let only = async || place.book().await.search(&words("imagerie"), 9).await.unwrap();
    assert_eq!(only().await.len(), 1, "without an entry it has a line of what it says itself");
    place.entry(irm, 1, &[("structure", "CENTRE | D'IMAGERIE"), ("town", "Angoulême")]).await;
    place.entry(irm, 2, &[("structure", "SITE DE BASTIA"), ("postal_code", "20200")]).await;
    let lines = only().await;
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 2]);
    let entry = Entry::parse(&lines[0].text).unwrap();
    for (column, text) in [
        (Column::Type, "ORG"),
        (Column::PersonId, ""),
        (Column::StructureIdType, "1"),
        (Column::StructureId, "990000010"),
        (Column::Service, "Imagerie"),
        (Column::Digitisation, "O"),
        (Column::Structure, "CENTRE   D'IMAGERIE"),
        (Column::Town, "Angoulême"),
    ] {
        assert_eq!(entry.get(column), text, "{column:?}");
    }
    let corsican = Search { department: "2b".into(), ..Search::default() };
    assert_eq!(place.book().await.search(&corsican, 9).await.unwrap()[0].number, 2);
}

fn words(words: &str) -> Search {
    Search { words: words.to_owned(), ..Search::default() }
}

#[tokio::test]
async fn differences_are_told_column_by_column() {
    let place = Place::new().await;
    for name in ["meme", "autre", "absent"] {
        let mailbox = place.doctor(name, MailboxDetails::default()).await;
        place.change(mailbox, MailboxChange::Publish).await;
    }
    let two = place.doctor("deux", MailboxDetails::default()).await;
    place.change(two, MailboxChange::Publish).await;
    place.entry(two, 2, &[("town", "Lyon")]).await;
    place
        .import(&[
            national("deux", "69001 LYON"),
            national("meme", "75014 PARIS"),
            national("autre", "69001 LYON"),
            national("inconnu", "69001 LYON"),
            national("deux", "75014 PARIS"),
        ])
        .await;
    let town = |line, ours: &str, theirs: &str| Differing {
        line,
        column: Column::Town,
        ours: ours.to_owned(),
        theirs: theirs.to_owned(),
    };
    assert_eq!(
        place.compared().await,
        [
            Difference::Missing(address("absent")),
            Difference::Different(address("autre"), vec![town(1, "75014 Paris", "69001 LYON")]),
            Difference::Different(address("deux"), vec![town(2, "Lyon", "69001 LYON")]),
            Difference::Extra(address("inconnu"), None),
        ]
    );
}

#[tokio::test]
async fn without_a_copy_ours_are_found_and_nothing_differs() {
    let place = Place::new().await;
    let zoe = place.doctor("zoe", MailboxDetails::default()).await;
    place.change(zoe, MailboxChange::Publish).await;
    assert_eq!(place.found("lefevre").await, [(Source::Own.as_str(), "zoe@cabinet.mssante.fr".to_owned())]);
    assert!(place.book().await.about().is_none());
    assert_eq!(place.compared().await, []);
    let nobody = place.book().await.show(&address("personne")).await.unwrap();
    assert_eq!((nobody.lines.len(), nobody.hidden), (0, None));
}

/// Whatever is asked of a line of ours, the copy says the same of that line.
#[tokio::test]
async fn ours_and_the_country_s_are_found_by_the_same_words() {
    let place = Place::new().await;
    let details = MailboxDetails { service: "Urgences de nuit".into(), ..MailboxDetails::default() };
    let structure = Some(StructureId::Finess(FinessId::parse("990000010").unwrap()));
    let rpps = Some(RppsId::parse(RPPS).unwrap());
    let new = NewMailbox { rpps, structure, details, ..NewMailbox::new(address("zoe"), MailboxKind::Per) };
    let zoe = place.store.add_mailbox(new, Vec::new()).await.unwrap();
    place.change(zoe, MailboxChange::Publish).await;
    let said = |postal_code| {
        [
            ("title", "DR"),
            ("family_name", "LEFÈVRE-Cœur"),
            ("given_name", "Zoe\u{301}"),
            ("category", "Civil"),
            ("profession", "Médecin"),
            ("speciality", "Chirurgie générale"),
            ("structure", "CENTRE | D'IMAGERIE"),
            ("sign", "L'Étoile"),
            ("street", "Lilas"),
            ("town", "Bastia Αθήνα"),
            ("department", "Haute-Corse"),
            ("country", "France"),
            ("postal_code", postal_code),
        ]
    };
    let codes = [" 20200", "20000", "97400", "75014", "2"];
    for (number, code) in (1..).zip(codes) {
        place.entry(zoe, number, &said(code)).await;
    }
    let ours = place.book().await.show(&address("zoe")).await.unwrap().lines;
    assert_eq!(ours.len(), codes.len());
    let theirs: Vec<String> = ours.iter().map(|line| line.text.replace("zoe@cabinet", "zoe@ailleurs")).collect();
    place.import(&theirs).await;

    let typed = "dr Lefevre LEF le coeur cœu zoe zoé zo civil medecin chir generale gen etoile l lilas bastia bas
        αθήνα αθή haute corse france urgences nuit de centre imagerie d 10003441234 100 990000010 990 9900000101
        20200 202 20 2a 2A 2b 974 97 75 750 75014 2 per PER org lefevres x";
    let mut found = 0;
    for word in typed.split_whitespace() {
        let word = word.to_owned();
        for search in [
            Search { words: word.clone(), ..Search::default() },
            Search { words: format!("{word} lefevre"), ..Search::default() },
            Search { words: format!("{word} 974"), ..Search::default() },
            Search { profession: word.clone(), ..Search::default() },
            Search { town: word.clone(), ..Search::default() },
            Search { department: word.clone(), ..Search::default() },
            Search { structure: word.clone(), ..Search::default() },
            Search { kind: word, ..Search::default() },
        ] {
            let lines = place.book().await.search(&search, 50).await.unwrap();
            let text = |source| {
                let of_source = lines.iter().filter(move |line| line.source == source);
                of_source.map(|line| line.text.replace("zoe@ailleurs", "zoe@cabinet")).collect::<Vec<_>>()
            };
            assert_eq!(text(Source::Own), text(Source::National), "{search:?}");
            found += lines.len();
        }
    }
    assert!(found > 500, "{found}");
}
