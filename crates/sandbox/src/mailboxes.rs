//! Fills the operators' stores with mailboxes and those who may open them, before the operators start.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use pli_audit::{Event, EventKind, Face};
use pli_store::{AccountChange, AccountKind, MailboxKind, MailboxState, NewAccount, NewCredential, NewMailbox, Store};
use pli_types::{Clock, DistinguishedName, MailAddress, Marked, RppsId, Secret, StructureId};

use crate::config::{STATE, paths};
use crate::manifest::{Account, Manifest, Operator, Patient, Space};
use crate::national;
use crate::seed::program_subject;

/// Makes every mailbox of the manifest, empty and without quota, at the operator that holds it.
pub async fn seed(dir: &Path, manifest: &Manifest, clock: Arc<dyn Clock>) -> anyhow::Result<()> {
    for operator in &manifest.operators {
        let folder = dir.join(&operator.name);
        seed_operator(&folder, operator, manifest, clock.clone())
            .await
            .with_context(|| format!("cannot fill the store of operator {}", operator.name))?;
    }
    Ok(())
}

async fn seed_operator(
    folder: &Path,
    operator: &Operator,
    manifest: &Manifest,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<()> {
    let database = folder.join(paths::STORE);
    std::fs::create_dir_all(database.parent().unwrap_or(folder))?;
    let config = pli_store::Config {
        url: format!("sqlite://{}", database.display()),
        master_key: folder.join(paths::MASTER_KEY),
    };
    let store = pli_store::open(&config, clock.clone()).await?;
    let seeder = Seeder { store, clock };
    for account in manifest.accounts.iter().filter(|account| account.operator == operator.name) {
        seeder.account(account).await?;
    }
    for patient in manifest.patients.iter().filter(|patient| patient.operator == operator.name) {
        seeder.patient(patient).await?;
    }
    if operator.name == PATIENTS {
        let now = seeder.clock.now();
        national::seed_directory(&folder.join(STATE), now).await?;
        national::seed_pharmacies(&*seeder.store, now, |what| seeder.event_of(what)).await?;
    }
    Ok(())
}

/// The operator that keeps the rules on patients.
const PATIENTS: &str = "patients";

struct Seeder {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Seeder {
    async fn account(&self, account: &Account) -> anyhow::Result<()> {
        let mailbox = NewMailbox {
            rpps: account.rpps.as_deref().map(RppsId::parse).transpose()?,
            structure: account.finess.as_deref().map(StructureId::parse).transpose()?,
            ..NewMailbox::new(MailAddress::parse(&account.address)?, account.kind)
        };
        let credential = match &account.password {
            Some(password) => NewCredential::Password(Secret::new(password.clone())),
            None => NewCredential::Certificate(DistinguishedName::parse(&program_subject().text())?),
        };
        self.add(mailbox, credential).await
    }

    async fn patient(&self, patient: &Patient) -> anyhow::Result<()> {
        let mailbox = NewMailbox {
            state: match patient.space {
                Space::Open => MailboxState::Open,
                Space::Closed => MailboxState::Closed,
            },
            ..NewMailbox::new(MailAddress::parse(&patient.address)?, MailboxKind::Patient)
        };
        self.add(mailbox, NewCredential::Password(Secret::new(patient.password.clone()))).await
    }

    async fn add(&self, mailbox: NewMailbox, credential: NewCredential) -> anyhow::Result<()> {
        let address = mailbox.address.clone();
        let kind = match mailbox.kind {
            MailboxKind::App => AccountKind::Program,
            _ => AccountKind::Person,
        };
        let id = self.store.add_mailbox(mailbox, vec![self.event(&address, "mailbox made")]).await?;
        let account = NewAccount { name: address.key(), kind, rpps: None, display_name: None };
        let account = self.store.add_account(account, vec![self.event(&address, "account made")]).await?;
        self.store.add_credential(account, credential, vec![self.event(&address, "credential added")]).await?;
        let grant = AccountChange::Grant { mailbox: id, default: true };
        self.store.change_account(account, grant, vec![self.event(&address, "mailbox granted")]).await?;
        Ok(())
    }

    fn event(&self, address: &MailAddress, what: &str) -> Event {
        Event { recipient: Some(Marked::address(address)), ..self.event_of(what) }
    }

    fn event_of(&self, what: &str) -> Event {
        Event {
            actor: Some(Marked::plain("sandbox")),
            detail: Some(Marked::plain(what)),
            ..Event::new(self.clock.now(), EventKind::Changed, Face::Cli)
        }
    }
}
