//! `pli directory`: the national directory's extraction is imported, searched, shown and exported, beside a node or none.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use support::node::Operator;
use support::{exit, pli, stderr, stdout, text};

/// The headings, as published.
const HEADINGS: &str = "Type de BAL|Adresse BAL|Type Identifiant PP|Identifiant PP|Identification nationale PP|\
    Type identifiant structure|Identification Structure|Service de rattachement|Civilité d'exercice|Nom d'exercice|\
    Prénom d'exercice|Catégorie profession|Libellé de catégorie profession|Code Profession|Libellé Profession|\
    Code savoir-faire|Libellé savoir-faire|Dématérialisation|Raison Sociale structure BAL|\
    Enseigne commerciale structure BAL|L2COMPLEMENTLOCALISATION|L3COMPLEMENTDISTRIBUTION|L4NUMEROVOIE|\
    L4COMPLEMENTNUMEROVOIE|NL4TYPEVOIE|L4LIBELLEVOIE|L5LIEUDITMENTION|L6LIGNEACHEMINEMENT|Code postal|Département|Pays";

fn doctor(address: &str, family: &str, given: &str, town: &str, code: &str) -> String {
    format!(
        "PER|{address}|8|10003441234|810003441234|1|990000010||DR|{family}|{given}|C|Civil|10|Médecin|SM04|\
         Cardiologie et maladies vasculaires|O|CABINET DU PONT|||||||||{town}|{code}|Département|France"
    )
}

fn pharmacy(address: &str) -> String {
    format!(
        "ORG|{address}||||1|990000028|Comptoir|||||||||||PHARMACIE DE L'ÉGLISE|||||||||16000 ANGOULEME|16000|Charente|France"
    )
}

/// Four good lines, two of them of one address, and two that are not taken.
fn extraction() -> String {
    let lines = [
        HEADINGS.to_owned(),
        doctor("zoe.lefevre@cabinet.mssante.fr", "LEFÈVRE", "Zoé", "75014 PARIS", "75014"),
        doctor("zoe.lefevre@cabinet.mssante.fr", "LEFÈVRE", "Zoé", "92120 MONTROUGE", "92120"),
        "cut|short".to_owned(),
        pharmacy("eglise@pharmacie.mssante.fr"),
        doctor("no address", "PERSONNE", "", "", ""),
        doctor("a.hermite@cabinet.mssante.fr", "L'HERMITE", "Anne", "20200 BASTIA", "20200"),
    ];
    lines.join("\r\n") + "\r\n"
}

fn addresses(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["address"].as_str().unwrap()).collect()
}

#[test]
fn an_extraction_is_imported_once_and_says_so_the_second_time() {
    let operator = Operator::new();
    let file = operator.put("extraction.txt", &extraction());
    let report = operator.path("report.csv");
    let import = ["directory", "import", text(&file)];
    operator.fails(&["directory", "search", "lefevre"], 3, "directory-missing");

    let would = operator.told(&[&import[..], &["--dry-run", "--report", text(&report)]].concat());
    assert_eq!(
        (&would["outcome"], &would["taken"], &would["refused"]),
        (&"would-be-imported".into(), &4.into(), &2.into())
    );
    let told = std::fs::read_to_string(&report).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    assert!(lines[1].starts_with("4,line-columns,") && lines[2].starts_with("6,line-address,"), "{told}");
    assert!(!told.contains("PERSONNE"), "the report repeats nothing: {told}");
    operator.fails(&["directory", "show", "eglise@pharmacie.mssante.fr"], 3, "directory-missing");

    let done = operator.told(&import);
    assert_eq!((&done["outcome"], &done["addresses"], &done["lines"]), (&"imported".into(), &3.into(), &6.into()));
    assert_eq!(done["refused_by_code"]["line-columns"], 1);
    assert!(operator.is_on_record("national directory imported: 4 lines, 2 not taken, sha-256 "));

    let again = operator.told(&import);
    assert_eq!((&again["outcome"], &again["imported_at"]), (&"unchanged".into(), &done["imported_at"]));
    assert_eq!(operator.told(&[&import[..], &["--dry-run"]].concat())["outcome"], "would-be-unchanged");
}

#[test]
fn an_import_beside_a_running_node_is_on_its_record() {
    let operator = Operator::new();
    let file = operator.put("extraction.txt", &extraction());
    let node = operator.serve();
    assert_eq!(operator.told(&["directory", "import", text(&file)])["outcome"], "imported");
    assert_eq!(addresses(&operator.told(&["directory", "search", "angoul"])), ["eglise@pharmacie.mssante.fr"]);
    assert_eq!(operator.told(&["directory", "import", text(&file)])["outcome"], "unchanged");
    assert_eq!(node.end().0.code(), Some(0));
    assert!(operator.is_on_record("national directory imported: 4 lines, 2 not taken, sha-256 "));
}

#[test]
fn entries_are_found_as_people_type_and_shown_with_all_their_lines() {
    let operator = Operator::new();
    let file = operator.put("extraction.txt", &extraction());
    operator.told(&["directory", "import", text(&file)]);
    let (zoe, anne, pharmacy) =
        ("zoe.lefevre@cabinet.mssante.fr", "a.hermite@cabinet.mssante.fr", "eglise@pharmacie.mssante.fr");
    for (asked, found) in [
        (&["lefevre", "PARIS"][..], &[zoe][..]),
        (&["zoé", "lefè"], &[zoe, zoe]),
        (&["l'hermite"], &[anne]),
        (&["cardio", "--department", "2B"], &[anne]),
        (&["--profession", "médecin cardiologie", "--town", "montrouge"], &[zoe]),
        (&["--structure", "eglise"], &[pharmacy]),
        (&["990000028"], &[pharmacy]),
        (&["--type", "org"], &[pharmacy]),
        (&["personne"], &[]),
    ] {
        let rows = operator.told(&[&["directory", "search"], asked].concat());
        assert_eq!(addresses(&rows), found, "{asked:?}");
    }
    let some = operator.ask(&["directory", "search", "cardio", "--limit", "2"]);
    assert!(stderr(&some).contains("there are more than these 2"), "{}", stderr(&some));
    assert_eq!(serde_json::from_str::<Value>(stdout(&some)).unwrap().as_array().unwrap().len(), 2);
    operator.fails(&["directory", "search", "-", "'"], 2, "search-empty");
    operator.fails(&["directory", "search", &"mot ".repeat(100)], 2, "search-too-long");

    let shown = operator.told(&["directory", "show", "ZOE.Lefevre@cabinet.mssante.fr"]);
    assert_eq!(addresses(&shown), [zoe, zoe]);
    assert_eq!((&shown[0]["family_name"], &shown[0]["service"]), (&"LEFÈVRE".into(), &Value::Null));
    assert_eq!((&shown[1]["town"], &shown[1]["schema_version"]), (&"92120 MONTROUGE".into(), &1.into()));
    operator.fails(&["directory", "show", "nobody@cabinet.mssante.fr"], 3, "directory-unknown");
}

#[test]
fn the_whole_copy_is_exported_in_every_format() {
    let operator = Operator::new();
    let file = operator.put("extraction.txt", &extraction());
    operator.told(&["directory", "import", text(&file)]);
    assert_eq!(operator.told(&["directory", "export"]).as_array().unwrap().len(), 4);
    let config = operator.config();
    for (format, lines) in [("jsonl", 4), ("csv", 5), ("table", 5)] {
        let output = pli(&["directory", "export", "--config", &config, "-o", format]);
        assert_eq!((exit(&output), stdout(&output).lines().count()), (0, lines), "{format}");
    }
    let shown = pli(&["directory", "show", "eglise@pharmacie.mssante.fr", "--config", &config, "-o", "table"]);
    assert!(stdout(&shown).contains("PHARMACIE DE L'ÉGLISE") && !stdout(&shown).contains(" -\n"), "{}", stdout(&shown));
}

#[test]
fn a_file_that_is_cut_or_another_leaves_the_copy_in_use() {
    let operator = Operator::new();
    let file = operator.put("extraction.txt", &extraction());
    operator.told(&["directory", "import", text(&file)]);
    let import = |name: &str, content: &str| operator.put(name, content).to_str().unwrap().to_owned();
    let cut: String = extraction().split_inclusive('\n').take(3).collect();
    for (content, code) in [
        ("a;b;c\n".to_owned(), "extraction-headings"),
        (cut.clone(), "extraction-smaller"),
        (HEADINGS.to_owned(), "extraction-empty"),
        ("PK\u{3}\u{4} and then nothing".to_owned(), "extraction-archive"),
    ] {
        let path = import("other.txt", &content);
        operator.fails(&["directory", "import", &path], 6, code);
        operator.fails(&["directory", "import", &path, "--dry-run"], 6, code);
    }
    operator.fails(&["directory", "import", "/nowhere/at/all"], 3, "file-not-found");
    assert_eq!(operator.told(&["directory", "export"]).as_array().unwrap().len(), 4);
    assert!(!operator.path("pro/state/directory.db.new").exists(), "nothing is left behind");

    let path = import("other.txt", &cut);
    assert_eq!(operator.told(&["directory", "import", &path, "--smaller"])["outcome"], "imported");
    assert_eq!(operator.told(&["directory", "export"]).as_array().unwrap().len(), 2);
}

#[test]
fn no_error_repeats_an_identifier_of_a_patient() {
    let operator = Operator::new();
    let file = operator.put("extraction.txt", &extraction());
    operator.told(&["directory", "import", text(&file)]);
    let ins = "279035121518989";
    let patient = format!("{ins}@patient.mssante.fr");
    let quoted = format!("\"{ins}\"@patient.mssante.fr");
    let other = operator.put("other.txt", &format!("nom;{ins};{patient}\n"));
    let long = format!("{ins} {}", "mot ".repeat(100));
    let named = operator.put(&format!("{ins}.txt"), "nom;\n");
    let nowhere = format!("/nowhere/{patient}/at/all");
    for (command, code) in [
        (&["show", &patient][..], "directory-unknown"),
        (&["show", ins], "usage"),
        (&["show", &quoted], "usage"),
        (&["show", "a@b.fr", &patient], "usage"),
        (&["search", "--type", &patient], "usage"),
        (&["search", "--limit", ins], "usage"),
        (&["search", &long], "search-too-long"),
        (&["export", &patient], "usage"),
        (&[&patient], "usage"),
        (&["import", text(&other)], "extraction-headings"),
        (&["import", text(&named)], "extraction-headings"),
        (&["import", &nowhere], "file-not-found"),
        (&["import", text(&file), "--report", &nowhere], "file-not-found"),
    ] {
        let output = operator.ask(&[&["directory"], command].concat());
        assert!(stderr(&output).starts_with(&format!("error[{code}]: ")), "{command:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("27903512151"), "{command:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{command:?}");
    }
}
