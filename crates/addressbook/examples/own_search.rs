//! How fast our own mailboxes are searched: `cargo run --release -p pli-addressbook --example own_search -- [FOLDER] [MAILBOXES]`.
//!
//! Fills a store with published mailboxes of professionals, an entry each, and asks for what is rare, what all have, and
//! what all have but no line together. There is no copy of the national directory. FOLDER should lie on the disk that is
//! meant; the default is the system's temporary one.

#![expect(clippy::print_stdout, reason = "it prints figures")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pli_addressbook::AddressBook;
use pli_store::national::Search;
use pli_store::{Config, DirectoryEntry, MailboxChange, MailboxKind, NewMailbox, Store};
use pli_types::{Domain, MailAddress, RppsId, SystemClock};
use tokio::task::JoinSet;

const MAILBOXES: u64 = 100_000;
const DOMAINS: u64 = 5_018;
/// Writers at a time while the store is filled.
const WRITERS: u64 = 64;
const TURNS: usize = 21;
/// As the command asks: its default and one.
const LIMIT: usize = 51;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into).join("pli-own-search");
    let count = std::env::args().nth(2).map_or(Ok(MAILBOXES), |text| text.parse())?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let store = open(&folder).await?;
    let begin = Instant::now();
    fill(&store, count).await?;
    println!("{count} mailboxes made and published in {:.1?}", begin.elapsed());
    for (what, search) in searches() {
        measure(&store, &folder, what, &search).await?;
    }
    store.close().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

async fn open(folder: &Path) -> Outcome<Arc<dyn Store>> {
    let master_key = folder.join("master.key");
    std::fs::write(&master_key, "5a".repeat(32))?;
    #[cfg(unix)]
    std::fs::set_permissions(&master_key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let url = format!("sqlite://{}", folder.join("pli.db").display());
    Ok(pli_store::open(&Config { url, master_key }, Arc::new(SystemClock)).await?)
}

async fn fill(store: &Arc<dyn Store>, count: u64) -> Outcome<()> {
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            for number in (writer..count).step_by(usize::try_from(WRITERS)?) {
                add(&*store, number).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

async fn add(store: &dyn Store, number: u64) -> Outcome<()> {
    let address = MailAddress::parse(&format!("prenom.nom{number}@etablissement-{}.test", number % DOMAINS))?;
    let rpps = Some(RppsId::parse(&format!("{}", 10_000_000_000 + number))?);
    let mailbox =
        store.add_mailbox(NewMailbox { rpps, ..NewMailbox::new(address, MailboxKind::Per) }, Vec::new()).await?;
    let (family_name, town) =
        (format!("Lefèvre{}", letters(number)), format!("Ville{} Cedex", letters(number % 2_000)));
    let postal_code = format!("{:05}", 1_000 + number % 94_000);
    // One half has this word, the other that.
    let speciality = if number.is_multiple_of(2) { "Médecine générale" } else { "Chirurgie orthopédique" };
    let columns = [
        ("title", "DR"),
        ("family_name", &family_name),
        ("given_name", "Zoé"),
        ("profession", "Médecin"),
        ("speciality", speciality),
        ("structure", "Centre hospitalier universitaire"),
        ("town", &town),
        ("postal_code", &postal_code),
    ];
    let columns = columns.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    store.put_directory_entry(mailbox, None, DirectoryEntry { number: 1, columns }, Vec::new()).await?;
    store.change_mailbox(mailbox, MailboxChange::Publish, Vec::new()).await?;
    Ok(())
}

/// A number as letters, so that it is a name.
fn letters(mut number: u64) -> String {
    let mut text = String::new();
    while number > 0 {
        text.extend(char::from_digit(u32::try_from(10 + number % 26).unwrap_or(10), 36));
        number /= 26;
    }
    text
}

fn searches() -> [(&'static str, Search); 8] {
    let words = |text: &str| Search { words: text.to_owned(), ..Search::default() };
    [
        ("nothing", words("personne")),
        ("a rare name", words("LEFEVREABC")),
        ("a professional's number", words("10000054321")),
        ("a word that all have", words("medecin")),
        ("four words that all have", words("medecin centre hospitalier zoe")),
        ("words that no line has together", words("centre zoe generale orthopedique")),
        ("digits of all numbers", words("100")),
        ("town and profession", Search { town: "villeab".into(), profession: "medecin".into(), ..Search::default() }),
    ]
}

/// The store stays open, as a node has it; the command opens it first.
async fn measure(store: &Arc<dyn Store>, folder: &Path, what: &str, search: &Search) -> Outcome<()> {
    let (mut times, mut found) = (Vec::<Duration>::new(), 0);
    for _ in 0..TURNS {
        let mut book = AddressBook::open(Arc::clone(store), folder, [Domain::parse("etablissement-1.test")?]).await?;
        let begin = Instant::now();
        found = book.search(search, LIMIT).await?.len();
        times.push(begin.elapsed());
        book.close().await;
    }
    times.sort();
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    println!("{what:<32} {found:>3} found, median {:>8.1?}  slowest {:>8.1?}", at(TURNS / 2), at(TURNS - 1));
    Ok(())
}
