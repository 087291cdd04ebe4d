//! [`Run`]: many dispensings, sorted before they are sent. The table lies by week, patient and pharmacy: a batch that is
//! spread over all of it writes a page for each row, one in order writes a page for two hundred.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use pli_store::Dispensing;
use pli_types::{FinessId, Ins};

use crate::dispensations::lines::write;

/// Dispensings that are sorted together, 16 bytes each.
pub(super) const ROWS_MAX: usize = 4_000_000;

/// Dispensings, in the order in which they came, then sorted.
#[derive(Debug, Default)]
pub(super) struct Run(Vec<Packed>);

impl Run {
    /// Adds one.
    pub(super) fn push(&mut self, dispensing: &Dispensing) {
        self.0.push(Packed::new(dispensing));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts them into the order of the table.
    pub(super) fn sort(&mut self) {
        self.0.sort_unstable();
    }

    /// In batches of so many, as text. None at all is one batch of none.
    pub(super) fn batches(&self, rows: usize) -> Vec<&[Packed]> {
        if self.0.is_empty() { vec![&[]] } else { self.0.chunks(rows).collect() }
    }

    /// Makes room for more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// A batch as the lines that say it.
pub(super) fn text(batch: &[Packed]) -> Vec<u8> {
    let mut text = Vec::with_capacity(batch.len() * 48);
    batch.iter().filter_map(|row| row.dispensing()).for_each(|dispensing| write(&dispensing, &mut text));
    text
}

/// A dispensing in sixteen bytes, ordered as the table is: week, patient (45 bits), pharmacy (32), day of the week (3),
/// then the reimbursed one of a day before the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packed(u128);

const PATIENT_BITS: u32 = 45;
const PHARMACY_BITS: u32 = 32;
const DAY_BITS: u32 = 3;

/// Day 0, before everything that may have been dispensed; a Thursday, as the table's own.
const FIRST_DAY: Date = date(1970, 1, 1);
/// What is older is kept, if it is, on the first day.
const DAYS_MAX: i64 = 60_000;

impl Packed {
    fn new(dispensing: &Dispensing) -> Self {
        let days = dispensing.on.duration_since(FIRST_DAY).as_hours().div_euclid(24).clamp(0, DAYS_MAX).unsigned_abs();
        let parts = [
            (u128::from(dispensing.patient.to_number()), PATIENT_BITS),
            (u128::from(dispensing.pharmacy.to_number()), PHARMACY_BITS),
            (u128::from(days % 7), DAY_BITS),
            (u128::from(!dispensing.reimbursed), 1),
        ];
        Self(parts.into_iter().fold(u128::from(days / 7), |packed, (part, bits)| packed << bits | part))
    }

    fn dispensing(self) -> Option<Dispensing> {
        let part = |above: u32, bits: u32| u64::try_from(self.0 >> above & ((1 << bits) - 1)).ok();
        let day = part(1, DAY_BITS)?;
        let pharmacy = u32::try_from(part(1 + DAY_BITS, PHARMACY_BITS)?).ok()?;
        let patient = part(1 + DAY_BITS + PHARMACY_BITS, PATIENT_BITS)?;
        let week = part(1 + DAY_BITS + PHARMACY_BITS + PATIENT_BITS, 32)?;
        Some(Dispensing {
            patient: Ins::from_number(patient)?,
            pharmacy: FinessId::from_number(pharmacy)?,
            on: FIRST_DAY.checked_add(i64::try_from(week * 7 + day).ok()?.days()).ok()?,
            reimbursed: self.0 & 1 == 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dispensing(patient: &str, pharmacy: &str, on: Date, reimbursed: bool) -> Dispensing {
        let (patient, pharmacy) = (Ins::parse(patient).unwrap(), FinessId::parse(pharmacy).unwrap());
        Dispensing { patient, pharmacy, on, reimbursed }
    }

    #[test]
    fn a_dispensing_comes_back_from_its_sixteen_bytes() {
        for whole in [
            dispensing("279035121518989", "990000017", date(2026, 11, 23), true),
            dispensing("297022A02077878", "2A0000014", FIRST_DAY, false),
            dispensing("160012B02077713", "2B9999999", date(2126, 12, 31), true),
        ] {
            assert_eq!(Packed::new(&whole).dispensing(), Some(whole));
        }
    }

    #[test]
    fn they_stand_by_week_then_patient_then_pharmacy_and_the_reimbursed_one_first() {
        let (one, other) = ("160012B02077713", "279035121518989");
        let ordered = [
            dispensing(other, "990000017", date(2026, 11, 18), false),
            dispensing(one, "990000017", date(2026, 11, 19), false),
            dispensing(other, "990000017", date(2026, 11, 23), true),
            dispensing(other, "990000017", date(2026, 11, 23), false),
            dispensing(other, "990000025", date(2026, 11, 20), true),
        ];
        let (low, high) = (ordered[1].patient.to_number(), ordered[2].patient.to_number());
        let mut run = Run::default();
        for index in [3, 0, 4, 2, 1] {
            run.push(&ordered[index]);
        }
        run.sort();
        let sorted: Vec<_> = run.0.iter().filter_map(|row| row.dispensing()).collect();
        // The 18th ends a week of the table; in the next one whoever has the lower number comes first.
        let expected: Vec<_> =
            if low < high { ordered.to_vec() } else { [0, 2, 3, 4, 1].map(|index| ordered[index].clone()).to_vec() };
        assert_eq!(sorted, expected);
    }
}
