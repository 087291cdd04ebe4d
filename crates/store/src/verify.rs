//! [`verify`]: is the record of a store what was signed, and found by what it says?
//!
//! The tree stands for the bytes of the entries ([`pli_audit::Audit`]). What the store keeps around it is in no hash: the
//! columns and tables by which entries are found, the checkpoint before the last, tiles that the tree does not have. Who
//! changed those would change nothing that is signed, and yet hide an entry from whoever looks for it. So each is held
//! against what the tree vouches for: the columns while the entries go by, the rest at the end.
//!
//! In memory there is what the tree's check takes, and five bundles: while one is checked, the next ones are read.

use std::collections::VecDeque;
use std::sync::Arc;

use pli_audit::bundle::{self, ENTRY_BYTES_MAX, Entry};
use pli_audit::tile::{TILE_WIDTH, tiles_for};
use pli_audit::tree::{peaks, root};
use pli_audit::verify::What;
use pli_audit::{
    Audit, BundleId, Checkpoint, Column, Damage, Hash, Place, SignedCheckpoint, Source, Tile, TileId, TileSet, Verdict,
    VerifierKey,
};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::{Indexed, KeptCheckpoint, Result, Store, StoreError};

/// Entries that are read at a time, of those that wait for their seal.
const PAGE: usize = 256;

/// Bundles that are read while one is checked.
const AHEAD: u64 = 4;

/// What a record is checked with, as in [`Audit`].
#[derive(Debug, Clone)]
pub struct Checking {
    /// The log's key.
    pub key: VerifierKey,
    /// Is it from somewhere else than the record?
    pub trusted: bool,
    /// A checkpoint that was kept elsewhere.
    pub earlier: Option<Checkpoint>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The first place that is damaged, if one is.
    pub verdict: Verdict,
    /// What was signed last, as it lies in the store.
    pub checkpoint: Option<Vec<u8>>,
    /// How many entries there are behind what it signs; none if what is damaged comes before them.
    pub unsealed: Option<u64>,
}

/// Checks a store's record to its end or to the first place that is damaged, beside whoever goes on recording. An error is what
/// could not be read, or not be understood as a row.
pub async fn verify(store: Arc<dyn Store>, with: Checking) -> Result<Checked> {
    let kept = store.checkpoints().await?;
    let checkpoint = kept.first().map(|kept| kept.note.clone());
    let (verdict, unsealed) = match signed(&kept, &with.key) {
        Err(damage) => (Verdict::Damaged(damage), None),
        Ok(signed) => of_signed(store, with, checkpoint.clone(), &signed).await?,
    };
    Ok(Checked { verdict, checkpoint, unsealed })
}

/// The checkpoints that are kept, each signed, and kept under its size.
fn signed(kept: &[KeptCheckpoint], key: &VerifierKey) -> std::result::Result<Vec<Checkpoint>, Damage> {
    let signed = |kept: &KeptCheckpoint| {
        let damage = |what| Damage::new(Place::Kept(kept.size), what);
        let signed = SignedCheckpoint::open(&kept.note, key).map_err(|error| damage(What::Refused(error)))?;
        let checkpoint = signed.checkpoint().clone();
        if checkpoint.size() == kept.size { Ok(checkpoint) } else { Err(damage(What::Index(Column::Size))) }
    };
    kept.iter().map(signed).collect()
}

async fn of_signed(
    store: Arc<dyn Store>,
    with: Checking,
    checkpoint: Option<Vec<u8>>,
    signed: &[Checkpoint],
) -> Result<(Verdict, Option<u64>)> {
    let (of, runtime) = (Arc::clone(&store), Handle::current());
    let size = signed.first().map_or(0, Checkpoint::size);
    let mut source =
        Stored { store: of, runtime, checkpoint, size, ahead: VecDeque::new(), beside: None, missing: None };
    let checked = tokio::task::spawn_blocking(move || {
        let audit = Audit { key: &with.key, trusted: with.trusted, earlier: with.earlier.as_ref() };
        audit.verify(&mut source).map(|verdict| (verdict, source))
    });
    let (verdict, source) = checked.await.map_err(|_| StoreError::unavailable("the check was ended"))??;
    let verified = match verdict {
        Verdict::Verified(verified) => verified,
        Verdict::Damaged(damage) => return Ok((Verdict::Damaged(source.placed(damage)), None)),
    };
    // From here on the hashes of the tree are right.
    for earlier in signed.iter().skip(1) {
        if root_of(&*store, earlier.size()).await? != Some(earlier.root()) {
            let damage = Damage::new(Place::Kept(earlier.size()), What::Fork(earlier.size()));
            return Ok((Verdict::Damaged(damage), None));
        }
    }
    if let Some(damage) = source.beside {
        return Ok((Verdict::Damaged(damage), None));
    }
    let waiting = match unsealed(&*store, verified.tree_size).await? {
        Ok(waiting) => waiting,
        Err(damage) => return Ok((Verdict::Damaged(damage), None)),
    };
    let stray = store.stray().await?;
    Ok((stray.map_or(Verdict::Verified(verified), Verdict::Damaged), Some(waiting)))
}

/// The root over the first entries, so many, as the tiles make it; none if one of them is not there any more.
async fn root_of(store: &dyn Store, size: u64) -> Result<Option<Hash>> {
    let ids: Vec<TileId> = tiles_for(&peaks(size), size).into_iter().collect();
    let read = store.tiles(&ids).await?;
    let decoded = ids.iter().zip(read).filter_map(|(id, bytes)| Tile::decode(*id, &bytes?).ok());
    Ok(root(size, &decoded.collect::<TileSet>()).ok())
}

/// How many entries there are from this index on, or the first damage among them. Nobody has signed them: that is all that can
/// be said.
async fn unsealed(store: &dyn Store, from: u64) -> Result<std::result::Result<u64, Damage>> {
    let mut next = from;
    loop {
        let page = store.indexed_from(next, PAGE).await?;
        if page.is_empty() {
            return Ok(Ok(next.saturating_sub(from)));
        }
        for one in page {
            let missing = (one.index != next).then(|| Damage::new(Place::Entry(next), What::Missing));
            if let Some(damage) = missing.or_else(|| beside(&one)) {
                return Ok(Err(damage));
            }
            next = next.saturating_add(1);
        }
    }
}

/// Does what lies beside an entry fit it?
fn beside(one: &Indexed) -> Option<Damage> {
    // As far as a bundle holds it, it may be what was signed.
    let too_long = (one.entry.len() > ENTRY_BYTES_MAX).then_some(What::Altered);
    let emptied = (one.entry.is_empty() && !one.may_be_pruned).then_some(What::Emptied);
    let what = too_long.or(emptied).or_else(|| one.differs.map(What::Index))?;
    Some(Damage::new(Place::Entry(one.index), what))
}

/// The record in a store, as of one checkpoint. What is sealed meanwhile is not looked at.
struct Stored {
    store: Arc<dyn Store>,
    runtime: Handle,
    checkpoint: Option<Vec<u8>>,
    size: u64,
    /// Bundles that are being read, by their first entries.
    ahead: VecDeque<(u64, JoinHandle<Result<Vec<Indexed>>>)>,
    /// What does not fit beside the entries that went by: the first of them.
    beside: Option<Damage>,
    /// The first entry that has no row.
    missing: Option<u64>,
}

impl Stored {
    /// The rows from this entry on, as many as a full bundle has. They are asked for from left to right.
    fn page(&mut self, first: u64) -> Result<Vec<Indexed>> {
        self.ahead.retain(|(of, _)| *of >= first);
        if self.ahead.front().is_some_and(|(of, _)| *of != first) {
            self.ahead.clear();
        }
        let width = u64::from(TILE_WIDTH);
        let known = self.ahead.back().map_or(first, |(of, _)| of + width);
        let until = self.size.min(first + AHEAD * width + 1);
        for of in (known..until).step_by(usize::from(TILE_WIDTH)) {
            let store = Arc::clone(&self.store);
            let reading = async move { store.indexed_from(of, usize::from(TILE_WIDTH)).await };
            self.ahead.push_back((of, self.runtime.spawn(reading)));
        }
        let Some((_, reading)) = self.ahead.pop_front() else { return Ok(Vec::new()) };
        self.runtime.block_on(reading).map_err(|_| StoreError::unavailable("the check was ended"))?
    }

    /// A bundle does not tell which of its entries is missing where those behind it are pruned, which look all the same. The
    /// rows have numbers.
    fn placed(&self, damage: Damage) -> Damage {
        let Place::Entry(named) = damage.place else { return damage };
        let width = u64::from(TILE_WIDTH);
        let missing = self.missing.filter(|missing| *missing < named && missing / width == named / width);
        missing.map_or(damage, |missing| Damage::new(Place::Entry(missing), What::Missing))
    }
}

impl Source for Stored {
    type Error = StoreError;

    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(self.checkpoint.clone())
    }

    fn tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>> {
        Ok(self.runtime.block_on(self.store.tiles(&[id]))?.pop().flatten())
    }

    fn entries(&mut self, id: BundleId) -> Result<Option<Vec<u8>>> {
        let (first, width) = (id.first_entry(), u64::from(id.width()));
        let mut page = self.page(first)?;
        // Where rows are missing, those behind the bundle have come.
        page.retain(|one| one.index < first + width);
        let there = page.iter().map(|one| Some(one.index)).chain([None]);
        let missing = (first..first + width).zip(there).find(|(index, there)| *there != Some(*index));
        self.missing = self.missing.or(missing.map(|(index, _)| index));
        self.beside = self.beside.or_else(|| page.iter().find_map(beside));
        let mut bytes = Vec::new();
        for one in &page {
            let cut = one.entry.get(..ENTRY_BYTES_MAX).unwrap_or(&one.entry);
            let entry = if cut.is_empty() { Entry::Pruned } else { Entry::Kept(cut) };
            // It is neither empty nor too long.
            let _ = bundle::push(&mut bytes, entry);
        }
        Ok((!page.is_empty()).then_some(bytes))
    }
}
