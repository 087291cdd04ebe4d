//! Sets of message numbers (RFC 3501 §9, `sequence-set`) resolved against what there is.

use std::fmt::Write as _;

use imap_codec::imap_types::sequence::{SeqOrUid, Sequence, SequenceSet};

/// A set with its `*` put in and its ranges sorted and merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbers(Vec<(u32, u32)>);

impl Numbers {
    /// `largest` is what `*` stands for: the largest number in use.
    pub(crate) fn resolve(set: &SequenceSet, largest: u32) -> Self {
        let value = |number: &SeqOrUid| match number {
            SeqOrUid::Value(value) => value.get(),
            SeqOrUid::Asterisk => largest,
        };
        let mut ranges: Vec<(u32, u32)> = set
            .0
            .as_ref()
            .iter()
            .map(|sequence| match sequence {
                Sequence::Single(number) => (value(number), value(number)),
                Sequence::Range(a, b) => (value(a).min(value(b)), value(a).max(value(b))),
            })
            .collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(previous) if first <= previous.1.saturating_add(1) => previous.1 = previous.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).and_then(|index| self.0.get(index)).is_some_and(|(_, last)| number <= *last)
    }

    /// The smallest and the largest number named.
    pub(crate) fn bounds(&self) -> (u32, u32) {
        (self.0.first().map_or(0, |range| range.0), self.0.last().map_or(0, |range| range.1))
    }
}

/// Writes numbers as a `uid-set` (RFC 4315 §4), in the order given, runs as ranges.
pub(crate) fn write(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut out = String::new();
    let mut run: Option<(u32, u32)> = None;
    for number in numbers {
        run = match run {
            Some((first, last)) if last.checked_add(1) == Some(number) => Some((first, number)),
            Some(done) => {
                write_run(&mut out, done);
                Some((number, number))
            }
            None => Some((number, number)),
        };
    }
    if let Some(done) = run {
        write_run(&mut out, done);
    }
    out
}

fn write_run(out: &mut String, (first, last): (u32, u32)) {
    if !out.is_empty() {
        out.push(',');
    }
    // Writing to a String cannot fail.
    let _ = if first == last { write!(out, "{first}") } else { write!(out, "{first}:{last}") };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str, largest: u32) -> Numbers {
        Numbers::resolve(&SequenceSet::try_from(text).unwrap(), largest)
    }

    #[test]
    fn ranges_may_be_written_backwards_and_overlap() {
        let set = numbers("9:7,1,3:5,4:8", 20);
        let inside: Vec<u32> = (1..=20).filter(|n| set.contains(*n)).collect();
        assert_eq!(inside, [1, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_range_to_the_star_always_holds_the_last() {
        let set = numbers("559:*", 12);
        assert!(set.contains(12));
        assert_eq!(set.bounds(), (12, 559));
    }

    #[test]
    fn runs_are_written_as_ranges_in_the_order_given() {
        assert_eq!(write([1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(write([4, 3]), "4,3");
        assert_eq!(write([]), "");
    }
}
