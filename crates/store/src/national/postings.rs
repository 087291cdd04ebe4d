//! [`Postings`]: the lines that a term is in, small; [`Bits`]: a set of lines, quick.

/// The numbers of lines, ascending, as differences in groups of seven bits: most lines of a frequent word take one byte.
#[derive(Debug, Default)]
pub(super) struct Postings {
    /// One more than the last line; 0 for none.
    next: u32,
    bytes: Vec<u8>,
}

impl Postings {
    /// Adds a line, which is not before those that were added. Tells how many bytes that took.
    pub(super) fn add(&mut self, line: u32) -> usize {
        if line < self.next {
            return 0;
        }
        let before = self.bytes.len();
        push_number(line - self.next, &mut self.bytes);
        self.next = line.saturating_add(1);
        self.bytes.len() - before
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
pub(super) fn push_number(mut number: u32, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Takes a number off the front; `None` if there is none.
pub(super) fn take_number(bytes: &mut &[u8]) -> Option<u32> {
    let (mut number, mut shift) = (0_u32, 0);
    loop {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u32::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

/// A set of lines: a bit for each line that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// None of so many lines.
    pub(super) fn none(lines: u32) -> Self {
        Self { words: vec![0; usize::try_from(lines.div_ceil(64)).unwrap_or_default()] }
    }

    /// All of so many lines.
    pub(super) fn all(lines: u32) -> Self {
        let mut bits = Self::none(lines);
        bits.words.fill(u64::MAX);
        if let (Some(last), rest @ 1..) = (bits.words.last_mut(), lines % 64) {
            *last = (1 << rest) - 1;
        }
        bits
    }

    /// Adds what [`Postings`] hold; `None` if they are damaged.
    pub(super) fn add(&mut self, mut postings: &[u8]) -> Option<()> {
        let mut next = 0_u32;
        while !postings.is_empty() {
            let line = next.checked_add(take_number(&mut postings)?)?;
            *self.words.get_mut((line / 64) as usize)? |= 1 << (line % 64);
            next = line.checked_add(1)?;
        }
        Some(())
    }

    /// Keeps the lines that are also in `other`. Tells whether any is left.
    pub(super) fn keep(&mut self, other: &Self) -> bool {
        let mut left = 0;
        for (ours, theirs) in self.words.iter_mut().zip(&other.words) {
            *ours &= theirs;
            left |= *ours;
        }
        left != 0
    }

    /// The first line from `from` on.
    pub(super) fn next(&self, from: u32) -> Option<u32> {
        let begin = (from / 64) as usize;
        let mut mask = u64::MAX << (from % 64);
        for (place, word) in self.words.iter().enumerate().skip(begin) {
            let here = word & mask;
            if here != 0 {
                return u32::try_from(place).ok()?.checked_mul(64)?.checked_add(here.trailing_zeros());
            }
            mask = u64::MAX;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bits: &Bits) -> Vec<u32> {
        std::iter::successors(bits.next(0), |line| bits.next(line + 1)).collect()
    }

    #[test]
    fn what_is_put_in_comes_out_in_order() {
        let mut postings = Postings::default();
        let put = [0, 1, 1, 63, 64, 200, 70_000, 2_000_000, 5];
        for line in put {
            postings.add(line);
        }
        let mut bits = Bits::none(2_000_001);
        bits.add(postings.bytes()).unwrap();
        assert_eq!(lines(&bits), [0, 1, 63, 64, 200, 70_000, 2_000_000], "no line twice, and none from before");
        let mut other = Bits::none(2_000_001);
        let mut some = Postings::default();
        for line in [64, 65, 2_000_000] {
            some.add(line);
        }
        other.add(some.bytes()).unwrap();
        assert!(bits.keep(&other));
        assert_eq!(lines(&bits), [64, 2_000_000]);
        assert!(!bits.keep(&Bits::none(2_000_001)));
    }

    #[test]
    fn all_lines_are_as_many_as_there_are() {
        for count in [0, 1, 63, 64, 65, 128] {
            assert_eq!(lines(&Bits::all(count)), (0..count).collect::<Vec<_>>(), "{count}");
        }
    }

    #[test]
    fn damaged_postings_are_noticed_and_never_panic() {
        for bytes in [&[0x80][..], &[0xff; 9], &[0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f], &[100]] {
            assert_eq!(Bits::none(64).add(bytes), None, "{bytes:?}");
        }
    }
}
