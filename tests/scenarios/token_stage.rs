//! A doctor's operator that takes tokens, and their issuer.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::issuer::Issuer;
use e2e::smtp::Smtp;
use e2e::wire::{Identity, Wire};
use e2e::{Sandbox, Seed};

/// A doctor with a mailbox, one without, and the operator that holds the mailbox.
pub(crate) const DOCTOR: &str = "the-doctors-program";
pub(crate) const STRANGER: &str = "a-strangers-program";
pub(crate) const OPERATOR: &str = "elsewhere";

/// Both, running.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) issuer: Issuer,
    pub(crate) doctor: String,
}

impl Stage {
    pub(crate) fn set() -> Result<Self> {
        let (seed, issuer, doctor) = Self::seed(|_, _, settings| Ok(settings))?;
        Ok(Self { sandbox: seed.start()?, issuer, doctor })
    }

    /// The operator alone, its `[signin.psc]` changed by `change`, which is also told its folder.
    pub(crate) fn set_with(change: impl FnOnce(&Issuer, &Path, toml::Table) -> Result<toml::Table>) -> Result<Self> {
        let (seed, issuer, doctor) = Self::seed(change)?;
        Ok(Self { sandbox: seed.start_only(OPERATOR)?, issuer, doctor })
    }

    fn seed(change: impl FnOnce(&Issuer, &Path, toml::Table) -> Result<toml::Table>) -> Result<(Seed, Issuer, String)> {
        let seed = Seed::new()?;
        let account =
            seed.description().accounts.iter().find(|account| account.rpps.is_some() && account.operator == OPERATOR);
        let account = account.context("no doctor")?;
        let (doctor, rpps) = (account.address.clone(), account.rpps.clone().unwrap_or_default());
        let issuer = Issuer::start(&[(DOCTOR, &format!("8{rpps}")), (STRANGER, "810009876543")])?;
        let folder = seed.dir().join(OPERATOR);
        let settings = change(&issuer, &folder, issuer.settings(&folder)?)?;
        seed.configure(OPERATOR, |file| {
            let signin = file.entry("signin").or_insert_with(|| toml::Table::new().into());
            if let Some(signin) = signin.as_table_mut() {
                signin.insert("psc".to_owned(), settings.into());
            }
        })?;
        Ok((seed, issuer, doctor))
    }

    pub(crate) fn smtp(&self, client: Option<(&Path, &Path)>) -> Result<Smtp> {
        let port = self.sandbox.operator(OPERATOR)?.ports.submission;
        Smtp::connect_starttls(port, Identity { ca: &self.sandbox.ca(), client })
    }

    /// What its holder is answered who asks over HTTPS where his messages are.
    pub(crate) fn messages(&self, token: &str, client: Option<(&Path, &Path)>) -> Result<String> {
        let mut wire = Wire::connect(self.sandbox.operator(OPERATOR)?.ports.http)?;
        wire.start_tls(Identity { ca: &self.sandbox.ca(), client })?;
        let head = "GET /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nConnection: close";
        wire.send(format!("{head}\r\nAuthorization: Bearer {token}\r\n\r\n").as_bytes())?;
        Ok(wire.to_end())
    }

    pub(crate) fn imap(&self) -> Result<Wire> {
        let mut wire = Wire::connect(self.sandbox.operator(OPERATOR)?.ports.imaps)?;
        wire.start_tls(Identity { ca: &self.sandbox.ca(), client: None })?;
        let greeting = wire.line()?;
        ensure!(greeting.contains("AUTH=XOAUTH2") && greeting.contains("AUTH=OAUTHBEARER"), "{greeting}");
        Ok(wire)
    }
}

/// One for all scenarios that leave it as it is, until [`end`].
static SHARED: Mutex<Option<Arc<Stage>>> = Mutex::new(None);

/// The one that scenarios share. They may not change the issuer's key.
pub(crate) fn shared() -> Result<Arc<Stage>> {
    let mut place = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(stage) = &*place {
        return Ok(Arc::clone(stage));
    }
    Ok(Arc::clone(place.insert(Arc::new(Stage::set()?))))
}

/// Stops it.
pub(crate) fn end() {
    drop(SHARED.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// The first response, in base64 (RFC 7628 §3.1, and what Google's page says of XOAUTH2).
pub(crate) fn response(mechanism: &str, name: &str, token: &str) -> String {
    let text = match mechanism {
        "XOAUTH2" => format!("user={name}\x01auth=Bearer {token}\x01\x01"),
        _ => format!("n,a={name},\x01auth=Bearer {token}\x01\x01"),
    };
    BASE64_STANDARD.encode(text)
}
