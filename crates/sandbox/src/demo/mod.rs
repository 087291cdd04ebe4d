//! The story that `pli demo` plays: every step is done for real, told in a line, and checked.
//!
//! Steps are numbered as in the contract: 1, a letter on its way; 2, a patient answers; 3, a patient and a pharmacy; 4, four
//! refusals; 5, the record of it all.

mod connect;
mod exchange;
mod letter;
mod pharmacy;
mod printer;
mod record;
mod refusals;
mod trace;

use std::path::Path;
use std::sync::Arc;

use pli_types::Clock;

use anyhow::{Context, bail};

use crate::cast;
use crate::client::imap::ImapClient;
use crate::client::smtp::{Reply, SmtpClient};
use crate::client::{Identity, Tls};
use crate::manifest::{Account, Manifest, Operator, Patient};
pub use printer::Printer;

/// What a step showed, when it held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What the relay decided or did: `accept`, `refuse`, `delivered`, `trace`.
    pub decision: &'static str,
    /// The reason's stable code, of a refusal.
    pub reason: Option<String>,
    /// Why, or in the relay's own words.
    pub detail: String,
}

/// Someone who reads and writes with a mail program.
#[derive(Clone, Copy)]
struct Writer<'a> {
    operator: &'a str,
    address: &'a str,
    password: &'a str,
}

impl<'a> From<&'a Patient> for Writer<'a> {
    fn from(patient: &'a Patient) -> Self {
        Self { operator: &patient.operator, address: &patient.address, password: &patient.password }
    }
}

impl<'a> From<&'a Account> for Writer<'a> {
    fn from(account: &'a Account) -> Self {
        let password = account.password.as_deref().unwrap_or_default();
        Self { operator: &account.operator, address: &account.address, password }
    }
}

/// What is told of a message that must be taken.
fn taken(reply: &Reply) -> anyhow::Result<Told> {
    if reply.code != 250 {
        bail!("not taken: answered {reply}");
    }
    Ok(Told { decision: "accept", reason: None, detail: reply.to_string() })
}

/// What is told of a message that must be refused, for good and for this reason.
fn refused_for(reply: &Reply, wanted: &str) -> anyhow::Result<Told> {
    if !(500..600).contains(&reply.code) {
        bail!("not refused: answered {reply}");
    }
    match reply.reason() {
        Some(reason) if reason == wanted => {
            Ok(Told { decision: "refuse", reason: Some(reason.to_owned()), detail: reply.to_string() })
        }
        _ => bail!("not refused for {wanted}: answered {reply}"),
    }
}

/// The story in one sandbox.
pub struct Story<'a> {
    /// Its folder.
    pub dir: &'a Path,
    /// What is in it.
    pub manifest: &'a Manifest,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Story<'_> {
    /// Plays every step; true if all held. A step that does not hold is told as such, and the story goes on where it can.
    pub async fn play(&self, printer: &mut Printer) -> anyhow::Result<bool> {
        let (mut held, letter) = self.letter(printer).await?;
        if let Some(letter) = &letter {
            held &= printer.tell(2, exchange::ANSWERED, &self.answer_the_hospital(letter).await)?;
        }
        held &= printer.tell(2, exchange::ENDED, &self.end_the_exchange().await)?;
        held &= self.pharmacy(printer).await?;
        for refusal in &refusals::REFUSALS {
            let outcome = self.refused(refusal).await;
            held &= printer.tell(4, refusal.title, &outcome)?;
        }
        held &= printer.tell(5, record::WHOLE, &self.whole_record().await)?;
        held &= printer.tell(5, record::FLIPPED, &self.flipped_byte().await)?;
        Ok(held)
    }

    /// Step 1; the letter, if it was taken.
    async fn letter(&self, printer: &mut Printer) -> anyhow::Result<(bool, Option<letter::Sent>)> {
        const TITLE: &str = "A hospital's own mail server hands a discharge letter to its relay";
        let sent = match self.hand_over().await {
            Ok(sent) => sent,
            Err(error) => return Ok((printer.tell(1, TITLE, &Err(error))?, None)),
        };
        let mut held = printer.tell(1, TITLE, &Ok(sent.told.clone()))?;
        for reader in self.readers() {
            let outcome = self.read(&reader, &sent).await;
            held &= printer.tell(1, reader.title, &outcome)?;
        }
        held &= printer.tell(1, "`pli message trace` tells what became of it", &self.trace(&sent).await)?;
        Ok((held, Some(sent)))
    }

    fn operator(&self, name: &str) -> anyhow::Result<&Operator> {
        self.manifest.operator(name)
    }

    fn patient(&self) -> anyhow::Result<&Patient> {
        self.manifest.patients.iter().find(|patient| patient.ins == cast::PATIENT).context("the patient of the story")
    }

    fn account(&self, address: &str) -> anyhow::Result<&Account> {
        self.manifest.accounts.iter().find(|account| account.address == address).context("an account of the story")
    }

    /// Somebody's mail program sends a message; the first refusal, or the reply to its last byte.
    async fn submit(&self, writer: &Writer<'_>, to: &str, message: &[u8]) -> anyhow::Result<Reply> {
        let port = self.operator(writer.operator)?.ports.submissions;
        let mut client = SmtpClient::signed_in(port, &self.tls(None)?, writer.address, writer.password).await?;
        let reply = client.offer(writer.address, &[to.to_owned()], message).await?;
        client.quit().await;
        Ok(reply)
    }

    /// Somebody's mail program opens his mailbox.
    async fn open(&self, reader: &Writer<'_>) -> anyhow::Result<ImapClient> {
        let port = self.operator(reader.operator)?.ports.imaps;
        ImapClient::sign_in(port, &self.tls(None)?, reader.address, reader.password).await
    }

    /// TLS that trusts the sandbox's CA and shows a certificate of its, if told to.
    fn tls(&self, identity: Option<(&str, &str)>) -> anyhow::Result<Tls> {
        let identity = identity
            .map(|(certificate, key)| Identity { certificate: self.dir.join(certificate), key: self.dir.join(key) });
        Tls::new(&self.dir.join(&self.manifest.ca), identity.as_ref())
    }
}
