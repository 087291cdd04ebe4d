//! The architecture's invariants, held by reading manifests and sources. `docs/ARCHITECTURE.md` gives their reasons.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Arrows point down only: which of our crates each may import. `pli` wires everything and may import all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("failpoint", &[]),
    ("policy", &["types"]),
    ("document", &["types"]),
    ("audit", &["types"]),
    ("store", &["types", "failpoint", "audit"]),
    ("directory", &["types"]),
    ("net", &["types"]),
    ("signin", &["types", "policy", "audit", "store", "net"]),
    ("addressbook", &["types", "store", "directory"]),
    ("mailflow", &["types", "failpoint", "policy", "document", "audit", "store", "directory", "net"]),
    ("smtp", &["types", "failpoint", "policy", "audit", "store", "net", "signin", "mailflow"]),
    ("imap", &["types", "failpoint", "audit", "store", "net", "signin"]),
    ("web", &["types", "net"]),
    ("sandbox", &["types", "audit", "store"]),
    // The bench plays a peer: it brings its load by our own TLS, and lists signed by a sandbox's authorities.
    ("xtask", &["types", "policy", "directory", "net", "sandbox"]),
    ("tests", &["types", "sandbox"]),
];

/// Crates from outside that only these of ours may import: what they do is done in one place.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("lettre", &["mailflow", "sandbox"]),
    ("imap-codec", &["imap"]),
    ("axum", &["web"]),
    ("hickory-resolver", &["net"]),
    // The sandbox and the tests play peers, with certificates that no honest one would show.
    ("rustls", &["net", "sandbox", "tests"]),
    ("tokio-rustls", &["net", "sandbox", "tests"]),
    ("rustls-webpki", &["net"]),
    ("x509-parser", &["net", "sandbox"]),
    ("rcgen", &["sandbox"]),
    ("reqwest", &["net"]),
    ("jsonwebtoken", &["signin"]),
    ("bergshamra", &["directory"]),
    ("ed25519-dalek", &["audit"]),
    // What is zipped by a stranger is read within limits, or not at all.
    ("flate2", &["document"]),
    ("quick-xml", &["document"]),
];

/// What decides is pure: no input or output, no tasks, no log.
const PURE: &[&str] = &["types", "policy", "document", "audit"];
const IMPURE: &[&str] = &["tokio", "tokio-util", "async-trait", "futures-util", "sqlx", "tracing", "metrics"];

const LINES_MAX: usize = 500;

#[test]
fn arrows_point_down_only() {
    let may: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    for package in packages().iter().filter(|package| package.folder != "pli") {
        let folder = &package.folder;
        let allowed = may.get(folder.as_str()).unwrap_or_else(|| panic!("say in MAY_IMPORT what {folder} may import"));
        for import in package.imports.iter().filter_map(|name| name.strip_prefix("pli-")) {
            assert!(allowed.contains(&import), "{folder} imports {import}: that arrow points up or sideways");
        }
    }
}

#[test]
fn the_page_on_architecture_tells_every_arrow() {
    let page = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("the page");
    for (room, may) in MAY_IMPORT.iter().filter(|(room, _)| *room != "tests") {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{room}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/ARCHITECTURE.md does not tell of {room}"));
        let told = row.trim_end_matches('|').rsplit(" |").next().unwrap_or_default();
        let told: BTreeSet<&str> = told.split([',', ' ', '`']).filter(|word| !word.is_empty()).collect();
        let known: BTreeSet<&str> = may.iter().copied().filter(|import| *import != "types").collect();
        assert_eq!(told, known, "what docs/ARCHITECTURE.md says that {room} imports");
    }
}

#[test]
fn what_decides_is_pure() {
    for package in packages().iter().filter(|package| PURE.contains(&package.folder.as_str())) {
        for import in IMPURE {
            assert!(!package.imports.contains(*import), "{} imports {import}", package.folder);
        }
    }
}

#[test]
fn what_is_done_in_one_place_is_imported_in_one_place() {
    for package in packages() {
        for (import, folders) in ONLY_IN.iter().filter(|(import, _)| package.imports.contains(*import)) {
            assert!(
                folders.contains(&package.folder.as_str()),
                "{} imports {import}: only {folders:?} may",
                package.folder
            );
        }
    }
}

#[test]
fn every_crate_takes_the_workspaces_lints() {
    for package in packages() {
        assert!(package.takes_workspace_lints, "{} lacks `[lints] workspace = true`", package.folder);
    }
}

#[test]
fn protocol_machines_know_no_sockets_and_no_clock() {
    let machines = sources().filter(|source| source.path.contains("/src/proto/"));
    let mut seen = 0;
    for source in machines {
        seen += 1;
        for word in ["tokio", "std::net", "std::time", "Clock", "Timestamp"] {
            assert!(!source.code().contains(word), "{} mentions {word}", source.path);
        }
    }
    assert!(seen > 0, "there is a protocol machine");
}

#[test]
fn reply_texts_stand_in_the_catalogue_only() {
    for source in sources().filter(|source| source.path.starts_with("crates/smtp/src/")) {
        if source.path.ends_with("/replies.rs") || source.is_test() {
            continue;
        }
        let found = source.code().split('"').skip(1).find(|text| is_reply(text));
        assert!(found.is_none(), "{} has a reply of its own: {found:?}", source.path);
        let made = source.code().contains("Reply::new(") && !source.path.ends_with("/proto/reply.rs");
        assert!(!made, "{} makes a reply of its own", source.path);
    }
}

/// `250 …`, `250-…`: three digits of a reply, then a space or a hyphen.
fn is_reply(text: &str) -> bool {
    matches!(text.as_bytes(), [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..])
}

#[test]
fn only_the_binary_reads_the_environment() {
    for source in sources().filter(|source| source.path.contains("/src/") && !source.is_test()) {
        if !["crates/pli/", "crates/xtask/"].iter().any(|folder| source.path.starts_with(folder)) {
            for word in ["env::var", "env::args"] {
                assert!(!source.code().contains(word), "{} reads the environment ({word})", source.path);
            }
        }
    }
}

#[test]
fn only_intake_builds_a_new_message() {
    for source in sources().filter(|source| source.path.contains("/src/") && !source.is_test()) {
        let home = ["crates/store/", "crates/mailflow/src/intake/"].iter().any(|home| source.path.starts_with(home));
        assert!(home || !source.code().contains(" NewMessage {"), "{} builds a NewMessage", source.path);
    }
}

/// tracing writes the sentence under the name `message`: a field of that name would stand in a JSON line twice.
#[test]
fn no_log_line_has_two_members_of_one_name() {
    for source in sources().filter(|source| source.path.contains("/src/")) {
        for line in source.code().lines().filter(|line| line.contains("tracing::")) {
            let doubled = ["(%message", ", %message", "message = "].iter().any(|field| line.contains(field));
            assert!(!doubled, "{}: a field named message: {line}", source.path);
        }
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines: it has more than one subject", source.path);
    }
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let names: BTreeSet<String> = files(&root().join("docs/adr"))
        .filter_map(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()))
        .filter(|name| name != "README.md")
        .collect();
    for (name, number) in names.iter().zip(1..) {
        assert!(name.starts_with(&format!("{number:04}-")), "docs/adr/{name} should be number {number}");
    }
}

/// A crate of ours.
struct Package {
    /// `types`, or `tests`.
    folder: String,
    /// The real names of the crates that it imports, those of its own tests apart.
    imports: BTreeSet<String>,
    takes_workspace_lints: bool,
}

fn packages() -> Vec<Package> {
    let workspace = manifest(&root().join("Cargo.toml"));
    let known = workspace.get("workspace").and_then(|table| table.get("dependencies")).expect("shared versions");
    let mut folders: Vec<PathBuf> = children(&root().join("crates")).collect();
    folders.push(root().join("tests"));
    folders.retain(|folder| folder.join("Cargo.toml").exists());
    folders.iter().map(|folder| package(folder, known)).collect()
}

fn package(folder: &Path, known: &toml::Value) -> Package {
    let manifest = manifest(&folder.join("Cargo.toml"));
    let tables = ["dependencies", "build-dependencies"];
    let imports = tables.iter().filter_map(|table| manifest.get(*table)?.as_table()).flat_map(toml::Table::keys);
    let real_name = |name: &String| {
        let renamed = known.get(name).and_then(|entry| entry.get("package")).and_then(toml::Value::as_str);
        renamed.unwrap_or(name).to_owned()
    };
    Package {
        folder: folder.file_name().expect("a folder's name").to_string_lossy().into_owned(),
        imports: imports.map(real_name).collect(),
        takes_workspace_lints: manifest.get("lints").and_then(|lints| lints.get("workspace")).is_some(),
    }
}

fn manifest(path: &Path) -> toml::Table {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A Rust file of ours.
struct Source {
    /// From the top of the repository.
    path: String,
    text: String,
}

impl Source {
    /// The text without the tests at its end.
    fn code(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }

    fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }
}

fn sources() -> impl Iterator<Item = Source> {
    let folders = ["crates", "tests", "fuzz"].map(|folder| root().join(folder));
    folders
        .into_iter()
        .flat_map(|folder| files(&folder))
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let path = path.strip_prefix(root()).expect("below the top").to_string_lossy().into_owned();
            Source { path, text }
        })
}

/// Every file below a folder, build results apart; none where there is no such folder.
fn files(folder: &Path) -> Box<dyn Iterator<Item = PathBuf>> {
    Box::new(children(folder).flat_map(|path| match path.is_dir() {
        true if path.file_name().is_some_and(|name| name == "target") => Box::new(std::iter::empty()),
        true => files(&path),
        false => Box::new(std::iter::once(path)),
    }))
}

fn children(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("a folder's entry").path())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the top of the repository")
}
