//! `pli mailbox`: what an admin does with mailboxes, with a node and without one.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use support::lists::{FOUR, list};
use support::node::Operator;
use support::{assert_fails, exit, pli, stderr, text};

const ADDRESS: &str = "equipe@pharmacie-du-pont.mssante.fr";

/// What a team's mailbox takes.
const TEAM: &[&str] = &["--type", "ORG", "--finess", "990000044", "--responsible", "Mme Pont", "--service", "Officine"];

fn add(operator: &Operator, address: &str, more: &[&str]) -> Value {
    operator.told(&[&["mailbox", "add", address], more].concat())
}

/// How many messages lie in a mailbox.
fn messages(operator: &Operator, address: &str) -> u64 {
    operator.told(&["mailbox", "show", address])["messages"].as_u64().unwrap()
}

/// A Maildir with so many letters, as another server keeps it.
fn maildir(operator: &Operator, name: &str, count: usize) -> String {
    let folder = operator.path(name);
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    for number in 0..count {
        let letter = format!("From: a@b.fr\nSubject: {number}\n\nA letter.\n");
        std::fs::write(folder.join(format!("cur/{number}.host:2,S")), letter).unwrap();
    }
    text(&folder).to_owned()
}

#[test]
fn a_mailbox_needs_what_its_type_needs_and_the_code_says_what_lacks() {
    let operator = Operator::with_list(&list(1, FOUR));
    let fails = |arguments: &[&str], code: i32, stable: &str| {
        operator.fails(&[&["mailbox", "add"], arguments].concat(), code, stable);
    };
    fails(&[ADDRESS, "--type", "PER"], 1, "holder-missing");
    fails(&[ADDRESS, "--type", "CAB", "--finess", "990000044"], 1, "holder-missing");
    fails(&[ADDRESS, "--type", "ORG", "--responsible", "X"], 1, "structure-missing");
    fails(&[ADDRESS, "--type", "APP", "--finess", "990000044"], 1, "responsible-missing");
    fails(&[ADDRESS, "--type", "PER", "--rpps", "1010344123"], 1, "rpps-invalid");
    fails(&[ADDRESS, "--type", "ORG", "--finess", "99", "--responsible", "X"], 1, "finess-invalid");
    fails(&[ADDRESS, "--type", "ORG", "--siret", "18751275100013", "--responsible", "X"], 1, "siret-invalid");
    fails(&[ADDRESS, "--type", "PER", "--rpps", "10002345670", "--service", "X"], 1, "attribute-not-of-type");
    fails(&["x@ailleurs.mssante.fr", "--type", "PER", "--rpps", "10002345670"], 1, "domain-not-hosted");
    fails(&["279035121518989@patient.mssante.fr", "--type", "PER", "--rpps", "10002345670"], 1, "patient-mailbox");
    fails(&["nobody", "--type", "PER", "--rpps", "10002345670"], 2, "address-invalid");
    fails(&[&[ADDRESS, "--quota", "much"], TEAM].concat(), 1, "quota-invalid");
    operator.fails(&["mailbox", "show", ADDRESS], 3, "mailbox-unknown");

    let told = add(&operator, "dr.x@pharmacie-du-pont.mssante.fr", &["--type", "PER", "--rpps", "10002345670"]);
    assert_eq!((&told["outcome"], &told["warnings"][0]["code"]), (&json!("created"), &json!("rpps-check-digit")));
}

#[test]
fn a_patients_identifier_is_taken_nowhere_and_not_repeated() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    add(&operator, ADDRESS, TEAM);
    let (whole, grouped, glued) = ("279035121518989", "2 79 03 51 215 189 89", "x-2790351215189");
    let address = format!("{whole}@pharmacie-du-pont.mssante.fr");
    let refused = |arguments: &[&str], stable: &str| {
        let output = operator.ask(arguments);
        assert_fails(&output, 1, stable);
        let said = stderr(&output);
        assert!(!said.contains("279035") && !said.contains("2 79 03"), "{said}");
    };
    let taken = "patient-identifier";
    refused(&[&["mailbox", "add", &address], TEAM].concat(), taken);
    for member in ["--responsible", "--service", "--description", "--display-name"] {
        for text in [whole, grouped, glued] {
            refused(&["mailbox", "set", ADDRESS, member, text], taken);
        }
    }
    operator.told(&["account", "add", "j.dupont", "--mailbox", ADDRESS]);
    refused(&["account", "add", whole], taken);
    refused(&["account", "add", "x", "--display-name", grouped], taken);
    refused(&["account", "add", "x", "--rpps", whole], "rpps-invalid");
    refused(&["account", "set", "j.dupont", "--display-name", grouped], taken);
    refused(&["account", "app-password", "add", "j.dupont", "--mailbox", ADDRESS, "--label", whole], taken);

    let rows = format!(
        "address;type;finess;responsible\n{address};ORG;990000044;R\nz@pharmacie-du-pont.mssante.fr;ORG;990000044;{grouped}\n"
    );
    let file = text(&operator.put("mailboxes.csv", &rows)).to_owned();
    let output = operator.ask(&["mailbox", "add", "--file", &file]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(rows.iter().all(|row| row["code"] == taken), "{rows:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("279035121"));
}

#[test]
fn the_same_wish_twice_changes_nothing_and_says_so() {
    let operator = Operator::with_list(&list(1, FOUR));
    assert_eq!(add(&operator, ADDRESS, &[TEAM, &["--dry-run"]].concat())["outcome"], "would-be-created");
    operator.fails(&["mailbox", "show", ADDRESS], 3, "mailbox-unknown");
    let _node = operator.serve();
    let wishes: &[(&[&str], &str)] = &[
        (&[&["mailbox", "add", ADDRESS], TEAM].concat(), "created"),
        (&["mailbox", "set", ADDRESS, "--quota", "1GiB", "--display-name", "Officine"], "changed"),
        (&["mailbox", "publish", ADDRESS], "changed"),
        (&["mailbox", "suspend", ADDRESS, "--reason", "asked for"], "changed"),
        (&["mailbox", "delete", ADDRESS, "--reason", "closing"], "changed"),
    ];
    for (wish, outcome) in wishes {
        let rehearsed = operator.told(&[wish, &["--dry-run"][..]].concat());
        assert_eq!(rehearsed["outcome"], format!("would-be-{outcome}"), "{wish:?}");
        assert_eq!(operator.told(wish)["outcome"], *outcome, "{wish:?}");
        let again = operator.told(wish);
        assert_eq!((&again["outcome"], &again["changed"]), (&json!("unchanged"), &json!([])), "{wish:?}");
    }
    let shown = operator.told(&["mailbox", "show", ADDRESS]);
    assert_eq!((&shown["life"], &shown["quota_bytes"]), (&json!("notice"), &json!(1_u64 << 30)));
    assert!(shown["notice_ends_at"].is_string() && shown["suspended_at"].is_string(), "{shown}");
    operator.fails(&["mailbox", "unpublish", ADDRESS, "--reason", " "], 2, "reason-missing");
    assert_eq!(exit(&operator.ask(&["mailbox", "unpublish", ADDRESS])), 2, "why, must be said");
    for verb in ["undelete", "resume", "unpublish"] {
        let step = ["mailbox", verb, ADDRESS, "--reason", "asked for"];
        assert_eq!(operator.told(&step)["outcome"], "changed", "{verb}");
        assert_eq!(operator.told(&step)["outcome"], "unchanged", "{verb}");
    }
    assert_eq!(operator.told(&["mailbox", "show", ADDRESS])["life"], "created");
}

#[test]
fn the_postmasters_mailbox_is_not_deleted_nor_suspended_without_a_word() {
    let operator = Operator::with_list(&list(1, FOUR));
    let config = std::fs::read_to_string(operator.config()).unwrap();
    let named = config.lines().find_map(|line| line.trim().strip_prefix("postmaster = "));
    let postmaster = named.unwrap().trim_matches('"');
    operator.fails(&["mailbox", "delete", postmaster, "--reason", "r"], 4, "mailbox-of-postmaster");
    let told = operator.told(&["mailbox", "suspend", postmaster, "--reason", "r"]);
    assert_eq!(told["warnings"][0]["code"], "mailbox-of-postmaster", "{told}");
}

#[test]
fn who_is_on_the_liste_rouge_is_not_published() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    add(&operator, ADDRESS, TEAM);
    operator.told(&["mailbox", "publish", ADDRESS]);
    let told = operator.told(&["mailbox", "set", ADDRESS, "--liste-rouge", "yes"]);
    assert_eq!((&told["life"], &told["published"]), (&json!("unlisted"), &json!(false)));
    operator.fails(&["mailbox", "publish", ADDRESS], 4, "mailbox-unlisted");
    operator.told(&["mailbox", "set", ADDRESS, "--liste-rouge", "no"]);
    assert_eq!(operator.told(&["mailbox", "publish", ADDRESS])["life"], "published");
}

#[test]
fn another_holder_needs_a_reason_and_another_type_never_comes() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    add(&operator, ADDRESS, TEAM);
    operator.fails(&["mailbox", "set", ADDRESS, "--finess", "750048886"], 2, "reason-missing");
    let told = operator.told(&["mailbox", "set", ADDRESS, "--finess", "750048886", "--reason", "mistyped"]);
    assert_eq!((&told["finess"], &told["changed"]), (&json!("750048886"), &json!(["structure"])));
    operator.fails(&["mailbox", "set", ADDRESS, "--responsible", ""], 1, "responsible-missing");
    let other = ["mailbox", "add", ADDRESS, "--type", "PER", "--rpps", "10002345670"];
    operator.fails(&other, 4, "mailbox-differs");
}

#[test]
fn a_deleted_mailbox_leaves_its_content_with_the_admin_and_its_address_to_nobody() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    add(&operator, ADDRESS, TEAM);
    let from = maildir(&operator, "letters", 3);
    let told = operator.told(&["mailbox", "import", ADDRESS, "--in", &from]);
    assert_eq!((&told["outcome"], &told["taken"]), (&json!("changed"), &json!(3)));
    let told = operator.told(&["mailbox", "import", ADDRESS, "--in", &from]);
    assert_eq!((&told["outcome"], &told["there"]), (&json!("unchanged"), &json!(3)));

    let out = text(&operator.path("out")).to_owned();
    let undecided = operator.ask(&["mailbox", "delete", ADDRESS, "--reason", "r", "--now"]);
    assert_eq!(exit(&undecided), 2, "what becomes of its content must be said");
    let delete = ["mailbox", "delete", ADDRESS, "--reason", "closing", "--now", "--export", &out];
    assert_eq!(operator.told(&[&delete[..], &["--dry-run"]].concat())["outcome"], "would-be-removed");
    assert!(!operator.path("out").exists(), "a rehearsal writes nothing");
    assert_eq!(operator.told(&delete)["outcome"], "removed");
    assert_eq!(operator.told(&delete)["outcome"], "unchanged");
    let mode = std::fs::metadata(&out).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    assert_eq!(std::fs::read_dir(operator.path("out/cur")).unwrap().count(), 3);

    let shown = operator.told(&["mailbox", "show", ADDRESS]);
    assert_eq!((&shown["life"], &shown["messages"]), (&json!("deleted"), &json!(0)));
    for verb in [&["publish", ADDRESS][..], &["undelete", ADDRESS], &["suspend", ADDRESS, "--reason", "r"]] {
        operator.fails(&[&["mailbox"], verb].concat(), 4, "mailbox-deleted");
    }
    assert_eq!(operator.told(&["mailbox", "list", "--state", "deleted"])[0]["address"], ADDRESS);
    let other = ["mailbox", "add", ADDRESS, "--type", "ORG", "--finess", "750048886", "--responsible", "X"];
    operator.fails(&other, 4, "address-kept");
    assert_eq!(add(&operator, ADDRESS, TEAM)["outcome"], "created", "its former holder may have it");
    assert_eq!(operator.told(&["mailbox", "import", ADDRESS, "--in", &out])["taken"], 3);
    assert_eq!(messages(&operator, ADDRESS), 3);
}

#[test]
fn an_export_is_on_record_and_done_again_writes_what_is_new() {
    let operator = Operator::with_list(&list(1, FOUR));
    let node = operator.serve();
    add(&operator, ADDRESS, TEAM);
    let (from, out) = (maildir(&operator, "letters", 2), text(&operator.path("out")).to_owned());
    operator.told(&["mailbox", "import", ADDRESS, "--in", &from]);
    let export = ["mailbox", "export", ADDRESS, "--out", &out, "--reason", "asked for by its holder"];
    let told = operator.told(&export);
    assert_eq!((&told["outcome"], &told["written"]), (&json!("created"), &json!(2)));
    assert_eq!(operator.told(&export)["outcome"], "unchanged");
    maildir(&operator, "letters", 3);
    operator.told(&["mailbox", "import", ADDRESS, "--in", &from]);
    let told = operator.told(&export);
    assert_eq!((&told["outcome"], &told["written"], &told["messages"]), (&json!("changed"), &json!(1), &json!(3)));
    operator.fails(&["mailbox", "export", ADDRESS, "--out", &from, "--reason", "r"], 4, "folder-in-use");
    assert_eq!(node.end().0.code(), Some(0));
    assert!(operator.is_on_record("content exported by an admin: asked for by its holder"));
    assert_eq!(messages(&operator, ADDRESS), 3, "the same with no node running");
    assert_eq!(operator.told(&export)["outcome"], "unchanged");
}

#[test]
fn a_file_is_worked_through_row_by_row_and_run_again() {
    let operator = Operator::with_list(&list(1, FOUR));
    let rows = "address;type;rpps;finess;responsible;liste_rouge\n\
                a@pharmacie-du-pont.mssante.fr;ORG;;990000044;Mme A;\n\
                b@pharmacie-du-pont.mssante.fr;PER;10002345670;;;yes\n\
                c@pharmacie-du-pont.mssante.fr;PER;;;;\n\
                d@ailleurs.mssante.fr;PER;10002345670;;;\n\
                e@pharmacie-du-pont.mssante.fr;PER;10002345670\n\
                f@pharmacie-du-pont.mssante.fr;PER;10002345670;;;maybe\n";
    let file = text(&operator.put("mailboxes.csv", rows)).to_owned();
    let outcomes = |arguments: &[&str]| {
        let output = operator.ask(&[&["mailbox", "add", "--file", &file], arguments].concat());
        let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let told = |row: &Value| format!("{} {} {}", row["line"], row["outcome"], row["code"]).replace('"', "");
        (exit(&output), stderr(&output).to_owned(), rows.iter().map(told).collect::<Vec<_>>())
    };
    let (code, said, dry) = outcomes(&["--dry-run"]);
    assert!(code == 1 && said.starts_with("error[rows-refused]: 4 of 6"), "{said}");
    assert_eq!(dry[0], "2 would-be-created null");
    for (first, second) in
        [("2 created null", "3 created rpps-check-digit"), ("2 unchanged null", "3 unchanged rpps-check-digit")]
    {
        let (code, _, rows) = outcomes(&[]);
        let refused = [
            "4 refused holder-missing",
            "5 refused domain-not-hosted",
            "6 refused row-invalid",
            "7 refused row-invalid",
        ];
        assert_eq!(
            (code, rows),
            (1, [&[first, second][..], &refused].concat().iter().map(|row| (*row).to_owned()).collect())
        );
    }
    let _node = operator.serve();
    let good = rows.lines().take(3).collect::<Vec<_>>().join("\n");
    let file = text(&operator.put("good.csv", &good)).to_owned();
    let report = text(&operator.path("report.csv")).to_owned();
    let summary = operator.told(&["mailbox", "add", "--file", &file, "--report", &report]);
    assert_eq!((&summary["rows"], &summary["unchanged"], &summary["refused"]), (&json!(2), &json!(2), &json!(0)));
    let written = std::fs::read_to_string(&report).unwrap();
    assert!(
        written.starts_with("line;address;outcome;code;text\n2;a@pharmacie-du-pont.mssante.fr;unchanged;;\n"),
        "{written}"
    );
    let bad = text(&operator.put("bad.csv", "adress;type\n")).to_owned();
    assert_fails(&operator.ask(&["mailbox", "add", "--file", &bad]), 2, "file-columns");
}

#[test]
fn what_is_said_of_rows_is_in_the_language_of_people_and_programs_read_one() {
    let operator = Operator::with_list(&list(1, FOUR));
    let rows = "address;type;rpps;liste_rouge\n\
                a@pharmacie-du-pont.mssante.fr;PER;10002345670;\n\
                b@pharmacie-du-pont.mssante.fr;PER;;\n\
                c@pharmacie-du-pont.mssante.fr;PER;10002345670;maybe\n\
                d@pharmacie-du-pont.mssante.fr\n";
    let file = text(&operator.put("mailboxes.csv", rows)).to_owned();
    let told = |arguments: &[&str], language: &str| {
        let config = operator.config();
        let asked = ["mailbox", "add", "--dry-run", "--lang", language, "--config", &config];
        let output = pli(&[&asked, arguments].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    let one = ["z@pharmacie-du-pont.mssante.fr", "--type", "PER", "--rpps", "10002345670"];
    let check_digit = ["does not fit its check digit", "la clé du numéro RPPS n'est pas juste"];
    let said = [
        check_digit,
        ["; ", " ; "],
        ["liste_rouge is yes or no", "liste_rouge est yes ou no"],
        ["the row has 1 cells", "la ligne a 1 cellules"],
    ];
    let many = ["--file", file.as_str()];
    let report = text(&operator.path("report.csv")).to_owned();
    let written = |language: &str| {
        told(&[&many[..], &["--report", &report]].concat(), language);
        std::fs::read_to_string(&report).unwrap()
    };
    // A report is for people; its codes are for programs. So is a table.
    for page in [|printed: String, _: String| printed, |_: String, written: String| written] {
        let [en, fr] = ["en", "fr"]
            .map(|language| page(told(&[&many[..], &["-o", "table"]].concat(), language), written(language)));
        for [english, french] in said {
            assert!(en.contains(english) && fr.contains(french), "{english}: {en}\n{fr}");
        }
        for code in ["rpps-check-digit", "holder-missing", "row-invalid"] {
            assert!(en.contains(code) && fr.contains(code), "{code}: {en}\n{fr}");
        }
    }
    let [en, fr] = ["en", "fr"].map(|language| told(&[&one[..], &["-o", "table"]].concat(), language));
    assert!(en.contains(check_digit[0]) && fr.contains(check_digit[1]), "{en}\n{fr}");
    for format in ["json", "jsonl", "csv"] {
        for asked in [&many[..], &one] {
            let [en, fr] = ["en", "fr"].map(|language| told(&[asked, &["-o", format]].concat(), language));
            assert!(en == fr && en.contains(check_digit[0]), "{en}\n{fr}");
        }
    }
}

#[test]
fn a_list_comes_in_pages_and_is_whole() {
    let operator = Operator::with_list(&list(1, FOUR));
    let row = |number: usize| format!("n{number:04}@pharmacie-du-pont.mssante.fr;ORG;990000044;R\n");
    let rows: String = (0..1201).map(row).collect();
    let file = text(&operator.put("many.csv", &format!("address;type;finess;responsible\n{rows}"))).to_owned();
    let report = text(&operator.path("report.csv")).to_owned();
    let summary = operator.told(&["mailbox", "add", "--file", &file, "--report", &report]);
    assert_eq!(summary["created"], 1201);
    for running in [false, true] {
        let _node = running.then(|| operator.serve());
        let all =
            operator.told(&["mailbox", "list", "--finess", "990000044", "--domain", "pharmacie-du-pont.mssante.fr"]);
        let mut addresses: Vec<&str> =
            all.as_array().unwrap().iter().map(|row| row["address"].as_str().unwrap()).collect();
        addresses.retain(|address| address.starts_with('n'));
        assert_eq!(addresses.len(), 1201);
        assert!(addresses.is_sorted());
    }
    operator.fails(&["mailbox", "list", "--finess", "nonsense"], 2, "filter-invalid");
    assert_eq!(operator.told(&["mailbox", "list", "--state", "suspended"]), json!([]));
}
