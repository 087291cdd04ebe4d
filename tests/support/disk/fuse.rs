//! Shows a [`Tree`] to the kernel. Every request is answered under one lock: a moment of the disk is one of its states.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, MountOption, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::file::Content;
use super::tree::{Folder, Node, Number, Refused, Tree};
use super::{Fault, Shared, lock};

/// Nothing changes but through the kernel itself.
const FOR_EVER: Duration = Duration::from_hours(1);

pub(super) fn mount(folder: &Path, tree: Shared) -> io::Result<BackgroundSession> {
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("forgetful".to_owned()), MountOption::NoAtime];
    fuser::spawn_mount(Forgetful { tree }, folder, &config)
}

struct Forgetful {
    tree: Shared,
}

impl From<Refused> for Errno {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound => Self::ENOENT,
            Refused::Exists => Self::EEXIST,
            Refused::NotEmpty => Self::ENOTEMPTY,
            Refused::NotAFolder => Self::ENOTDIR,
            Refused::IsAFolder => Self::EISDIR,
            Refused::Full => Self::ENOSPC,
            Refused::ReadOnly => Self::EROFS,
            Refused::Broken => Self::EIO,
        }
    }
}

fn attributes(tree: &Tree, number: Number) -> Result<FileAttr, Refused> {
    let (node, mode) = tree.node(number)?;
    let (kind, size) = match node {
        Node::File(content) => (FileType::RegularFile, content.len() as u64),
        Node::Folder(_) => (FileType::Directory, 0),
    };
    Ok(FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm: u16::try_from(mode).unwrap_or(0o600),
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

fn done(outcome: Result<(), Refused>, reply: ReplyEmpty) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(refused) => reply.error(refused.into()),
    }
}

fn entered(outcome: Result<FileAttr, Refused>, reply: ReplyEntry) {
    match outcome {
        Ok(attributes) => reply.entry(&FOR_EVER, &attributes, Generation(0)),
        Err(refused) => reply.error(refused.into()),
    }
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl Filesystem for Forgetful {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let tree = lock(&self.tree);
        entered(tree.find(parent.0, name).and_then(|number| attributes(&tree, number)), reply);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(&lock(&self.tree), ino.0) {
            Ok(attributes) => reply.attr(&FOR_EVER, &attributes),
            Err(refused) => reply.error(refused.into()),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut tree = lock(&self.tree);
        let sized = size.map_or(Ok(()), |size| tree.set_len(ino.0, position(size)));
        let set = sized.and_then(|()| mode.map_or(Ok(()), |mode| tree.set_mode(ino.0, mode)));
        match set.and_then(|()| attributes(&tree, ino.0)) {
            Ok(attributes) => reply.attr(&FOR_EVER, &attributes),
            Err(refused) => reply.error(refused.into()),
        }
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, _: u32, reply: ReplyEntry) {
        let mut tree = lock(&self.tree);
        let new = tree.make(parent.0, name, Node::Folder(Folder::default()), mode);
        entered(new.and_then(|number| attributes(&tree, number)), reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(lock(&self.tree).remove(parent.0, name, false), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(lock(&self.tree).remove(parent.0, name, true), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        done(lock(&self.tree).rename((parent.0, name), (new_parent.0, new_name)), reply);
    }

    fn create(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, _: u32, _: i32, reply: ReplyCreate) {
        let mut tree = lock(&self.tree);
        let new = tree.make(parent.0, name, Node::File(Content::default()), mode);
        match new.and_then(|number| attributes(&tree, number)) {
            Ok(attributes) => {
                reply.created(&FOR_EVER, &attributes, Generation(0), FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
            }
            Err(refused) => reply.error(refused.into()),
        }
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match lock(&self.tree).node(ino.0) {
            // What is in the kernel's memory stays good, also that of a mapping.
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(refused) => reply.error(refused.into()),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match lock(&self.tree).file(ino.0) {
            Ok(content) => reply.data(content.read(position(offset), size as usize)),
            Err(refused) => reply.error(refused.into()),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match lock(&self.tree).write(ino.0, position(offset), data) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(refused) => reply.error(refused.into()),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        done(lock(&self.tree).sync(ino.0), reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        done(lock(&self.tree).sync(ino.0), reply);
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let tree = lock(&self.tree);
        let folder = match tree.folder(ino.0) {
            Ok(folder) => folder,
            Err(refused) => return reply.error(refused.into()),
        };
        for (place, (name, number)) in (1..).zip(folder.names()).skip(position(offset)) {
            let kind = match tree.node(*number) {
                Ok((Node::Folder(_), _)) => FileType::Directory,
                _ => FileType::RegularFile,
            };
            if reply.add(INodeNo(*number), place, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        // 1 GiB in blocks of 4 KiB.
        let blocks: u64 = 1 << 18;
        let free = if lock(&self.tree).fault == Fault::Full { 0 } else { blocks };
        reply.statfs(blocks, free, free, 1 << 20, 1 << 20, 4096, 255, 4096);
    }
}
