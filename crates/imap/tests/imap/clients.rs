//! A client that we did not write, over real sockets: Python's imaplib.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use libtest_mimic::Trial;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::play;
use crate::stage::Stage;

const SCRIPT: &str = include_str!("imaplib_session.py");

pub(crate) fn trials() -> Vec<Trial> {
    let missing = !has_python();
    let trial = |name: &str, implicit| {
        let name = if missing { format!("{name} (python3 is missing)") } else { name.to_owned() };
        Trial::test(name, move || play(session(implicit))).with_ignored_flag(missing)
    };
    vec![trial("clients::imaplib_over_tls", true), trial("clients::imaplib_over_starttls", false)]
}

fn has_python() -> bool {
    let run = std::process::Command::new("python3").args(["-c", "import imaplib, ssl"]).output();
    run.is_ok_and(|output| output.status.success())
}

async fn session(implicit: bool) -> anyhow::Result<()> {
    let stage = Stage::build().await?;
    stage.deliver("Subject: un\r\n\r\nBonjour \u{e9}\r\n".as_bytes()).await?;
    let (port, authorities) = stage.listen(implicit).await?;
    run(port, &authorities, if implicit { "tls" } else { "starttls" }).await?;
    stage.finish().await
}

async fn run(port: u16, authorities: &Path, how: &str) -> anyhow::Result<()> {
    let mut python = Command::new("python3")
        .args(["-", &port.to_string(), how])
        .arg(authorities)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = python.stdin.take().context("a pipe to python3")?;
    input.write_all(SCRIPT.as_bytes()).await?;
    drop(input);
    let output = python.wait_with_output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
