//! How long a country takes: `cargo run --release -p pli-store --example national_import -- [FOLDER] [LINES]`.
//!
//! Makes an extraction of the national directory's size and shape, reads it as `pli directory import` does (once to know
//! it, once to build the copy), then searches it. FOLDER should lie on the disk that is meant; the default is the
//! system's temporary one.

#![expect(clippy::print_stdout, reason = "it prints figures")]

use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use pli_directory::extraction::{self, Column, Entry, Extraction};
use pli_store::national::{About, Import, Listed, LocalCopy, Search, install};
use pli_types::{Clock, SystemClock};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const LINES: usize = 550_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into).join("pli-national-import");
    let lines = std::env::args().nth(2).map_or(Ok(LINES), |text| text.parse())?;
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("extraction.txt");
    write(&file, lines)?;
    println!("{lines} lines, {} bytes", file.metadata()?.len());

    let begin = Instant::now();
    let mut text = extraction::open(&file)?;
    let (bytes, digest) = Extraction::begin(text.reader()?)?.identify()?;
    println!("known after {:?}", begin.elapsed());
    let taken = import(&folder, &mut text, bytes, &digest).await?;
    println!("{taken} lines imported after {:?}, at most {} of memory", begin.elapsed(), memory()?);
    println!("the copy has {} bytes", folder.join(pli_store::national::FILE_NAME).metadata()?.len());

    let mut copy = LocalCopy::open(&folder).await?.ok_or("no copy")?;
    for search in searches() {
        let begin = Instant::now();
        let found = copy.search(&search, 51).await?.len();
        println!("{:>10.2?} {found:>3} found: {search:?}", begin.elapsed());
    }
    let begin = Instant::now();
    let mut count = 0;
    copy.each(|_| {
        count += 1;
        true
    })
    .await?;
    println!("{count} lines read after {:?}, at most {} of memory", begin.elapsed(), memory()?);
    copy.close().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

async fn import(folder: &Path, text: &mut extraction::Text, bytes: u64, digest: &str) -> Outcome<u64> {
    let mut import = Import::begin(folder).await?;
    let mut extraction = Extraction::begin(text.reader()?)?;
    let mut taken = 0;
    while let Some(line) = extraction.next_line()? {
        let number = line.number;
        import.add(listed(number, &line.entry?)).await?;
        taken += 1;
    }
    let imported_at = SystemClock.now();
    let about = About { digest: digest.to_owned(), bytes, taken, refused: 0, addresses: 0, imported_at };
    drop(import.finish(about).await?);
    install(folder).await?;
    Ok(taken)
}

/// As `pli directory import` does.
fn listed(number: u64, entry: &Entry<'_>) -> Listed {
    let words = |columns: &[Column]| columns.iter().map(|column| entry.get(*column)).collect::<Vec<_>>().join(" ");
    Listed {
        number,
        address: entry.address().key(),
        line: entry.line().to_owned(),
        name: words(&[Column::Title, Column::FamilyName, Column::GivenName, Column::PersonId]),
        profession: words(&[Column::Profession, Column::Speciality]),
        town: words(&[Column::Town, Column::PostalCode]),
        department: entry.department_words(),
        structure: words(&[Column::Structure, Column::Sign, Column::Service, Column::StructureId]),
        kind: entry.kind().to_string(),
    }
}

/// From what finds one line to what finds nearly all of them.
fn searches() -> Vec<Search> {
    let words = |words: &str| Search { words: words.to_owned(), ..Search::default() };
    vec![
        words("nomlki"),
        words("médecin"),
        words("pha"),
        words("dr prenomb cardio"),
        words("nom prenom medecin ville"),
        words("medecin introuvable"),
        words("infirmier pharmacie"),
        words("10000123456"),
        Search { town: "ville12".into(), profession: "medecin".into(), ..Search::default() },
        Search { department: "75".into(), ..Search::default() },
        Search { kind: "PER".into(), department: "2A".into(), profession: "infirmier".into(), ..Search::default() },
        Search { kind: "ORG".into(), structure: "pharmacie".into(), ..Search::default() },
    ]
}

fn write(file: &Path, lines: usize) -> Outcome<()> {
    let mut out = BufWriter::new(std::fs::File::create(file)?);
    let headings: Vec<&str> = Column::ALL.iter().map(|column| column.heading()).collect();
    writeln!(out, "{}", headings.join("|"))?;
    for number in 0..lines {
        let (family, given) = (letters(number * 7 % 90_000), letters(number % 3_000));
        let (town, code) = (number * 13 % 36_000, number * 13 % 95_000 + 1_000);
        let (profession, speciality) = [
            ("Médecin", "Cardiologie et maladies vasculaires"),
            ("Médecin", "Spécialiste en médecine générale"),
            ("Infirmier", ""),
            ("Pharmacien", ""),
            ("Masseur-Kinésithérapeute", ""),
        ]
        .get(number % 5)
        .copied()
        .unwrap_or_default();
        let domain = number % 5_018;
        if number.is_multiple_of(5) {
            writeln!(
                out,
                "ORG|contact-{number}@etablissement-{domain}.mssante.fr||||1|99{code:05}{:02}|Accueil|||||||||||\
                 PHARMACIE DE L'ÉGLISE {family}||||{}||RUE|DU MOULIN||{code:05} VILLE{town}|{code:05}|Département {}|France",
                number % 100,
                number % 200,
                code / 1_000
            )?;
        } else {
            writeln!(
                out,
                "PER|prenom{given}.nom{family}.{number}@etablissement-{domain}.mssante.fr|8|{id}|8{id}|1|99{code:05}{:02}||DR|\
                 NOM{family}|PRENOM{given}|C|Civil|10|{profession}|SM04|{speciality}|O|CABINET DU DR NOM{family}||||\
                 {}||RUE|DU MOULIN||{code:05} VILLE{town}|{code:05}|Département {}|France",
                number % 100,
                number % 200,
                code / 1_000,
                id = 10_000_000_000_u64 + u64::try_from(number)?,
            )?;
        }
    }
    out.flush()?;
    Ok(())
}

/// A number as letters: names are not digits.
fn letters(mut number: usize) -> String {
    let mut out = String::new();
    loop {
        out.push(char::from(b'a' + u8::try_from(number % 26).unwrap_or_default()));
        number /= 26;
        if number == 0 {
            return out;
        }
    }
}

/// The most that this process has had in memory (proc(5)).
fn memory() -> Outcome<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.map(str::trim).unwrap_or_default().to_owned())
}
