//! Clients that we did not write, over real sockets: Python's imaplib, and mbsync.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use libtest_mimic::Trial;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::play;
use crate::stage::{Security, Stage};

const SCRIPT: &str = include_str!("imaplib_session.py");

pub(crate) fn trials() -> Vec<Trial> {
    let missing = !runs("python3", &["-c", "import imaplib, ssl"]);
    let trial = |name: &str, implicit| {
        let name = if missing { format!("{name} (python3 is missing)") } else { name.to_owned() };
        Trial::test(name, move || play(session(implicit))).with_ignored_flag(missing)
    };
    let lacks_mbsync = !runs("mbsync", &["--version"]);
    let name = if lacks_mbsync { "clients::mbsync (it is missing)" } else { "clients::mbsync" };
    let mbsync = Trial::test(name, || play(mirror())).with_ignored_flag(lacks_mbsync);
    vec![trial("clients::imaplib_over_tls", true), trial("clients::imaplib_over_starttls", false), mbsync]
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    std::process::Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
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

/// A mailbox mirrored into a folder, both ways: bodies, flags and removals.
async fn mirror() -> anyhow::Result<()> {
    let stage = Stage::build().await?;
    let message = "Subject: un\r\n\r\nBonjour \u{e9}\r\n".as_bytes();
    stage.deliver(message).await?;
    let (port, authorities) = stage.listen(true).await?;
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("mbsyncrc");
    std::fs::write(&config, settings(folder.path(), port, &authorities))?;
    std::fs::create_dir(folder.path().join("mail"))?;
    mbsync(&config).await?;

    let inbox = folder.path().join("mail/INBOX");
    let fetched = only_file(&inbox.join("new"))?;
    let kept = std::fs::read(&fetched)?;
    // mbsync keeps line feeds alone, and marks what it fetched with a field of its own.
    let body: Vec<u8> = message.iter().copied().filter(|byte| *byte != b'\r').collect();
    ensure!(kept.starts_with(b"Subject: un\n") && kept.ends_with(&body[b"Subject: un\n".len()..]), "{kept:?}");

    // Read here, answered here: both go back.
    let name = fetched.file_name().context("a name")?.to_string_lossy().into_owned();
    std::fs::rename(&fetched, inbox.join("cur").join(format!("{name}:2,S")))?;
    let sent = folder.path().join("mail/Sent/new");
    std::fs::write(sent.join("1.answer.local"), "Subject: Re: un\n\nMerci\n")?;
    mbsync(&config).await?;
    let mut client = stage.open(&Security::Tls);
    client.hear("* OK <any>").await?;
    client.say(b"a LOGIN officine@pharmacie.test secret\r\n").await?;
    client.hear("a OK <any>").await?;
    client.say(b"b STATUS INBOX (MESSAGES UNSEEN)\r\nc STATUS Sent (MESSAGES)\r\n").await?;
    client.hear("* STATUS INBOX (MESSAGES 1 UNSEEN 0)").await?;
    client.hear("b OK <any>").await?;
    client.hear("* STATUS Sent (MESSAGES 1)").await?;
    client.hear("c OK <any>").await?;

    // Removed here: it goes there too.
    let read = only_file(&inbox.join("cur"))?;
    std::fs::remove_file(read)?;
    mbsync(&config).await?;
    client.say(b"d STATUS INBOX (MESSAGES)\r\n").await?;
    client.hear("* STATUS INBOX (MESSAGES 0)").await?;
    client.hear("d OK <any>").await?;
    stage.finish().await
}

fn only_file(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut files = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    ensure!(files.len() == 1, "{} files in {}", files.len(), folder.display());
    Ok(files.remove(0).path())
}

async fn mbsync(config: &Path) -> anyhow::Result<()> {
    let output = Command::new("mbsync").arg("-c").arg(config).arg("-a").stdin(Stdio::null()).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn settings(folder: &Path, port: u16, authorities: &Path) -> String {
    let (folder, authorities) = (folder.display(), authorities.display());
    format!(
        "IMAPAccount pharmacie\n\
         Host localhost\n\
         Port {port}\n\
         User officine@pharmacie.test\n\
         Pass secret\n\
         SSLType IMAPS\n\
         SystemCertificates no\n\
         CertificateFile {authorities}\n\
         \n\
         IMAPStore there\n\
         Account pharmacie\n\
         \n\
         MaildirStore here\n\
         Path {folder}/mail/\n\
         Inbox {folder}/mail/INBOX\n\
         SubFolders Verbatim\n\
         \n\
         Channel all\n\
         Far :there:\n\
         Near :here:\n\
         Patterns INBOX Sent\n\
         Create Near\n\
         Expunge Both\n\
         SyncState *\n"
    )
}
