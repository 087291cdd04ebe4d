//! The disk itself, without the kernel: files and folders in memory, each with what is seen and what is durable.
//!
//! It promises no more than POSIX does: a file's bytes are durable once the file is synced, a name once its folder is.
//! File systems in use promise more (ext4 brings the name along with a new file); what holds here holds there.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use super::chance::Chance;
use super::file::Content;

/// Which number a file or folder has; numbers are never used again.
pub(super) type Number = u64;
/// The top folder.
pub(super) const ROOT: Number = 1;

/// What a step is refused with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    NotFound,
    Exists,
    NotEmpty,
    NotAFolder,
    IsAFolder,
    Full,
    ReadOnly,
    Broken,
}

/// What is wrong with the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// No byte more fits: what would make a file longer, or be a new one, is refused (`ENOSPC`).
    Full,
    /// Nothing can be written (`EROFS`), as when the kernel has found a fault and made it so.
    ReadOnly,
    /// The next sync fails (`EIO`), and what it was to write is never written, as Linux has it; then all is well again.
    NextSyncFails,
    /// Syncs succeed and do nothing: no program can be safe on such a disk, and a test that does not notice is none.
    Lies,
    /// Nothing works any more (`EIO`): after a power cut, until it is mounted again.
    Gone,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    File(Content),
    Folder(Folder),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Folder {
    seen: BTreeMap<OsString, Number>,
    durable: BTreeMap<OsString, Number>,
    /// What became of names since the last sync, in order.
    pending: Vec<(OsString, Option<Number>)>,
}

impl Folder {
    fn set(&mut self, name: &OsStr, number: Option<Number>) {
        put(&mut self.seen, name, number);
        self.pending.push((name.to_owned(), number));
    }

    pub(super) fn names(&self) -> &BTreeMap<OsString, Number> {
        &self.seen
    }
}

fn put(names: &mut BTreeMap<OsString, Number>, name: &OsStr, number: Option<Number>) {
    match number {
        Some(number) => names.insert(name.to_owned(), number),
        None => names.remove(name),
    };
}

/// The whole disk.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: BTreeMap<Number, (Node, u32)>,
    next: Number,
    pub(super) fault: Fault,
    /// How often something was synced: a measure of how far a run has come.
    pub(super) syncs: u64,
}

impl Tree {
    pub(super) fn new() -> Self {
        let nodes = BTreeMap::from([(ROOT, (Node::Folder(Folder::default()), 0o755))]);
        Self { nodes, next: ROOT + 1, fault: Fault::None, syncs: 0 }
    }

    pub(super) fn node(&self, number: Number) -> Result<(&Node, u32), Refused> {
        self.works()?;
        self.nodes.get(&number).map(|(node, mode)| (node, *mode)).ok_or(Refused::NotFound)
    }

    fn works(&self) -> Result<(), Refused> {
        if self.fault == Fault::Gone { Err(Refused::Broken) } else { Ok(()) }
    }

    /// May anything be changed? May it grow?
    fn may_write(&self, grows: bool) -> Result<(), Refused> {
        match self.fault {
            Fault::Gone => Err(Refused::Broken),
            Fault::ReadOnly => Err(Refused::ReadOnly),
            Fault::Full if grows => Err(Refused::Full),
            Fault::Full | Fault::None | Fault::NextSyncFails | Fault::Lies => Ok(()),
        }
    }

    pub(super) fn folder(&self, number: Number) -> Result<&Folder, Refused> {
        match self.node(number)?.0 {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(Refused::NotAFolder),
        }
    }

    fn folder_mut(&mut self, number: Number) -> Result<&mut Folder, Refused> {
        match self.nodes.get_mut(&number) {
            Some((Node::Folder(folder), _)) => Ok(folder),
            Some(_) => Err(Refused::NotAFolder),
            None => Err(Refused::NotFound),
        }
    }

    pub(super) fn file(&self, number: Number) -> Result<&Content, Refused> {
        match self.node(number)?.0 {
            Node::File(content) => Ok(content),
            Node::Folder(_) => Err(Refused::IsAFolder),
        }
    }

    fn file_mut(&mut self, number: Number) -> Result<&mut Content, Refused> {
        match self.nodes.get_mut(&number) {
            Some((Node::File(content), _)) => Ok(content),
            Some(_) => Err(Refused::IsAFolder),
            None => Err(Refused::NotFound),
        }
    }

    pub(super) fn find(&self, parent: Number, name: &OsStr) -> Result<Number, Refused> {
        self.folder(parent)?.seen.get(name).copied().ok_or(Refused::NotFound)
    }

    pub(super) fn make(&mut self, parent: Number, name: &OsStr, node: Node, mode: u32) -> Result<Number, Refused> {
        self.may_write(true)?;
        let number = self.next;
        let folder = self.folder_mut(parent)?;
        if folder.seen.contains_key(name) {
            return Err(Refused::Exists);
        }
        folder.set(name, Some(number));
        self.next += 1;
        self.nodes.insert(number, (node, mode & 0o7777));
        Ok(number)
    }

    pub(super) fn remove(&mut self, parent: Number, name: &OsStr, a_folder: bool) -> Result<(), Refused> {
        self.may_write(false)?;
        let number = self.find(parent, name)?;
        match (self.node(number)?.0, a_folder) {
            (Node::File(_), true) => return Err(Refused::NotAFolder),
            (Node::Folder(_), false) => return Err(Refused::IsAFolder),
            (Node::Folder(folder), true) if !folder.seen.is_empty() => return Err(Refused::NotEmpty),
            _ => {}
        }
        // What it holds stays: it may be open, and its name may come back with the power.
        self.folder_mut(parent)?.set(name, None);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: (Number, &OsStr), to: (Number, &OsStr)) -> Result<(), Refused> {
        self.may_write(false)?;
        let number = self.find(from.0, from.1)?;
        self.folder_mut(from.0)?.set(from.1, None);
        self.folder_mut(to.0)?.set(to.1, Some(number));
        Ok(())
    }

    pub(super) fn write(&mut self, number: Number, at: usize, bytes: &[u8]) -> Result<(), Refused> {
        let grows = at.saturating_add(bytes.len()) > self.file(number)?.len();
        self.may_write(grows)?;
        self.file_mut(number)?.write(at, bytes);
        Ok(())
    }

    pub(super) fn set_len(&mut self, number: Number, length: usize) -> Result<(), Refused> {
        let grows = length > self.file(number)?.len();
        self.may_write(grows)?;
        self.file_mut(number)?.set_len(length);
        Ok(())
    }

    pub(super) fn set_mode(&mut self, number: Number, mode: u32) -> Result<(), Refused> {
        self.may_write(false)?;
        self.nodes.get_mut(&number).ok_or(Refused::NotFound)?.1 = mode & 0o7777;
        Ok(())
    }

    /// Makes a file's bytes, or a folder's names, durable.
    pub(super) fn sync(&mut self, number: Number) -> Result<(), Refused> {
        self.works()?;
        self.syncs += 1;
        if self.fault == Fault::Lies {
            return Ok(());
        }
        let fails = self.fault == Fault::NextSyncFails;
        if fails {
            self.fault = Fault::None;
        }
        match self.nodes.get_mut(&number) {
            Some((Node::File(content), _)) if fails => content.forget_unsynced(),
            Some((Node::File(content), _)) => content.sync(),
            Some((Node::Folder(folder), _)) if fails => folder.pending.clear(),
            Some((Node::Folder(folder), _)) => {
                for (name, number) in std::mem::take(&mut folder.pending) {
                    put(&mut folder.durable, &name, number);
                }
            }
            None => return Err(Refused::NotFound),
        }
        if fails { Err(Refused::Broken) } else { Ok(()) }
    }

    /// All of it is durable, as if the machine had been shut down in order.
    pub(super) fn sync_all(&mut self) {
        for (node, _) in self.nodes.values_mut() {
            match node {
                Node::File(content) => content.sync(),
                Node::Folder(folder) => {
                    for (name, number) in std::mem::take(&mut folder.pending) {
                        put(&mut folder.durable, &name, number);
                    }
                }
            }
        }
    }

    /// The power is cut, and nothing works any more. With `chance`, the disk was writing: any sector, and of each folder
    /// the first so many changes, may have arrived.
    pub(super) fn cut(&mut self, mut chance: Option<Chance>) {
        for (node, _) in self.nodes.values_mut() {
            match (node, &mut chance) {
                (Node::File(content), None) => content.cut(),
                (Node::File(content), Some(chance)) => content.cut_torn(chance),
                (Node::Folder(folder), chance) => {
                    let pending = std::mem::take(&mut folder.pending);
                    let arrived = chance.as_mut().map_or(0, |chance| chance.below(pending.len() as u64 + 1));
                    for (name, number) in pending.into_iter().take(usize::try_from(arrived).unwrap_or(0)) {
                        put(&mut folder.durable, &name, number);
                    }
                    folder.seen = folder.durable.clone();
                }
            }
        }
        self.fault = Fault::Gone;
        self.drop_unnamed();
    }

    /// Forgets what no name leads to.
    fn drop_unnamed(&mut self) {
        let mut named = BTreeSet::from([ROOT]);
        let mut to_visit = vec![ROOT];
        while let Some(number) = to_visit.pop() {
            if let Some((Node::Folder(folder), _)) = self.nodes.get(&number) {
                to_visit.extend(folder.seen.values().filter(|child| named.insert(**child)));
            }
        }
        self.nodes.retain(|number, _| named.contains(number));
    }

    /// How many bytes all files have together.
    pub(super) fn bytes(&self) -> usize {
        let files = self.nodes.values().map(|(node, _)| if let Node::File(content) = node { content.len() } else { 0 });
        files.sum()
    }
}
