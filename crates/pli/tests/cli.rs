//! The command line, as a script sees it: output, errors, exit codes.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use support::{assert_fails, exit, file, pli, stderr, stdout, text};

#[test]
fn a_mistake_in_the_configuration_names_line_and_nearest_key() {
    let folder = tempfile::tempdir().unwrap();
    let sample = include_str!("../../../deploy/pli.toml").replace("recipients = 1000", "recipient = 1000");
    let line = 1 + sample.lines().position(|line| line == "recipient = 1000").unwrap();
    let path = file(&folder, "pli.toml", &sample);
    for verb in [&["config", "check"][..], &["config", "show"], &["serve"]] {
        let output = pli(&[verb, &["--config", text(&path)]].concat());
        assert_fails(&output, 2, "config-unknown-key");
        assert!(stderr(&output).contains(&format!("{}:{line}: ", path.display())), "{}", stderr(&output));
        assert!(stderr(&output).contains("`recipients`"), "{}", stderr(&output));
    }
}

#[test]
fn a_configuration_that_is_not_there_says_how_to_name_one() {
    let output = pli(&["serve", "--config", "/nowhere/pli.toml"]);
    assert_fails(&output, 2, "config-unreadable");
    assert!(stderr(&output).contains("PLI_CONFIG"), "{}", stderr(&output));
}

#[test]
fn the_whole_configuration_is_shown_with_its_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let sample = include_str!("../../../deploy/pli.toml");
    let without_limits =
        format!("{}[delivery]{}", sample.split("[limits]").next().unwrap(), sample.split("[delivery]").nth(1).unwrap());
    let path = file(&folder, "pli.toml", &without_limits);
    let output = pli(&["config", "show", "--config", text(&path), "-o", "json"]);
    let parsed: Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(parsed["limits"]["message_size"], "25MiB");
    assert_eq!(parsed["limits"]["queue_lifetime"], "5d");
    assert_eq!(parsed["tls"]["key"], text(&folder.path().join("tls/server.key")));

    // What is shown can be read again, and then says the same.
    let shown = pli(&["config", "show", "--config", text(&path), "-o", "table"]);
    let again = file(&folder, "shown.toml", stdout(&shown));
    let output = pli(&["config", "show", "--config", text(&again), "-o", "json"]);
    assert_eq!(serde_json::from_str::<Value>(stdout(&output)).unwrap(), parsed);
}

#[test]
fn a_check_tells_everything_that_is_missing_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "pli.toml", include_str!("../../../deploy/pli.toml"));
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    let key = file(&folder, "keys/masking.key", &"0".repeat(64));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();

    let output = pli(&["config", "check", "--config", text(&path), "-o", "json"]);
    assert_eq!(exit(&output), 2);
    let parsed: Value = serde_json::from_str(stdout(&output)).unwrap();
    let outcomes: Vec<(&str, &str)> = parsed
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (check["check"].as_str().unwrap(), check["outcome"].as_str().unwrap()))
        .collect();
    assert!(outcomes.contains(&("server.masking_key", "failed")), "{outcomes:?}");
    assert!(outcomes.contains(&("store.master_key", "failed")), "{outcomes:?}");
    assert!(outcomes.contains(&("trust.list", "warning")), "the relay starts without a list: {outcomes:?}");
    assert!(stderr(&output).starts_with("error[secret-exposed]: "), "{}", stderr(&output));
    assert!(stderr(&output).contains(&format!("chmod 600 {}", key.display())), "{}", stderr(&output));
}

#[test]
fn a_mistake_on_the_command_line_has_a_stable_code_too() {
    let output = pli(&["serv"]);
    assert_eq!(exit(&output), 2);
    assert!(stderr(&output).starts_with("error[usage]: "), "{}", stderr(&output));
    assert!(stderr(&output).contains("`serve`"), "{}", stderr(&output));
    assert_eq!(exit(&pli(&[])), 2);
}

#[test]
fn help_and_version_are_no_failure() {
    assert_eq!(exit(&pli(&["--help"])), 0);
    let output = pli(&["--version"]);
    assert_eq!(exit(&output), 0);
    if cfg!(feature = "testing") {
        assert!(stdout(&output).contains("feature testing"), "a build whose clock can be set says so");
    } else {
        assert_eq!(stdout(&output), concat!("pli ", env!("CARGO_PKG_VERSION"), "\n"));
    }
}

#[test]
fn a_shell_gets_its_completions() {
    let output = pli(&["completions", "bash"]);
    assert_eq!(exit(&output), 0);
    assert!(stdout(&output).contains("pli__subcmd__trust__subcmd__check"), "{}", stdout(&output));
}
