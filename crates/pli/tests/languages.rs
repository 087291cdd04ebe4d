//! One command line, two readers: words differ, codes and what programs read do not. And the manual, made from both.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use support::{assert_fails, exit, file, pli, stderr, stdout, text};

/// As somebody with this environment would run it.
fn with(environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pli"));
    for name in ["LC_ALL", "LC_MESSAGES", "LANG", "PLI_CONFIG"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).args(arguments).output().expect("the binary runs")
}

#[test]
fn the_reader_decides_the_words_and_not_the_code() {
    let wrong = ["serve", "--config", "/nowhere/pli.toml"];
    assert_fails(&with(&[], &wrong), 2, "config-unreadable");
    let by_environment = with(&[("LANG", "fr_FR.UTF-8")], &wrong);
    let by_option = with(&[], &[&wrong[..], &["--lang", "fr"]].concat());
    assert_eq!(stderr(&by_environment), stderr(&by_option));
    assert_eq!((exit(&by_option), stdout(&by_option)), (2, ""));
    let told = stderr(&by_option);
    assert!(told.starts_with("error[config-unreadable]: /nowhere/pli.toml : "), "{told}");
    assert!(told.contains("\n  à faire : nommer la configuration avec --config FICHIER ou PLI_CONFIG"), "{told}");
    let back = with(&[("LANG", "fr_FR.UTF-8")], &[&wrong[..], &["--lang=en"]].concat());
    assert_fails(&back, 2, "config-unreadable");
}

#[test]
fn a_mistake_on_the_command_line_is_told_in_the_language_of_who_made_it() {
    for (arguments, english, french) in [
        (&["serv"][..], "`serv` is no command", "`serv` n'est pas une commande"),
        (&["serve", "--wrong"], "there is no `--wrong` here", "il n'y a pas de `--wrong` ici"),
        (&["queue", "retry"], "`<FILTER>...` must be given", "`<FILTRE>...` : à donner"),
        (&["completions", "c64"], "cannot be `c64`", "ne peut pas être `c64`"),
        (&["explain", "--from", "nobody", "--to", "a@b.fr"], "cannot be `nobody`: ", "ne peut pas être `nobody` : "),
    ] {
        for (language, words) in [("en", english), ("fr", french)] {
            let output = with(&[], &[arguments, &["--lang", language]].concat());
            assert_eq!(exit(&output), 2);
            let told = stderr(&output);
            assert!(told.starts_with("error[usage]: ") && told.contains(words), "{told}");
        }
    }
    let german = with(&[], &["doctor", "--lang", "de"]);
    assert!(stderr(&german).contains("`en`, `fr`"), "{}", stderr(&german));
}

/// As a terminal shows it: `script` gives a command one.
fn on_a_terminal(environment: &[(&str, &str)], line: &str) -> Option<String> {
    let mut command = Command::new("script");
    command.env("TERM", "xterm").env_remove("NO_COLOR").env("LC_ALL", "C").env("PLI", env!("CARGO_BIN_EXE_pli"));
    let output = command.envs(environment.iter().copied()).args(["-qefc", line, "/dev/null"]).output();
    output.ok().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn tables_and_colour_are_for_terminals_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "pli.toml", include_str!("../../../deploy/pli.toml"));
    let line = format!("$PLI config check --config {}", path.display());
    let Some(shown) = on_a_terminal(&[], &line) else { return };
    assert!(shown.starts_with("CHECK ") && shown.contains("\u{1b}[31mfailed\u{1b}[0m"), "{shown:?}");
    assert!(shown.contains("\u{1b}[1;31merror["), "{shown:?}");
    let plain = on_a_terminal(&[("NO_COLOR", "1")], &line).unwrap();
    assert!(plain.starts_with("CHECK ") && !plain.contains('\u{1b}'), "{plain:?}");
    let french = on_a_terminal(&[], &format!("{line} --lang fr")).unwrap();
    assert!(french.starts_with("CONTRÔLE ") && french.contains("\u{1b}[31méchec\u{1b}[0m"), "{french:?}");
    // Whoever asks for a table elsewhere gets one without colour; whoever asks for nothing gets JSON.
    let elsewhere = pli(&["config", "check", "--config", text(&path), "-o", "table"]);
    assert!(stdout(&elsewhere).starts_with("CHECK ") && !stdout(&elsewhere).contains('\u{1b}'));
    assert!(stdout(&pli(&["config", "check", "--config", text(&path)])).starts_with('['));
}

#[test]
fn programs_read_the_same_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "pli.toml", include_str!("../../../deploy/pli.toml"));
    for format in ["json", "jsonl", "csv"] {
        let check = ["config", "check", "--config", text(&path), "-o", format];
        let english = with(&[], &check);
        let french = with(&[("LC_ALL", "fr_FR.UTF-8")], &check);
        assert!(stdout(&english).contains("secret-unreadable") || format == "csv", "{}", stdout(&english));
        assert_eq!(stdout(&english), stdout(&french), "{format}");
        assert_ne!(stderr(&english), stderr(&french));
    }
}

#[test]
fn the_manual_has_a_page_for_every_command_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(exit(&pli(&["man", "--dir", text(folder.path())])), 0);
    let english = pages(&folder.path().join("man1"));
    assert_eq!(english, pages(&folder.path().join("fr/man1")));
    for page in ["pli.1", "pli-queue.1", "pli-queue-list.1", "pli-trust-install.1"] {
        assert!(english.contains(page), "{english:?}");
    }
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    assert!(read("man1/pli-queue-retry.1").contains("Try now what waits for its turn"));
    let french = read("fr/man1/pli-queue-retry.1");
    assert!(french.contains("Essayer maintenant ce qui attend son tour") && french.contains(".SH NOM"), "{french}");
    let printed = pli(&["man", "queue", "retry"]);
    assert_eq!(stdout(&printed), read("man1/pli-queue-retry.1"));
    assert_fails(&pli(&["man", "tetris"]), 3, "man-unknown");
}

/// Where there is a program that reads them, it has nothing to say against any.
#[test]
fn the_manual_is_read_without_a_complaint() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(exit(&pli(&["man", "--dir", text(folder.path())])), 0);
    for section in ["man1", "fr/man1"] {
        for page in pages(&folder.path().join(section)) {
            let path = folder.path().join(section).join(page);
            let groff = Command::new("groff").args(["-man", "-Kutf8", "-Tutf8", "-ww", "-z"]).arg(&path).output();
            let Ok(output) = groff.or_else(|_| Command::new("mandoc").arg("-Tlint").arg(&path).output()) else {
                eprintln!("neither groff nor mandoc is here: nothing is looked at");
                return;
            };
            assert!(output.status.success() && output.stderr.is_empty(), "{}: {}", path.display(), stderr(&output));
        }
    }
}

fn pages(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap()).collect()
}
