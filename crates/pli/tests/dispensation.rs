//! `pli dispensation` and `pli directory pharmacies`: beside a node and without one, what a file says is kept once.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::node::{Operator, read};
use support::{assert_fails, exit, pli, stderr, stdout, text};

const PATIENT: &str = "279035121518989";
const CORSICAN: &str = "297022A02077878";
const HEADER: &str = "ins;finess;date;reimbursed\n";

/// A day so many days ago: what is too old is not kept.
fn day(ago: i64) -> String {
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    today.checked_sub(jiff::ToSpan::days(ago)).unwrap().to_string()
}

fn lines(rows: &[(&str, &str, i64, &str)]) -> String {
    let line = |(ins, finess, ago, reimbursed): &(&str, &str, i64, &str)| {
        format!("{ins};{finess};{};{reimbursed}\n", day(*ago))
    };
    HEADER.to_owned() + &rows.iter().map(line).collect::<String>()
}

fn counts(told: &Value) -> [Value; 5] {
    ["lines", "created", "changed", "unchanged", "outdated"].map(|member| told[member].clone())
}

fn import(operator: &Operator, content: &str) -> Value {
    let file = operator.put("dispensed.csv", content);
    operator.told(&["dispensation", "import", text(&file)])
}

#[test]
fn the_same_file_again_changes_nothing_with_a_node_and_without() {
    let operator = Operator::new();
    let first = lines(&[
        (PATIENT, "990000044", 20, "yes"),
        (CORSICAN, "2A0000014", 3, "no"),
        (PATIENT, "990000044", 420, "yes"),
    ]);
    let file = operator.put("dispensed.csv", &first);
    let tried = operator.told(&["dispensation", "import", text(&file), "--dry-run"]);
    assert_eq!((&tried["outcome"], &tried["lines"]), (&json!("would-be-imported"), &json!(3)));
    assert_eq!(counts(&import(&operator, &first)), [3, 2, 0, 0, 1].map(Value::from));
    assert_eq!(counts(&import(&operator, &first)), [3, 0, 0, 2, 1].map(Value::from));
    let node = operator.serve();
    assert_eq!(counts(&import(&operator, &first)), [3, 0, 0, 2, 1].map(Value::from));
    // More than goes in one request.
    let many: Vec<_> =
        (0..300).flat_map(|ago| [(PATIENT, "990000051", ago, "yes"), (CORSICAN, "990000051", ago, "no")]).collect();
    let many = lines(&many).replacen(HEADER, "", 1);
    let repeated = format!("{HEADER}{}", many.repeat(40));
    let told = import(&operator, &repeated);
    assert_eq!((&told["lines"], &told["created"], &told["unchanged"]), (&json!(24_000), &json!(600), &json!(23_400)));
    assert!(node.end().0.success());
    let log = read(&operator.path("node.log"));
    for secret in [PATIENT, CORSICAN] {
        assert!(!log.contains(secret), "{log}");
    }
    assert!(operator.is_on_record("dispensings brought: 3 lines, 2 new, 0 changed, 0 known, 1 too old, 0 refused"));
    assert!(operator.is_on_record("dispensings brought: 24000 lines, 600 new"));
    assert!(!operator.is_on_record(PATIENT));
}

#[test]
fn a_line_that_is_none_is_told_by_its_number_and_stops_no_other() {
    let operator = Operator::new();
    let content = lines(&[(PATIENT, "990000044", 20, "yes"), ("279035121518988", "990000044", 20, "yes")]) + "x\n";
    let (file, report) = (operator.put("dispensed.csv", &content), operator.path("report.csv"));
    let output = operator.ask(&["dispensation", "import", text(&file), "--report", text(&report)]);
    assert_eq!(exit(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).starts_with("error[rows-refused]: 2 of 3 rows"), "{}", stderr(&output));
    let told: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!((&told["created"], &told["refused"]), (&json!(1), &json!(2)));
    assert_eq!(told["refused_by_code"], json!({"line-ins": 1, "line-columns": 1}));
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "line;code\n3;line-ins\n4;line-columns\n");
    assert!(!format!("{}{}", stdout(&output), stderr(&output)).contains("27903512151898"));
    let none = operator.put("none.csv", "ins;finess\n");
    operator.fails(&["dispensation", "import", text(&none)], 2, "dispensings-header");
    operator.fails(&["dispensation", "import", "/nowhere.csv"], 3, "file-not-found");
}

#[test]
fn a_list_shows_no_patient_before_it_is_on_record_why() {
    let operator = Operator::new();
    import(
        &operator,
        &lines(&[(PATIENT, "990000044", 20, "yes"), (PATIENT, "2A0000014", 3, "no"), (CORSICAN, "2A0000014", 3, "no")]),
    );
    let list = |more: &[&str]| operator.told(&[&["dispensation", "list", "--patient", PATIENT], more].concat());
    let all = list(&[]);
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!((&all[0]["pharmacy"], &all[0]["reimbursed"]), (&json!("2A0000014"), &json!(false)));
    assert_eq!(all[1]["date"], json!(day(20)));
    assert!(!all.to_string().contains(PATIENT), "{all}");
    assert_eq!(list(&["--pharmacy", "990000044"]).as_array().unwrap().len(), 1);
    let clear = list(&["--reveal", "--reason", "he asks"]);
    assert_eq!(clear[0]["patient"], PATIENT);
    assert!(operator.is_on_record("dispensation list: he asks"));
    let output = pli(&["dispensation", "list", "--patient", "279035121518988"]);
    assert_fails(&output, 2, "usage");
    assert!(!stderr(&output).contains("279035121518988"), "{}", stderr(&output));
}

#[test]
fn which_structures_are_pharmacies_is_told_and_shown() {
    let operator = Operator::new();
    import(&operator, &lines(&[(PATIENT, "2A0000014", 3, "no")]));
    let tell = |content: &str, more: &[&str]| {
        let file = operator.put("pharmacies.csv", content);
        operator.told(&[&["directory", "pharmacies", text(&file)], more].concat())
    };
    let shown = || {
        let all = operator.told(&["directory", "pharmacies"]);
        let of = |row: &Value| format!("{} {} {}", row["finess"].as_str().unwrap(), row["told"], row["dispensed"]);
        all.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let content = "finess\n990000044\n990000051\n";
    assert_eq!(tell(content, &["--dry-run"])["outcome"], "would-be-imported");
    assert_eq!(shown(), ["2A0000014 false true"]);
    assert_eq!(tell(content, &[])["created"], 2);
    assert_eq!(tell(content, &[])["unchanged"], 2);
    assert_eq!(tell("finess\n990000051\n", &["--all"])["changed"], 1);
    assert_eq!(shown(), ["990000051 true false", "2A0000014 false true"]);
    let bad = operator.put("bad.csv", "finess\n990000044\n99\n");
    operator.fails(&["directory", "pharmacies", text(&bad)], 2, "finess-invalid");
    assert!(operator.is_on_record("pharmacies told: 1 structures, and no others"));
}
