//! Documents in `IHE_XDM.zip` (scenarios 37 and 38): read for what they are and about whom, delivered as they came.

use std::process::Command;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::command::succeed;
use e2e::imap::{Imap, below_trace_headers};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, kept, message};
use pli_sandbox::letter::discharge::DISCHARGE;
use pli_sandbox::letter::prescription::PRESCRIPTION;

/// What an archive that nobody can read may cost, in all.
const MEMORY_KIB_MAX: u64 = 64 * 1024;

/// The mistake that nobody catches: one patient's document in another's letter box. Neither his own operator takes it from
/// the doctor, nor the patients' from anybody.
pub(crate) fn a_letter_about_one_patient_does_not_reach_another() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    let doctor = sandbox.account("elsewhere", "PER")?;
    let patients = &sandbox.description().patients;
    let other = &patients.iter().find(|patient| patient.address.contains(['A', 'B'])).context("a Corsican")?.address;
    let (letter, _) = message::letter_with_document(&doctor.address, other, &document())?;
    kept::nothing_by(&sandbox, "elsewhere", || {
        let mut smtp = Smtp::signed_in(&sandbox, "elsewhere", &doctor.address, &doctor.password)?;
        smtp.send(&doctor.address, &[other], &letter)?.expect_reason(550, "document-other-patient")?;
        Ok(())
    })?;
    let peer = sandbox.peer_address()?;
    let (letter, _) = message::letter_with_document(&peer, other, &document())?;
    kept::nothing_by(&sandbox, "patients", || {
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "patients")?;
        smtp.send(&peer, &[other], &letter)?.expect_reason(550, "document-other-patient")?;
        Ok(())
    })
}

/// A pharmacy lists what waits for preparation, and documents are counted by what the sender says of them.
pub(crate) fn a_prescription_waits_under_its_keyword() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let peer = sandbox.peer_address()?;
    let mut imap = Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    for (cda, waits) in [(PRESCRIPTION.cda(jiff::Timestamp::UNIX_EPOCH), true), (document(), false)] {
        let (letter, id) = message::letter_with_document(&peer, &pharmacy.address, &cda)?;
        Smtp::as_peer(&sandbox, "listed", "pro")?.send(&peer, &[&pharmacy.address], &letter)?.expect(250)?;
        imap.await_message(&id)?;
        let found = imap.command(&format!("SEARCH KEYWORD $Prescription HEADER Message-ID {id}"))?;
        let numbers = found.lines.iter().find_map(|line| line.strip_prefix("* SEARCH")).unwrap_or_default();
        ensure!(numbers.trim().is_empty() != waits, "prescription {waits}, found {numbers:?}");
    }
    for line in [
        "pli_mss_codecda_total{code=\"57833-6\"}",
        "pli_mss_codecda_total{code=\"34112-3\"}",
        "pli_mss_ins_total{value=\"O\"}",
    ] {
        ensure!(sandbox.metric("pro", line)?.is_some_and(|count| count >= 1.0), "{line} does not count");
    }
    Ok(())
}

/// Scenario 38: whatever is in the archive, it costs little, and the letter arrives as it was sent.
pub(crate) fn archives_that_no_honest_program_makes_cost_little_and_lose_nothing() -> Outcome {
    let folder = tempfile::tempdir()?;
    let cda = folder.path().join("cda.xml");
    std::fs::write(&cda, document())?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/odd_archives.py");
    succeed(Command::new("python3").arg(script).arg(folder.path()).arg(&cda))?;
    let sandbox = Sandbox::start()?;
    let mut archives = 0;
    for file in std::fs::read_dir(folder.path())? {
        let file = file?.path();
        if file.extension().is_none_or(|extension| extension != "zip") {
            continue;
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        arrives_unchanged(&sandbox, &std::fs::read(&file)?).with_context(|| name)?;
        archives += 1;
    }
    ensure!(archives == 14, "{archives} of 14 archives");
    Ok(())
}

fn arrives_unchanged(sandbox: &Sandbox, archive: &[u8]) -> Outcome {
    let pharmacy = sandbox.account("pro", "ORG")?;
    let peer = sandbox.peer_address()?;
    let marker = message::marker();
    let encoded = BASE64_STANDARD.encode(archive);
    let lines: Vec<&str> = encoded.as_bytes().chunks(76).filter_map(|line| str::from_utf8(line).ok()).collect();
    let letter = format!(
        "From: <{peer}>\r\nTo: <{to}>\r\nSubject: {secret}\r\nMessage-ID: <{marker}@client.test>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\n{marker}\r\n\
         --b\r\nContent-Type: application/zip; name=\"IHE_XDM.zip\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"IHE_XDM.zip\"\r\n\r\n{archive}\r\n--b--\r\n",
        to = pharmacy.address,
        secret = message::SECRET,
        archive = lines.join("\r\n"),
    )
    .into_bytes();
    let before = peak_memory_kib(sandbox)?;
    Smtp::as_peer(sandbox, "listed", "pro")?.send(&peer, &[&pharmacy.address], &letter)?.expect(250)?;
    let grown = peak_memory_kib(sandbox)?.saturating_sub(before);
    ensure!(grown < MEMORY_KIB_MAX, "memory grew by {grown} KiB");
    let mut imap = Imap::signed_in(sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    let received = imap.await_message(&marker)?;
    ensure!(below_trace_headers(&received, &letter)? == letter, "not what was sent");
    Ok(())
}

/// The most that the operator has ever had in memory.
fn peak_memory_kib(sandbox: &Sandbox) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", sandbox.pid("pro")?))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
    line.split_whitespace().nth(1).context("no figure")?.parse().context("no figure")
}

fn document() -> Vec<u8> {
    DISCHARGE.cda(jiff::Timestamp::UNIX_EPOCH)
}
