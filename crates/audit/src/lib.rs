//! What happened, in a form that cannot be quietly changed. The part of Pli that an auditor reads first.
//!
//! An [`Event`] is written in the transaction of what it records. It holds no content and no subject;
//! persons' identifiers are sealed, each under a key of its own. Events are the leaves of a Merkle tree, whose
//! root is signed now and then; from then on none of them can be changed, removed, moved or added before another
//! without the root being another. The forms are public ones, so that public tools can check a record: RFC 6962 for the
//! tree, C2SP tlog-tiles, signed-note, tlog-checkpoint and tlog-proof for what is stored and handed out. docs/audit.md
//! tells an auditor how.
//!
//! This crate computes. It reads and writes nothing, and knows neither clock nor chance: keys and times come from
//! outside.
//!
//! To be read in this order:
//!
//! 1. [`event`] and [`leaf`]: what an entry says, and how.
//! 2. [`hash`] and [`tree`]: hashes, roots, proofs.
//! 3. [`tile`], [`bundle`] and [`tile_writer`]: how tree and entries are stored.
//! 4. [`key`], [`note`] and [`checkpoint`]: who stands for it; [`witness`]: who else has seen it.
//! 5. [`proof`] and [`verify`]: how it is checked.

pub mod bundle;
pub mod checkpoint;
pub mod event;
pub mod hash;
pub mod key;
pub mod leaf;
pub mod note;
pub mod proof;
pub mod tile;
pub mod tile_writer;
pub mod tree;
pub mod usage;
pub mod verify;
pub mod witness;

pub use bundle::BundleId;
pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, Standing};
pub use event::{Class, Event, EventKind, Face};
pub use hash::Hash;
pub use key::{KeyError, SignerKey, VerifierKey, WitnessKey};
pub use leaf::{Draft, Leaf, LeafError, Subject, SubjectId, SubjectKey};
pub use note::Note;
pub use proof::{Proof, ProofFault};
pub use tile::{Tile, TileId, TileSet};
pub use tile_writer::TileWriter;
pub use tree::Frontier;
pub use usage::{ReportClass, Usage};
pub use verify::{Audit, Beside, Column, Damage, Place, Source, Verdict, Verified, What};
