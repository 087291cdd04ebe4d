//! Guessing passwords is slowed and bounded, and locks nobody out. What is asserted is counted, not timed.

use std::process::Command;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::description::Account;
use e2e::imap::Imap;
use e2e::smtp::{Reply, Smtp};
use e2e::wire::{Identity, Wire};
use e2e::{Outcome, Sandbox, Seed};

/// Few, so that it does not take long: delays add up to 4 s.
const FAILURES_PER_ADDRESS: i64 = 7;

struct Town {
    sandbox: Sandbox,
    /// Has signed in from here before.
    known: Account,
    /// Whose password is guessed.
    meant: Account,
}

impl Town {
    fn open() -> anyhow::Result<Self> {
        let seed = Seed::new()?;
        seed.configure("pro", |table| {
            let mut signin = toml::Table::new();
            signin.insert("failures_undelayed".to_owned(), 3.into());
            signin.insert("failures_per_address".to_owned(), FAILURES_PER_ADDRESS.into());
            table.insert("signin".to_owned(), signin.into());
        })?;
        let mut people =
            seed.description().accounts.iter().filter(|it| it.operator == "pro" && it.kind == "ORG").cloned();
        let (known, meant) = people.next().zip(people.next()).context("two pharmacies")?;
        let town = Self { sandbox: seed.start_only("pro")?, known, meant };
        town.signs_in_at_once(&town.known)?;
        Ok(town)
    }

    /// Through both doors.
    fn signs_in_at_once(&self, account: &Account) -> Outcome {
        Smtp::signed_in(&self.sandbox, "pro", &account.address, &account.password)?;
        Imap::signed_in(&self.sandbox, "pro", &account.address, &account.password)?;
        Ok(())
    }

    /// One try on a connection of its own.
    fn tries(&self, account: &Account, password: &str) -> anyhow::Result<Reply> {
        let port = self.sandbox.operator("pro")?.ports.submissions;
        let mut smtp = Smtp::connect_tls(port, Identity { ca: &self.sandbox.ca(), client: None })?;
        let token = BASE64_STANDARD.encode(format!("\0{}\0{password}", account.address));
        smtp.command(&format!("AUTH PLAIN {token}"))
    }

    /// Guesses until nothing is judged any more.
    fn guess_out(&self) -> Outcome {
        for guess in 0..FAILURES_PER_ADDRESS {
            self.tries(&self.meant, &format!("guess {guess}"))?.expect_reason(535, "authentication-failed")?;
        }
        self.tries(&self.meant, "one more")?.expect_reason(454, "rate-exceeded")?;
        Ok(())
    }

    fn count(&self, outcome: &str) -> anyhow::Result<f64> {
        let page = self.sandbox.metrics("pro")?;
        let lines = page
            .lines()
            .filter(|line| line.starts_with("pli_sign_ins_total{") && line.contains(&format!("outcome=\"{outcome}\"")));
        Ok(lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum())
    }
}

/// An address that guesses is sent away, whatever it shows then; someone who is known there is not.
pub(crate) fn an_address_that_guesses_is_sent_away_and_the_known_holder_is_not() -> Outcome {
    let town = Town::open()?;
    town.guess_out()?;
    town.tries(&town.meant, &town.meant.password)?.expect_reason(454, "rate-exceeded")?;
    let mut wire = Wire::connect(town.sandbox.operator("pro")?.ports.imaps)?;
    wire.start_tls(Identity { ca: &town.sandbox.ca(), client: None })?;
    wire.line()?;
    wire.send(format!("a LOGIN {} \"{}\"\r\n", town.meant.address, town.meant.password).as_bytes())?;
    let answer = wire.line()?;
    ensure!(answer.starts_with("a NO [LIMIT] "), "{answer}");
    town.signs_in_at_once(&town.known)?;
    let (failed, sent_away) = (town.count("failed")?, town.count("rate-exceeded")?);
    ensure!(failed.to_string() == FAILURES_PER_ADDRESS.to_string(), "{failed} tries were judged");
    ensure!(sent_away.to_string() == "3", "{sent_away} were not");
    Ok(())
}

/// The holder of the name that was guessed at comes from elsewhere, where he never was, and is let in.
pub(crate) fn the_holder_comes_in_from_a_new_address() -> Outcome {
    const SCRIPT: &str = "
import smtplib, ssl, sys
ca, port, name, password = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
with smtplib.SMTP_SSL('localhost', int(port), context=context, source_address=('127.0.0.2', 0)) as server:
    server.login(name, password)
";
    let town = Town::open()?;
    town.guess_out()?;
    let port = town.sandbox.operator("pro")?.ports.submissions.to_string();
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(town.sandbox.ca()).args([&port, &town.meant.address, &town.meant.password]);
    let output = python.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // It was known where the guesses came from only.
    town.tries(&town.meant, &town.meant.password)?.expect_reason(454, "rate-exceeded")?;
    Ok(())
}
