//! The help of every verb, as one page a language: `tests/golden/help.txt` and `help.fr.txt`. After a change that is
//! meant, run once with `PLI_BLESS=1`, and read what the commit shows.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

fn help(path: &[&str], language: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pli"));
    let output = command.args(path).args(["--help", "--lang", language]).output().expect("the binary runs");
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs that a help page lists below `Commands:`.
fn verbs(page: &str) -> Vec<String> {
    let listed = page.split_once("Commands:\n").or_else(|| page.split_once("Commandes:\n"));
    let Some((_, rest)) = listed else { return Vec::new() };
    let lines = rest.lines().take_while(|line| !line.is_empty());
    // A text that goes on in the next line stands further to the right.
    let lines = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    lines.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

fn pages(path: &[&str], language: &str, out: &mut String) {
    let page = help(path, language);
    out.push_str(&format!("=== pli {}\n\n{page}\n", path.join(" ")).replace("pli \n", "pli\n"));
    for verb in verbs(&page) {
        pages(&[path, &[verb.as_str()]].concat(), language, out);
    }
}

#[test]
fn the_help_of_every_verb_is_as_agreed_in_both_languages() {
    for (language, name) in [("en", "help.txt"), ("fr", "help.fr.txt")] {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let mut now = String::new();
        pages(&[], language, &mut now);
        if std::env::var_os("PLI_BLESS").is_some() {
            std::fs::write(&golden, &now).unwrap();
        }
        let agreed = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(agreed, now, "after a change that is meant: PLI_BLESS=1 cargo test -p pli --test help");
    }
}
