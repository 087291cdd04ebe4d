//! STARTTLS, LOGIN and AUTHENTICATE (RFC 3501 §6.2): PLAIN (RFC 4616), EXTERNAL (RFC 4422 appendix A), and tokens
//! ([`pli_signin::bearer`]).
//!
//! Whatever is wrong with who someone claims to be, the answer is the same, so that nothing can be learned of which
//! accounts there are.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imap_codec::imap_types::auth::AuthMechanism;
use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::secret::Secret as Classified;
use pli_audit::{Event, EventKind};
use pli_signin::TokenFault;
use pli_signin::bearer::{Bearer, Mechanism, REFUSAL};
use pli_store::{Account, MailboxState};
use pli_types::{MailAddress, Secret};

use crate::answer::{Answer, Fault};
use crate::server::Security;
use crate::session::{Next, Session};
use crate::state::Holder;
use crate::wire::WireError;
use crate::{capability, metrics, record};

/// Tries on one connection.
const FAILED_MAX: u8 = 3;

/// A SASL response: two names and a token fit well within (RFC 4954 §4 asks as much of SMTP).
const RESPONSE_BYTES_MAX: usize = 12_288;

/// What someone shows to be let in.
enum Proof {
    Password { name: String, password: Secret<String> },
    Certificate { claimed: String },
    Token(Bearer),
}

/// What AUTHENTICATE was asked to use.
#[derive(Clone, Copy)]
enum Way {
    Plain,
    External,
    Token(Mechanism),
}

/// What is kept of a try.
struct Claim {
    /// How the record names the one who tried.
    actor: Option<String>,
    how: &'static str,
}

/// STARTTLS (RFC 3501 §6.2.1). What was sent behind it in clear is never interpreted: the connection is closed.
pub(super) fn starttls(session: &mut Session<'_>, tag: &str) -> Result<Next, Fault> {
    if !matches!(session.peer.security, Security::Clear) {
        return Err(Answer::bad("TLS is on already").into());
    }
    if session.wire.buffered() > 0 {
        return Err(WireError::Broken("Bytes were sent behind STARTTLS in clear").into());
    }
    session.complete(tag, &Answer::ok("Begin TLS now"));
    Ok(Next::StartTls)
}

/// LOGIN (RFC 3501 §6.2.3).
pub(super) async fn login(
    session: &mut Session<'_>,
    tag: &str,
    name: &AString<'_>,
    password: &Classified<AString<'_>>,
) -> Result<Next, Fault> {
    may_sign_in(session)?;
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
    let proof = text(name.as_ref())
        .zip(text(password.declassify().as_ref()))
        .map(|(name, password)| Proof::Password { name, password: Secret::new(password) });
    judge(session, tag, proof, "login").await
}

/// AUTHENTICATE (RFC 3501 §6.2.2), with an initial response or without (RFC 4959).
pub(super) async fn authenticate(
    session: &mut Session<'_>,
    tag: &str,
    mechanism: &AuthMechanism<'_>,
    initial: Option<Classified<Cow<'_, [u8]>>>,
) -> Result<Next, Fault> {
    may_sign_in(session)?;
    let way = way(session, mechanism.as_ref())?;
    let response = match initial {
        Some(initial) => Secret::new(initial.declassify().to_vec()),
        None => ask(session).await?,
    };
    let text = std::str::from_utf8(response.reveal()).ok();
    match way {
        Way::Plain => judge(session, tag, read_plain(response.reveal()), "plain").await,
        Way::External => {
            let proof = text.map(|name| Proof::Certificate { claimed: name.to_owned() });
            judge(session, tag, proof, "external").await
        }
        Way::Token(mechanism) => {
            let proof = text.and_then(|text| mechanism.read(text)).map(Proof::Token);
            judge(session, tag, proof, mechanism.word()).await
        }
    }
}

/// A mechanism that is offered here.
fn way(session: &Session<'_>, name: &str) -> Result<Way, Answer> {
    if name.eq_ignore_ascii_case("PLAIN") {
        return Ok(Way::Plain);
    }
    if name.eq_ignore_ascii_case("EXTERNAL") {
        return Ok(Way::External);
    }
    let token = Mechanism::parse(name).filter(|_| session.context.tokens.is_some());
    token.map(Way::Token).ok_or(Answer::no("CANNOT", "This mechanism is not offered"))
}

fn may_sign_in(session: &Session<'_>) -> Result<(), Answer> {
    if session.state.account().is_some() {
        return Err(Answer::bad("You are signed in already"));
    }
    match session.peer.security {
        Security::Clear => Err(Answer::no("PRIVACYREQUIRED", "Begin TLS first, with STARTTLS")),
        Security::Tls(_) => Ok(()),
    }
}

/// Asks for a response, in base64 on a line of its own. `*` takes the command back.
async fn ask(session: &mut Session<'_>) -> Result<Secret<Vec<u8>>, Fault> {
    session.wire.say("+ \r\n");
    let line = session.wire.line(RESPONSE_BYTES_MAX).await?;
    let line = line.ok_or(WireError::Broken("The response is too long"))?;
    let line = line.strip_suffix(b"\r\n").ok_or(Answer::bad("A line ends with CR LF"))?;
    if line == b"*" {
        return Err(Answer::bad("As you wish").into());
    }
    let response = STANDARD.decode(line).map_err(|_| Answer::bad("This is not base64"))?;
    Ok(Secret::new(response))
}

/// `authzid NUL authcid NUL password` (RFC 4616 §2). Nobody may act as somebody else.
fn read_plain(response: &[u8]) -> Option<Proof> {
    let text = std::str::from_utf8(response).ok()?;
    let mut parts = text.split('\0');
    let (acts_as, name, password) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && !name.is_empty() && !password.is_empty();
    let oneself = acts_as.is_empty() || acts_as == name;
    (whole && oneself).then(|| Proof::Password { name: name.to_owned(), password: Secret::new(password.to_owned()) })
}

/// Lets in or not, records it, and completes the command.
async fn judge(session: &mut Session<'_>, tag: &str, proof: Option<Proof>, how: &'static str) -> Result<Next, Fault> {
    let generation = session.context.pki.generation();
    let (account, actor, judged_under) = match &proof {
        None => (None, None, None),
        Some(Proof::Token(bearer)) => {
            let actor = record::claimed_name(session, &bearer.name);
            let claim = Claim { actor, how };
            return match by_token(session, bearer).await? {
                Ok(account) => succeed(session, tag, Holder { account, judged_under: None }, &claim).await,
                Err(reason) => {
                    // Recorded first: the client may hang up on the challenge.
                    record_failure(session, &claim, reason).await?;
                    hear_refusal(session).await?;
                    Ok(refuse(session, tag))
                }
            };
        }
        Some(Proof::Password { name, password }) => {
            let account = session.context.store.sign_in_with_password(name, None, password).await?;
            (account, record::claimed_name(session, name), None)
        }
        Some(Proof::Certificate { claimed }) => {
            let account = by_certificate(session, claimed).await?;
            (account, record::shown_name(session), Some(generation))
        }
    };
    let claim = Claim { actor, how };
    match account {
        Some(account) if account.mailbox.state != MailboxState::Suspended => {
            succeed(session, tag, Holder { account, judged_under }, &claim).await
        }
        Some(_) => fail(session, tag, &claim, "mailbox-suspended").await,
        None => fail(session, tag, &claim, "credentials-invalid").await,
    }
}

async fn by_certificate(session: &Session<'_>, claimed: &str) -> Result<Option<Account>, Fault> {
    let Some(name) = session.believed_certificate() else { return Ok(None) };
    let acts_for = match MailAddress::parse(claimed) {
        Ok(address) => Some(address),
        Err(_) if claimed.is_empty() => None,
        Err(_) => return Ok(None),
    };
    Ok(session.context.store.sign_in_with_certificate(name, acts_for.as_ref()).await?)
}

/// The holder's own mailbox, the one asked for if one was; or what the record says of the failure.
async fn by_token(session: &Session<'_>, bearer: &Bearer) -> Result<Result<Account, &'static str>, Fault> {
    let (Some(tokens), Security::Tls(facts)) = (&session.context.tokens, &session.peer.security) else {
        return Ok(Err(TokenFault::Malformed.code()));
    };
    let holder = match tokens.judge(&bearer.token, facts.certificate.as_ref()).await {
        Ok(holder) => holder,
        Err(fault) if fault.is_temporary() => {
            tracing::warn!(%fault, "sign-in by token could not be judged");
            return Err(Answer::no("UNAVAILABLE", "The issuer of tokens does not answer, try again").into());
        }
        Err(fault) => return Ok(Err(fault.code())),
    };
    let address = match MailAddress::parse(&bearer.name) {
        Ok(address) => Some(address),
        Err(_) if bearer.name.is_empty() => None,
        Err(_) => return Ok(Err(NOT_HIS)),
    };
    let account = session.context.store.sign_in_as_professional(&holder.rpps, address.as_ref()).await?;
    Ok(account.ok_or(NOT_HIS))
}

/// The token of one professional, and the mailbox of another, or of nobody.
const NOT_HIS: &str = "token-holder";

/// Says in a challenge what is wrong; the client's answer means nothing (RFC 7628 §3.2.3).
async fn hear_refusal(session: &mut Session<'_>) -> Result<(), Fault> {
    session.wire.say(&format!("+ {}\r\n", STANDARD.encode(REFUSAL)));
    let line = session.wire.line(RESPONSE_BYTES_MAX).await?;
    line.map(drop).ok_or(WireError::Broken("The response is too long").into())
}

async fn succeed(session: &mut Session<'_>, tag: &str, holder: Holder, claim: &Claim) -> Result<Next, Fault> {
    let actor = session.context.masker.address(&holder.account.mailbox.address);
    let event = Event {
        actor: Some(actor.clone()),
        detail: Some(claim.how.to_owned()),
        ..record::event(session, EventKind::SignedIn)
    };
    // Nobody reads mail without a trace of having come in.
    session.context.store.append_audit(vec![event]).await?;
    metrics::sign_in(true);
    tracing::info!(account = actor, remote = %session.peer.remote, how = claim.how, "signed in over IMAP");
    session.sign_in(holder);
    let capabilities = capability::words(session.offer());
    session.complete(tag, &Answer::ok("Welcome").with_code(format!("CAPABILITY {capabilities}")));
    Ok(Next::Go)
}

async fn fail(session: &mut Session<'_>, tag: &str, claim: &Claim, reason: &'static str) -> Result<Next, Fault> {
    record_failure(session, claim, reason).await?;
    Ok(refuse(session, tag))
}

async fn record_failure(session: &Session<'_>, claim: &Claim, reason: &'static str) -> Result<(), Fault> {
    let event = Event {
        actor: claim.actor.clone(),
        reason: Some(reason.to_owned()),
        detail: Some(claim.how.to_owned()),
        ..record::event(session, EventKind::SignInFailed)
    };
    metrics::sign_in(false);
    tracing::info!(account = claim.actor, remote = %session.peer.remote, reason, "sign-in over IMAP refused");
    session.context.store.append_audit(vec![event]).await?;
    Ok(())
}

/// The same words, whatever was wrong.
fn refuse(session: &mut Session<'_>, tag: &str) -> Next {
    session.complete(tag, &Answer::no("AUTHENTICATIONFAILED", "The name or its proof is not right"));
    session.failed_sign_ins = session.failed_sign_ins.saturating_add(1);
    if session.failed_sign_ins < FAILED_MAX {
        return Next::Go;
    }
    session.wire.say("* BYE Too many tries\r\n");
    Next::Bye
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_takes_a_name_and_a_password_for_oneself_only() {
        assert!(read_plain(b"\0a@b.fr\0secret").is_some());
        assert!(read_plain(b"a@b.fr\0a@b.fr\0secret").is_some());
        for bad in
            [&b"c@d.fr\0a@b.fr\0secret"[..], b"\0a@b.fr", b"\0\0secret", b"\0a\0", b"\0a\0b\0c", b"\xff\0a\0b", b""]
        {
            assert!(read_plain(bad).is_none(), "{bad:?}");
        }
    }
}
