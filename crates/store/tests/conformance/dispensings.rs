//! What pharmacies have dispensed.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use pli_audit::EventKind;
use pli_store::{Dispensing, LastDispensings, Loaded, Pharmacy};
use pli_types::{AddressForm, FinessId, Ins};

use crate::support::{Backend, Fixture, event};

const PATIENT: &str = "279035121518989";
const OTHER: &str = "297022A02077878";

fn ins(text: &str) -> Ins {
    Ins::parse(text).unwrap()
}

fn finess(text: &str) -> FinessId {
    FinessId::parse(text).unwrap()
}

fn dispensing(patient: &str, pharmacy: &str, on: Date, reimbursed: bool) -> Dispensing {
    Dispensing { patient: ins(patient), pharmacy: finess(pharmacy), on, reimbursed }
}

fn loaded(created: u64, changed: u64, unchanged: u64) -> Loaded {
    Loaded { created, changed, unchanged }
}

async fn put(at: &Fixture, dispensings: &[Dispensing]) -> Loaded {
    at.store.put_dispensings(dispensings.to_vec(), Vec::new()).await.unwrap()
}

async fn last(at: &Fixture, patient: &str, pharmacy: &str) -> (Option<Date>, Option<Date>) {
    let LastDispensings { reimbursed, any } =
        at.store.last_dispensings(&ins(patient), &finess(pharmacy)).await.unwrap();
    (reimbursed, any)
}

/// Corsica's numbers have letters, a day may be the last of a week or the first of the next, and years apart.
pub(crate) async fn the_last_day_is_that_of_this_patient_and_this_pharmacy(backend: &dyn Backend) {
    let at = backend.fresh().await;
    assert_eq!(last(&at, PATIENT, "750000018").await, (None, None), "nothing is kept at all");
    let (first, later) = (date(2024, 12, 31), date(2026, 2, 25));
    let rows = [
        dispensing(PATIENT, "2A0000014", first, true),
        dispensing(PATIENT, "2A0000014", later, false),
        dispensing(PATIENT, "2B0000014", later.tomorrow().unwrap(), true),
        dispensing(OTHER, "2A0000014", later.tomorrow().unwrap(), true),
        dispensing(OTHER, "200000014", later, false),
    ];
    assert_eq!(put(&at, &rows).await, loaded(5, 0, 0));
    let at = at.reopen().await;
    assert_eq!(last(&at, PATIENT, "2A0000014").await, (Some(first), Some(later)));
    assert_eq!(last(&at, PATIENT, "2B0000014").await, (Some(date(2026, 2, 26)), Some(date(2026, 2, 26))));
    assert_eq!(last(&at, OTHER, "2A0000014").await, (Some(date(2026, 2, 26)), Some(date(2026, 2, 26))));
    assert_eq!(last(&at, OTHER, "200000014").await, (None, Some(later)));
    assert_eq!(last(&at, PATIENT, "200000014").await, (None, None));
}

pub(crate) async fn the_same_dispensings_again_change_nothing(backend: &dyn Backend) {
    let at = backend.fresh().await;
    // More than a statement takes, two patients a day.
    let row = |days: i64, reimbursed| {
        let on = date(2026, 1, 1).checked_sub(days.days()).unwrap();
        [dispensing(PATIENT, "750000018", on, reimbursed), dispensing(OTHER, "750000018", on, reimbursed)]
    };
    let rows: Vec<_> = (0..150).flat_map(|days| row(days, days % 2 == 0)).collect();
    assert_eq!(put(&at, &rows).await, loaded(300, 0, 0));
    assert_eq!(put(&at, &rows).await, loaded(0, 0, 300));
    let reversed: Vec<_> = rows.iter().rev().chain(&row(150, true)).cloned().collect();
    assert_eq!(put(&at, &reversed).await, loaded(2, 0, 300));
    assert_eq!(put(&at, &[]).await, loaded(0, 0, 0));
}

pub(crate) async fn of_one_day_what_was_reimbursed_counts(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let row = |reimbursed| dispensing(PATIENT, "750000018", date(2026, 2, 1), reimbursed);
    assert_eq!(put(&at, &[row(false), row(true), row(false)]).await, loaded(1, 0, 2), "in one file");
    assert_eq!(last(&at, PATIENT, "750000018").await.0, Some(date(2026, 2, 1)));
    let row = |reimbursed| dispensing(OTHER, "750000018", date(2026, 2, 1), reimbursed);
    for (reimbursed, expected) in
        [(false, loaded(1, 0, 0)), (true, loaded(0, 1, 0)), (true, loaded(0, 0, 1)), (false, loaded(0, 0, 1))]
    {
        assert_eq!(put(&at, &[row(reimbursed)]).await, expected);
    }
    assert_eq!(last(&at, OTHER, "750000018").await.0, Some(date(2026, 2, 1)));
}

pub(crate) async fn dispensings_are_listed_the_last_first(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let rows = [
        dispensing(PATIENT, "750000018", date(2026, 2, 3), true),
        dispensing(PATIENT, "2B0000014", date(2026, 2, 3), false),
        dispensing(PATIENT, "750000018", date(2025, 7, 9), false),
        dispensing(OTHER, "750000018", date(2026, 2, 4), true),
    ];
    put(&at, &rows).await;
    let list = async |pharmacy: Option<&str>, limit| {
        let pharmacy = pharmacy.map(finess);
        at.store.dispensings(&ins(PATIENT), pharmacy.as_ref(), limit).await.unwrap()
    };
    assert_eq!(list(None, 10).await, rows[..3]);
    assert_eq!(list(None, 2).await, rows[..2]);
    assert_eq!(list(Some("750000018"), 10).await, [rows[0].clone(), rows[2].clone()]);
    assert_eq!(list(Some("999999999"), 10).await, []);
}

pub(crate) async fn what_is_old_is_forgotten_by_whole_weeks_a_few_at_a_time(backend: &dyn Backend) {
    let at = backend.fresh().await;
    // 2026-01-01 is a Thursday, with which a week begins.
    let days = [date(2025, 1, 1), date(2025, 12, 25), date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 2)];
    let rows = days.map(|on| dispensing(PATIENT, "750000018", on, true));
    put(&at, &rows).await;
    let id = at.id();
    let forget = async |before, limit| {
        at.store.forget_dispensings(before, limit, vec![event(id, EventKind::Changed)]).await.unwrap()
    };
    assert_eq!(forget(date(2025, 12, 31), 10).await, 1, "its week has not ended");
    assert_eq!(forget(date(2026, 1, 7), 1).await, 1);
    assert_eq!(forget(date(2026, 1, 7), 10).await, 1);
    assert_eq!(forget(date(2026, 1, 7), 10).await, 0);
    let left = at.store.dispensings(&ins(PATIENT), None, 10).await.unwrap();
    assert_eq!(left.iter().map(|dispensing| dispensing.on).collect::<Vec<_>>(), [days[4], days[3]]);
    assert_eq!(at.store.events_of(id).await.unwrap().len(), 3, "nothing forgotten is nothing recorded");
}

pub(crate) async fn a_pharmacy_is_known_by_what_it_dispensed_or_by_word(backend: &dyn Backend) {
    let at = backend.fresh().await;
    put(&at, &[dispensing(PATIENT, "2A0000014", date(2026, 2, 3), false)]).await;
    let tell = async |structures: &[&str], all| {
        let structures = structures.iter().map(|text| finess(text)).collect();
        at.store.put_pharmacies(structures, all, Vec::new()).await.unwrap()
    };
    let known = async || -> Vec<String> {
        let list = at.store.pharmacies(None, 100).await.unwrap();
        for Pharmacy { structure, .. } in &list {
            assert!(at.store.is_pharmacy(structure).await.unwrap());
        }
        let mark = |yes, letter| if yes { letter } else { "" };
        list.iter().map(|p| format!("{}{}{}", p.structure, mark(p.told, "t"), mark(p.dispensed, "d"))).collect()
    };
    assert_eq!(known().await, ["2A0000014d"]);
    assert_eq!(tell(&["750000018", "750000026", "750000018"], false).await, loaded(2, 0, 1));
    assert_eq!(tell(&["750000018", "2A0000014"], false).await, loaded(1, 0, 1));
    assert_eq!(known().await, ["750000018t", "750000026t", "2A0000014td"]);
    assert_eq!(tell(&["750000026"], true).await, loaded(0, 2, 1), "the others are none any more");
    assert_eq!(known().await, ["750000026t", "2A0000014d"], "but who has dispensed is one");
    put(&at, &[dispensing(PATIENT, "750000026", date(2026, 2, 3), false)]).await;
    assert_eq!(known().await, ["750000026td", "2A0000014d"]);
    assert!(!at.store.is_pharmacy(&finess("750000018")).await.unwrap());
    let after = at.store.pharmacies(Some(&finess("750000026")), 100).await.unwrap();
    assert_eq!(after.len(), 1);
    assert_eq!(at.store.pharmacies(None, 1).await.unwrap().len(), 1);
}

pub(crate) async fn many_patients_over_a_year_are_kept_apart(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let today = date(2026, 3, 1);
    let patient = |number: i64| {
        let text = format!("2{:02}0351{:06}", number % 100, number);
        Ins::parse_as(&text, &[AddressForm::Nir13]).unwrap()
    };
    let day = |number: i64| today.checked_sub((number * 7 % 366).days()).unwrap();
    let rows = |number: i64| Dispensing {
        patient: patient(number),
        pharmacy: finess(&format!("7500{:05}", number % 7)),
        on: day(number),
        reimbursed: number % 3 != 0,
    };
    let all: Vec<_> = (0..3000).map(rows).collect();
    assert_eq!(put(&at, &all).await, loaded(3000, 0, 0));
    for number in (0..3000).step_by(97) {
        let row = rows(number);
        let last = at.store.last_dispensings(&row.patient, &row.pharmacy).await.unwrap();
        let expected = LastDispensings { reimbursed: row.reimbursed.then_some(row.on), any: Some(row.on) };
        assert_eq!(last, expected, "{number}");
        assert_eq!(at.store.dispensings(&row.patient, None, 10).await.unwrap(), [row]);
    }
}
