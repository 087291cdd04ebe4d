//! Signing in: credentials → account, with its line in the record either way (R-TRC-1).

use pli_audit::{Event, EventKind};
use pli_mailflow::{Intake, Session};
use pli_net::TlsFacts;
use pli_policy::Reason;
use pli_store::{Account, StoreError};
use pli_types::{CertificateUse, MailAddress, Secret};

use crate::metrics;
use crate::proto::{Credentials, Reply};
use crate::replies;

/// Judges credentials. `tls` is what the handshake told; without it nobody signs in.
pub(crate) async fn sign_in(
    intake: &Intake,
    session: &Session,
    tls: Option<&TlsFacts>,
    credentials: Credentials,
) -> Result<Account, Reply> {
    let found = match &credentials {
        Credentials::Password { name, password } => by_password(intake, tls, name, password).await,
        Credentials::Certificate { name } => by_certificate(intake, tls, name).await,
    };
    let found = found.map_err(|error| unavailable(&error))?;
    let event = record(intake, session, tls, &credentials, found.as_ref());
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
    intake.store.0.sign_in_with_password(name, password).await
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
    let account = intake.store.0.sign_in_with_certificate(&certificate.subject).await?;
    Ok(account.filter(|account| name.is_empty() || is_address(name, &account.mailbox.address)))
}

fn is_address(name: &str, address: &MailAddress) -> bool {
    MailAddress::parse(name).is_ok_and(|name| name.key() == address.key())
}

/// A name that is no address may be a password typed into the wrong field, so it is not logged.
fn log(session: &Session, credentials: &Credentials, event: &Event) {
    let account = match credentials {
        Credentials::Password { name, .. } if MailAddress::parse(name).is_err() => None,
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
        Credentials::Password { name, .. } => (masked(name), "password"),
        Credentials::Certificate { .. } => {
            let subject = tls.and_then(|tls| tls.certificate.as_ref()).map(|shown| shown.subject.to_string());
            (intake.masker.scrub(&subject.unwrap_or_default()), "certificate")
        }
    };
    Event {
        actor: Some(actor),
        remote: Some(session.remote.ip().to_string()),
        reason,
        detail: Some(detail.to_owned()),
        ..Event::new(intake.clock.now(), kind, session.face)
    }
}

/// Neither yes nor no: the client is told to come back, and is not counted as someone who guesses.
fn unavailable(error: &StoreError) -> Reply {
    tracing::error!(error = error as &dyn std::error::Error, "sign-in could not be judged");
    metrics::signed_in("unavailable");
    replies::sign_in_unavailable()
}
