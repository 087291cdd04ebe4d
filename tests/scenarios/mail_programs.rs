//! The mail programs that people have: swaks, Python, curl, mbsync.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use e2e::imap::Imap;
use e2e::smtp::Smtp;
use e2e::wire::Identity;
use e2e::{Outcome, Sandbox, message};

fn succeeded(output: &Output, what: &str) -> Outcome {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    ensure!(output.status.success(), "{what} ended with {}: {}", output.status, String::from_utf8_lossy(&said));
    Ok(())
}

/// The pharmacist's inbox holds a message with this marker.
fn pharmacist_reads(sandbox: &Sandbox, marker: &str) -> Outcome {
    let pharmacy = sandbox.account("pro", "ORG")?;
    Imap::signed_in(sandbox, "pro", &pharmacy.address, &pharmacy.password)?.await_message(marker)?;
    Ok(())
}

pub(crate) fn swaks_submits_on_both_ports() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let doctor = sandbox.account("elsewhere", "PER")?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let ports = &sandbox.operator("elsewhere")?.ports;
    for (port, upgrade) in [(ports.submission, "-tls"), (ports.submissions, "-tlsc")] {
        let marker = message::marker();
        let output = Command::new("swaks")
            .args(["--server", "127.0.0.1", "--port", &port.to_string(), upgrade, "--auth", "PLAIN"])
            .args(["--auth-user", &doctor.address, "--auth-password", &doctor.password])
            .args(["--from", &doctor.address, "--to", &pharmacy.address, "--body", &marker])
            .args(["--tls-verify", "--tls-ca-path"])
            .arg(sandbox.ca())
            .output()?;
        succeeded(&output, "swaks")?;
        pharmacist_reads(&sandbox, &marker)?;
    }
    Ok(())
}

pub(crate) fn swaks_relays_as_a_listed_operator() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let peer = sandbox.peer("listed")?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let marker = message::marker();
    let output = Command::new("swaks")
        .args(["--server", "127.0.0.1", "--port", &sandbox.operator("pro")?.ports.smtp.to_string(), "-tls"])
        .arg("--tls-cert")
        .arg(sandbox.path(&peer.certificate))
        .arg("--tls-key")
        .arg(sandbox.path(&peer.key))
        .args(["--from", &format!("cabinet@{}", peer.domain), "--to", &pharmacy.address, "--body", &marker])
        .output()?;
    succeeded(&output, "swaks")?;
    pharmacist_reads(&sandbox, &marker)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)
}

/// smtplib sends on both submission ports; imaplib reads, flags, files, answers and empties.
pub(crate) fn python_sends_and_reads() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let doctor = sandbox.account("elsewhere", "PER")?;
    let ports = &sandbox.operator("elsewhere")?.ports;
    let output = Command::new("python3")
        .arg(script("a_day_at_the_desk.py"))
        .arg(sandbox.ca())
        .args([&doctor.address, &doctor.password])
        .args([ports.submission, ports.submissions, ports.imap, ports.imaps].map(|port| port.to_string()))
        .arg(message::marker())
        .output()?;
    succeeded(&output, "the Python script")
}

pub(crate) fn curl_sends_and_reads() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let ports = &sandbox.operator("pro")?.ports;
    let marker = message::marker();
    let folder = tempfile::tempdir()?;
    let letter = folder.path().join("letter.eml");
    std::fs::write(&letter, message::letter(&pharmacy.address, &pharmacy.address, &marker))?;
    let user = format!("{}:{}", pharmacy.address, pharmacy.password);
    let curl = || {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--fail", "--ssl-reqd", "--max-time", "30", "--user", &user, "--cacert"])
            .arg(sandbox.ca());
        command
    };
    for url in [format!("smtps://localhost:{}", ports.submissions), format!("smtp://localhost:{}", ports.submission)] {
        let output = curl()
            .args([&url, "--mail-from", &pharmacy.address, "--mail-rcpt", &pharmacy.address, "--upload-file"])
            .arg(&letter)
            .output()?;
        succeeded(&output, "curl sending")?;
    }
    pharmacist_reads(&sandbox, &marker)?;
    for url in [format!("imaps://localhost:{}", ports.imaps), format!("imap://localhost:{}", ports.imap)] {
        let found = curl().arg(format!("{url}/INBOX?SUBJECT%20Courrier")).output()?;
        succeeded(&found, "curl searching")?;
        let numbers = String::from_utf8_lossy(&found.stdout).into_owned();
        let last = numbers.split_whitespace().last().filter(|number| number.parse::<u32>().is_ok());
        let index = last.with_context(|| format!("nothing was found: {numbers:?}"))?;
        let output = curl().arg(format!("{url}/INBOX;MAILINDEX={index}")).output()?;
        succeeded(&output, "curl reading")?;
        ensure!(output.stdout.ends_with(b"\r\n") && !output.stdout.is_empty(), "curl read nothing");
    }
    Ok(())
}

/// Down, a change on this side, up again, and a second run has nothing left to do.
pub(crate) fn mbsync_mirrors_a_mailbox() -> Outcome {
    let sandbox = Sandbox::start()?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let from = format!("cabinet@{}", sandbox.peer("listed")?.domain);
    let mut peer = Smtp::as_peer(&sandbox, "listed", "pro")?;
    for _ in 0..5 {
        let letter = message::letter(&from, &pharmacy.address, &message::marker());
        peer.send(&from, &[&pharmacy.address], &letter)?.expect(250)?;
    }
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("mbsyncrc");
    std::fs::create_dir(folder.path().join("mail"))?;
    std::fs::write(
        &config,
        format!(
            "IMAPStore far\nHost localhost\nPort {}\nUser {}\nPass \"{}\"\nSSLType IMAPS\nCertificateFile {}\n\n\
             MaildirStore near\nPath {dir}/mail/\nInbox {dir}/mail/INBOX\nSubFolders Verbatim\n\n\
             Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n",
            sandbox.operator("pro")?.ports.imaps,
            pharmacy.address,
            pharmacy.password,
            sandbox.ca().display(),
            dir = folder.path().display(),
        ),
    )?;
    let sync =
        || -> Outcome { succeeded(&Command::new("mbsync").arg("-c").arg(&config).arg("all").output()?, "mbsync") };
    sync()?;
    let inbox = folder.path().join("mail/INBOX");
    let mirrored = files(&inbox)?;
    ensure!(mirrored.len() == 5, "{} of 5 messages were mirrored", mirrored.len());
    // One is marked as read and deleted here; a new one is written here.
    let first = mirrored.first().context("no message")?;
    let name = first.file_name().context("no name")?.to_string_lossy().into_owned();
    let base = name.split(":2,").next().context("no base")?;
    std::fs::rename(first, inbox.join("cur").join(format!("{base}:2,ST")))?;
    let marker = message::marker();
    let written = String::from_utf8(message::letter(&pharmacy.address, &from, &marker))?.replace("\r\n", "\n");
    std::fs::write(inbox.join("cur/1700000000.1.here:2,S"), written)?;
    sync()?;
    let mut imap = Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    let kept = imap.inbox()?;
    ensure!(kept.len() == 5, "{} messages instead of 4 and the new one", kept.len());
    ensure!(kept.iter().any(|message| e2e::imap::holds(message, &marker)), "the message written here did not go up");
    sync()?;
    ensure!(files(&inbox)?.len() == 5, "a second run changed something");
    Ok(())
}

fn files(maildir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in ["new", "cur"] {
        for entry in std::fs::read_dir(maildir.join(folder))? {
            files.push(entry?.path());
        }
    }
    files.sort();
    Ok(files)
}

/// An APP mailbox has no password: its certificate is its key (spec scenario 34).
pub(crate) fn an_application_signs_in_with_its_certificate() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let application =
        sandbox.description().accounts.iter().find(|account| account.kind == "APP").context("no APP account")?;
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(sandbox.dir().join("sandbox.json"))?)?;
    let entry = json["accounts"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|account| account["type"] == "APP")
        .context("no entry")?;
    let file = |member: &str| sandbox.dir().join(entry[member].as_str().unwrap_or_default());
    let (certificate, key) = (file("certificate"), file("key"));
    let port = sandbox.operator(&application.operator)?.ports.submissions;
    let mut smtp = Smtp::connect_tls(port, Identity { ca: &sandbox.ca(), client: Some((&certificate, &key)) })?;
    smtp.command("AUTH EXTERNAL =")?.expect(235)?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let marker = message::marker();
    let letter = message::letter(&application.address, &pharmacy.address, &marker);
    smtp.send(&application.address, &[&pharmacy.address], &letter)?.expect(250)?;
    pharmacist_reads(&sandbox, &marker)?;
    let mut stranger = Smtp::connect_tls(port, Identity { ca: &sandbox.ca(), client: None })?;
    ensure!(stranger.command("AUTH EXTERNAL =")?.code >= 500, "EXTERNAL without a certificate");
    Ok(())
}
