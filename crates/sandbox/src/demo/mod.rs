//! The story that `pli demo` plays: every step is done for real, told in a line, and checked.
//!
//! Steps are numbered as in the contract: 1, a letter on its way; 4, four refusals. The others come as the relay learns them.

mod connect;
mod letter;
mod printer;
mod refusals;
mod trace;

use std::path::Path;
use std::sync::Arc;

use pli_types::Clock;

use crate::client::{Identity, Tls};
use crate::manifest::{Manifest, Operator};
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
        let mut held = self.letter(printer).await?;
        for refusal in &refusals::REFUSALS {
            let outcome = self.refused(refusal).await;
            held &= printer.tell(4, refusal.title, &outcome)?;
        }
        Ok(held)
    }

    async fn letter(&self, printer: &mut Printer) -> anyhow::Result<bool> {
        const TITLE: &str = "A hospital's own mail server hands a discharge letter to its relay";
        let sent = match self.hand_over().await {
            Ok(sent) => sent,
            Err(error) => return Ok(printer.tell(1, TITLE, &Err(error))?),
        };
        let mut held = printer.tell(1, TITLE, &Ok(sent.told.clone()))?;
        for reader in self.readers() {
            let outcome = self.read(&reader, &sent).await;
            held &= printer.tell(1, reader.title, &outcome)?;
        }
        held &= printer.tell(1, "`pli message trace` tells what became of it", &self.trace(&sent).await)?;
        Ok(held)
    }

    fn operator(&self, name: &str) -> anyhow::Result<&Operator> {
        self.manifest.operator(name)
    }

    /// TLS that trusts the sandbox's CA and shows a certificate of its, if told to.
    fn tls(&self, identity: Option<(&str, &str)>) -> anyhow::Result<Tls> {
        let identity = identity
            .map(|(certificate, key)| Identity { certificate: self.dir.join(certificate), key: self.dir.join(key) });
        Tls::new(&self.dir.join(&self.manifest.ca), identity.as_ref())
    }
}
