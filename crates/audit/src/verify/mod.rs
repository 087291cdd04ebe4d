//! Is a record what was signed? Answered from its checkpoint, its tiles and its entries, with the public key alone.
//!
//! The checking goes from what is trusted to what is not, so that the first thing that does not fit is what was changed:
//!
//! 1. The checkpoint is signed by the log's key.
//! 2. The partial tiles of the right edge together make the signed root (`edge`). Now their hashes are trusted.
//! 3. From left to right, each full tile makes the hash that stands for it in the tile above (`walk`). Now its hashes
//!    are trusted.
//! 4. Each entry makes its hash in the level-0 tile (`entries`), unless it was pruned.
//! 5. The first entries make the root of the auditor's earlier checkpoint, if he has one.
//!
//! In memory there are one tile a level and one bundle, whatever the record's size. What is named is the first place in
//! this order. With one thing changed it is that thing; where an entry was added or taken away, or its length made zero,
//! it is the first entry that is no longer in its place. docs/audit.md tells what is named when more was changed.

mod beside;
mod damage;
mod edge;
mod entries;
mod walk;

pub use beside::{Beside, Column};
pub use damage::{Damage, Place, What};

use crate::bundle::BundleId;
use crate::checkpoint::{Checkpoint, SignedCheckpoint, Standing};
use crate::hash::Hash;
use crate::key::VerifierKey;
use crate::tile::{Tile, TileId};
use crate::tree::{Node, Nodes as _, fold, peaks};
use walk::Walk;

/// Where a record is read: an export, or a store. `None` is what is not there; an error is what could not be asked, and
/// ends the checking without a verdict.
pub trait Source {
    /// What keeps it from being read.
    type Error;

    /// The latest checkpoint: a signed note.
    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, Self::Error>;

    /// A tile's bytes, in exactly this width. Of one that has become wider since, only so much is handed out.
    fn tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, Self::Error>;

    /// A bundle's bytes, in exactly this width. More than [`crate::bundle::BUNDLE_BYTES_MAX`] need not be read.
    fn entries(&mut self, id: BundleId) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// What an auditor checks a record with.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a> {
    /// The log's key.
    pub key: &'a VerifierKey,
    /// Has he the key from somewhere else than from the record? A key that came with it proves only that the record
    /// is whole, not whose it is. Told again in the answer.
    pub trusted: bool,
    /// A checkpoint that he has kept, which he has opened before ([`SignedCheckpoint::open`]).
    pub earlier: Option<&'a Checkpoint>,
}

/// A record that is what was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which log.
    pub origin: String,
    /// How many entries it has.
    pub tree_size: u64,
    /// The signed root.
    pub root: Hash,
    /// How many entries are pruned: their hashes are right, and what they said is gone.
    pub pruned: u64,
    /// The last pruned one.
    pub pruned_last: Option<u64>,
    /// [`Audit::trusted`].
    pub trusted: bool,
    /// [`VerifierKey::fingerprint`].
    pub key_fingerprint: String,
    /// The size of the earlier checkpoint, of which this record is the continuation.
    pub earlier: Option<u64>,
    /// Signatures by other keys, such as witnesses', which were not checked.
    pub other_signatures: usize,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Everything fits.
    Verified(Verified),
    /// Something does not.
    Damaged(Damage),
}

impl Audit<'_> {
    /// Checks a record to its end, or to the first place that is damaged.
    pub fn verify<S: Source>(&self, source: &mut S) -> Result<Verdict, S::Error> {
        match self.whole(source) {
            Ok(verified) => Ok(Verdict::Verified(verified)),
            Err(Stop::Damage(damage)) => Ok(Verdict::Damaged(damage)),
            Err(Stop::Source(error)) => Err(error),
        }
    }

    fn whole<S: Source>(&self, source: &mut S) -> Result<Verified, Stop<S::Error>> {
        let signed = self.open(source)?;
        let checkpoint = signed.checkpoint();
        let mut earlier = self.earlier.map(|earlier| Earlier::begin(earlier, checkpoint)).transpose()?;
        let mut reader = Reader(source);
        let edge = edge::trusted(&mut reader, checkpoint)?;
        let mut walk = Walk::new(&mut reader, |tile| {
            if let Some(earlier) = &mut earlier {
                earlier.see(tile);
            }
        });
        for tile in &edge {
            walk.below(tile)?;
        }
        let (pruned, pruned_last) = (walk.pruned, walk.pruned_last);
        if let Some(earlier) = &earlier {
            earlier.end()?;
        }
        Ok(Verified {
            origin: checkpoint.origin().to_owned(),
            tree_size: checkpoint.size(),
            root: checkpoint.root(),
            pruned,
            pruned_last,
            trusted: self.trusted,
            key_fingerprint: self.key.fingerprint(),
            earlier: self.earlier.map(Checkpoint::size),
            other_signatures: signed.note().signatures().len() - 1,
        })
    }

    fn open<S: Source>(&self, source: &mut S) -> Result<SignedCheckpoint, Stop<S::Error>> {
        let bytes = source.checkpoint().map_err(Stop::Source)?;
        let bytes = bytes.ok_or(Damage::new(Place::Checkpoint, What::Missing))?;
        let signed = SignedCheckpoint::open(&bytes, self.key);
        Ok(signed.map_err(|error| Damage::new(Place::Checkpoint, What::Refused(error)))?)
    }
}

/// What ends the checking early.
enum Stop<E> {
    Damage(Damage),
    Source(E),
}

impl<E> From<Damage> for Stop<E> {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

/// Reads what must be there.
struct Reader<'s, S>(&'s mut S);

impl<S: Source> Reader<'_, S> {
    fn tile(&mut self, id: TileId) -> Result<Tile, Stop<S::Error>> {
        let bytes = self.0.tile(id).map_err(Stop::Source)?.ok_or(Damage::new(id, What::Missing))?;
        Ok(Tile::decode(id, &bytes).map_err(|error| Damage::new(id, What::Length(error.found)))?)
    }

    fn entries(&mut self, id: BundleId) -> Result<Vec<u8>, Stop<S::Error>> {
        let bytes = self.0.entries(id).map_err(Stop::Source)?;
        Ok(bytes.ok_or(Damage::new(Place::Entry(id.first_entry()), What::Missing))?)
    }
}

/// The auditor's earlier checkpoint, and what its root is made of, collected while the tiles go by.
struct Earlier<'a> {
    checkpoint: &'a Checkpoint,
    peaks: Vec<(Node, Option<Hash>)>,
}

impl<'a> Earlier<'a> {
    fn begin(earlier: &'a Checkpoint, now: &Checkpoint) -> Result<Self, Damage> {
        let what = match now.since(earlier) {
            Standing::Equal | Standing::Ahead => {
                let peaks = peaks(earlier.size()).into_iter().map(|node| (node, None)).collect();
                return Ok(Self { checkpoint: earlier, peaks });
            }
            Standing::OtherLog => What::OtherLog,
            Standing::Behind => What::Behind(earlier.size()),
            Standing::Fork => What::Fork(earlier.size()),
        };
        Err(Damage::new(Place::Checkpoint, what))
    }

    /// A tile whose hashes are trusted.
    fn see(&mut self, tile: &Tile) {
        for (node, hash) in self.peaks.iter_mut().filter(|(_, hash)| hash.is_none()) {
            *hash = tile.node(*node);
        }
    }

    fn end(&self) -> Result<(), Damage> {
        let hashes: Option<Vec<Hash>> = self.peaks.iter().map(|(_, hash)| *hash).collect();
        if hashes.is_some_and(|hashes| fold(&hashes) == self.checkpoint.root()) {
            return Ok(());
        }
        Err(Damage::new(Place::Checkpoint, What::Fork(self.checkpoint.size())))
    }
}
