//! A hospital's server is down for four days: its correspondents hear of the delay once, then of the end, and nothing is
//! lost in silence. The days pass in minutes: the nodes are of the build whose clock a file sets.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::imap::Imap;
use e2e::sandbox::signal;
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, Seed, message, wait};
use serde_json::Value;

/// The queue is looked at every half minute, whatever the clock does.
const PATIENCE: Duration = Duration::from_secs(90);

struct Stand {
    sandbox: Sandbox,
    clock: PathBuf,
}

pub(crate) fn one_notice_then_one_report() -> Outcome {
    let seed = Seed::testing()?;
    let clock = seed.dir().join("clock");
    std::fs::write(&clock, "+0s")?;
    let seed = seed.with_variable("PLI_CLOCK_FILE", &clock);
    seed.configure("pro", |config| {
        let limits = config.entry("limits").or_insert_with(|| toml::Table::new().into());
        if let Some(limits) = limits.as_table_mut() {
            limits.insert("queue_lifetime".to_owned(), "4d".into());
        }
    })?;
    Stand { sandbox: seed.start()?, clock }.four_days()
}

impl Stand {
    fn four_days(&self) -> Outcome {
        // Nothing listens where the hospital's server should be.
        let id = self.send()?;
        let tried = wait::until("the first try", PATIENCE, || {
            Ok(self.row(&id)?.filter(|row| row["attempts"].as_u64() >= Some(1) && row["state"] == "waiting"))
        })?;
        ensure!(tried["last_reason"] == "peer-unreachable" && self.reports()?.is_empty(), "{tried:#}");

        self.passes("+5h", &id)?;
        let notice = wait::until("the notice", PATIENCE, || Ok(self.reports()?.first().cloned()))?;
        for told in ["\r\nAction: delayed\r\n", "\r\nStatus: 4.", "\r\nWill-Retry-Until: ", "Ne le renvoyez pas"] {
            ensure!(notice.contains(told), "{told:?} is not in {notice}");
        }
        for later in ["+30h", "+60h", "+90h"] {
            self.passes(later, &id)?;
            ensure!(self.reports()?.len() == 1, "the notice is repeated at {later}");
        }

        self.set_clock("+97h")?;
        wait::until("the end", PATIENCE, || Ok(self.row(&id)?.is_none().then_some(())))?;
        let reports = self.reports()?;
        ensure!(reports.len() == 2, "{} reports in place of two", reports.len());
        let last = reports.iter().find(|report| report.contains("\r\nAction: failed\r\n")).context("no last report")?;
        ensure!(last.contains("\r\nStatus: 5.4.7\r\n") && last.contains("expired-in-queue"), "{last}");
        ensure!(reports.iter().all(|report| !report.contains(message::SECRET)), "a report holds the letter");
        let trace = self.sandbox.trace("pro", &id)?;
        let events = trace["events"].as_array().context("no events")?;
        let times = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
        ensure!((times("failed"), times("reported"), times("relayed")) == (1, 2, 0), "{trace:#}");
        Ok(())
    }

    fn send(&self) -> anyhow::Result<String> {
        let pharmacy = self.sandbox.account("pro", "ORG")?;
        let to = format!("accueil@{}", self.sandbox.connector()?.domain);
        let letter = message::letter(&pharmacy.address, &to, &message::marker());
        let mut smtp = Smtp::signed_in(&self.sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
        Ok(smtp.send(&pharmacy.address, &[to.as_str()], &letter)?.expect(250)?.id()?.to_owned())
    }

    /// So much time has passed since the beginning, and the row was looked at and put off again.
    fn passes(&self, time: &str, id: &str) -> Outcome {
        let before = self.row(id)?.context("no row")?["next_attempt_at"].clone();
        self.set_clock(time)?;
        wait::until("a later try", PATIENCE, || {
            let row = self.row(id)?.context("the row is gone before its time")?;
            Ok((row["state"] == "waiting" && row["next_attempt_at"] != before).then_some(()))
        })
    }

    /// A node is told to look at its queue: it would do so by itself within half a minute.
    fn set_clock(&self, time: &str) -> Outcome {
        std::fs::write(&self.clock, time)?;
        signal("HUP", self.sandbox.pid("pro")?)
    }

    fn row(&self, id: &str) -> anyhow::Result<Option<Value>> {
        Ok(self.sandbox.queue("pro")?.into_iter().find(|row| row["message"] == id))
    }

    /// The reports in the pharmacy's mailbox.
    fn reports(&self) -> anyhow::Result<Vec<String>> {
        let pharmacy = self.sandbox.account("pro", "ORG")?;
        let mut imap = Imap::signed_in(&self.sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
        let mails = imap.inbox()?.into_iter().map(|mail| String::from_utf8_lossy(&mail).into_owned());
        Ok(mails.filter(|mail| mail.contains("MAILER-DAEMON@")).collect())
    }
}
