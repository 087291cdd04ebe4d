//! [`Run`]: many lines, sorted by their number before they are sent. The table lies in that order on the disk: a batch
//! that is spread over all of it writes a page for each row, one in order writes a page for two hundred.

use jiff::Unit;
use jiff::civil::{Date, date};
use pli_store::{NewSpace, SpaceState};
use pli_types::Ins;

use crate::admin::patient::write_line;

/// Lines that are sorted together, eight bytes each; half as much again while they are sorted.
pub(super) const LINES_MAX: usize = 8_000_000;

/// Lines, in the order in which they came, then sorted.
#[derive(Debug, Default)]
pub(super) struct Run(Vec<Packed>);

impl Run {
    /// Adds a line.
    pub(super) fn push(&mut self, space: &NewSpace) {
        self.0.push(Packed::new(space));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Sorts them, each patient once: what the last line says; of his birth, what any says last. How many lines were
    /// about somebody who is named again.
    pub(super) fn sort(&mut self) -> u64 {
        // Stable, so that the last of several is the last.
        self.0.sort_by_key(|line| line.patient());
        let before = self.0.len();
        self.0.dedup_by(|later, kept| {
            let same = later.patient() == kept.patient();
            if same {
                *kept = if later.born() == 0 { Packed(later.0 | kept.born()) } else { *later };
            }
            same
        });
        (before - self.0.len()) as u64
    }

    /// In batches of so many, as text.
    pub(super) fn batches(&self, rows: usize) -> impl Iterator<Item = (usize, Vec<u8>)> {
        self.0.chunks(rows).map(|batch| {
            let mut text = Vec::with_capacity(batch.len() * 36);
            batch.iter().filter_map(|line| line.space()).for_each(|space| write_line(&space, &mut text));
            (batch.len(), text)
        })
    }

    /// Makes room for more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// A line in eight bytes: 45 bits of a patient's number, one of his space's state, 17 of his birth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packed(u64);

const BORN_BITS: u32 = 17;
const BORN_MASK: u64 = (1 << BORN_BITS) - 1;
const CLOSED: u64 = 1 << BORN_BITS;
/// Days are counted from here, from 1; 0 is none. The last one is in 2208.
const FIRST_DAY: Date = date(1850, 1, 1);

impl Packed {
    fn new(space: &NewSpace) -> Self {
        let days = space.born.and_then(|born| born.since((Unit::Day, FIRST_DAY)).ok());
        let born = days.and_then(|days| u64::try_from(days.get_days()).ok()).map_or(0, |days| (days + 1) & BORN_MASK);
        let closed = if space.state == SpaceState::Closed { CLOSED } else { 0 };
        Self(space.patient.to_number() << (BORN_BITS + 1) | closed | born)
    }

    fn patient(self) -> u64 {
        self.0 >> (BORN_BITS + 1)
    }

    fn born(self) -> u64 {
        self.0 & BORN_MASK
    }

    fn space(self) -> Option<NewSpace> {
        let state = if self.0 & CLOSED == 0 { SpaceState::Open } else { SpaceState::Closed };
        let days = i64::try_from(self.born()).ok()?.checked_sub(1).filter(|days| *days >= 0);
        let born = days.and_then(|days| FIRST_DAY.checked_add(jiff::Span::new().try_days(days).ok()?).ok());
        Some(NewSpace { patient: Ins::from_number(self.patient())?, state, born })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(patient: &str, state: SpaceState, born: Option<Date>) -> NewSpace {
        NewSpace { patient: Ins::parse(patient).unwrap(), state, born }
    }

    #[test]
    fn a_line_comes_back_from_its_eight_bytes() {
        for space in [
            space("279035121518989", SpaceState::Open, None),
            space("297022A02077878", SpaceState::Closed, Some(FIRST_DAY)),
            space("160012B02077713", SpaceState::Open, Some(date(2126, 12, 31))),
        ] {
            assert_eq!(Packed::new(&space).space(), Some(space));
        }
    }

    #[test]
    fn batches_come_in_order_and_the_last_word_on_a_patient_counts() {
        let mut run = Run::default();
        run.push(&space("279035121518989", SpaceState::Open, Some(date(1979, 3, 1))));
        run.push(&space("109076322083489", SpaceState::Open, Some(date(1909, 7, 1))));
        run.push(&space("279035121518989", SpaceState::Closed, None));
        run.push(&space("109076322083489", SpaceState::Open, Some(date(2009, 7, 14))));
        run.push(&space("160012B02077713", SpaceState::Open, None));
        assert_eq!((run.sort(), run.len()), (2, 3));
        let batches: Vec<_> = run.batches(2).map(|(rows, text)| (rows, String::from_utf8(text).unwrap())).collect();
        let first = "109076322083489;open;2009-07-14\n160012B02077713;open;\n".to_owned();
        assert_eq!(batches, [(2, first), (1, "279035121518989;closed;1979-03-01\n".to_owned())]);
    }
}
