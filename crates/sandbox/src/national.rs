//! What the patients' operator knows beside its mailboxes, before it starts: a small copy of the national directory, which
//! structures are pharmacies, and what one of them has dispensed to the patient of the story (R-WHO-4).

use std::path::Path;

use anyhow::Context;
use aws_lc_rs::digest::{SHA256, digest};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pli_audit::Event;
use pli_store::national::{self, About, Import, Listed, Place};
use pli_store::{Dispensing, MailboxKind, Store};
use pli_types::{FinessId, Ins, MailAddress};

use crate::cast::{self, AccountRole};
use crate::secrets;

/// The columns of the extraction (spec §7.1).
const COLUMNS: usize = 31;

/// How long ago the pharmacy of the story dispensed to its patient, in days: with reimbursement, the last time without.
const DISPENSED: [(i64, bool); 3] = [(21, true), (52, true), (3, false)];

/// Puts everybody of the cast into the copy of the national directory in this state folder.
pub(crate) async fn seed_directory(state: &Path, now: Timestamp) -> anyhow::Result<()> {
    std::fs::create_dir_all(state)?;
    let mut import = Import::begin(state).await?;
    let mut text = String::new();
    for role in &cast::ACCOUNTS {
        let (line, address) = (line(role), MailAddress::parse(role.address)?.key());
        let words = [(Place::Kind, role.kind.as_str()), (Place::Structure, structure(role))];
        if import.add(&Listed { address: &address, line: &line, words: &words }) {
            import.write().await?;
        }
        text.push_str(&line);
        text.push('\n');
    }
    let about = About {
        digest: secrets::hex(digest(&SHA256, text.as_bytes()).as_ref()),
        bytes: text.len() as u64,
        taken: cast::ACCOUNTS.len() as u64,
        refused: 0,
        addresses: 0,
        imported_at: now,
    };
    import.finish(about).await?;
    national::install(state).await.context("cannot install the copy of the national directory")?;
    Ok(())
}

/// Tells which structures are pharmacies, and what the first one has dispensed.
pub(crate) async fn seed_pharmacies(
    store: &dyn Store,
    now: Timestamp,
    event: impl Fn(&str) -> Event,
) -> anyhow::Result<()> {
    let numbers = cast::ACCOUNTS.iter().filter(|role| is_pharmacy(role)).filter_map(|role| role.finess);
    let pharmacies = numbers.map(FinessId::parse).collect::<Result<Vec<_>, _>>()?;
    let first = pharmacies.first().context("the cast has no pharmacy")?.clone();
    store.put_pharmacies(pharmacies, true, vec![event("pharmacies told")]).await?;
    let patient = Ins::parse(cast::PATIENT)?;
    let dispensed = DISPENSED.map(|(days, reimbursed)| {
        let on = now.saturating_sub(SignedDuration::from_hours(24 * days)).unwrap_or(now);
        let on = on.to_zoned(TimeZone::UTC).date();
        Dispensing { patient: patient.clone(), pharmacy: first.clone(), on, reimbursed }
    });
    store.put_dispensings(dispensed.to_vec(), vec![event("dispensings brought")]).await?;
    Ok(())
}

fn is_pharmacy(role: &AccountRole) -> bool {
    role.kind == MailboxKind::Org && role.address.contains("@pharmacie-")
}

/// What the directory calls the structure.
fn structure(role: &AccountRole) -> &'static str {
    let domain = role.address.rsplit_once('@').map_or("", |(_, domain)| domain);
    match domain {
        "pharmacie-du-pont.mssante.fr" => "PHARMACIE DU PONT",
        "pharmacie-de-la-gare.mssante.fr" => "PHARMACIE DE LA GARE",
        cast::HOSPITAL_DOMAIN => cast::HOSPITAL,
        _ => "",
    }
}

/// A line of the extraction.
fn line(role: &AccountRole) -> String {
    let mut columns = [""; COLUMNS];
    let national = role.rpps.map(|rpps| format!("8{rpps}")).unwrap_or_default();
    let known = [
        (0, role.kind.as_str()),
        (1, role.address),
        (2, role.rpps.map_or("", |_| "8")),
        (3, role.rpps.unwrap_or_default()),
        (4, national.as_str()),
        (5, role.finess.map_or("", |_| "1")),
        (6, role.finess.unwrap_or_default()),
        (17, "N"),
        (18, structure(role)),
        (30, "France"),
    ];
    for (place, text) in known {
        if let Some(column) = columns.get_mut(place) {
            *column = text;
        }
    }
    columns.join("|")
}

#[cfg(test)]
mod tests {
    use pli_store::national::LocalCopy;

    use super::*;

    #[tokio::test]
    async fn the_copy_has_a_line_for_everybody_of_the_cast() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        seed_directory(&state, "2026-03-14T09:00:00Z".parse().unwrap()).await.unwrap();
        let mut copy = LocalCopy::open(&state).await.unwrap().unwrap();
        for role in &cast::ACCOUNTS {
            let lines = copy.of_address(role.address).await.unwrap().take(10).await.unwrap();
            let [line] = lines.as_slice() else { panic!("{lines:?}") };
            let columns: Vec<&str> = line.split('|').collect();
            assert_eq!((columns.len(), columns[0], columns[1]), (COLUMNS, role.kind.as_str(), role.address));
            assert_eq!(columns[6], role.finess.unwrap_or_default());
        }
    }

    #[test]
    fn there_are_two_pharmacies_and_both_are_named() {
        let pharmacies: Vec<_> = cast::ACCOUNTS.iter().filter(|role| is_pharmacy(role)).collect();
        assert_eq!(pharmacies.len(), 2);
        assert!(pharmacies.iter().all(|role| structure(role).starts_with("PHARMACIE ")));
    }
}
