//! Whose an address is, over a real store and a real copy.

use pli_addressbook::found_by;
use pli_store::national::{About, Import, Listed};
use pli_store::{Config, MailboxChange, MailboxDetails, NewMailbox};
use pli_types::{MailboxId, SystemClock};

use super::*;

const OFFICINE: &str = "officine@pharmacie.mssante.fr";
const PHARMACY: &str = "750000018";
const CLINIC: &str = "2A0000014";

struct Stage {
    book: OrganisationBook,
    store: Arc<dyn Store>,
    folder: tempfile::TempDir,
}

fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

/// A line of the extraction: a type, an address, a structure's number.
fn line(kind: &str, address: &str, structure: &str) -> String {
    let mut cells = vec![""; Column::COUNT];
    for (column, text) in [(Column::Type, kind), (Column::Address, address), (Column::StructureId, structure)] {
        cells[Column::ALL.iter().position(|other| *other == column).unwrap()] = text;
    }
    cells.join("|")
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master_key = folder.path().join("master.key");
        std::fs::write(&master_key, "ab".repeat(32)).unwrap();
        std::fs::set_permissions(&master_key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let config = Config { url: format!("sqlite://{}", folder.path().join("pli.db").display()), master_key };
        let store = pli_store::open(&config, Arc::new(SystemClock)).await.unwrap();
        store.put_pharmacies(vec![FinessId::parse(PHARMACY).unwrap()], true, Vec::new()).await.unwrap();
        let book = OrganisationBook::new(Arc::clone(&store), folder.path().to_owned());
        Self { book, store, folder }
    }

    /// Puts a copy of these lines in place.
    async fn national(&self, lines: &[String]) {
        let state = self.folder.path();
        let mut import = Import::begin(state).await.unwrap();
        for line in lines {
            let entry = Entry::parse(line).unwrap();
            let listed = Listed { address: &entry.address().key(), line, words: &found_by(&entry) };
            assert!(!import.add(&listed), "few lines are one piece");
        }
        let (digest, imported_at) = (lines.concat(), "2026-11-22T12:00:00Z".parse().unwrap());
        let about = About { digest, bytes: 1, taken: 0, refused: 0, addresses: 0, imported_at };
        import.finish(about).await.unwrap();
        national::install(state).await.unwrap();
    }

    /// A mailbox of ours that is published.
    async fn own(&self, name: &str, kind: MailboxKind, structure: &str) -> MailboxId {
        let structure = Some(StructureId::parse(structure).unwrap());
        let new = NewMailbox { structure, ..NewMailbox::new(address(name), kind) };
        let mailbox = self.store.add_mailbox(new, Vec::new()).await.unwrap();
        self.change(mailbox, MailboxChange::Publish).await;
        mailbox
    }

    async fn change(&self, mailbox: MailboxId, change: MailboxChange) {
        self.store.change_mailbox(mailbox, change, Vec::new()).await.unwrap();
    }

    /// `750000018 pharmacy`, `2A0000014` of another structure, or nothing.
    async fn of(&self, name: &str) -> String {
        match self.book.organisation(&address(name)).await.unwrap() {
            Some(Organisation { finess, pharmacy: true }) => format!("{finess} pharmacy"),
            Some(Organisation { finess, pharmacy: false }) => finess.to_string(),
            None => String::new(),
        }
    }
}

#[tokio::test]
async fn an_org_mailbox_of_the_national_directory_is_its_structures() {
    let stage = Stage::new().await;
    assert_eq!(stage.of(OFFICINE).await, "", "no copy");
    stage
        .national(&[
            line("ORG", OFFICINE, PHARMACY),
            line("PER", "dr@pharmacie.mssante.fr", PHARMACY),
            line("ORG", "accueil@clinique.mssante.fr", CLINIC),
            line("ORG", "siret@clinique.mssante.fr", "18751275100012"),
            line("PER", "deux@clinique.mssante.fr", PHARMACY),
            line("ORG", "deux@clinique.mssante.fr", CLINIC),
            line("ORG", "partage@clinique.mssante.fr", CLINIC),
            line("ORG", "partage@clinique.mssante.fr", PHARMACY),
        ])
        .await;
    assert_eq!(stage.of("Officine@Pharmacie.mssante.fr").await, "750000018 pharmacy");
    assert_eq!(stage.of("dr@pharmacie.mssante.fr").await, "", "a pharmacist's own");
    assert_eq!(stage.of("accueil@clinique.mssante.fr").await, CLINIC);
    assert_eq!(stage.of("siret@clinique.mssante.fr").await, "");
    assert_eq!(stage.of("deux@clinique.mssante.fr").await, CLINIC, "only lines of type ORG count");
    assert_eq!(stage.of("partage@clinique.mssante.fr").await, "750000018 pharmacy", "a pharmacy comes first");
    assert_eq!(stage.of("nobody@pharmacie.mssante.fr").await, "");
}

#[tokio::test]
async fn a_copy_that_takes_the_place_of_another_is_read_from_then_on() {
    let stage = Stage::new().await;
    stage.national(&[line("ORG", OFFICINE, PHARMACY)]).await;
    assert_eq!(stage.of(OFFICINE).await, "750000018 pharmacy");
    stage.national(&[line("ORG", OFFICINE, CLINIC)]).await;
    assert_eq!(stage.of(OFFICINE).await, CLINIC);
    std::fs::remove_file(stage.folder.path().join(national::FILE_NAME)).unwrap();
    assert_eq!(stage.of(OFFICINE).await, "");
}

#[tokio::test]
async fn of_our_own_mailboxes_only_a_published_org_is_an_organisation() {
    let stage = Stage::new().await;
    // What the copy says of an address of ours may be out of date.
    stage.national(&[line("ORG", OFFICINE, PHARMACY), line("ORG", "per@pharmacie.mssante.fr", PHARMACY)]).await;
    let mailbox = stage.own(OFFICINE, MailboxKind::Org, CLINIC).await;
    stage.own("per@pharmacie.mssante.fr", MailboxKind::Per, CLINIC).await;
    assert_eq!(stage.of(OFFICINE).await, CLINIC);
    assert_eq!(stage.of("per@pharmacie.mssante.fr").await, "");
    let unlisted = |unlisted| MailboxChange::Details(MailboxDetails { unlisted, ..MailboxDetails::default() });
    for (away, back) in [(unlisted(true), unlisted(false)), (MailboxChange::Suspend, MailboxChange::Resume)] {
        stage.change(mailbox, away.clone()).await;
        assert_eq!(stage.of(OFFICINE).await, "", "{away:?}");
        stage.change(mailbox, back).await;
        assert_eq!(stage.of(OFFICINE).await, CLINIC);
    }
    stage.change(mailbox, MailboxChange::Unpublish).await;
    assert_eq!(stage.of(OFFICINE).await, "750000018 pharmacy", "not known here as published: the copy knows");
    let kept = "2027-11-22T12:00:00Z".parse().unwrap();
    stage.change(mailbox, MailboxChange::Delete { address_kept_until: kept }).await;
    assert_eq!(stage.of(OFFICINE).await, "");
}
