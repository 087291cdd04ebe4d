//! How fast a pharmacy's last dispensing to a patient is found among many:
//! `cargo run --release -p pli-store --example dispensings -- [FOLDER] [ROWS]`.
//!
//! Fills a store with a year of dispensings, day by day as they come, then asks for patients and pharmacies at random:
//! pairs that are there, and pairs that are not. FOLDER should lie on the disk that is meant; the default is the system's
//! temporary one.

#![expect(clippy::print_stdout, reason = "it prints figures")]

mod measured;

use std::time::{Duration, Instant};

use jiff::ToSpan;
use jiff::civil::{Date, date};
use pli_store::{Dispensing, Store};
use pli_types::{AddressForm, FinessId, Ins};

use self::measured::{Outcome, empty_store, folder, tell};

const ROWS: u64 = 10_000_000;
const BATCH: u64 = 8192;
const DAYS: u64 = 365;
const PHARMACIES: u64 = 20_000;
const LOOKUPS: u64 = 20_000;
const FIRST: Date = date(2025, 1, 1);

#[tokio::main]
async fn main() -> Outcome<()> {
    let folder = folder("pli-dispensings");
    let rows = std::env::args().nth(2).map_or(Ok(ROWS), |text| text.parse())?;
    let store = empty_store(&folder).await?;
    let begin = Instant::now();
    let mut longest = Duration::ZERO;
    for first in (0..rows).step_by(usize::try_from(BATCH)?) {
        let batch = (first..rows.min(first + BATCH)).map(|number| dispensing(number, rows)).collect::<Outcome<_>>()?;
        let kept = Instant::now();
        store.put_dispensings(batch, Vec::new()).await?;
        longest = longest.max(kept.elapsed());
    }
    let rate = u128::from(rows) * 1_000_000 / begin.elapsed().as_micros().max(1);
    println!("{rows} rows, {rate} a second, the longest transaction {longest:.0?}");
    let bytes = folder.join("pli.db").metadata()?.len();
    println!("{} MB on the disk, {} bytes a row", bytes / 1_000_000, bytes / rows.max(1));
    look_up(&*store, rows).await?;
    store.close().await;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

async fn look_up(store: &dyn Store, rows: u64) -> Outcome<()> {
    let (mut there, mut absent) = (Vec::new(), Vec::new());
    for number in 0..LOOKUPS {
        let one = dispensing(mixed(number) % rows, rows)?;
        for (pharmacy, times, found) in
            [(one.pharmacy.clone(), &mut there, true), (FinessId::parse("2B0000014")?, &mut absent, false)]
        {
            let begin = Instant::now();
            let last = store.last_dispensings(&one.patient, &pharmacy).await?;
            times.push(begin.elapsed());
            if last.any.is_some() != found {
                return Err("a row is not found, or one that is not there is".into());
            }
        }
    }
    tell("a pair that is there", there);
    tell("a pair that is not", absent);
    Ok(())
}

/// Rows come day by day; the patients of a day in no order.
fn dispensing(number: u64, rows: u64) -> Outcome<Dispensing> {
    let day = i64::try_from(number * DAYS / rows.max(1))?;
    let mixed = mixed(number);
    Ok(Dispensing {
        patient: patient(mixed)?,
        pharmacy: FinessId::parse(&format!("99{:07}", mixed % PHARMACIES))?,
        on: FIRST.checked_add(day.days())?,
        reimbursed: !mixed.is_multiple_of(5),
    })
}

/// One of some millions.
fn patient(number: u64) -> Outcome<Ins> {
    let (sex, year, month) = (1 + number % 2, number / 2 % 100, 1 + number / 200 % 12);
    let (department, commune, rank) = (21 + number / 2400 % 75, number / 180_000 % 10, number / 1_800_000 % 5);
    let text = format!("{sex}{year:02}{month:02}{department:02}{:03}{:03}", 1 + commune, 1 + rank);
    Ok(Ins::parse_as(&text, &[AddressForm::Nir13])?)
}

/// Looks random, and is the same every time.
fn mixed(number: u64) -> u64 {
    let mut state = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
