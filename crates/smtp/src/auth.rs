//! Signing in: credentials → account, with its line in the record either way (R-TRC-1).

use pli_audit::{Event, EventKind};
use pli_mailflow::{Intake, Session};
use pli_net::TlsFacts;
use pli_policy::Reason;
use pli_signin::bearer::{Bearer, Mechanism};
use pli_signin::{Holder, TokenFault, TokenSignIn};
use pli_store::{Account, StoreError};
use pli_types::{CertificateUse, MailAddress, Secret};

use crate::metrics;
use crate::proto::{Credentials, Reply};
use crate::replies;

/// Judges credentials. `tls` is what the handshake told; without it nobody signs in.
pub(crate) async fn sign_in(
    intake: &Intake,
    tokens: Option<&TokenSignIn>,
    session: &Session,
    tls: Option<&TlsFacts>,
    credentials: Credentials,
) -> Result<Account, Reply> {
    let mut fault = None;
    let found = match &credentials {
        Credentials::Password { name, password } => by_password(intake, tls, name, password).await,
        Credentials::Certificate { name } => by_certificate(intake, tls, name).await,
        Credentials::Token { bearer, .. } => match whose(tokens, tls, bearer).await {
            Ok(holder) => by_identity(intake, &holder, &bearer.name).await,
            Err(why) if why.is_temporary() => return Err(issuer_unavailable(why)),
            Err(why) => {
                fault = Some(why);
                Ok(None)
            }
        },
    };
    let found = found.map_err(|error| unavailable(&error))?;
    let event = record(intake, session, tls, &credentials, found.as_ref(), fault);
    log(session, &credentials, &event);
    intake.store.0.append_audit(vec![event]).await.map_err(|error| unavailable(&error))?;
    metrics::signed_in(if found.is_some() { "signed-in" } else { "failed" });
    found.ok_or_else(|| replies::for_refusal(Reason::AuthenticationFailed, false))
}

async fn by_password(
    intake: &Intake,
    tls: Option<&TlsFacts>,
    name: &str,
    password: &Secret<String>,
) -> Result<Option<Account>, StoreError> {
    if tls.is_none() {
        return Ok(None);
    }
    intake.store.0.sign_in_with_password(name, None, password).await
}

/// The certificate must be believed now, and open an account; the account must be the one asked for, if one was.
async fn by_certificate(intake: &Intake, tls: Option<&TlsFacts>, name: &str) -> Result<Option<Account>, StoreError> {
    let Some(certificate) = tls.and_then(|tls| tls.certificate.as_ref()) else { return Ok(None) };
    let now = intake.clock.now();
    intake.pki.prepare(certificate, now).await;
    if let Err(fault) = intake.pki.judge(certificate, CertificateUse::Client, now) {
        tracing::info!(subject = %intake.masker.scrub(&certificate.subject.to_string()), %fault, "certificate not believed at sign-in");
        return Ok(None);
    }
    let acts_for = match MailAddress::parse(name) {
        Ok(address) => Some(address),
        Err(_) if name.is_empty() => None,
        Err(_) => return Ok(None),
    };
    intake.store.0.sign_in_with_certificate(&certificate.subject, acts_for.as_ref()).await
}

/// Nobody's token is judged in clear, or where none are taken.
async fn whose(tokens: Option<&TokenSignIn>, tls: Option<&TlsFacts>, bearer: &Bearer) -> Result<Holder, TokenFault> {
    let (Some(tokens), Some(tls)) = (tokens, tls) else { return Err(TokenFault::Malformed) };
    tokens.judge(&bearer.token, tls.certificate.as_ref()).await
}

/// The holder's own mailbox: the one asked for if it is his, else none.
async fn by_identity(intake: &Intake, holder: &Holder, name: &str) -> Result<Option<Account>, StoreError> {
    let address = match MailAddress::parse(name) {
        Ok(address) => Some(address),
        Err(_) if name.is_empty() => None,
        Err(_) => return Ok(None),
    };
    intake.store.0.sign_in_as_professional(&holder.rpps, address.as_ref()).await
}

/// A name that is no address may be a password typed into the wrong field, so it is not logged.
fn log(session: &Session, credentials: &Credentials, event: &Event) {
    let account = match credentials {
        Credentials::Password { name, .. } if MailAddress::parse(name).is_err() => None,
        Credentials::Token { bearer, .. } if !bearer.name.is_empty() && MailAddress::parse(&bearer.name).is_err() => {
            None
        }
        _ => event.actor.as_deref(),
    };
    let (remote, how) = (session.remote, event.detail.as_deref());
    match event.reason.as_deref() {
        None => tracing::info!(account, %remote, how, "signed in over SMTP"),
        Some(reason) => tracing::info!(account, %remote, how, reason, "sign-in over SMTP refused"),
    }
}

fn record(
    intake: &Intake,
    session: &Session,
    tls: Option<&TlsFacts>,
    credentials: &Credentials,
    found: Option<&Account>,
    fault: Option<TokenFault>,
) -> Event {
    let (kind, reason) = match found {
        Some(_) => (EventKind::SignedIn, None),
        None => (EventKind::SignInFailed, Some(Reason::AuthenticationFailed.code().to_owned())),
    };
    let masked = |name: &str| match MailAddress::parse(name) {
        Ok(address) => intake.masker.address(&address),
        Err(_) => intake.masker.scrub(name),
    };
    let (actor, detail) = match credentials {
        Credentials::Password { name, .. } => (Some(masked(name)), "password".to_owned()),
        Credentials::Token { mechanism, bearer } => {
            let asked = (!bearer.name.is_empty()).then(|| masked(&bearer.name));
            let own = found.map(|account| intake.masker.address(&account.mailbox.address));
            (asked.or(own), told(*mechanism, found.is_some(), fault))
        }
        Credentials::Certificate { .. } => {
            let subject = tls.and_then(|tls| tls.certificate.as_ref()).map(|shown| shown.subject.to_string());
            (Some(intake.masker.scrub(&subject.unwrap_or_default())), "certificate".to_owned())
        }
    };
    Event {
        actor,
        remote: Some(session.remote.ip().to_string()),
        reason,
        detail: Some(detail),
        ..Event::new(intake.clock.now(), kind, session.face)
    }
}

/// How someone signed in by token, and if he did not, what was wrong with it. A good token of someone who has no such
/// mailbox here is [`NOT_HIS`].
fn told(mechanism: Mechanism, signed_in: bool, fault: Option<TokenFault>) -> String {
    let how = mechanism.word();
    match fault {
        None if signed_in => how.to_owned(),
        fault => format!("{how} {}", fault.map_or(NOT_HIS, TokenFault::code)),
    }
}

/// The token of one professional, and the mailbox of another, or of nobody.
const NOT_HIS: &str = "token-holder";

/// Nothing is wrong with the token that we know of.
fn issuer_unavailable(fault: TokenFault) -> Reply {
    tracing::warn!(%fault, "sign-in by token could not be judged");
    metrics::signed_in("unavailable");
    replies::issuer_unavailable()
}

/// Neither yes nor no: the client is told to come back, and is not counted as someone who guesses.
fn unavailable(error: &StoreError) -> Reply {
    tracing::error!(error = error as &dyn std::error::Error, "sign-in could not be judged");
    metrics::signed_in("unavailable");
    replies::sign_in_unavailable()
}
