//! A disk that forgets: a file system for tests (FUSE, in memory) that knows what is synced and what is only written.
//!
//! `tree.rs` is the disk, `file.rs` one file of it; `fuse.rs` shows it to the kernel. What is not synced is lost at a
//! [`Disk::cut`], in whole or sector by sector; [`Disk::fault`] makes it full, read-only, or fails a sync.

mod chance;
mod file;
mod fuse;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

pub use chance::Chance;
pub use tree::Fault;
use tree::Tree;

type Shared = Arc<Mutex<Tree>>;

fn lock(tree: &Shared) -> MutexGuard<'_, Tree> {
    tree.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk, mounted on a folder. Unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    tree: Shared,
    mounted: Option<fuser::BackgroundSession>,
}

impl Disk {
    /// Mounts a disk on this folder, with the files that lie there on it, all of them durable.
    pub fn mount(folder: &Path) -> Result<Self> {
        let aside = tempfile::tempdir()?;
        copy(folder, aside.path())?;
        let mut disk = Self { folder: folder.to_owned(), tree: Arc::new(Mutex::new(Tree::new())), mounted: None };
        disk.attach()?;
        copy(aside.path(), folder)?;
        disk.sync_all();
        Ok(disk)
    }

    /// Can a disk be mounted here?
    #[must_use]
    pub fn can_be() -> bool {
        crate::need::is_root() && Path::new("/dev/fuse").exists()
    }

    fn attach(&mut self) -> Result<()> {
        self.mounted = Some(fuse::mount(&self.folder, Arc::clone(&self.tree)).context("mounting the disk")?);
        Ok(())
    }

    /// Where it is mounted.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// From now on this is wrong with it.
    pub fn fault(&self, fault: Fault) {
        lock(&self.tree).fault = fault;
    }

    /// What is wrong with it now.
    #[must_use]
    pub fn fault_now(&self) -> Fault {
        lock(&self.tree).fault
    }

    /// Cuts the power: what was not synced is gone, and nothing works before [`Disk::mount_again`]. With `chance`, any
    /// part of what was not synced may have arrived all the same.
    pub fn cut(&self, chance: Option<Chance>) {
        lock(&self.tree).cut(chance);
    }

    /// The machine starts again. Whoever had a file open must be gone.
    pub fn mount_again(&mut self) -> Result<()> {
        self.detach()?;
        lock(&self.tree).fault = Fault::None;
        self.attach()
    }

    /// Makes all of it durable, as if the machine had been shut down in order.
    pub fn sync_all(&self) {
        lock(&self.tree).sync_all();
    }

    /// How often something was synced.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        lock(&self.tree).syncs
    }

    /// How many bytes lie on it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        lock(&self.tree).bytes()
    }

    fn detach(&mut self) -> Result<()> {
        self.mounted.take().map_or(Ok(()), |mounted| mounted.umount_and_join().context("unmounting the disk"))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Err(error) = self.detach() {
            eprintln!("{error:#}");
        }
    }
}

/// Copies all files below a folder.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).with_context(|| format!("copying {}", entry.path().display()))?;
        }
    }
    Ok(())
}
