//! The help of every verb, as one page: `tests/golden/help.txt`. After a change that is meant, run once with
//! `PLI_BLESS=1`, and read what the commit shows.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

fn help(path: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pli"))
        .args(path)
        .arg("--help")
        .env("LC_ALL", "C")
        .output()
        .expect("the binary runs");
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs that a help page lists below `Commands:`.
fn verbs(page: &str) -> Vec<String> {
    let Some((_, rest)) = page.split_once("Commands:\n") else { return Vec::new() };
    let lines = rest.lines().take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

fn pages(path: &[&str], out: &mut String) {
    let page = help(path);
    out.push_str(&format!("=== pli {}\n\n{page}\n", path.join(" ")).replace("pli \n", "pli\n"));
    for verb in verbs(&page) {
        pages(&[path, &[verb.as_str()]].concat(), out);
    }
}

#[test]
fn the_help_of_every_verb_is_as_agreed() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/help.txt");
    let mut now = String::new();
    pages(&[], &mut now);
    if std::env::var_os("PLI_BLESS").is_some() {
        std::fs::create_dir_all(golden.parent().unwrap()).unwrap();
        std::fs::write(&golden, &now).unwrap();
    }
    let agreed = std::fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(agreed, now, "after a change that is meant: PLI_BLESS=1 cargo test -p pli --test help");
}
