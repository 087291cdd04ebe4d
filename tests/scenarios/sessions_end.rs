//! What an admin takes back ends at once, also for those who are signed in; others in the same mailbox stay.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use e2e::imap::{Imap, holds};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, Seed, message};

/// What is promised, from the answer to the admin on.
const SOON: Duration = Duration::from_secs(5);

/// A pharmacy's mailbox in which two more people work, each as himself.
struct Pharmacy {
    sandbox: Sandbox,
    address: String,
    /// Of the sandbox's own account.
    password: String,
    /// Martin's, for one program.
    app_password: String,
    /// Durand's.
    durand: String,
}

impl Pharmacy {
    fn open() -> anyhow::Result<Self> {
        let sandbox = Seed::new()?.start_only("pro")?;
        let account = sandbox.account("pro", "ORG")?.clone();
        let address = account.address.as_str();
        let text = |told: serde_json::Value, member: &str| {
            told[member].as_str().map(str::to_owned).with_context(|| format!("no {member} in {told}"))
        };
        for name in ["martin", "durand"] {
            sandbox.pli("pro", &["account", "add", name, "--mailbox", address])?;
        }
        let program = ["account", "app-password", "add", "martin", "--mailbox", address, "--label", "till"];
        let app_password = text(sandbox.pli("pro", &program)?, "secret")?;
        let durand = text(sandbox.pli("pro", &["account", "passwd", "durand", "--generate"])?, "password")?;
        Ok(Self { address: account.address, password: account.password, sandbox, app_password, durand })
    }

    fn imap(&self, name: &str, password: &str) -> anyhow::Result<Imap> {
        let mut imap = Imap::signed_in(&self.sandbox, "pro", name, password)?;
        imap.command("SELECT INBOX")?;
        Ok(imap)
    }

    fn idling(&self, name: &str, password: &str) -> anyhow::Result<Imap> {
        let mut imap = self.imap(name, password)?;
        imap.wire.send(b"i IDLE\r\n")?;
        let answer = imap.wire.line()?;
        ensure!(answer.starts_with('+'), "{answer}");
        Ok(imap)
    }

    fn smtp(&self, name: &str, password: &str) -> anyhow::Result<Smtp> {
        Smtp::signed_in(&self.sandbox, "pro", name, password)
    }
}

fn is_sent_away(imap: &mut Imap) -> Outcome {
    let last = imap.wire.line()?;
    ensure!(last.starts_with("* BYE [AUTHORIZATIONFAILED] "), "{last}");
    imap.wire.expect_end()
}

fn is_closed(smtp: &mut Smtp) -> Outcome {
    smtp.reply()?.expect_reason(421, "authentication-failed")?;
    smtp.wire.expect_end()
}

/// While one idles and another is in the middle of a message.
pub(crate) fn a_revoked_app_password_ends_its_sessions_and_no_others() -> Outcome {
    let pharmacy = Pharmacy::open()?;
    let (address, marker) = (pharmacy.address.as_str(), message::marker());
    let mut idling = pharmacy.idling(address, &pharmacy.app_password)?;
    let mut writing = pharmacy.smtp(address, &pharmacy.app_password)?;
    let mut colleague = pharmacy.imap("durand", &pharmacy.durand)?;
    writing.command(&format!("MAIL FROM:<{address}>"))?.expect(250)?;
    writing.command(&format!("RCPT TO:<{address}>"))?.expect(250)?;
    writing.command("DATA")?.expect(354)?;
    writing.wire.send(&message::letter(address, address, &marker))?;

    pharmacy.sandbox.pli("pro", &["account", "app-password", "revoke", "martin", "till", "--reason", "sold"])?;
    let since = Instant::now();
    is_sent_away(&mut idling)?;
    is_closed(&mut writing)?;
    ensure!(since.elapsed() < SOON, "{:?}", since.elapsed());
    colleague.command("NOOP")?;
    ensure!(!colleague.inbox()?.iter().any(|letter| holds(letter, &marker)), "half a letter was taken");
    ensure!(Imap::signed_in(&pharmacy.sandbox, "pro", address, &pharmacy.app_password).is_err(), "it opens still");
    Ok(())
}

/// Everybody who works in it.
pub(crate) fn a_suspended_mailbox_ends_all_sessions_in_it() -> Outcome {
    let pharmacy = Pharmacy::open()?;
    let address = pharmacy.address.as_str();
    let mut idling = pharmacy.idling("durand", &pharmacy.durand)?;
    let mut silent = pharmacy.smtp(address, &pharmacy.password)?;
    pharmacy.sandbox.pli("pro", &["mailbox", "suspend", address, "--reason", "closed for works"])?;
    let since = Instant::now();
    is_sent_away(&mut idling)?;
    is_closed(&mut silent)?;
    ensure!(since.elapsed() < SOON, "{:?}", since.elapsed());
    ensure!(Imap::signed_in(&pharmacy.sandbox, "pro", address, &pharmacy.password).is_err(), "it opens still");
    pharmacy.sandbox.pli("pro", &["mailbox", "resume", address])?;
    pharmacy.imap("durand", &pharmacy.durand)?;
    Ok(())
}
