//! The disk on which durability is proven ([`e2e::disk`]) forgets what it should, and nothing else.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use e2e::Outcome;
use e2e::disk::{Chance, Disk, Fault};

/// Room for a disk, and the disk.
fn disk() -> anyhow::Result<(tempfile::TempDir, Disk, PathBuf)> {
    let room = tempfile::Builder::new().prefix("pli-disk-").tempdir()?;
    let folder = room.path().join("disk");
    fs::create_dir(&folder)?;
    let disk = Disk::mount(&folder)?;
    Ok((room, disk, folder))
}

fn sync_folder(folder: &Path) -> Outcome {
    Ok(File::open(folder)?.sync_all()?)
}

fn errno(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(0)
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

pub(crate) fn what_is_synced_survives_a_cut_and_nothing_else_does() -> Outcome {
    let (_room, mut disk, folder) = disk()?;
    let path = folder.join("file");
    let mut file = File::create(&path)?;
    file.write_all(b"kept")?;
    file.sync_all()?;
    sync_folder(&folder)?;
    file.write_all(b" and not kept")?;
    ensure!(fs::read(&path)? == b"kept and not kept", "what was written is seen");
    drop(file);
    disk.cut(None);
    ensure!(fs::read(&path).is_err(), "without power, nothing works");
    disk.mount_again()?;
    ensure!(fs::read(&path)? == b"kept", "{:?}", fs::read(&path));
    Ok(())
}

pub(crate) fn a_name_survives_only_if_its_folder_was_synced() -> Outcome {
    let (_room, mut disk, folder) = disk()?;
    for name in ["named", "unnamed"] {
        let mut file = File::create(folder.join(name))?;
        file.write_all(b"whole")?;
        file.sync_all()?;
        if name == "named" {
            sync_folder(&folder)?;
        }
    }
    fs::rename(folder.join("named"), folder.join("renamed"))?;
    disk.cut(None);
    disk.mount_again()?;
    let names: Vec<_> = fs::read_dir(&folder)?.map(|entry| Ok(entry?.file_name())).collect::<anyhow::Result<_>>()?;
    ensure!(names == ["named"], "after the cut: {names:?}");
    ensure!(fs::read(folder.join("named"))? == b"whole", "its bytes");
    fs::rename(folder.join("named"), folder.join("renamed"))?;
    sync_folder(&folder)?;
    disk.cut(None);
    disk.mount_again()?;
    ensure!(fs::read(folder.join("renamed"))? == b"whole", "a name that was synced");
    Ok(())
}

pub(crate) fn a_torn_write_is_torn_between_sectors() -> Outcome {
    let mut seen_torn = false;
    for seed in 0..8 {
        let (_room, mut disk, folder) = disk()?;
        let path = folder.join("file");
        let mut file = File::create(&path)?;
        file.write_all(&[b'a'; 4096])?;
        file.sync_all()?;
        sync_folder(&folder)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[b'b'; 4096])?;
        drop(file);
        disk.cut(Some(Chance::new(seed)));
        disk.mount_again()?;
        let bytes = fs::read(&path)?;
        let sectors: Vec<&[u8]> = bytes.chunks(512).collect();
        ensure!(sectors.len() == 8, "{} sectors", sectors.len());
        let whole = |sector: &&[u8]| sector.iter().all(|byte| byte == &sector[0]);
        ensure!(sectors.iter().all(whole), "a sector is torn itself");
        seen_torn |= sectors.iter().any(|sector| sector != &sectors[0]);
    }
    ensure!(seen_torn, "nothing was ever torn");
    Ok(())
}

pub(crate) fn a_sync_that_fails_loses_what_it_was_to_write() -> Outcome {
    let (_room, mut disk, folder) = disk()?;
    let path = folder.join("file");
    let mut file = File::create(&path)?;
    file.sync_all()?;
    sync_folder(&folder)?;
    file.write_all(b"lost")?;
    disk.fault(Fault::NextSyncFails);
    let error = file.sync_all().err().context("the sync succeeded")?;
    ensure!(errno(&error) == EIO, "{error}");
    // As Linux has it: the next sync has nothing to write, and succeeds.
    file.sync_all()?;
    ensure!(fs::read(&path)? == b"lost", "it is still seen");
    disk.cut(None);
    drop(file);
    disk.mount_again()?;
    ensure!(fs::read(&path)?.is_empty(), "and is not there after a cut");
    Ok(())
}

pub(crate) fn a_full_disk_and_one_that_is_read_only_refuse_as_linux_does() -> Outcome {
    let (_room, disk, folder) = disk()?;
    let path = folder.join("file");
    let mut file = File::create(&path)?;
    file.write_all(b"first")?;
    for (fault, expected) in [(Fault::Full, ENOSPC), (Fault::ReadOnly, EROFS)] {
        disk.fault(fault);
        let grown = file.write_all(b"more").err().context("a write succeeded")?;
        let made = File::create(folder.join("other")).err().context("a file was made")?;
        ensure!((errno(&grown), errno(&made)) == (expected, expected), "{fault:?}: {grown}, {made}");
        let mut text = String::new();
        File::open(&path)?.read_to_string(&mut text)?;
        ensure!(text == "first", "{fault:?}: {text}");
        disk.fault(Fault::None);
    }
    file.write_all(b" and second")?;
    ensure!(fs::read(&path)? == b"first and second", "it goes on as if nothing had been");
    Ok(())
}
