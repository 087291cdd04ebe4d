//! A second implementation, from another ecosystem, checks what we hand out: Go's `golang.org/x/mod/sumdb`, which checks
//! every Go module that anyone downloads. Debian packages it as `golang-golang-x-mod-dev`. Without it the tests are listed
//! as ignored.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use pli_audit::bundle::{self, BundleId, Entry, bundles_of};
use pli_audit::tree::{consistency, inclusion};
use pli_audit::{Checkpoint, Hash, Proof, SignedCheckpoint, SignerKey, TileSet, TileWriter};
use pli_types::Secret;

const ORIGIN: &str = "mss.example.org/audit";
/// Where Debian puts Go's packages.
const PACKAGES: &str = "/usr/share/gocode";
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/scripts/tlog/main.go");
const PLACE: &str = env!("CARGO_TARGET_TMPDIR");

fn main() {
    let missing = missing();
    let trial = |name: &str, run: fn() -> Result<(), Failed>| {
        let name = missing.map_or(name.to_owned(), |missing| format!("{name} ({missing} is missing)"));
        Trial::test(name, run).with_ignored_flag(missing.is_some())
    };
    let trials = vec![
        trial("go_accepts_checkpoints_proofs_tiles_and_entries", accepts),
        trial("go_refuses_each_of_them_changed", refuses),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

fn missing() -> Option<&'static str> {
    let go = Command::new("go").arg("version").output().is_ok_and(|output| output.status.success());
    let packages = Path::new(PACKAGES).join("src/golang.org/x/mod/sumdb/tlog").is_dir();
    match (go, packages) {
        (true, true) => None,
        (true, false) => Some("golang-golang-x-mod-dev"),
        (false, _) => Some("go"),
    }
}

/// Compiles the program. Nothing is downloaded: the packages are Debian's, and modules are off.
fn program(name: &str) -> PathBuf {
    let program = Path::new(PLACE).join(name);
    let build = Command::new("go")
        .args(["build", "-o"])
        .args([program.as_path(), Path::new(PROGRAM)])
        .env("GO111MODULE", "off")
        .env("GOPATH", PACKAGES)
        .env("GOCACHE", Path::new(PLACE).join("go-cache"))
        .output()
        .unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    program
}

fn key() -> SignerKey {
    SignerKey::from_seed(ORIGIN, &Secret::new([7; 32])).unwrap()
}

fn entry(index: u64) -> Vec<u8> {
    format!("{{\"version\":1,\"number\":{index}}}").into_bytes()
}

fn signed(size: u64, root: Hash) -> SignedCheckpoint {
    Checkpoint::new(ORIGIN, size, root).unwrap().sign(&key()).unwrap()
}

/// Writes a record of `new` entries into a folder, an earlier checkpoint, and a proof of one entry.
fn write(folder: &Path, old: u64, new: u64, index: u64) {
    let put = |name: String, bytes: &[u8]| {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    };
    let (mut writer, mut tiles, mut earlier) = (TileWriter::new(), TileSet::new(), signed(0, Hash::EMPTY));
    for id in bundles_of(new) {
        let mut bytes = Vec::new();
        for index in id.first_entry()..id.first_entry() + u64::from(id.width()) {
            writer.append(Hash::leaf(&entry(index)));
            bundle::push(&mut bytes, Entry::Kept(&entry(index))).unwrap();
            if writer.size() == old {
                earlier = signed(old, writer.root());
            }
        }
        put(id.to_string(), &bytes);
    }
    for tile in writer.take_tiles() {
        put(tile.id().to_string(), &tile.encode());
        tiles.insert(tile);
    }
    let checkpoint = signed(new, writer.root());
    let proof = Proof::new(index, inclusion::prove(index, new, &tiles).unwrap(), &checkpoint);
    let growth = consistency::prove(old, new, &tiles).unwrap();
    put("key".to_owned(), key().verifier().to_string().as_bytes());
    put("signer".to_owned(), key().encode().reveal().as_bytes());
    put("checkpoint".to_owned(), checkpoint.encode().as_bytes());
    put("earlier".to_owned(), earlier.encode().as_bytes());
    put("proof".to_owned(), proof.encode().as_bytes());
    put("entry".to_owned(), &entry(index));
    let lines: Vec<String> = growth.iter().map(Hash::to_string).collect();
    put("consistency".to_owned(), lines.join("\n").as_bytes());
}

fn check(program: &Path, folder: &Path) -> Output {
    Command::new(program).arg(folder).output().unwrap()
}

fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(PLACE).join(name);
    drop(fs::remove_dir_all(&folder));
    folder
}

fn accepts() -> Result<(), Failed> {
    let program = program("tlog-accepts");
    for (old, new, index) in
        [(1, 1, 0), (1, 2, 1), (3, 7, 5), (200, 256, 255), (256, 257, 256), (255, 700, 300), (511, 66_000, 65_536)]
    {
        let folder = fresh("go-accepts");
        write(&folder, old, new, index);
        let output = check(&program, &folder);
        if !output.status.success() {
            return Err(format!("{old} {new} {index}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        // What Go signs with the same key is ours, byte for byte.
        assert_eq!(output.stdout, fs::read(folder.join("checkpoint")).unwrap());
    }
    Ok(())
}

fn refuses() -> Result<(), Failed> {
    let program = program("tlog-refuses");
    let bundle = BundleId::of_tree(1, 700).unwrap().to_string();
    for name in ["checkpoint", "earlier", "proof", "entry", "consistency", "tile/0/001", "tile/1/000.p/2", &bundle] {
        let folder = fresh("go-refuses");
        write(&folder, 255, 700, 300);
        let mut bytes = fs::read(folder.join(name)).unwrap();
        let middle = bytes.len() / 2;
        *bytes.get_mut(middle).unwrap() ^= 1;
        fs::write(folder.join(name), bytes).unwrap();
        if check(&program, &folder).status.success() {
            return Err(format!("Go took a changed {name}").into());
        }
    }
    Ok(())
}
