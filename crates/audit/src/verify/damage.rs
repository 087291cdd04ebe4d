//! [`Damage`]: where a record is not what was signed, and in what way.

use std::fmt;

use super::Column;
use crate::checkpoint::CheckpointError;
use crate::tile::TileId;

/// Where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The checkpoint, or the record as a whole.
    Checkpoint,
    /// One tile.
    Tile {
        /// Its level.
        level: u8,
        /// Its index in the level.
        index: u64,
    },
    /// One entry, by its index in the record.
    Entry(u64),
    /// One of the checkpoints that a store keeps, by the size that it is kept under.
    Kept(u64),
}

impl From<TileId> for Place {
    fn from(id: TileId) -> Self {
        Self::Tile { level: id.level(), index: id.index() }
    }
}

/// In what way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The checkpoint, the tile, or the bundle that begins with the entry, is not there.
    Missing,
    /// The checkpoint is none, or not signed by the log's key. Whoever signed it anew has another key.
    Refused(CheckpointError),
    /// The earlier checkpoint that the auditor brought is of another log.
    OtherLog,
    /// The record is smaller than in the earlier checkpoint of this many entries: its end was cut off, or the checkpoint
    /// was replaced by an older one.
    Behind(u64),
    /// The first entries, this many, are not those that the earlier checkpoint stands for: history was written anew.
    Fork(u64),
    /// Tiles and entries agree with one another, and lead to another root than the one that was signed: they were
    /// replaced together, or belong to another checkpoint.
    RootDiffers,
    /// A tile of the right edge that holds hashes of pruned entries: one of those was changed, or tiles and entries were
    /// replaced together. With the entries gone, nothing tells which.
    PrunedHash,
    /// The tile is longer or shorter than its width tells: this many bytes.
    Length(usize),
    /// The tile or the entry does not fit the tree up to the signed root.
    Altered,
    /// The tile does not fit the tree, and what lies below it does: only the tile was changed, at the hash of this
    /// position first, and it can be made anew.
    Rebuildable(u16),
    /// Neither the tile nor what lies below it leads to the signed root: more than one thing was changed, here and below.
    Contradicts,
    /// The tile or the entry of this index stands in its place.
    Moved(u64),
    /// The bundle ends before the entry does.
    Cut,
    /// The entry is gone, and the next one stands in its place.
    Removed,
    /// The entry of this index, which is before it, stands here again.
    Repeated(u64),
    /// Something that is no entry of the record stands here, and the entry behind it.
    Inserted,
    /// Behind the entry, the last one of its bundle, there is more; the record has no such tile.
    Surplus,
    /// The entry is empty as if it were pruned, and the store has pruned none so late in the record.
    Emptied,
    /// What the store keeps beside it, to find it by, is not what it says itself. The record is what was signed.
    Index(Column),
}

impl What {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Refused(_) => "refused",
            Self::OtherLog => "other-log",
            Self::Behind(_) => "behind",
            Self::Fork(_) => "fork",
            Self::RootDiffers => "root-differs",
            Self::PrunedHash => "pruned-hash",
            Self::Length(_) => "length",
            Self::Altered => "altered",
            Self::Rebuildable(_) => "rebuildable",
            Self::Contradicts => "contradicts",
            Self::Moved(_) => "moved",
            Self::Cut => "cut",
            Self::Removed => "removed",
            Self::Repeated(_) => "repeated",
            Self::Inserted => "inserted",
            Self::Surplus => "surplus",
            Self::Emptied => "emptied",
            Self::Index(_) => "index-differs",
        }
    }
}

/// The first place that is not what was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// Where.
    pub place: Place,
    /// In what way.
    pub what: What,
}

impl Damage {
    /// Of what is here, and in what way.
    #[must_use]
    pub fn new(place: impl Into<Place>, what: What) -> Self {
        Self { place: place.into(), what }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => write!(f, "the checkpoint"),
            Self::Tile { level, index } => write!(f, "tile {index} of level {level}"),
            Self::Entry(index) => write!(f, "entry {index}"),
            Self::Kept(size) => write!(f, "the checkpoint that is kept of {size} entries"),
        }
    }
}

/// One sentence.
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place;
        match self.what {
            What::Missing => write!(f, "{place} is missing"),
            What::Refused(error) => write!(f, "{place} counts for nothing: {error}"),
            What::OtherLog => write!(f, "{place} is of another log than the earlier one"),
            What::Behind(earlier) => {
                write!(f, "{place} is of fewer entries than the {earlier} of the earlier one: the end was cut off")
            }
            What::Fork(earlier) => {
                write!(
                    f,
                    "{place} stands for another history: the first {earlier} entries are not those of the earlier one"
                )
            }
            What::RootDiffers => {
                write!(f, "{place} is of another record: tiles and entries agree, and lead to another root")
            }
            What::PrunedHash => {
                write!(f, "{place} holds a changed hash of a pruned entry, or the record as a whole was replaced")
            }
            What::Length(bytes) => write!(f, "{place} has {bytes} bytes, which is not its length"),
            What::Altered => write!(f, "{place} was altered: it does not fit the signed root"),
            What::Rebuildable(position) => {
                write!(f, "{place} was altered at hash {position}; what lies below it is whole, so it can be made anew")
            }
            What::Contradicts => write!(f, "{place} does not fit the signed root, nor does what lies below it"),
            What::Moved(from) => write!(f, "{place} was replaced by number {from}"),
            What::Cut => write!(f, "{place} is cut off: its bundle ends before it"),
            What::Removed => write!(f, "{place} was removed: the next one stands in its place"),
            What::Repeated(of) => write!(f, "{place} was replaced by number {of}, which stands there a second time"),
            What::Inserted => write!(f, "{place} is preceded by something that is no entry of the record"),
            What::Surplus => match place {
                Place::Tile { .. } => write!(f, "{place} is none of the record's"),
                _ => write!(f, "{place} is the last of its bundle, and is followed by something"),
            },
            What::Emptied => write!(f, "{place} was emptied, and not by the pruning, which has not come so far"),
            What::Index(column) => write!(f, "{place} does not say what {column} says of it, by which it is found"),
        }
    }
}
