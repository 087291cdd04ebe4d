//! [`SignIn`]: the one gate. Whoever wants in, through whichever door, is judged, recorded, logged and counted here.
//!
//! Whatever is wrong, the one who tries is told the same, after a like time; the record says what it was (R-TRC-1).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use pli_audit::Face;
use pli_net::{Pki, Shutdown};
use pli_policy::Reason;
use pli_store::{Account, Store, StoreError};
use pli_types::{CertificateUse, Clock, MailAddress, Masker, PresentedCertificate};

use crate::TokenSignIn;
use crate::backoff::{Backoff, Fingerprint, Limits, Verdict, Who};
use crate::bearer::Bearer;
use crate::fault::TokenFault;
use crate::metrics::{self, Outcome};
use crate::proof::{Caller, Proof};
use crate::record::{self, Try};
use crate::sessions::{self, Guard, Label, Sessions};

/// What can be set of the gate.
#[derive(Debug, Clone, Copy)]
pub struct GateConfig {
    /// How long a session may last.
    pub session_life: Duration,
    /// How many failures are borne.
    pub failures: Limits,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self { session_life: Duration::from_hours(12), failures: Limits::default() }
    }
}

/// What the gate works with.
pub struct Parts {
    /// Accounts, mailboxes, and the record.
    pub store: Arc<dyn Store>,
    /// Whose certificates are believed.
    pub pki: Pki,
    /// Who judges tokens, if any are taken.
    pub tokens: Option<TokenSignIn>,
    /// For the record.
    pub masker: Masker,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// The gate. One for the whole process; cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    parts: Arc<Parts>,
    backoff: Arc<Mutex<Backoff>>,
    sessions: Sessions,
}

/// Someone was let in.
#[derive(Debug)]
pub struct Pass {
    /// Who.
    pub account: Account,
    /// To be asked, and held as long as his session lasts.
    pub guard: Guard,
}

/// Someone was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Whatever was wrong.
    Failed,
    /// The same of a token: the client is first told so in a challenge ([`crate::bearer::REFUSAL`]).
    Token,
    /// Too many failures came from this address: nothing was judged.
    TooMany,
    /// It cannot be judged now.
    Unavailable,
    /// It cannot be judged now: the issuer of tokens does not answer.
    IssuerUnavailable,
}

/// Who was found, or why nobody.
type Found = Result<Someone, Why>;

/// Someone whose proof is right.
struct Someone {
    account: Account,
    /// If by certificate: that one, and the generation of revocation lists under which it was believed.
    believed: Option<(PresentedCertificate, u64)>,
}

impl From<Account> for Someone {
    fn from(account: Account) -> Self {
        Self { account, believed: None }
    }
}

/// Why nobody was found, as the record tells it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Why {
    /// For tokens: what was wrong.
    pub(crate) code: Option<&'static str>,
    /// Might a guesser have shown this?
    is_guess: bool,
}

const WRONG: Why = Why { code: None, is_guess: true };

/// The token of one professional, and the mailbox of another, or of nobody.
const NOT_HIS: Why = Why { code: Some("token-holder"), is_guess: false };

enum Unjudged {
    Store(StoreError),
    Issuer(TokenFault),
}

impl From<StoreError> for Unjudged {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl SignIn {
    /// Nobody is signed in.
    #[must_use]
    pub fn new(parts: Parts, config: GateConfig) -> Self {
        metrics::describe();
        let life = SignedDuration::try_from(config.session_life).unwrap_or(SignedDuration::MAX);
        let sessions = Sessions::new(parts.pki.clone(), Arc::clone(&parts.clock), life);
        Self { parts: Arc::new(parts), backoff: Arc::new(Mutex::new(Backoff::new(config.failures))), sessions }
    }

    /// Are tokens taken?
    #[must_use]
    pub fn takes_tokens(&self) -> bool {
        self.parts.tokens.is_some()
    }

    /// Is this certificate believed now? Whether EXTERNAL is worth a try hangs on it.
    #[must_use]
    pub fn believes(&self, certificate: &PresentedCertificate) -> bool {
        self.parts.pki.judge_lately(certificate, CertificateUse::Client, self.parts.clock.now()).is_ok()
    }

    /// Ends sessions when they must end, until the server stops.
    pub async fn keep_sessions(self, shutdown: Shutdown) {
        sessions::keep(self.sessions, &*self.parts.store, &shutdown).await;
    }

    /// Lets in, or not. May take some seconds for one who failed before.
    pub async fn judge(&self, proof: &Proof, caller: &Caller<'_>) -> Result<Pass, Denied> {
        let (who, shown) = self.books(proof, caller);
        self.wait(proof, caller, who).await?;
        let as_of = self.sessions.changes();
        let judged = match self.find(proof, caller).await {
            Ok(Ok(someone)) => self.let_in(proof, caller, who, someone, as_of).await,
            Ok(Err(why)) => self.turn_away(proof, caller, who, shown, why).await,
            Err(unjudged) => Err(unjudged),
        };
        judged.unwrap_or_else(|unjudged| Err(unavailable(proof, caller, &unjudged)))
    }

    /// Waits as the books say, or says that there were too many tries.
    async fn wait(&self, proof: &Proof, caller: &Caller<'_>, who: Who) -> Result<(), Denied> {
        let verdict = self.backoff().ask(who, self.parts.clock.now());
        match verdict {
            Verdict::After(Duration::ZERO) => Ok(()),
            Verdict::After(delay) => {
                metrics::delayed();
                tokio::time::sleep(delay).await;
                Ok(())
            }
            Verdict::TooMany { retry_after, tell } => {
                metrics::sign_in(caller.face, proof.word(), Outcome::TooMany);
                if tell {
                    let event = record::too_many(&self.parts, proof, caller);
                    record::log_too_many(&event, caller, retry_after);
                    if let Err(error) = self.parts.store.append_audit(vec![event]).await {
                        return Err(unavailable(proof, caller, &Unjudged::Store(error)));
                    }
                }
                Err(Denied::TooMany)
            }
        }
    }

    async fn find(&self, proof: &Proof, caller: &Caller<'_>) -> Result<Found, Unjudged> {
        // The doors offer nothing in clear; nothing is looked up either.
        let Some(tls) = caller.tls else { return Ok(Err(WRONG)) };
        match proof {
            Proof::Password { name, acts_for, password, .. } => {
                // RFC 4616 §2: who asks to act for himself asks for nothing.
                let asks = if acts_for.eq_ignore_ascii_case(name) { "" } else { acts_for };
                let asked = mailbox(asks);
                let store = &self.parts.store;
                let found = store.sign_in_with_password(name, asked.as_ref().ok().and_then(Option::as_ref), password);
                // Also what no mailbox can be called costs the time that a password takes.
                let found = found.await?.filter(|_| asked.is_ok());
                Ok(found.map(Someone::from).ok_or(WRONG))
            }
            Proof::Certificate { acts_for } => match &tls.certificate {
                Some(certificate) => Ok(self.by_certificate(certificate, acts_for).await?),
                None => Ok(Err(WRONG)),
            },
            Proof::Token { bearer, .. } => self.by_token(bearer, tls.certificate.as_ref()).await,
        }
    }

    /// The certificate must be believed now.
    async fn by_certificate(&self, certificate: &PresentedCertificate, acts_for: &str) -> Result<Found, StoreError> {
        let Parts { pki, clock, store, .. } = &*self.parts;
        let now = clock.now();
        pki.prepare(certificate, now).await;
        let generation = pki.generation();
        if let Err(fault) = pki.judge(certificate, CertificateUse::Client, now) {
            return Ok(Err(Why { code: Some(Reason::from(fault).code()), is_guess: true }));
        }
        let Ok(asked) = mailbox(acts_for) else { return Ok(Err(WRONG)) };
        let found = store.sign_in_with_certificate(&certificate.subject, asked.as_ref()).await?;
        let believed = Some((certificate.clone(), generation));
        Ok(found.map(|account| Someone { account, believed }).ok_or(WRONG))
    }

    async fn by_token(&self, bearer: &Bearer, certificate: Option<&PresentedCertificate>) -> Result<Found, Unjudged> {
        let nobody = |fault: TokenFault| Err(Why { code: Some(fault.code()), is_guess: fault.is_guess() });
        let Some(tokens) = &self.parts.tokens else { return Ok(nobody(TokenFault::Malformed)) };
        let holder = match tokens.judge(&bearer.token, certificate).await {
            Ok(holder) => holder,
            Err(fault) if fault.is_temporary() => return Err(Unjudged::Issuer(fault)),
            Err(fault) => return Ok(nobody(fault)),
        };
        let Ok(asked) = mailbox(&bearer.name) else { return Ok(Err(NOT_HIS)) };
        let found = self.parts.store.sign_in_as_professional(&holder.rpps, asked.as_ref()).await?;
        Ok(found.map(Someone::from).ok_or(NOT_HIS))
    }

    /// Nobody reads or writes mail without a trace of having come in.
    async fn let_in(
        &self,
        proof: &Proof,
        caller: &Caller<'_>,
        who: Who,
        Someone { account, believed }: Someone,
        as_of: u64,
    ) -> Result<Result<Pass, Denied>, Unjudged> {
        let now = self.parts.clock.now();
        self.record(&Try { proof, caller, found: Some(&account), why: None }).await?;
        if let Err(error) = self.parts.store.note_sign_in(&account, now).await {
            // Only when he was last here is not known to the hour.
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "it could not be kept when someone signed in");
        }
        self.backoff().succeeded(who, now);
        metrics::sign_in(caller.face, proof.word(), Outcome::SignedIn);
        let label = Label {
            account: record::actor(&self.parts.masker, &account),
            remote: caller.remote,
            door: metrics::door(caller.face),
        };
        // Who only reads is not sent away for an address that he might have written as elsewhere.
        let writes_as = if caller.face == Face::Imap { Vec::new() } else { account.writes_as.clone() };
        let held = Account { writes_as, ..account.clone() };
        let guard = self.sessions.begin(held, label, believed, as_of);
        Ok(Ok(Pass { account, guard }))
    }

    async fn turn_away(
        &self,
        proof: &Proof,
        caller: &Caller<'_>,
        who: Who,
        shown: Fingerprint,
        why: Why,
    ) -> Result<Result<Pass, Denied>, Unjudged> {
        if why.is_guess {
            self.backoff().failed(who, shown, self.parts.clock.now());
        }
        self.record(&Try { proof, caller, found: None, why: why.code }).await?;
        metrics::sign_in(caller.face, proof.word(), Outcome::Failed);
        Ok(Err(if matches!(proof, Proof::Token { .. }) { Denied::Token } else { Denied::Failed }))
    }

    async fn record(&self, tried: &Try<'_>) -> Result<(), StoreError> {
        let event = record::event(&self.parts, tried).await?;
        record::log(&self.parts.masker, &event, tried.caller);
        self.parts.store.append_audit(vec![event]).await
    }

    /// Who owes for a failure, and for what.
    fn books(&self, proof: &Proof, caller: &Caller<'_>) -> (Who, Fingerprint) {
        let backoff = self.backoff();
        let certificate = caller.tls.and_then(|tls| tls.certificate.as_ref()).map(|shown| shown.leaf.as_slice());
        let (name, shown) = match proof {
            Proof::Password { name, password, .. } => {
                // With the name: one password that is tried on everybody is as many guesses.
                (Some(backoff.name(name)), backoff.fingerprint((name.to_lowercase(), password.reveal())))
            }
            Proof::Certificate { .. } => (certificate.map(|leaf| backoff.key(leaf)), backoff.fingerprint(certificate)),
            Proof::Token { bearer, .. } => {
                let name = (!bearer.name.is_empty()).then(|| backoff.name(&bearer.name));
                (name, backoff.fingerprint((bearer.name.to_lowercase(), bearer.token.reveal())))
            }
        };
        (Who { place: caller.remote.into(), name }, shown)
    }

    fn backoff(&self) -> MutexGuard<'_, Backoff> {
        self.backoff.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which mailbox is asked for; an error if it is none that could be.
fn mailbox(asked: &str) -> Result<Option<MailAddress>, ()> {
    if asked.is_empty() { Ok(None) } else { MailAddress::parse(asked).map(Some).map_err(drop) }
}

/// Neither yes nor no: the client is told to come back, and is not counted as someone who guesses.
fn unavailable(proof: &Proof, caller: &Caller<'_>, why: &Unjudged) -> Denied {
    metrics::sign_in(caller.face, proof.word(), Outcome::Unavailable);
    match why {
        Unjudged::Store(error) => {
            let error: &dyn std::error::Error = error;
            tracing::error!(error, "sign-in could not be judged");
            Denied::Unavailable
        }
        Unjudged::Issuer(fault) => {
            tracing::warn!(%fault, "sign-in by token could not be judged");
            Denied::IssuerUnavailable
        }
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").field("tokens", &self.takes_tokens()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
