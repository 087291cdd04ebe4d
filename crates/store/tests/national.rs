//! The local copy of the national directory: found as people type, replaced whole, never changed in between.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use pli_store::StoreError;
use pli_store::national::{About, FILE_NAME, Import, Listed, LocalCopy, Place, Search, discard, install, prepared};
use pli_types::Domain;

fn about(digest: &str, taken: u64) -> About {
    let imported_at = "2026-11-22T12:00:00Z".parse().unwrap();
    About { digest: digest.to_owned(), bytes: 1, taken, refused: 0, addresses: 0, imported_at }
}

/// A line to be: its address, its text, and the words that it is found by.
struct Line {
    address: &'static str,
    text: &'static str,
    words: Vec<(Place, &'static str)>,
}

fn line(text: &'static str, address: &'static str, name: &'static str) -> Line {
    let words = vec![
        (Place::Name, name),
        (Place::Profession, "Médecin"),
        (Place::Profession, "Cardiologie et maladies vasculaires"),
        (Place::Town, "75014 PARIS"),
        (Place::Department, "Paris 75"),
        (Place::Structure, "HÔPITAL DU PONT"),
        (Place::Kind, "PER"),
    ];
    Line { address, text, words }
}

impl Line {
    fn with(mut self, place: Place, text: &'static str) -> Self {
        self.words.retain(|(other, _)| *other != place);
        self.words.push((place, text));
        self
    }
}

fn people() -> Vec<Line> {
    vec![
        line("line 2", "a@x.fr", "Dr LEFÈVRE Zoé"),
        line("line 3", "b@y.fr", "Mme L'HERMITE-Cœur Anne")
            .with(Place::Town, "16000 ANGOULÊME")
            .with(Place::Department, "Charente 16"),
        line("line 5", "a@x.fr", "").with(Place::Kind, "ORG").with(Place::Structure, "PHARMACIE DU PONT"),
    ]
}

async fn put(state: &Path, lines: Vec<Line>, digest: &str) {
    let mut import = Import::begin(state).await.unwrap();
    let taken = lines.len() as u64;
    for Line { address, text, words } in lines {
        if import.add(&Listed { address, line: text, words: &words }) {
            import.write().await.unwrap();
        }
    }
    drop(import.finish(about(digest, taken)).await.unwrap());
    install(state).await.unwrap();
}

async fn found(state: &Path, search: Search) -> Vec<String> {
    let mut copy = LocalCopy::open(state).await.unwrap().unwrap();
    copy.matching(&search).await.unwrap().take(10).await.unwrap()
}

fn words(words: &str) -> Search {
    Search { words: words.to_owned(), ..Search::default() }
}

#[tokio::test]
async fn case_accents_and_ligatures_are_ignored_and_beginnings_are_enough() {
    let state = tempfile::tempdir().unwrap();
    put(state.path(), people(), "d").await;
    for (typed, lines) in [
        ("lefevre", &["line 2"][..]),
        ("ZOE Lefe\u{300}vre", &["line 2"]),
        ("l hermite coeur", &["line 3"]),
        ("CŒUR", &["line 3"]),
        ("hermi ann", &["line 3"]),
        ("cardio", &["line 2", "line 3", "line 5"]),
        ("pharmacie pont", &["line 5"]),
        ("per", &[]),
        ("lefevre angouleme", &[]),
        ("zo", &[]),
        ("75", &["line 2", "line 5"]),
        ("\"*^:(){}", &[]),
    ] {
        assert_eq!(found(state.path(), words(typed)).await, lines, "{typed}");
    }
}

#[tokio::test]
async fn a_filter_looks_in_its_own_column_only() {
    let state = tempfile::tempdir().unwrap();
    put(state.path(), people(), "d").await;
    let none = Search::default();
    for (search, lines) in [
        (Search { town: "paris".into(), ..none.clone() }, &["line 2", "line 5"][..]),
        (Search { town: "Angoulême 16000".into(), ..none.clone() }, &["line 3"]),
        (Search { department: "16".into(), ..none.clone() }, &["line 3"]),
        (Search { department: "charente".into(), ..none.clone() }, &["line 3"]),
        (Search { structure: "paris".into(), ..none.clone() }, &[]),
        (Search { profession: "medecin cardio".into(), kind: "org".into(), ..none.clone() }, &["line 5"]),
        (Search { kind: "PE".into(), ..none.clone() }, &[]),
        (Search { words: "pont".into(), kind: "PER".into(), town: "paris".into(), ..none }, &["line 2"]),
    ] {
        assert_eq!(found(state.path(), search.clone()).await, lines, "{search:?}");
    }
}

#[tokio::test]
async fn an_address_with_several_lines_shows_them_all_and_counts_once() {
    let state = tempfile::tempdir().unwrap();
    put(state.path(), people(), "d").await;
    let mut copy = LocalCopy::open(state.path()).await.unwrap().unwrap();
    for (address, lines) in [("a@x.fr", &["line 2", "line 5"][..]), ("b@y.fr", &["line 3"]), ("c@x.fr", &[])] {
        assert_eq!(copy.of_address(address).await.unwrap().take(10).await.unwrap(), lines, "{address}");
    }
    for (domain, lines) in [("x.fr", &["line 2", "line 5"][..]), ("y.fr", &["line 3"]), ("z.fr", &[]), ("fr", &[])] {
        let domain = Domain::parse(domain).unwrap();
        assert_eq!(copy.of_domain(&domain).await.unwrap().take(10).await.unwrap(), lines, "{domain}");
    }
    assert_eq!((copy.about().addresses, copy.about().taken), (2, 3));
    let mut all = copy.all();
    assert_eq!(all.take(2).await.unwrap(), ["line 2", "line 3"], "whoever has enough stops");
    assert_eq!(all.take(2).await.unwrap(), ["line 5"], "and may go on");
    assert_eq!(all.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_country_is_written_in_pieces_and_read_as_one() {
    const LINES: u32 = 60_000;
    let state = tempfile::tempdir().unwrap();
    let mut import = Import::begin(state.path()).await.unwrap();
    // Long numbers, each the only one: the index comes out in several pieces.
    let text =
        |number: u32| format!("{number:0>99} {number:a>999} {}", "b".repeat(usize::try_from(number % 7).unwrap()));
    for number in 0..LINES {
        let (address, line) = (format!("{}@x.fr", number / 2), text(number));
        let words = [(Place::Name, line.as_str()), (Place::Town, if number % 3 == 0 { "Paris" } else { "Parthenay" })];
        if import.add(&Listed { address: &address, line: &line, words: &words }) {
            import.write().await.unwrap();
        }
    }
    drop(import.finish(about("d", 0)).await.unwrap());
    install(state.path()).await.unwrap();
    let mut copy = LocalCopy::open(state.path()).await.unwrap().unwrap();
    assert_eq!((copy.about().taken, copy.about().addresses), (LINES.into(), u64::from(LINES / 2)));
    for number in [0, 1, 77, 30_000, LINES - 1] {
        let of = copy.of_address(&format!("{}@x.fr", number / 2)).await.unwrap().take(9).await.unwrap();
        assert_eq!(of, [text(number - number % 2), text(number - number % 2 + 1)]);
        let found = copy.matching(&words(&format!("{number:a>999} par"))).await.unwrap().take(9).await.unwrap();
        assert_eq!(found, [text(number)]);
    }
    let mut count = 0;
    let mut paris = copy.matching(&Search { town: "paris".into(), ..Search::default() }).await.unwrap();
    while let Some(line) = paris.next().await.unwrap() {
        assert_eq!(line, text(count * 3));
        count += 1;
    }
    assert_eq!(count, LINES / 3);
}

#[tokio::test]
async fn who_reads_keeps_the_copy_that_he_opened() {
    let state = tempfile::tempdir().unwrap();
    assert!(LocalCopy::open(state.path()).await.unwrap().is_none());
    put(state.path(), people(), "first").await;
    let mut reader = LocalCopy::open(state.path()).await.unwrap().unwrap();
    put(state.path(), vec![line("line 2", "new@x.fr", "NOUVEAU")], "second").await;
    assert_eq!(reader.matching(&words("lefevre")).await.unwrap().take(10).await.unwrap(), ["line 2"]);
    let mut again = LocalCopy::open(state.path()).await.unwrap().unwrap();
    assert_eq!((again.about().digest.as_str(), again.about().addresses), ("second", 1));
    assert_eq!(again.matching(&words("lefevre")).await.unwrap().next().await.unwrap(), None);
}

#[tokio::test]
async fn an_import_that_ends_half_way_changes_nothing() {
    let state = tempfile::tempdir().unwrap();
    put(state.path(), people(), "first").await;
    let mut import = Import::begin(state.path()).await.unwrap();
    for number in 0..50_000 {
        let line = format!("line {number}");
        if import.add(&Listed { address: "a@x.fr", line: &line, words: &[(Place::Name, &line)] }) {
            import.write().await.unwrap();
        }
    }
    drop(import);
    assert_eq!(prepared(state.path()).await.unwrap(), None);
    assert!(matches!(install(state.path()).await, Err(StoreError::NotFound(_))));
    let copy = LocalCopy::open(state.path()).await.unwrap().unwrap();
    assert_eq!(copy.about().digest, "first");
    discard(state.path()).unwrap();
    put(state.path(), people(), "second").await;
    assert_eq!(prepared(state.path()).await.unwrap(), None, "what is installed no longer waits");
}

#[tokio::test]
async fn two_imports_never_build_one_copy() {
    let state = tempfile::tempdir().unwrap();
    let import = Import::begin(state.path()).await.unwrap();
    assert!(matches!(Import::begin(state.path()).await, Err(StoreError::Conflict(_))));
    let waiting = import.finish(about("d", 0)).await.unwrap();
    assert!(matches!(Import::begin(state.path()).await, Err(StoreError::Conflict(_))), "it waits to be installed");
    drop(waiting);
    drop(Import::begin(state.path()).await.unwrap());
}

#[tokio::test]
async fn a_file_that_is_no_copy_is_none_and_a_damaged_one_is_said_to_be() {
    let state = tempfile::tempdir().unwrap();
    put(state.path(), people(), "d").await;
    let file = state.path().join(FILE_NAME);
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);
    std::fs::write(&file, "").unwrap();
    assert!(LocalCopy::open(state.path()).await.unwrap().is_none(), "an empty file is an empty database");
    std::fs::write(&file, "not a database, whatever its name says".repeat(100)).unwrap();
    assert!(matches!(LocalCopy::open(state.path()).await, Err(StoreError::Corrupt { .. })));
}
