//! One message for two other servers, of which one refuses its recipient for good: what became of it with each of them.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::imap::{Imap, holds};
use e2e::peer_server::{Manner, PeerServer};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, message, wait};

const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn of_two_hospitals_one_has_it_and_the_other_refuses() -> Outcome {
    let sandbox = Sandbox::start()?;
    let (pharmacy, doctor) = (sandbox.account("pro", "ORG")?, sandbox.account("elsewhere", "PER")?);
    let connector = sandbox.connector()?;
    let manner = Manner::Tls(sandbox.path(&connector.certificate), sandbox.path(&connector.key));
    let hospital = PeerServer::on(connector.port, manner)?;
    let taken = format!("urgences@{}", connector.domain);
    let (_, domain) = doctor.address.split_once('@').context("no domain")?;
    let refused = format!("personne@{domain}");

    let marker = message::marker();
    let letter = message::letter(&pharmacy.address, &taken, &marker);
    let mut smtp = Smtp::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    let id = smtp.send(&pharmacy.address, &[&taken, &refused], &letter)?.expect(250)?.id()?.to_owned();
    let trace = wait::until("the end of both ways", PATIENCE, || {
        Ok(Some(sandbox.trace("pro", &id)?).filter(|trace| !trace["ended_at"].is_null()))
    })?;
    let parties = trace["parties"].as_array().context("no parties")?;
    let told: Vec<_> =
        parties.iter().map(|party| [&party["number"], &party["recipient"], &party["state"], &party["code"]]).collect();
    let expected = serde_json::json!([[0, taken, "relayed", null], [1, refused, "failed", "peer-refused"]]);
    ensure!(serde_json::json!(told) == expected, "{trace:#}");
    let events = trace["events"].as_array().context("no events")?;
    let of = |recipient: &str| -> Vec<&str> {
        let his = events.iter().filter(|event| event["recipient"] == recipient);
        his.filter_map(|event| event["event"].as_str()).collect()
    };
    ensure!((of(&taken), of(&refused)) == (vec!["relayed"], vec!["failed", "reported"]), "{trace:#}");

    // The timeline for a person shows both, and nothing of the letter.
    let config = sandbox.config("pro")?;
    let config = config.to_str().context("a path")?;
    let shown = e2e::pli::run(["message", "trace", &id, "--config", config, "-o", "table"])?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for told in [taken.as_str(), "relayed", refused.as_str(), "failed", "peer-refused"] {
        ensure!(shown.contains(told), "{told} is not in {shown}");
    }
    ensure!(!shown.contains(message::SECRET), "{shown}");
    // Who sent it sees the same of his message.
    let seen = sandbox.pli("pro", &["message", "trace", &id, "--as", &pharmacy.address])?;
    ensure!(seen["parties"] == trace["parties"], "{seen:#}");

    // One report, on the one who does not get it; one letter, to the one who does.
    let mut imap = Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    let inbox = imap.inbox()?;
    let reports: Vec<_> = inbox.iter().filter(|mail| holds(mail, "Action: failed")).collect();
    ensure!(
        reports.len() == 1 && holds(reports[0], &refused) && !holds(reports[0], &taken),
        "{} reports",
        reports.len()
    );
    let got = hospital.got();
    ensure!(got.messages.iter().filter(|letter| letter.contains(&marker)).count() == 1, "{:?}", got.secured);
    Ok(())
}
