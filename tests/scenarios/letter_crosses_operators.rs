//! The main job: a hospital's letter goes through its operator to a doctor elsewhere and to a patient.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::imap::{Imap, below_trace_headers};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, message, need, wait};

/// Sends a message from the hospital's own server to a doctor and a patient; both must read what was sent.
fn cross(sandbox: &Sandbox, letter: &[u8], marker: &str) -> anyhow::Result<String> {
    let doctor = sandbox.account("elsewhere", "PER")?;
    let patient = sandbox.patient("open")?;
    let mut hospital = Smtp::as_hospital(sandbox)?;
    let from = format!("cardiologie@{}", sandbox.connector()?.domain);
    let reply = hospital.send(&from, &[&doctor.address, &patient.address], letter)?.expect(250)?;
    for (operator, name, password) in
        [("elsewhere", &doctor.address, &doctor.password), ("patients", &patient.address, &patient.password)]
    {
        let received = Imap::signed_in(sandbox, operator, name, password)?.await_message(marker)?;
        ensure!(below_trace_headers(&received, letter)? == letter, "{operator}: not what was sent");
    }
    Ok(reply.id()?.to_owned())
}

pub(crate) fn hospital_to_doctor_and_patient() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let marker = message::marker();
    let from = format!("cardiologie@{}", sandbox.connector()?.domain);
    let letter = message::letter(&from, &sandbox.account("elsewhere", "PER")?.address, &marker);
    cross(&sandbox, &letter, &marker)?;
    Ok(())
}

/// Each official sample as a letter of its own, in `IHE_XDM.zip` with its metadata and a PDF beside it.
pub(crate) fn official_documents_arrive_unchanged() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let folder = need::reference_data().context("no reference data")?.join("cda");
    let mut sent = 0;
    for file in std::fs::read_dir(folder)? {
        let cda = std::fs::read(file?.path())?;
        let from = format!("cardiologie@{}", sandbox.connector()?.domain);
        let to = &sandbox.account("elsewhere", "PER")?.address;
        let (letter, marker) = message::letter_with_document(&from, to, &cda)?;
        cross(&sandbox, &letter, &marker)?;
        sent += 1;
    }
    ensure!(sent == 6, "{sent} of 6 official documents");
    Ok(())
}

pub(crate) fn trace_tells_both_halves() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let marker = message::marker();
    let from = format!("cardiologie@{}", sandbox.connector()?.domain);
    let letter = message::letter(&from, &sandbox.account("elsewhere", "PER")?.address, &marker);
    let id = cross(&sandbox, &letter, &marker)?;
    let trace = wait::until("two relayed events", Duration::from_secs(30), || {
        let trace = sandbox.trace("pro", &id)?;
        let relayed = events(&trace).filter(|event| *event == "relayed").count();
        Ok((relayed == 2).then_some(trace))
    })?;
    ensure!(trace["message"] == id.as_str(), "another message: {trace}");
    ensure!(events(&trace).next() == Some("accepted"), "does not begin with its acceptance: {trace}");
    let ins = sandbox.patient("open")?.address.split('@').next().unwrap_or_default().to_owned();
    ensure!(!trace.to_string().contains(&ins), "the trace shows a patient's identifier");
    Ok(())
}

fn events(trace: &serde_json::Value) -> impl Iterator<Item = &str> {
    trace["events"].as_array().into_iter().flatten().filter_map(|event| event["event"].as_str())
}

/// A doctor's address that does not exist elsewhere: the sender gets a report, and it holds none of the content.
pub(crate) fn report_comes_back_when_the_last_server_refuses() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let marker = message::marker();
    let nobody = format!("personne-{marker}@clinique-voisine.mssante.fr");
    let letter = message::letter(&pharmacy.address, &nobody, &marker);
    let mut smtp = Smtp::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    smtp.send(&pharmacy.address, &[&nobody], &letter)?.expect(250)?;
    let mut imap = Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    let report = String::from_utf8_lossy(&imap.await_message(&nobody)?).into_owned();
    ensure!(report.contains("multipart/report"), "not a report: {report}");
    ensure!(report.contains("recipient-unknown"), "the other server's reason is missing: {report}");
    ensure!(!report.contains("Bonjour, voici"), "the report holds the content: {report}");
    Ok(())
}
