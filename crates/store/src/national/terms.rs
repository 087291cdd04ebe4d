//! [`Terms`]: the index in the making, and what its pieces look like on the disk.
//!
//! A term is a word at a [`Place`], an address or a domain. Terms lie in order, so that all words with one beginning lie
//! side by side: a search reads each of them once, whatever it looks for, and that is what bounds it.

use std::collections::HashMap;

use super::fold::each_word;
use super::postings::{Bits, Postings, push_number, take_number};
use super::{Listed, Place};

/// How much memory an index takes before it is written, and another begun.
const PIECE_BYTES: usize = 64 << 20;
/// What a term takes beside its own bytes and its lines: its place in the table, and two allocations.
const TERM_BYTES: usize = 112;
/// Terms lie in blocks of about this size.
const BLOCK_BYTES: usize = 32 << 10;

const WORD: u8 = b'w';
const ADDRESS: u8 = b'a';
const DOMAIN: u8 = b'd';
/// Ends a word. Nothing in UTF-8 is above [`BEYOND`].
const END: u8 = 0;
const BEYOND: u8 = 0xff;

/// Terms and the lines that they are in.
#[derive(Debug, Default)]
pub(super) struct Terms {
    lists: HashMap<Box<[u8]>, Postings>,
    bytes: usize,
    key: Vec<u8>,
    word: String,
}

impl Terms {
    /// Adds a line.
    pub(super) fn add(&mut self, line: u32, listed: &Listed<'_>) {
        self.term(line, ADDRESS, listed.address);
        if let Some((_, domain)) = listed.address.rsplit_once('@') {
            self.term(line, DOMAIN, domain);
        }
        let mut word = std::mem::take(&mut self.word);
        for (place, text) in listed.words {
            each_word(text, &mut word, |word| {
                self.begin(WORD, word);
                self.key.extend([END, *place as u8]);
                self.put(line);
            });
        }
        self.word = word;
    }

    /// Is it time to write them?
    pub(super) fn are_many(&self) -> bool {
        self.bytes >= PIECE_BYTES
    }

    /// All terms in order, in blocks, and nothing is left.
    pub(super) fn take(&mut self) -> Vec<Block> {
        self.bytes = 0;
        let mut terms: Vec<_> = std::mem::take(&mut self.lists).into_iter().collect();
        terms.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut blocks: Vec<Block> = Vec::new();
        for (key, postings) in terms {
            match blocks.last_mut() {
                Some(block) if block.content.len() < BLOCK_BYTES => block.push(&key, postings.bytes()),
                _ => {
                    let mut block = Block { first: key.to_vec(), last: Vec::new(), content: Vec::new() };
                    block.push(&key, postings.bytes());
                    blocks.push(block);
                }
            }
        }
        blocks
    }

    fn term(&mut self, line: u32, sort: u8, text: &str) {
        self.begin(sort, text);
        self.put(line);
    }

    fn begin(&mut self, sort: u8, text: &str) {
        self.key.clear();
        self.key.push(sort);
        self.key.extend_from_slice(text.as_bytes());
    }

    fn put(&mut self, line: u32) {
        if let Some(postings) = self.lists.get_mut(self.key.as_slice()) {
            self.bytes += postings.add(line);
        } else {
            let mut postings = Postings::default();
            self.bytes += postings.add(line) + self.key.len() + TERM_BYTES;
            self.lists.insert(self.key.clone().into_boxed_slice(), postings);
        }
    }
}

/// Terms that lie side by side on the disk: for each its length and itself, the length of its lines and they.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) first: Vec<u8>,
    pub(super) last: Vec<u8>,
    pub(super) content: Vec<u8>,
}

impl Block {
    fn push(&mut self, key: &[u8], postings: &[u8]) {
        for part in [key, postings] {
            // A line has 16 KiB, and a list of lines less than four bytes for each of some millions.
            push_number(u32::try_from(part.len()).unwrap_or(u32::MAX), &mut self.content);
            self.content.extend_from_slice(part);
        }
        self.last.clear();
        self.last.extend_from_slice(key);
    }
}

/// What is looked for among the terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The first term that it may be.
    pub(super) from: Vec<u8>,
    /// The last one.
    pub(super) to: Vec<u8>,
    places: Option<&'static [Place]>,
}

impl Wanted {
    /// A word at one of these places, or all words that begin with it.
    pub(super) fn word(word: &str, beginning: bool, places: &'static [Place]) -> Self {
        let term = |end: &[u8]| [&[WORD], word.as_bytes(), end].concat();
        let (from, to) = if beginning { (term(&[]), term(&[BEYOND])) } else { (term(&[END]), term(&[END, BEYOND])) };
        Self { from, to, places: Some(places) }
    }

    /// An address, by its key.
    pub(super) fn address(key: &str) -> Self {
        Self::exactly(ADDRESS, key)
    }

    /// A domain.
    pub(super) fn domain(domain: &str) -> Self {
        Self::exactly(DOMAIN, domain)
    }

    fn exactly(sort: u8, text: &str) -> Self {
        let term = [&[sort], text.as_bytes()].concat();
        Self { from: term.clone(), to: term, places: None }
    }

    /// Adds the lines of a block's terms that fit; `None` if the block is damaged.
    pub(super) fn look(&self, mut block: &[u8], found: &mut Bits) -> Option<()> {
        while !block.is_empty() {
            let (key, postings) = (part(&mut block)?, part(&mut block)?);
            if key > self.to.as_slice() {
                break;
            }
            let here = |place: &Place| key.last() == Some(&(*place as u8));
            if key >= self.from.as_slice() && self.places.is_none_or(|places| places.iter().any(here)) {
                found.add(postings)?;
            }
        }
        Some(())
    }
}

fn part<'b>(block: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(take_number(block)?).ok()?;
    let (part, rest) = block.split_at_checked(length)?;
    *block = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(blocks: &[Block], wanted: &Wanted) -> Vec<u32> {
        let mut bits = Bits::none(10_000);
        for block in blocks {
            let apart = block.first > wanted.to || block.last < wanted.from;
            let before = bits.clone();
            wanted.look(&block.content, &mut bits).unwrap();
            assert!(!apart || bits == before, "what the range leaves out has nothing of it");
        }
        std::iter::successors(bits.next(0), |line| bits.next(line + 1)).collect()
    }

    fn index() -> Vec<Block> {
        let mut terms = Terms::default();
        for line in 0..10_000 {
            let (address, name) = (format!("a{line}@x{}.fr", line % 7), format!("Nom{line} é\u{ff}"));
            let words = [(Place::Name, name.as_str()), (Place::Town, "PARIS"), (Place::Town, "Paris Nord")];
            terms.add(line, &Listed { address: &address, line: "", words: &words });
        }
        let blocks = terms.take();
        assert!(terms.take().is_empty());
        blocks
    }

    #[test]
    fn a_term_is_found_in_its_place_whole_or_by_its_beginning() {
        let blocks = index();
        assert!(blocks.len() > 3 && blocks.is_sorted_by(|one, other| one.last < other.first), "{}", blocks.len());
        assert!(blocks.iter().all(|block| block.content.len() < 2 * BLOCK_BYTES));
        let name: &[Place] = &[Place::Name];
        assert_eq!(found(&blocks, &Wanted::word("nom77", false, name)), [77]);
        assert_eq!(found(&blocks, &Wanted::word("nom77", true, name)).len(), 1 + 10 + 100);
        assert_eq!(found(&blocks, &Wanted::word("nom77", true, &[Place::Town])), Vec::<u32>::new());
        assert_eq!(found(&blocks, &Wanted::word("paris", false, &[Place::Town, Place::Name])).len(), 10_000);
        assert_eq!(found(&blocks, &Wanted::word("pari", false, &[Place::Town])), Vec::<u32>::new());
        assert_eq!(found(&blocks, &Wanted::address("a12@x5.fr")), [12]);
        assert_eq!(found(&blocks, &Wanted::address("a12@x5.f")), Vec::<u32>::new());
        assert_eq!(found(&blocks, &Wanted::domain("x6.fr")).len(), 10_000 / 7);
    }

    #[test]
    fn a_damaged_block_is_noticed_and_never_panics() {
        let all = Wanted { from: vec![], to: vec![BEYOND], places: None };
        let block = index().swap_remove(0).content;
        for cut in 1..200 {
            all.look(&block[..block.len() - cut], &mut Bits::none(10_000));
        }
        assert_eq!(all.look(&[5, 1, 2], &mut Bits::none(8)), None);
        assert_eq!(all.look(&[1, b'w', 2, 0x80, 0x80], &mut Bits::none(8)), None);
    }
}
