//! The admin socket: who may use it, and what it bears.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::lists::{FOUR, list};
use support::node::Operator;
use support::{assert_fails, text};

const SOCKET: &str = "pro/state/admin.sock";

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// What comes back for these bytes.
fn say(operator: &Operator, bytes: &[u8]) -> Value {
    let mut stream = UnixStream::connect(operator.path(SOCKET)).unwrap();
    // A node that has heard enough no longer listens.
    stream.write_all(bytes).ok();
    stream.shutdown(std::net::Shutdown::Write).ok();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert_eq!(reply.matches('\n').count(), 1, "{reply}");
    serde_json::from_str(&reply).unwrap()
}

#[test]
fn the_socket_is_for_the_nodes_user_and_group_only() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    assert_eq!(mode(&operator.path("pro/state")), 0o700);
    assert_eq!(mode(&operator.path(SOCKET)), 0o660);
    let pong = say(&operator, b"{\"request\":{\"ask\":\"ping\"}}\n");
    assert!(pong["done"]["pid"].as_u64().is_some(), "{pong}");

    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Only root can become somebody else: what he is told where the folder is closed, and where it is open.
    std::fs::set_permissions(operator.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let binary = operator.folder.path().join("pli");
    std::fs::copy(env!("CARGO_BIN_EXE_pli"), &binary).unwrap();
    for folder_mode in [0o700, 0o755] {
        std::fs::set_permissions(operator.path("pro/state"), std::fs::Permissions::from_mode(folder_mode)).unwrap();
        let output = Command::new(&binary)
            .args(["trust", "show", "--config", &operator.config()])
            .uid(65534)
            .gid(65534)
            .output()
            .unwrap();
        assert_fails(&output, 2, "admin-socket-forbidden");
    }
}

#[test]
fn what_is_no_request_is_answered_and_nothing_comes_of_it() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    let endless = vec![b'a'; 1 << 20];
    let many = json!({"request": {"ask": "ping"}, "attached": u64::MAX}).to_string() + "\n";
    let short = json!({"request": {"ask": "trust-install", "reason": "r", "dry_run": false}, "attached": 10});
    let short = short.to_string() + "\nfive!";
    for bytes in [
        &b""[..],
        b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"{\"request\":{\"ask\":\"everything\"}}\n",
        b"{\"request\":{\"ask\":\"ping\"},\"as\":\"root\"}\n",
        b"{\"request\":{\"ask\":\"ping\"}}",
        &endless,
        many.as_bytes(),
        short.as_bytes(),
    ] {
        let reply = say(&operator, bytes);
        assert_eq!(
            (&reply["failed"]["code"], &reply["failed"]["exit"]),
            (&"admin-request".into(), &2.into()),
            "{reply}"
        );
    }
    assert_eq!(operator.domains_in_force(), 4);
}

#[test]
fn a_copy_of_the_directory_that_nobody_prepared_is_not_installed() {
    let operator = Operator::with_list(&list(1, FOUR));
    let _node = operator.serve();
    let request = b"{\"request\":{\"ask\":\"directory-install\",\"digest\":\"1a2b\"}}\n";
    assert_eq!(say(&operator, request)["failed"]["code"], "directory-not-prepared");
    std::fs::write(operator.path("pro/state/directory.db.new"), "half of a copy, and of no database").unwrap();
    assert_eq!(say(&operator, request)["failed"]["code"], "directory-not-prepared");
    assert!(!operator.path("pro/state/directory.db").exists());
}

#[test]
fn a_socket_that_a_killed_node_left_behind_is_in_nobodys_way() {
    let operator = Operator::with_list(&list(1, FOUR));
    let mut node = operator.serve();
    node.signal(Signal::KILL);
    node.child.wait().unwrap();
    assert!(std::fs::metadata(operator.path(SOCKET)).unwrap().file_type().is_socket(), "it lies there");
    assert_eq!(operator.domains_in_force(), 4, "nobody answers there, so the folder is looked at");
    operator.fails(&["trust", "rollback", "--reason", "none"], 4, "rollback-nothing-before");

    let _again = operator.serve();
    assert!(say(&operator, b"{\"request\":{\"ask\":\"ping\"}}\n")["done"].is_object());
}

#[test]
fn a_state_folder_with_a_long_name_has_a_socket_too() {
    let operator = Operator::with_list(&list(1, FOUR));
    let long = format!("state = \"{}\"", "long/".repeat(30));
    let config = support::node::read(&operator.path("pro/pli.toml")).replace("state = \"state\"", &long);
    assert!(config.contains(&long), "{config}");
    operator.replace("pro/pli.toml", &config);
    let _node = operator.serve();
    assert_eq!(operator.told(&["trust", "fetch"])["outcome"], "unchanged");
    let locked = operator.path("pro").join("long/".repeat(30)).join("lock");
    assert!(text(&locked).len() > 150 && locked.exists());
}
