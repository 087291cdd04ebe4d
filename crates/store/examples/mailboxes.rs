//! How fast people are found among many: `cargo run --release -p pli-store --example mailboxes -- [FOLDER] [MAILBOXES]`.
//!
//! Fills a store as an operator of a whole country would (a professional's mailbox in each, in 5,018 domains; every
//! twentieth has an app password, every twentieth is a program's with a certificate), then looks up what RCPT and every
//! way to sign in look up, one after the other at random places, and lists all mailboxes by pages. argon2 is left out:
//! it is slow on purpose. FOLDER should lie on the disk that is meant; the default is the system's temporary one.

#![expect(clippy::print_stdout, reason = "it prints figures")]

mod measured;

use std::sync::Arc;
use std::time::Instant;

use pli_store::{
    AccountChange, AccountKind, Life, MailboxFilter, MailboxKind, NewAccount, NewCredential, NewMailbox, Store,
    StoreError, app_password,
};
use pli_types::{DistinguishedName, MailAddress, RppsId, Secret, StructureId};
use tokio::task::JoinSet;

use self::measured::{Outcome, empty_store, folder, tell};

const MAILBOXES: u64 = 100_000;
const DOMAINS: u64 = 5_018;
const LOOKUPS: u64 = 2_000;
const PAGE: usize = 500;
/// Writers at a time while the store is filled.
const WRITERS: u64 = 64;

#[tokio::main]
async fn main() -> Outcome<()> {
    let folder = folder("pli-mailboxes");
    let count = std::env::args().nth(2).map_or(Ok(MAILBOXES), |text| text.parse())?;
    let store = empty_store(&folder).await?;
    let begin = Instant::now();
    let secrets = fill(&store, count).await?;
    println!("{count} mailboxes made in {:.1?}", begin.elapsed());
    look_up(&store, count, &secrets).await?;
    list(&store).await?;
    store.close().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// What the numbered mailbox has besides its address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Professional,
    WithAppPassword,
    Program,
}

fn sort(number: u64) -> Sort {
    match number % 20 {
        0 => Sort::Program,
        1 => Sort::WithAppPassword,
        _ => Sort::Professional,
    }
}

fn address(number: u64) -> Outcome<MailAddress> {
    Ok(MailAddress::parse(&format!("prenom.nom{number}@etablissement-{}.test", number % DOMAINS))?)
}

fn certificate(number: u64) -> Outcome<DistinguishedName> {
    Ok(DistinguishedName::parse(&format!("CN=app{number}.test,OU=1990000069,O=CENTRE HOSPITALIER,C=FR"))?)
}

fn rpps(number: u64) -> Outcome<RppsId> {
    Ok(RppsId::parse(&format!("{}", 10_000_000_000 + number))?)
}

/// Makes them all; the app passwords, by number.
async fn fill(store: &Arc<dyn Store>, count: u64) -> Outcome<Vec<(u64, Secret<String>)>> {
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let mut secrets = Vec::new();
            for number in (writer..count).step_by(usize::try_from(WRITERS)?) {
                secrets.extend(add(&*store, number).await?.map(|secret| (number, secret)));
            }
            Outcome::Ok(secrets)
        });
    }
    let mut secrets = Vec::new();
    while let Some(done) = tasks.join_next().await {
        secrets.extend(done??);
    }
    Ok(secrets)
}

async fn add(store: &dyn Store, number: u64) -> Outcome<Option<Secret<String>>> {
    let address = address(number)?;
    let name = address.key();
    let new = match sort(number) {
        Sort::Program => NewMailbox {
            structure: Some(StructureId::parse("990000069")?),
            ..NewMailbox::new(address, MailboxKind::App)
        },
        _ => NewMailbox { rpps: Some(rpps(number)?), ..NewMailbox::new(address, MailboxKind::Per) },
    };
    let mailbox = store.add_mailbox(new, Vec::new()).await?;
    let (credential, secret) = match sort(number) {
        Sort::Professional => return Ok(None),
        Sort::Program => (NewCredential::Certificate(certificate(number)?), None),
        Sort::WithAppPassword => {
            let secret = app_password::generate()?;
            let label = "programme".to_owned();
            (NewCredential::AppPassword { mailbox, label, secret: secret.clone(), expires_at: None }, Some(secret))
        }
    };
    let new = NewAccount { name, kind: AccountKind::Person, rpps: None, display_name: None };
    let account = store.add_account(new, Vec::new()).await?;
    store.change_account(account, AccountChange::Grant { mailbox, default: true }, Vec::new()).await?;
    store.add_credential(account, credential, Vec::new()).await?;
    Ok(secret)
}

async fn look_up(store: &Arc<dyn Store>, count: u64, secrets: &[(u64, Secret<String>)]) -> Outcome<()> {
    // A step that meets every number once and looks like chance.
    let spread = |turn: u64| turn.wrapping_mul(2_654_435_761) % count;
    let mut of_recipient = Vec::new();
    let (mut by_certificate, mut as_professional, mut by_app_password) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..LOOKUPS {
        let number = spread(turn);
        let begin = Instant::now();
        found(store.mailbox(&address(number)?).await?.is_some())?;
        of_recipient.push(begin.elapsed());

        let program = number / 20 * 20;
        let name = certificate(program)?;
        let begin = Instant::now();
        found(store.sign_in_with_certificate(&name, None).await?.is_some())?;
        by_certificate.push(begin.elapsed());

        let professional = rpps(program + 2)?;
        let begin = Instant::now();
        found(store.sign_in_as_professional(&professional, None).await?.is_some())?;
        as_professional.push(begin.elapsed());

        let place = usize::try_from(number)? % secrets.len();
        let (number, secret) = secrets.get(place).ok_or("no app password")?;
        let name = address(*number)?.key();
        let begin = Instant::now();
        found(store.sign_in_with_password(&name, None, secret).await?.is_some())?;
        by_app_password.push(begin.elapsed());
    }
    tell("RCPT", of_recipient);
    tell("certificate", by_certificate);
    tell("professional (token)", as_professional);
    tell("app password", by_app_password);
    Ok(())
}

fn found(found: bool) -> Result<(), StoreError> {
    if found { Ok(()) } else { Err(StoreError::NotFound("mailbox")) }
}

async fn list(store: &Arc<dyn Store>) -> Outcome<()> {
    let of_one_domain = Some(address(7)?.domain().clone());
    for (what, filter) in [
        ("all", MailboxFilter::default()),
        ("of a domain", MailboxFilter { domain: of_one_domain, ..MailboxFilter::default() }),
        ("suspended (none is)", MailboxFilter { life: Some(Life::Suspended), ..MailboxFilter::default() }),
    ] {
        let (begin, before) = (Instant::now(), memory()?);
        let (mut count, mut after) = (0, None);
        loop {
            let page = store.mailbox_records(&filter, after.as_ref(), PAGE).await?;
            count += page.len();
            let Some(last) = page.last() else { break };
            after = Some(last.mailbox.address.clone());
        }
        println!("listed {what}: {count} in {:.1?}, memory {before} before and {} after", begin.elapsed(), memory()?);
    }
    Ok(())
}

/// The most that this process has had in memory (proc(5)).
fn memory() -> Outcome<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.map(str::trim).unwrap_or_default().to_owned())
}
