//! A hospital whose server an admin adds, changes and takes away by command while the relay runs: each change counts at
//! the next `MAIL`, on connections that are open as well.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::authority::{Authority, Issued, Use};
use e2e::imap::{Imap, holds};
use e2e::postfix::Postfix;
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, Seed, message, wait};

use crate::hospital_with_postfix::hospital;

/// A sandbox whose hospital is in no configuration.
struct Stage {
    sandbox: Sandbox,
    domain: String,
    port: u16,
    /// The certificate that it has, and the one that it gets.
    before: Issued,
    after: Issued,
    _authority: Authority,
}

impl Stage {
    fn set() -> Result<Self> {
        let seed = Seed::new()?;
        let connector = seed.description().connectors.first().context("no connector")?;
        let (domain, port) = (connector.domain.clone(), connector.port);
        let at = |file: &PathBuf| seed.dir().join(file);
        let before = Issued { certificate: at(&connector.certificate), key: at(&connector.key) };
        let authority = Authority::of(seed.dir(), "organisations")?;
        let subject = "/C=FR/ST=Ain (01)/O=CH EXEMPLE/OU=1990000099/CN=mta-2.ch-exemple.test";
        let after = authority.issue("mta-2", subject, Use::Relay)?;
        seed.configure("pro", |table| {
            table.remove("connector");
        })?;
        Ok(Self { sandbox: seed.start()?, domain, port, before, after, _authority: authority })
    }

    fn pli(&self, words: &[&str]) -> Result<serde_json::Value> {
        self.sandbox.pli("pro", &[&["connector"], words].concat())
    }

    /// Adds it, with the certificate that it has.
    fn add(&self) -> Result<serde_json::Value> {
        let (certificate, port) = (self.before.certificate.to_string_lossy(), self.port.to_string());
        let where_to = ["--domain", &self.domain, "--host", "127.0.0.1", "--port", &port];
        self.pli(&[&["add", "hospital", "--certificate", &certificate], &where_to[..]].concat())
    }

    fn rotate(&self) -> Result<serde_json::Value> {
        self.pli(&["set", "hospital", "--certificate", &self.after.certificate.to_string_lossy()])
    }

    fn connect(&self, with: &Issued) -> Result<Smtp> {
        Smtp::as_issued(&self.sandbox, with, "pro")
    }

    fn mail(&self) -> String {
        format!("MAIL FROM:<urgences@{}>", self.domain)
    }
}

pub(crate) fn what_an_admin_changes_counts_at_the_next_mail() -> Outcome {
    let stage = Stage::set()?;
    let (mut before, mut after) = (stage.connect(&stage.before)?, stage.connect(&stage.after)?);
    before.command(&stage.mail())?.expect_reason(550, "certificate-not-listed")?;

    ensure!(stage.add()?["outcome"] == "created");
    before.command(&stage.mail())?.expect(250)?;
    before.command("RSET")?.expect(250)?;
    after.command(&stage.mail())?.expect_reason(550, "certificate-not-listed")?;

    ensure!(stage.rotate()?["outcome"] == "changed");
    before.command(&stage.mail())?.expect_reason(550, "certificate-not-listed")?;
    after.command(&stage.mail())?.expect(250)?;
    after.command("RSET")?.expect(250)?;
    ensure!(stage.rotate()?["outcome"] == "unchanged");

    stage.pli(&["rm", "hospital", "--reason", "the contract has ended"])?;
    after.command(&stage.mail())?.expect_reason(550, "certificate-not-listed")?;
    Ok(())
}

pub(crate) fn it_outlives_the_node() -> Outcome {
    let mut stage = Stage::set()?;
    stage.add()?;
    stage.sandbox.kill_nine("pro")?;
    stage.sandbox.restart("pro")?;
    stage.connect(&stage.before)?.command(&stage.mail())?.expect(250)?;
    Ok(())
}

pub(crate) fn one_of_an_address_writes_as_that_address_only() -> Outcome {
    let stage = Stage::set()?;
    let domain = &stage.sandbox.account("pro", "ORG")?.address;
    let domain = domain.split_once('@').context("no address")?.1;
    let own = format!("labo@{domain}");
    let certificate = stage.after.certificate.to_string_lossy();
    let added = stage.pli(&["add", "laboratory", "--certificate", &certificate, "--address", &own])?;
    ensure!(added["warnings"][0]["code"] == "connector-address-without-mailbox", "{added:#}");

    let doctor = stage.sandbox.account("elsewhere", "PER")?;
    let mut laboratory = stage.connect(&stage.after)?;
    let marker = message::marker();
    laboratory.send(&own, &[&doctor.address], &message::letter(&own, &doctor.address, &marker))?.expect(250)?;
    let mut imap = Imap::signed_in(&stage.sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    imap.await_message(&marker)?;

    let neighbour = format!("officine@{domain}");
    laboratory.command(&format!("MAIL FROM:<{neighbour}>"))?.expect_reason(550, "sender-not-owned")?;
    let in_its_name = message::letter(&neighbour, &doctor.address, &message::marker());
    laboratory.send(&own, &[&doctor.address], &in_its_name)?.expect_reason(550, "header-from-mismatch")?;
    Ok(())
}

pub(crate) fn a_postfix_relays_receives_and_changes_its_certificate() -> Outcome {
    let stage = Stage::set()?;
    stage.add()?;
    let postfix = hospital(&stage.sandbox, &stage.before)?;
    ensure!(stage.pli(&["show", "hospital", "--probe"])?["probe"]["ok"] == true);
    goes_out(&stage, &postfix)?;
    comes_in(&stage, &postfix)?;

    // Pli knows of the new certificate before the server has it: mail to the hospital waits, and the probe tells why.
    stage.rotate()?;
    let probed = stage.sandbox.try_pli("pro", &["connector", "show", "hospital", "--probe"])?;
    ensure!(probed.status.code() == Some(5), "{probed:?}");
    let told = String::from_utf8_lossy(&probed.stderr);
    ensure!(told.starts_with("error[peer-certificate-not-listed]: name: "), "{told}");
    let marker = answer(&stage)?;
    let waiting = wait::until("the answer to wait", Duration::from_secs(30), || {
        let rows = stage.sandbox.pli("pro", &["queue", "list"])?;
        let row = rows.as_array().and_then(|rows| rows.first()).cloned();
        Ok(row.filter(|row| row["last_reason"] == "peer-certificate-not-listed"))
    })?;
    drop(postfix);

    let postfix = hospital(&stage.sandbox, &stage.after)?;
    stage.sandbox.pli("pro", &["queue", "retry", waiting["id"].as_str().context("no id")?])?;
    received(&postfix, &marker)?;
    goes_out(&stage, &postfix)?;
    comes_in(&stage, &postfix)
}

/// A program of the hospital's hands a letter to its Postfix; the doctor elsewhere reads it.
fn goes_out(stage: &Stage, postfix: &Postfix) -> Outcome {
    let doctor = stage.sandbox.account("elsewhere", "PER")?;
    let (from, marker) = (format!("urgences@{}", stage.domain), message::marker());
    let mut inside = Smtp::connect(stage.port)?;
    inside.command("EHLO program.test")?.expect(250)?;
    inside.send(&from, &[&doctor.address], &message::letter(&from, &doctor.address, &marker))?.expect(250)?;
    let mut imap = Imap::signed_in(&stage.sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    imap.await_message(&marker).with_context(|| postfix.log())?;
    Ok(())
}

/// The doctor answers; Postfix puts it into the hospital's mailbox.
fn comes_in(stage: &Stage, postfix: &Postfix) -> Outcome {
    received(postfix, &answer(stage)?)
}

fn answer(stage: &Stage) -> Result<String> {
    let doctor = stage.sandbox.account("elsewhere", "PER")?;
    let (to, marker) = (format!("urgences@{}", stage.domain), message::marker());
    let mut submission = Smtp::signed_in(&stage.sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    submission.send(&doctor.address, &[&to], &message::letter(&doctor.address, &to, &marker))?.expect(250)?;
    Ok(marker)
}

fn received(postfix: &Postfix, marker: &str) -> Outcome {
    wait::until("the answer in the hospital's mailbox", Duration::from_mins(1), || {
        Ok(postfix.delivered()?.into_iter().find(|mail| holds(mail, marker)))
    })
    .with_context(|| postfix.log())
    .map(drop)
}
