//! A node that fetches its trust list, which must be signed, and whoever publishes it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use e2e::authority::{Authority, Issued, Use};
use e2e::command::said;
use e2e::imap::Imap;
use e2e::publisher::{Answer, Publisher};
use e2e::smtp::Smtp;
use e2e::whitelist::Whitelist;
use e2e::{Outcome, Sandbox, Seed, message, wait};

const SIGNER: &str = "/C=FR/O=EDITEUR DE LA LISTE/OU=318751275100020/CN=liste.blanche.test";

/// Both, and the list that is in force.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) publisher: Publisher,
    /// Before its signing.
    pub(crate) list: Whitelist,
    pub(crate) signers: Signers,
    pub(crate) web: Web,
    _authorities: [Authority; 3],
}

/// Who may have signed a list.
pub(crate) struct Signers {
    pub(crate) right: Issued,
    pub(crate) other_name: Issued,
    pub(crate) foreign: Issued,
    pub(crate) revoked: Issued,
}

/// What the publisher's server may show.
pub(crate) struct Web {
    pub(crate) right: Issued,
    pub(crate) other_name: Issued,
    pub(crate) foreign: Issued,
}

/// One for all scenarios, in turn, until [`end`].
static SCENE: Mutex<Option<Scene>> = Mutex::new(None);

/// Stops the node.
pub(crate) fn end() {
    drop(SCENE.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// Plays a scenario on it.
pub(crate) fn play(act: impl FnOnce(&mut Scene) -> Outcome) -> Outcome {
    let mut place = SCENE.lock().unwrap_or_else(PoisonError::into_inner);
    if place.is_none() {
        *place = Some(Scene::set()?);
    }
    let scene = place.as_mut().context("no scene")?;
    let outcome = act(scene);
    if outcome.is_err() {
        // The next one begins with a node in a known state.
        drop(place.take());
    }
    outcome
}

impl Scene {
    fn set() -> anyhow::Result<Self> {
        let seed = Seed::new()?;
        let organisations = Authority::of(seed.dir(), "organisations")?;
        let (public, foreign) = (Authority::foreign("EDITEUR D'ESSAI")?, Authority::foreign("INCONNU D'ESSAI")?);
        let signers = Signers {
            right: organisations.issue("signer", SIGNER, Use::Seal)?,
            other_name: organisations.issue("other", &SIGNER.replace("CN=liste", "CN=autre"), Use::Seal)?,
            foreign: foreign.issue("signer", SIGNER, Use::Seal)?,
            revoked: organisations.issue("revoked", SIGNER, Use::Seal)?,
        };
        let web = Web {
            right: public.issue("web", "/CN=localhost", Use::Web)?,
            other_name: public.issue("elsewhere", "/CN=ailleurs.test", Use::WebElsewhere)?,
            foreign: foreign.issue("web", "/CN=localhost", Use::Web)?,
        };
        let revoked = organisations.revocation_list(&[&signers.revoked.certificate], 24 * 3600)?;
        Authority::publish(&revoked, &seed.dir().join(&seed.description().crl))?;
        let list = Whitelist::read(&seed.dir().join(&seed.description().whitelist))?.later(-24 * 3600)?;
        let publisher = Publisher::start(&web.right, Answer::List(list.signed(&signers.right)?.0))?;
        let anchors = public.certificate().display().to_string();
        seed.configure("pro", |config| {
            let trust: toml::Table = toml::toml! {
                every = "1h"
                fetch_timeout = "3s"
                signature = "required"
                signer_cn = "liste.blanche.test"
                signer_ou = "318751275100020"
                lost_domains_max = 40
            };
            let section = config.entry("trust").or_insert_with(|| toml::Table::new().into());
            *section = trust.into();
            if let Some(section) = section.as_table_mut() {
                section.insert("url".to_owned(), publisher.url().into());
                section.insert("anchors".to_owned(), anchors.into());
            }
        })?;
        let sandbox = seed.start_only("pro")?;
        let mut scene = Self { sandbox, publisher, list, signers, web, _authorities: [organisations, public, foreign] };
        scene.await_first_list()?;
        scene.install_a_good_list()?;
        Ok(scene)
    }

    /// The node fetches by itself when it starts.
    fn await_first_list(&self) -> Outcome {
        wait::until("the first list", Duration::from_secs(20), || {
            Ok(self.in_force().is_ok_and(|list| list["generated_at"].is_string()).then_some(()))
        })
    }

    pub(crate) fn in_force(&self) -> anyhow::Result<serde_json::Value> {
        self.sandbox.pli("pro", &["trust", "show"])
    }

    /// The date of the list in force.
    pub(crate) fn generated_at(&self) -> anyhow::Result<jiff::Timestamp> {
        Ok(self.in_force()?["generated_at"].as_str().context("no date")?.parse()?)
    }

    pub(crate) fn signed(&self, list: &Whitelist) -> anyhow::Result<String> {
        Ok(list.signed(&self.signers.right)?.0)
    }

    /// Looks at what is published now.
    pub(crate) fn fetch(&self) -> anyhow::Result<std::process::Output> {
        self.sandbox.try_pli("pro", &["trust", "fetch"])
    }

    /// Waits until an alarm is on, or off.
    pub(crate) fn await_alarm(&self, code: &str, on: bool) -> Outcome {
        let (line, figure) = (format!("pli_alarm{{code=\"{code}\"}}"), f64::from(u8::from(on)));
        wait::until(&format!("{code}: {on}"), Duration::from_secs(30), || {
            Ok((self.sandbox.metric("pro", &line)? == Some(figure)).then_some(()))
        })
    }

    /// A list newer than that in force is fetched and is in force.
    pub(crate) fn install_a_good_list(&mut self) -> Outcome {
        self.list = self.list.later(60)?;
        self.publisher.show(&self.web.right)?;
        self.publisher.answer(Answer::List(self.signed(&self.list)?));
        let output = self.fetch()?;
        ensure!(output.status.success(), "a good list is not taken: {}", said(&output));
        ensure!(self.generated_at()? == self.list.date()?, "{} instead of {}", self.in_force()?, self.list.date()?);
        Ok(())
    }

    /// The list in force still lets the listed peer in, and nobody else.
    pub(crate) fn the_old_list_serves_on(&self) -> Outcome {
        let pharmacy = self.sandbox.account("pro", "ORG")?;
        let (from, marker) = (self.sandbox.peer_address()?, message::marker());
        let letter = message::letter(&from, &pharmacy.address, &marker);
        let mut smtp = Smtp::as_peer(&self.sandbox, "listed", "pro")?;
        smtp.send(&from, &[&pharmacy.address], &letter)?.expect(250)?;
        Imap::signed_in(&self.sandbox, "pro", &pharmacy.address, &pharmacy.password)?.await_message(&marker)?;
        let mut unlisted = Smtp::as_peer(&self.sandbox, "unlisted", "pro")?;
        unlisted.command(&format!("MAIL FROM:<{from}>"))?.expect_reason(550, "certificate-not-listed")?;
        Ok(())
    }

    /// What is published now is not put in force, for this reason; the next good list is.
    pub(crate) fn refuses(&mut self, code: &str) -> Outcome {
        self.stays(code)?;
        self.install_a_good_list()
    }

    /// What is published now is not put in force, for this reason; the list that was serves on.
    pub(crate) fn stays(&self, code: &str) -> Outcome {
        let (before, memory, begun) = (self.in_force()?, self.memory_kib()?, Instant::now());
        let output = self.fetch()?;
        ensure!(!output.status.success(), "{code}: the fetch succeeded: {}", said(&output));
        ensure!(said(&output).contains(code), "{code}: not told: {}", said(&output));
        ensure!(begun.elapsed() < Duration::from_secs(10), "{code}: it took {:?}", begun.elapsed());
        let grown = self.memory_kib()?.saturating_sub(memory);
        ensure!(grown < 128 * 1024, "{code}: memory grew by {grown} KiB");
        let history = self.sandbox.pli("pro", &["trust", "history"])?;
        let rows = history.as_array().context("not an array")?;
        ensure!(rows.iter().any(|row| row["fault"] == code), "{code}: not in the history: {history}");
        let counted = self.sandbox.metric("pro", &format!("pli_trust_list_refused_total{{reason=\"{code}\"}}"))?;
        ensure!(counted >= Some(1.0), "{code}: no metric tells of it");
        let after = self.in_force()?;
        ensure!(after["digest"] == before["digest"], "{code}: another list is in force: {after} after {before}");
        self.the_old_list_serves_on()
    }

    fn memory_kib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.sandbox.pid("pro")?))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
        Ok(line.split_whitespace().nth(1).context("no figure")?.parse()?)
    }
}
