//! The record: it tells who did what, when, and the answer, and nothing of a letter or a patient (scenario 43); what is changed
//! in it is found (scenario 44); whatever becomes of whoever seals it, it is sealed on.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::imap::Imap;
use e2e::message::SECRET;
use e2e::record::{Tampering, damage, damage_told, handed_out, sealed, verified};
use e2e::sandbox::signal;
use e2e::smtp::Smtp;
use e2e::wire::Identity;
use e2e::{Outcome, Sandbox, Seed, message, pli, wait};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(1);

/// Scenario 43, over SMTP and IMAP, failures included.
pub(crate) fn it_tells_who_when_what_and_the_answer_and_nothing_of_a_letter() -> Outcome {
    let sandbox = Sandbox::start()?;
    let patient = sandbox.patient("open")?.clone();
    let matricule = patient.address.split('@').next().context("a number")?.to_owned();
    let writer = sandbox.account("pro", "ORG")?.clone();

    // A professional writes to the patient, after he was mistaken twice.
    let port = sandbox.operator("pro")?.ports.submissions;
    let mut stranger = Smtp::connect_tls(port, Identity { ca: &sandbox.ca(), client: None })?;
    ensure!(stranger.command("AUTH PLAIN AGEAYg==")?.code == 535, "a wrong password is refused");
    let mut smtp = Smtp::signed_in(&sandbox, "pro", &writer.address, &writer.password)?;
    let marker = message::marker();
    let letter = message::letter(&writer.address, &patient.address, &marker);
    let wrong = format!("{}@patient.mssante.fr", "279035121518988");
    smtp.command(&format!("MAIL FROM:<{}>", writer.address))?.expect(250)?;
    ensure!(smtp.command(&format!("RCPT TO:<{wrong}>"))?.code >= 500, "a wrong key is refused");
    smtp.command("RSET")?.expect(250)?;
    let sent = smtp.send(&writer.address, &[&patient.address], &letter)?.expect(250)?;
    let id = sent.id()?.to_owned();

    // The patient's program fetches it, moves it, and throws it away; once it asks for what there is not.
    let mut imap = Imap::signed_in(&sandbox, "patients", &patient.address, &patient.password)?;
    imap.await_message(&marker)?;
    imap.command("FETCH 1:* (FLAGS BODY[])")?;
    imap.command("COPY 1 Sent")?;
    ensure!(imap.try_command("MOVE 1 \"Dossier de PAT-TROIS\"")?.end.starts_with("NO"), "there is no such folder");
    imap.command("MOVE 1 Trash")?;
    imap.append("Drafts", "(\\Draft)", &letter)?;
    imap.command("SELECT Trash")?;
    imap.command("STORE 1:* +FLAGS (\\Deleted)")?;
    imap.command("EXPUNGE")?;
    imap.command("LOGOUT")?;
    // Somebody who shows no certificate.
    let mut nobody =
        Smtp::connect_starttls(sandbox.operator("patients")?.ports.smtp, Identity { ca: &sandbox.ca(), client: None })?;
    nobody.command(&format!("MAIL FROM:<{}>", writer.address))?.expect_reason(550, "certificate-missing")?;

    let trace = sandbox.trace("pro", &id)?;
    let accepted = the(&trace, "accepted")?;
    ensure!(
        accepted["actor"] == writer.address.as_str() && accepted["mailbox"] == writer.address.as_str(),
        "{accepted}"
    );
    ensure!(accepted["face"] == "submission" && accepted["reason"].is_null(), "{accepted}");
    local_time(accepted)?;
    the(&trace, "relayed")?;

    // What the patient's operator has on record, entry by entry.
    sealed(&sandbox, "patients")?;
    let recorded = entries(&sandbox, "patients")?;
    let his = |kind: &str| {
        let found = recorded.iter().find(|entry| entry["kind"] == kind && entry["face"] == "imap");
        found.with_context(|| format!("no {kind:?} in {recorded:#?}"))
    };
    for kind in ["signed-in", "opened", "copied", "refused", "moved", "added", "deleted"] {
        let entry = his(kind)?;
        local_time(entry)?;
        for who in ["actor", "mailbox", "remote"] {
            ensure!(entry[who].is_string(), "no {who} in {entry}");
        }
    }
    ensure!(his("refused")?["detail"] == "MOVE" && his("refused")?["reason"] == "trycreate", "{}", his("refused")?);
    let unproven = |entry: &&Value| entry["reason"] == "certificate-missing" && entry["face"] == "smtp";
    ensure!(recorded.iter().any(|entry| unproven(&entry)), "who was refused is on record: {recorded:#?}");
    let there = entries(&sandbox, "pro")?;
    for (kind, reason) in [("sign-in-failed", "authentication-failed"), ("refused", "patient-address-key")] {
        ensure!(there.iter().any(|entry| entry["kind"] == kind && entry["reason"] == reason), "{kind}: {there:#?}");
    }

    // And nowhere anything of the letter, or whom it is about.
    for operator in ["pro", "patients"] {
        sandbox.metrics(operator).map(|page| hides(&matricule, &page, "metrics"))??;
        let doctor = sandbox.try_pli(operator, &["doctor"])?;
        hides(&matricule, &String::from_utf8_lossy(&doctor.stdout), "pli doctor")?;
        let verified = verified(&sandbox, operator)?.to_string();
        hides(&matricule, &verified, "pli audit verify")?;
    }
    hides(&matricule, &trace.to_string(), "the trace")?;
    sandbox.stop()?;
    no_file_tells(sandbox.dir(), &matricule)
}

/// Logs, the record's files, checkpoints, what the nodes wrote down of others, and the stores. Those files are left out in
/// which a patient's address is his: his password's file, and what describes the sandbox.
fn no_file_tells(folder: &Path, matricule: &str) -> Outcome {
    let mut read = BTreeSet::new();
    for operator in ["pro", "patients", "elsewhere"] {
        for within in ["pli.log", "state", "export"] {
            look(&folder.join(operator).join(within), matricule, &mut read)?;
        }
    }
    ensure!(read.iter().any(|name| name.ends_with("pli.log")), "no log was read: {read:?}");
    ensure!(read.iter().any(|name| name.contains("tile/entries")), "no record was read: {read:?}");
    Ok(())
}

fn look(path: &Path, matricule: &str, read: &mut BTreeSet<String>) -> Outcome {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            look(&entry?.path(), matricule, read)?;
        }
    } else if path.is_file() {
        let text = std::fs::read(path)?;
        hides(matricule, &String::from_utf8_lossy(&text), &path.display().to_string())?;
        read.insert(path.display().to_string());
    }
    Ok(())
}

fn hides(matricule: &str, text: &str, place: &str) -> Outcome {
    let lower = text.to_lowercase();
    for secret in [matricule, SECRET, "PAT-TROIS", "Courrier"] {
        ensure!(!lower.contains(&secret.to_lowercase()), "{place} has {secret:?} in clear");
    }
    Ok(())
}

fn the<'a>(trace: &'a Value, event: &str) -> anyhow::Result<&'a Value> {
    let events = trace["events"].as_array().context("no events")?;
    events.iter().find(|row| row["event"] == event).with_context(|| format!("no {event:?} in {trace}"))
}

/// UTC, and how far local time is from it (R-TRC-8).
fn local_time(event: &Value) -> Outcome {
    let utc: jiff::Timestamp = event["at"].as_str().context("no time")?.parse()?;
    if let Some(local) = event["local"].as_str() {
        ensure!(local.parse::<jiff::Timestamp>()? == utc && !local.ends_with('Z'), "{event}");
        return Ok(());
    }
    let offset = event["offset"].as_str().with_context(|| format!("no local time in {event}"))?;
    ensure!(offset.len() == 6 && offset.starts_with(['+', '-']), "{event}");
    Ok(())
}

/// The entries of an operator's record as they are handed out.
fn entries(sandbox: &Sandbox, operator: &str) -> anyhow::Result<Vec<Value>> {
    let out = sandbox.dir().join(operator).join("export");
    sandbox.pli(operator, &["audit", "export", "--out", &out.display().to_string()])?;
    let mut files = Vec::new();
    bundles(&out.join("tile/entries"), &mut files)?;
    files.sort();
    let mut entries = Vec::new();
    for file in files {
        let bytes = std::fs::read(file)?;
        let mut rest = bytes.as_slice();
        while let Some((length, behind)) = rest.split_first_chunk::<2>() {
            let (entry, behind) = behind.split_at(u16::from_be_bytes(*length).into());
            entries.push(serde_json::from_slice(entry)?);
            rest = behind;
        }
    }
    Ok(entries)
}

fn bundles(folder: &Path, files: &mut Vec<std::path::PathBuf>) -> Outcome {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { bundles(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// Scenario 44: in the store of a node, and in what it has handed out.
pub(crate) fn what_was_changed_is_found_in_its_place() -> Outcome {
    let sandbox = Seed::new()?.start_only("pro")?;
    let account = sandbox.account("pro", "ORG")?.clone();
    for _ in 0..12 {
        Imap::signed_in(&sandbox, "pro", &account.address, &account.password)?.command("LOGOUT")?;
    }
    sealed(&sandbox, "pro")?;
    sandbox.stop()?;
    let size = verified(&sandbox, "pro")?["tree_size"].as_u64().context("a size")?;
    let tampering = Tampering::with(&sandbox, "pro")?;
    let swap = "UPDATE audit SET seq = -1 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 9; UPDATE audit SET seq = 9 WHERE seq = -1";
    let cut = format!("DELETE FROM audit WHERE seq > {}", size - 2);
    let flip = |table: &str, column: &str, which: &str| {
        let changed = format!("substr({column}, 1, 20) || char(126) || substr({column}, 22)");
        format!("UPDATE {table} SET {column} = CAST({changed} AS BLOB) WHERE {which}")
    };
    let place = |entry: u64| format!("entry {entry}");
    // Its first hash is its second.
    let tile =
        "UPDATE audit_tiles SET hashes = CAST(substr(hashes, 33, 32) || substr(hashes, 33) AS BLOB) WHERE level = 0";
    let signed = "UPDATE audit_checkpoints SET checkpoint = replace(checkpoint, '\u{2014} ', '\u{2014} x')";
    for (change, expected) in [
        (flip("audit", "event", "seq = 6"), place(5)),
        ("DELETE FROM audit WHERE seq = 6".to_owned(), place(5)),
        (swap.to_owned(), place(3)),
        (cut, place(size - 2)),
        (tile.to_owned(), "tile 0 of level 0".to_owned()),
        (signed.to_owned(), format!("the checkpoint that is kept of {size} entries")),
    ] {
        tampering.change(&change)?;
        let found = damage(&sandbox, "pro").with_context(|| change.clone())?;
        ensure!(found["place"] == expected.as_str(), "{change}: expected {expected:?}, found {found}");
        tampering.undo()?;
    }
    verified(&sandbox, "pro").context("all is as it was")?;
    exported(&sandbox, size)
}

/// On a machine that has the export and the public key and nothing else.
fn exported(sandbox: &Sandbox, size: u64) -> Outcome {
    let out = sandbox.dir().join("export");
    let folder = out.display().to_string();
    let told = sandbox.pli("pro", &["audit", "export", "--out", &folder])?;
    ensure!(told["tree_size"] == size, "{told}");
    let verify = || pli::run(["-o", "json", "audit", "verify", "--export", &folder]);
    let whole = verify()?;
    ensure!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    let bundle = format!("tile/entries/000.p/{size}");
    let (tile, checkpoint) = (format!("tile/0/000.p/{size}"), "checkpoint".to_owned());
    for (file, at, expected) in
        [(bundle, 20, "entry 0"), (tile, 70, "tile 0 of level 0"), (checkpoint, 30, "the checkpoint")]
    {
        let path = out.join(file);
        let good = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, bad)?;
        let found = damage_told(&verify()?)?;
        ensure!(found["place"] == expected, "{}: {found}", path.display());
        std::fs::write(&path, good)?;
    }
    Ok(())
}

/// A minute asleep, a second node on the same store meanwhile, `kill -9`: one history, without a gap, and it goes on.
pub(crate) fn whatever_becomes_of_its_sealer_it_is_sealed_on() -> Outcome {
    let clock = tempfile::NamedTempFile::new()?;
    std::fs::write(clock.path(), "+0s")?;
    let seed = Seed::testing()?.with_variable("PLI_CLOCK_FILE", clock.path());
    let mut sandbox = seed.start_only("pro")?;
    let account = sandbox.account("pro", "ORG")?.clone();
    let happens = |sandbox: &Sandbox| -> Outcome {
        Imap::signed_in(sandbox, "pro", &account.address, &account.password)?.command("LOGOUT").map(drop)
    };
    let mut before = 0;
    for round in 0..3 {
        happens(&sandbox)?;
        let size = sealed(&sandbox, "pro")?;
        ensure!(size > before, "round {round}: {before} and then {size}");
        before = size;
        let pid = sandbox.pid("pro")?;
        signal("STOP", pid)?;
        std::fs::write(clock.path(), format!("+{}m", round + 1))?;
        // With a state folder of its own it gets as far as the store.
        let twin = twin(&sandbox, round)?;
        let output = Command::new(pli::testing_binary()).arg("serve").arg("--config").arg(&twin).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success() && said.contains("error[store-config]"), "a second node: {said}");
        signal("CONT", pid)?;
        if round == 1 {
            happens(&sandbox)?;
            sandbox.kill_nine("pro")?;
            wait::until("the end", PATIENCE, || Ok(sandbox.has_ended()?.then_some(())))?;
            sandbox.restart("pro")?;
        }
    }
    happens(&sandbox)?;
    sealed(&sandbox, "pro")?;
    sandbox.stop()?;
    verified(&sandbox, "pro")?;
    let sizes = handed_out(&sandbox, "pro")?;
    ensure!(sizes.len() > 3 && sizes.is_sorted_by(|one, next| one < next), "{sizes:?}");
    Ok(())
}

/// The operator's configuration, with another state folder, in which its key lies.
fn twin(sandbox: &Sandbox, round: usize) -> anyhow::Result<std::path::PathBuf> {
    let config = sandbox.config("pro")?;
    let mut table: toml::Table = std::fs::read_to_string(&config)?.parse()?;
    let folder = config.parent().context("a folder")?;
    let state = folder.join(format!("twin-{round}"));
    std::fs::create_dir(&state)?;
    for entry in std::fs::read_dir(folder.join("state"))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), state.join(entry.file_name()))?;
        }
    }
    let server = table.get_mut("server").and_then(toml::Value::as_table_mut).context("[server]")?;
    server.insert("state".to_owned(), state.display().to_string().into());
    let twin = folder.join(format!("twin-{round}.toml"));
    std::fs::write(&twin, table.to_string())?;
    Ok(twin)
}
