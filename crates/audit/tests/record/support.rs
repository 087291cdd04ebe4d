//! A record in memory, made as a sealer makes it, and ways to damage it.

use std::collections::BTreeMap;
use std::convert::Infallible;

use pli_audit::bundle::{self, Entry, bundles_of};
use pli_audit::{
    Audit, BundleId, Checkpoint, Damage, Hash, SignedCheckpoint, SignerKey, Source, TileId, TileWriter, Verdict,
    Verified, VerifierKey,
};

pub(crate) const ORIGIN: &str = "mss.example.org/audit";

/// The key of a log of this name. Another seed is another key.
pub(crate) fn key(seed: u8) -> SignerKey {
    SignerKey::from_seed(ORIGIN, &pli_types::Secret::new([seed; 32])).unwrap()
}

/// What is stored.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) checkpoint: Option<Vec<u8>>,
    pub(crate) tiles: BTreeMap<TileId, Vec<u8>>,
    pub(crate) bundles: BTreeMap<BundleId, Vec<u8>>,
}

impl Record {
    /// A record of as many entries as `entry` is to be asked for.
    pub(crate) fn new(size: u64, entry: impl Fn(u64) -> Vec<u8>) -> Self {
        Self::pruned(size, entry, |_| false)
    }

    /// The same, with some entries pruned.
    pub(crate) fn pruned(size: u64, entry: impl Fn(u64) -> Vec<u8>, pruned: impl Fn(u64) -> bool) -> Self {
        let mut writer = TileWriter::new();
        let mut bundles = BTreeMap::new();
        for id in bundles_of(size) {
            let mut bytes = Vec::new();
            for index in id.first_entry()..id.first_entry() + u64::from(id.width()) {
                let entry = entry(index);
                writer.append(Hash::leaf(&entry));
                let kept = if pruned(index) { Entry::Pruned } else { Entry::Kept(&entry) };
                bundle::push(&mut bytes, kept).unwrap();
            }
            bundles.insert(id, bytes);
        }
        let tiles = writer.take_tiles().iter().map(|tile| (tile.id(), tile.encode())).collect();
        let checkpoint = signed(size, writer.root(), &key(7)).encode();
        Self { checkpoint: Some(checkpoint.into_bytes()), tiles, bundles }
    }

    pub(crate) fn verdict(&mut self, earlier: Option<&Checkpoint>) -> Verdict {
        let Ok(verdict) = Audit { key: key(7).verifier(), trusted: true, earlier }.verify(self);
        verdict
    }

    pub(crate) fn verified(&mut self) -> Verified {
        match self.verdict(None) {
            Verdict::Verified(verified) => verified,
            Verdict::Damaged(damage) => panic!("a false alarm: {damage}"),
        }
    }

    pub(crate) fn damage(&mut self) -> Damage {
        match self.verdict(None) {
            Verdict::Damaged(damage) => damage,
            Verdict::Verified(_) => panic!("it was not found"),
        }
    }

    pub(crate) fn opened(&self) -> Checkpoint {
        let key: &VerifierKey = &key(7).verifier().clone();
        SignedCheckpoint::open(self.checkpoint.as_ref().unwrap(), key).unwrap().checkpoint().clone()
    }

    pub(crate) fn tile(&mut self, level: u8, index: u64) -> &mut Vec<u8> {
        let of_place = |id: &TileId| (id.level(), id.index()) == (level, index);
        self.tiles.iter_mut().find(|(id, _)| of_place(id)).unwrap().1
    }

    pub(crate) fn bundle(&mut self, index: u64) -> &mut Vec<u8> {
        self.bundles.iter_mut().find(|(id, _)| id.index() == index).unwrap().1
    }

    /// Changes the entries of a bundle: each as its bytes with the length before it.
    pub(crate) fn entries(&mut self, bundle: u64, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
        let bytes = self.bundle(bundle);
        let mut rows = split(bytes);
        change(&mut rows);
        *bytes = rows.concat();
    }
}

/// The entries of a bundle, each with its length before it.
pub(crate) fn split(bundle: &[u8]) -> Vec<Vec<u8>> {
    let row = |entry: Entry<'_>| {
        let mut row = Vec::new();
        bundle::push(&mut row, entry).unwrap();
        row
    };
    bundle::entries(bundle).map(|entry| row(entry.unwrap())).collect()
}

pub(crate) fn signed(size: u64, root: Hash, key: &SignerKey) -> SignedCheckpoint {
    Checkpoint::new(ORIGIN, size, root).unwrap().sign(key).unwrap()
}

/// Entries as long as events are, each another. None is as long as a power of two.
pub(crate) fn entry(index: u64) -> Vec<u8> {
    let padding = usize::try_from(index % 50).unwrap();
    format!("{{\"version\":1,\"number\":{index},\"text\":\"{:é<padding$}\"}}", "", padding = 40 + padding).into_bytes()
}

impl Source for Record {
    type Error = Infallible;

    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.checkpoint.clone())
    }

    fn tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.tiles.get(&id).cloned())
    }

    fn entries(&mut self, id: BundleId) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.bundles.get(&id).cloned())
    }
}

/// Numbers that look random and are the same each time (`SplitMix64`).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of 0 to below this.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).unwrap()
    }

    /// Two different ones of 0 to below this, the smaller first.
    pub(crate) fn two_below(&mut self, count: usize) -> (usize, usize) {
        let (one, other) = (self.below(count), self.below(count - 1));
        if other < one { (other, one) } else { (one, other + 1) }
    }
}
