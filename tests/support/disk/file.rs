//! A file that knows which of its bytes would survive a power cut.

use super::chance::Chance;

/// What a disk writes in one piece, in bytes: a write that is torn is torn between two of these.
const SECTOR: usize = 512;

/// A change that no sync has made durable yet.
#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// The content that processes see, and the content that the disk would still have.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// From `durable` to `seen`, in order, unless a sync failed in between.
    pending: Vec<Change>,
}

impl Content {
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn read(&self, at: usize, length: usize) -> &[u8] {
        let end = at.saturating_add(length).min(self.seen.len());
        self.seen.get(at.min(end)..end).unwrap_or_default()
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        put(&mut self.seen, at, bytes);
        self.pending.push(Change::Write { at, bytes: bytes.to_vec() });
    }

    pub(super) fn set_len(&mut self, length: usize) {
        if length != self.seen.len() {
            self.seen.resize(length, 0);
            self.pending.push(Change::Length(length));
        }
    }

    /// What was written is on the disk.
    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    /// A sync failed, as Linux has it: what was to be written counts as clean, so that no later sync writes it, while
    /// whoever reads still sees it.
    pub(super) fn forget_unsynced(&mut self) {
        self.pending.clear();
    }

    /// The power is cut: what was not synced is gone.
    pub(super) fn cut(&mut self) {
        self.seen.clone_from(&self.durable);
        self.pending.clear();
    }

    /// The power is cut while the disk writes: of what was not synced, any sector may have arrived, in any order.
    pub(super) fn cut_torn(&mut self, chance: &mut Chance) {
        for change in std::mem::take(&mut self.pending) {
            match &change {
                Change::Length(_) if chance.half() => apply(&mut self.durable, &change),
                Change::Length(_) => {}
                Change::Write { at, bytes } => {
                    let mut from = 0;
                    while from < bytes.len() {
                        // Up to the next boundary of a sector.
                        let to = ((at + from) / SECTOR * SECTOR + SECTOR - at).min(bytes.len());
                        if chance.half() {
                            put(&mut self.durable, at + from, bytes.get(from..to).unwrap_or_default());
                        }
                        from = to;
                    }
                }
            }
        }
        self.cut();
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { at, bytes } => put(content, *at, bytes),
        Change::Length(length) => content.resize(*length, 0),
    }
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    if let Some(place) = content.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
}
