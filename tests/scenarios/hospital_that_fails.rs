//! A hospital's own server that puts off, refuses, breaks off or dawdles at any stage, as Postfix and as Exim: mail waits,
//! says why, and arrives once when all is well again; what is refused for ever comes back, and nothing else does.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use e2e::cutter::Cutter;
use e2e::exim::{self, Exim};
use e2e::faults::{COME_AGAIN, Fault, FaultyServer, SLOW_SECONDS, Stage, UNKNOWN};
use e2e::imap::{Imap, holds};
use e2e::postfix::{self, Postfix};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, message, wait};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of the server's handshake after which the wire breaks: before its first, within its first message, within its
/// certificates.
const BREAKS: [usize; 4] = [0, 1, 100, 1500];

/// A pharmacy that writes to a hospital whose server is told to do wrong, behind a wire that can be cut.
struct Stand<'s> {
    sandbox: &'s Sandbox,
    server: Box<dyn FaultyServer>,
    wire: Cutter,
}

pub(crate) fn postfix_in_all_its_ways() -> Outcome {
    let sandbox = Sandbox::start()?;
    let connector = sandbox.connector()?;
    let port = free_port()?;
    let server = Postfix::start_faulty(postfix::Role {
        port,
        domain: &connector.domain,
        ca: &sandbox.ca(),
        certificate: &sandbox.path(&connector.certificate),
        key: &sandbox.path(&connector.key),
        settings: "smtpd_tls_security_level = may\n",
    })?;
    let wire = Cutter::between(connector.port, port)?;
    Stand { sandbox: &sandbox, server: Box::new(server), wire }.all_ways()
}

pub(crate) fn exim_in_all_its_ways() -> Outcome {
    let sandbox = Sandbox::start()?;
    let connector = sandbox.connector()?;
    let port = free_port()?;
    let server = Exim::start_faulty(exim::Role {
        port,
        domain: &connector.domain,
        ca: &sandbox.ca(),
        certificate: &sandbox.path(&connector.certificate),
        key: &sandbox.path(&connector.key),
        relay: sandbox.operator(&connector.operator)?.ports.smtp,
    })?;
    let wire = Cutter::between(connector.port, port)?;
    Stand { sandbox: &sandbox, server: Box::new(server), wire }.all_ways()
}

/// A message that was handed in.
struct Sent {
    id: String,
    marker: String,
}

impl Stand<'_> {
    fn all_ways(&self) -> Outcome {
        self.puts_off_at_each_stage()?;
        self.breaks_off_at_each_stage()?;
        self.breaks_within_the_handshake()?;
        self.refuses_one_of_three()?;
        self.puts_off_one_of_three()?;
        self.is_slow()
    }

    /// Greylisting is the one at RCPT.
    fn puts_off_at_each_stage(&self) -> Outcome {
        for stage in Stage::ALL {
            self.waits_and_arrives(
                &format!("451 at {}", stage.name()),
                || self.server.set(stage, Fault::PutOff),
                |row| {
                    let detail = row["last_detail"].as_str().unwrap_or_default();
                    // Postfix says between the two what it refuses.
                    ensure!(COME_AGAIN.iter().all(|words| detail.contains(words)), "{row:#}");
                    let reason =
                        if matches!(stage, Stage::Connect | Stage::Helo) { "peer-unreachable" } else { "peer-refused" };
                    ensure!(row["last_reason"] == reason, "{row:#}");
                    Ok(())
                },
            )?;
        }
        Ok(())
    }

    fn breaks_off_at_each_stage(&self) -> Outcome {
        for stage in Stage::ALL {
            self.waits_and_arrives(
                &format!("cut at {}", stage.name()),
                || self.server.set(stage, Fault::Cut),
                |row| {
                    ensure!(row["last_reason"] == "peer-unreachable", "{row:#}");
                    Ok(())
                },
            )?;
        }
        Ok(())
    }

    fn breaks_within_the_handshake(&self) -> Outcome {
        for bytes in BREAKS {
            let before = self.wire.cuts();
            let break_it = || {
                self.wire.cut_after(bytes);
                Ok(())
            };
            self.waits_and_arrives(&format!("TLS cut after {bytes} bytes"), break_it, |row| {
                ensure!(row["last_reason"] == "peer-tls", "{row:#}");
                Ok(())
            })?;
            ensure!(self.wire.cuts() > before, "the wire was not cut");
        }
        Ok(())
    }

    /// The other two get theirs at once; the sender is told of the one, and of nothing else.
    fn refuses_one_of_three(&self) -> Outcome {
        let domain = &self.sandbox.connector()?.domain;
        let unknown = UNKNOWN.0;
        let reports = self.reports()?.len();
        let sent = self.send(&["accueil", unknown, "urgences"])?;
        self.gone(&sent)?;
        self.delivered_copies(&sent, 2)?;
        let report = wait::until("the report", PATIENCE, || Ok(self.reports()?.get(reports).cloned()))?;
        let expected = [
            format!("Final-Recipient: rfc822; {unknown}@{domain}\r\n"),
            "Action: failed\r\nStatus: 5.1.1\r\n".to_owned(),
            "Diagnostic-Code: smtp; 550 5.1.1 ".to_owned(),
        ];
        for line in expected {
            ensure!(report.contains(&line), "{line:?} is not in {report}");
        }
        ensure!(!report.contains(&format!("accueil@{domain}")) && !report.contains(message::SECRET), "{report}");
        ensure!(self.reports()?.len() == reports + 1, "more than one report");
        let mut ends = self.events(&sent)?;
        ends.sort();
        ensure!(ends == ["accepted", "failed", "relayed", "relayed", "reported"], "{ends:?}");
        Ok(())
    }

    /// All three wait where the server puts the transaction off; none gets it twice.
    fn puts_off_one_of_three(&self) -> Outcome {
        let reports = self.reports()?.len();
        self.server.set(Stage::Content, Fault::PutOff)?;
        let sent = self.send(&["accueil", "laboratoire", "urgences"])?;
        wait::until("three rows that wait", PATIENCE, || {
            let rows = self.rows(&sent)?;
            Ok((rows.len() == 3 && rows.iter().all(|row| row["attempts"] == 1)).then_some(()))
        })?;
        self.server.clear()?;
        for row in self.rows(&sent)? {
            self.retry(&row)?;
        }
        self.gone(&sent)?;
        self.delivered_copies(&sent, 3)?;
        ensure!(self.reports()?.len() == reports, "a report although all arrived");
        Ok(())
    }

    /// It takes a while, in one try; and nobody else waits for it.
    fn is_slow(&self) -> Outcome {
        let begun = Instant::now();
        for stage in Stage::ALL {
            self.server.set(stage, Fault::Slow)?;
        }
        let slow = self.send(&["accueil"])?;
        let (doctor, marker) = (self.sandbox.account("elsewhere", "PER")?, message::marker());
        self.hand_in(&marker, std::slice::from_ref(&doctor.address))?;
        let mut imap = Imap::signed_in(self.sandbox, "elsewhere", &doctor.address, &doctor.password)?;
        imap.await_message(&marker)?;
        ensure!(!self.rows(&slow)?.is_empty(), "the slow one came before the other");
        self.gone(&slow)?;
        self.delivered_copies(&slow, 1)?;
        ensure!(begun.elapsed() >= Duration::from_secs(SLOW_SECONDS), "it was not slow");
        ensure!(self.events(&slow)? == ["accepted", "relayed"], "{:?}", self.events(&slow)?);
        self.server.clear()
    }

    /// With this fault a letter waits and says why; without it, it arrives, once, and its sender hears nothing.
    fn waits_and_arrives(
        &self,
        what: &str,
        break_it: impl FnOnce() -> Outcome,
        says: impl FnOnce(&Value) -> Outcome,
    ) -> Outcome {
        let told = || format!("{what}\n{}", self.server.log());
        let reports = self.reports()?.len();
        self.wire.hang_up();
        break_it()?;
        let sent = self.send(&["accueil"])?;
        let row = wait::until("the first try", PATIENCE, || {
            Ok(self.rows(&sent)?.into_iter().find(|row| row["attempts"] == 1))
        })
        .with_context(told)?;
        ensure!(row["state"] == "waiting", "{what}: {row:#}");
        says(&row).with_context(told)?;
        self.delivered_copies(&sent, 0).with_context(told)?;
        self.server.clear()?;
        self.wire.mend();
        self.retry(&row)?;
        self.gone(&sent).with_context(told)?;
        self.delivered_copies(&sent, 1).with_context(told)?;
        ensure!(self.reports()?.len() == reports, "{what}: a report although it arrived");
        let events = self.events(&sent)?;
        ensure!(events == ["accepted", "deferred", "relayed"], "{what}: {events:?}");
        Ok(())
    }

    /// The pharmacy writes to these people of the hospital.
    fn send(&self, to: &[&str]) -> anyhow::Result<Sent> {
        let domain = &self.sandbox.connector()?.domain;
        let marker = message::marker();
        let to: Vec<String> = to.iter().map(|name| format!("{name}@{domain}")).collect();
        Ok(Sent { id: self.hand_in(&marker, &to)?, marker })
    }

    fn hand_in(&self, marker: &str, to: &[String]) -> anyhow::Result<String> {
        let pharmacy = self.sandbox.account("pro", "ORG")?;
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        let letter = message::letter(&pharmacy.address, to.first().context("nobody")?, marker);
        let mut smtp = Smtp::signed_in(self.sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
        Ok(smtp.send(&pharmacy.address, &to, &letter)?.expect(250)?.id()?.to_owned())
    }

    fn rows(&self, sent: &Sent) -> anyhow::Result<Vec<Value>> {
        Ok(self.sandbox.queue("pro")?.into_iter().filter(|row| row["message"] == sent.id.as_str()).collect())
    }

    fn retry(&self, row: &Value) -> Outcome {
        self.sandbox.pli("pro", &["queue", "retry", row["id"].as_str().context("a row without id")?])?;
        Ok(())
    }

    fn gone(&self, sent: &Sent) -> Outcome {
        wait::until("the queue to be empty of it", PATIENCE, || Ok(self.rows(sent)?.is_empty().then_some(())))
    }

    /// A server files a moment after it has taken, so fewer are waited for; more are seen at once.
    fn delivered_copies(&self, sent: &Sent, expected: usize) -> Outcome {
        wait::until(&format!("{expected} copies"), PATIENCE, || {
            let copies = self.server.delivered()?.iter().filter(|mail| holds(mail, &sent.marker)).count();
            ensure!(copies <= expected, "{copies} copies in place of {expected}");
            Ok((copies == expected).then_some(()))
        })
    }

    /// The reports in the pharmacy's mailbox.
    fn reports(&self) -> anyhow::Result<Vec<String>> {
        let pharmacy = self.sandbox.account("pro", "ORG")?;
        let mut imap = Imap::signed_in(self.sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
        let mails = imap.inbox()?.into_iter().map(|mail| String::from_utf8_lossy(&mail).into_owned());
        Ok(mails.filter(|mail| mail.contains("MAILER-DAEMON@")).collect())
    }

    fn events(&self, sent: &Sent) -> anyhow::Result<Vec<String>> {
        let trace = self.sandbox.trace("pro", &sent.id)?;
        let events = trace["events"].as_array().context("no events")?;
        Ok(events.iter().filter_map(|event| event["event"].as_str().map(str::to_owned)).collect())
    }
}

/// One that nobody has right now.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
