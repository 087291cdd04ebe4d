//! The local copy of the national directory: found as people type, replaced whole, never changed in between.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use pli_store::StoreError;
use pli_store::national::{About, FILE_NAME, Import, Listed, LocalCopy, Search, discard, install, prepared};

fn about(digest: &str, taken: u64) -> About {
    let imported_at = "2026-11-22T12:00:00Z".parse().unwrap();
    About { digest: digest.to_owned(), bytes: 1, taken, refused: 0, addresses: 0, imported_at }
}

fn listed(number: u64, address: &str, name: &str) -> Listed {
    Listed {
        number,
        address: address.to_owned(),
        line: format!("line {number}"),
        name: name.to_owned(),
        profession: "Médecin Cardiologie et maladies vasculaires".to_owned(),
        town: "75014 PARIS".to_owned(),
        department: "Paris 75".to_owned(),
        structure: "HÔPITAL DU PONT".to_owned(),
        kind: "PER".to_owned(),
    }
}

fn people() -> Vec<Listed> {
    let angouleme = ("16000 ANGOULÊME", "Charente 16");
    vec![
        listed(2, "a@x.fr", "Dr LEFÈVRE Zoé"),
        Listed {
            town: angouleme.0.into(),
            department: angouleme.1.into(),
            ..listed(3, "b@x.fr", "Mme L'HERMITE-Cœur Anne")
        },
        Listed { kind: "ORG".into(), structure: "PHARMACIE DU PONT".into(), ..listed(5, "a@x.fr", "") },
    ]
}

async fn put(state: &Path, lines: Vec<Listed>, digest: &str) {
    let mut import = Import::begin(state).await.unwrap();
    let taken = lines.len() as u64;
    for line in lines {
        import.add(line).await.unwrap();
    }
    drop(import.finish(about(digest, taken)).await.unwrap());
    install(state).await.unwrap();
}

async fn found(state: &Path, search: Search) -> Vec<String> {
    let mut copy = LocalCopy::open(state).await.unwrap().unwrap();
    copy.search(&search, 10).await.unwrap()
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
    assert_eq!(copy.lines_of("a@x.fr").await.unwrap(), ["line 2", "line 5"]);
    assert_eq!(copy.lines_of("c@x.fr").await.unwrap(), Vec::<String>::new());
    assert_eq!((copy.about().addresses, copy.about().taken), (2, 3));
    let mut all = Vec::new();
    copy.each(|line| {
        all.push(line.to_owned());
        all.len() < 2
    })
    .await
    .unwrap();
    assert_eq!(all, ["line 2", "line 3"], "whoever has enough says so");
}

#[tokio::test]
async fn who_reads_keeps_the_copy_that_he_opened() {
    let state = tempfile::tempdir().unwrap();
    assert!(LocalCopy::open(state.path()).await.unwrap().is_none());
    put(state.path(), people(), "first").await;
    let mut reader = LocalCopy::open(state.path()).await.unwrap().unwrap();
    put(state.path(), vec![listed(2, "new@x.fr", "NOUVEAU")], "second").await;
    assert_eq!(reader.search(&words("lefevre"), 10).await.unwrap(), ["line 2"]);
    let mut again = LocalCopy::open(state.path()).await.unwrap().unwrap();
    assert_eq!((again.about().digest.as_str(), again.about().addresses), ("second", 1));
    assert!(again.search(&words("lefevre"), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_import_that_ends_half_way_changes_nothing() {
    let state = tempfile::tempdir().unwrap();
    put(state.path(), people(), "first").await;
    let mut import = Import::begin(state.path()).await.unwrap();
    for number in 2..2000 {
        import.add(listed(number, "a@x.fr", "X")).await.unwrap();
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
