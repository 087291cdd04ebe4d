//! [`Cosigner`]: a witness, asked to sign checkpoints (C2SP tlog-witness, `add-checkpoint`).

use std::sync::Arc;
use std::time::Duration;

use pli_audit::note::NOTE_BYTES_MAX;
use pli_audit::tile::tiles_for;
use pli_audit::tree::consistency;
use pli_audit::witness::{answer, cosigned_at, request, size_seen};
use pli_audit::{Hash, SignedCheckpoint, Tile, TileId, TileSet, WitnessKey};
use pli_net::{Anchors, FetchLimits, HttpAnswer, HttpClient, HttpRequest};
use pli_store::Store;
use pli_types::Clock;

use super::Trouble;
use crate::config::WitnessConfig;
use crate::exit::Failure;
use crate::sealer::outlet::Outlet;

const LIMITS: FetchLimits = FetchLimits { bytes: NOTE_BYTES_MAX as u64, total: Duration::from_secs(30) };

/// How often one checkpoint is sent: once from where we believe that the witness is, and once from where he says. Between
/// the two another node of ours may have asked him.
const TRIES: usize = 3;

/// A witness.
pub(super) struct Cosigner {
    http: HttpClient,
    url: String,
    key: WitnessKey,
    store: Arc<dyn Store>,
    outlet: Outlet,
    /// The size that he has signed last, as far as we know. What he says himself counts more.
    seen: u64,
}

impl Cosigner {
    pub(super) fn new(
        config: &WitnessConfig,
        store: Arc<dyn Store>,
        outlet: Outlet,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let http = HttpClient::believing(&Anchors::from(config.ca.as_deref()), clock)?;
        let url = format!("{}/add-checkpoint", config.url);
        Ok(Self { http, url, key: config.key.0.clone(), store, outlet, seen: 0 })
    }

    /// Has him sign this one, and keeps it with his signature.
    pub(super) async fn take(&mut self, checkpoint: &SignedCheckpoint) -> Result<(), Trouble> {
        let size = checkpoint.checkpoint().size();
        for _ in 0..TRIES {
            // He has said that he has seen more than there is.
            if self.seen > size {
                let seen = std::mem::take(&mut self.seen);
                return Err(Trouble::Ahead { seen, size });
            }
            let HttpAnswer { status, body, .. } = self.ask(checkpoint).await?;
            match status {
                200 => {
                    let signed = self.signed(checkpoint, &body)?;
                    self.seen = size;
                    return self.keep(signed).await;
                }
                409 => match size_seen(&body).ok_or(Trouble::Garbage)? {
                    // As large as what he has signed, and not the same (tlog-witness: then it is a 409 too).
                    seen if seen == self.seen && seen == size => return Err(Trouble::Fork(size)),
                    seen => self.seen = seen,
                },
                // He has been told that he has signed nothing: there is nothing that could be another.
                422 if self.seen > 0 => return Err(Trouble::Fork(self.seen)),
                status => return Err(Trouble::Refused(status)),
            }
        }
        Err(Trouble::Garbage)
    }

    async fn ask(&self, checkpoint: &SignedCheckpoint) -> Result<HttpAnswer, Trouble> {
        let growth = self.growth(checkpoint.checkpoint().size()).await?;
        let body = request(self.seen, &growth, checkpoint);
        let request =
            HttpRequest { method: "POST", url: &self.url, headers: &[], secret: None, body: Some(body.as_bytes()) };
        self.http.exchange(&request, &LIMITS).await.map_err(|fault| Trouble::Unheard(fault.to_string()))
    }

    /// The proof that the record has only grown since what he has seen.
    async fn growth(&self, size: u64) -> Result<Vec<Hash>, Trouble> {
        let ids = tiles_for(&consistency::nodes(self.seen, size), size);
        let ids: Vec<TileId> = ids.into_iter().collect();
        let unread = |what: &dyn std::fmt::Display| Trouble::Unread(what.to_string());
        let read = self.store.tiles(&ids).await.map_err(|error| unread(&error))?;
        let tiles: TileSet = ids.iter().zip(read).filter_map(|(id, bytes)| Tile::decode(*id, &bytes?).ok()).collect();
        consistency::prove(self.seen, size, &tiles).map_err(|error| unread(&error))
    }

    /// The checkpoint with his signature. Other lines of his answer count for nothing.
    fn signed(&self, checkpoint: &SignedCheckpoint, body: &[u8]) -> Result<SignedCheckpoint, Trouble> {
        let lines = answer(body).map_err(|_| Trouble::Garbage)?;
        let mut signed = checkpoint.clone();
        for line in lines.into_iter().filter(|line| (line.name(), line.key_id()) == (self.key.name(), self.key.id())) {
            signed.note_mut().add(line).map_err(|_| Trouble::Garbage)?;
        }
        match cosigned_at(signed.note(), &self.key) {
            // A cosignature of a checkpoint has a time (tlog-cosignature).
            Ok(time) if time > 0 => Ok(signed),
            _ => Err(Trouble::Forged),
        }
    }

    async fn keep(&self, signed: SignedCheckpoint) -> Result<(), Trouble> {
        let outlet = self.outlet.clone();
        let kept = tokio::task::spawn_blocking(move || outlet.append(&signed)).await;
        let kept = kept.unwrap_or_else(|_| Err(std::io::Error::other("the writing panicked")));
        kept.map_err(|error| Trouble::Unkept(format!("{}: {error}", self.outlet.path().display())))
    }
}
