//! How long checking a large record takes, and how much memory.
//!
//! ```text
//! cargo run --release -p pli-audit --example large_record -- write FOLDER [EVENTS]
//! cargo run --release -p pli-audit --example large_record -- verify FOLDER
//! ```
//!
//! `write` makes a record of ten million events, or as many as are asked for, in a new folder: some 3.3 GB of files.
//! `verify` checks it, as a process of its own so that its memory is that of checking, and prints both figures.

#![expect(clippy::print_stdout, reason = "it prints figures")]

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fs, io};

use pli_audit::bundle::{self, Entry, bundles_of};
use pli_audit::{
    Audit, BundleId, Checkpoint, Draft, Event, EventKind, Face, Hash, SignerKey, Source, TileId, TileWriter, Verdict,
};
use pli_types::{MessageId, Secret};

const EVENTS: u64 = 10_000_000;
const ORIGIN: &str = "mss.example.org/audit";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["write", folder] => write(Path::new(folder), EVENTS),
        ["write", folder, events] => write(Path::new(folder), events.parse()?),
        ["verify", folder] => verify(folder.into()),
        _ => Err("write FOLDER [EVENTS], or verify FOLDER".into()),
    }
}

fn key() -> Outcome<SignerKey> {
    Ok(SignerKey::from_seed(ORIGIN, &Secret::new([7; 32]))?)
}

/// An event as the relay writes them, each another.
fn event(index: u64) -> Outcome<Vec<u8>> {
    let at = jiff::Timestamp::from_millisecond(1_772_000_000_000 + i64::try_from(index)?)?;
    let event = Event {
        message: Some(MessageId::parse(&format!("0190a1b2c3d47e5f{index:016x}"))?),
        actor: Some("CN=mss.exemple.fr,OU=0002 187512751,O=CLINIQUE VOISINE,C=FR".into()),
        remote: Some("192.0.2.1".into()),
        sender: Some("dr.martin@clinique-voisine.mssante.fr".into()),
        recipient: Some("ins-1a2b3c4d@patient.mssante.fr".into()),
        ..Event::new(at, EventKind::Accepted, Face::Smtp)
    };
    Ok(Draft::new(&event, u128::from(index).to_be_bytes()).seal(&[]))
}

fn write(folder: &Path, events: u64) -> Outcome<()> {
    fs::create_dir(folder)?;
    let begin = Instant::now();
    let mut writer = TileWriter::new();
    let mut bytes_of_all = 0;
    for id in bundles_of(events) {
        let mut bytes = Vec::new();
        for index in id.first_entry()..id.first_entry() + u64::from(id.width()) {
            let entry = event(index)?;
            writer.append(Hash::leaf(&entry));
            bundle::push(&mut bytes, Entry::Kept(&entry))?;
        }
        bytes_of_all += bytes.len();
        put(folder, &id.to_string(), &bytes)?;
    }
    for tile in writer.take_tiles() {
        put(folder, &tile.id().to_string(), &tile.encode())?;
    }
    let checkpoint = Checkpoint::new(ORIGIN, events, writer.root())?.sign(&key()?)?;
    put(folder, "checkpoint", checkpoint.encode().as_bytes())?;
    let megabytes = bytes_of_all / 1_000_000;
    println!("{events} events, {megabytes} MB of entries, written in {:.1?}", begin.elapsed());
    Ok(())
}

fn put(folder: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    let file = folder.join(path);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(file, bytes)
}

fn verify(folder: PathBuf) -> Outcome<()> {
    let key = key()?;
    let begin = Instant::now();
    match (Audit { key: key.verifier(), trusted: true, earlier: None }).verify(&mut Folder(folder))? {
        Verdict::Verified(verified) => println!("{} events verified in {:.1?}", verified.tree_size, begin.elapsed()),
        Verdict::Damaged(damage) => return Err(damage.to_string().into()),
    }
    if let Some(most) = fs::read_to_string("/proc/self/status")?.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{most}, the most memory at any time");
    }
    Ok(())
}

/// A record in files.
struct Folder(PathBuf);

impl Folder {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Source for Folder {
    type Error = io::Error;

    fn checkpoint(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.read("checkpoint")
    }

    fn tile(&mut self, id: TileId) -> io::Result<Option<Vec<u8>>> {
        self.read(&id.to_string())
    }

    fn entries(&mut self, id: BundleId) -> io::Result<Option<Vec<u8>>> {
        self.read(&id.to_string())
    }
}
