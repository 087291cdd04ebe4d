//! STARTTLS, LOGIN and AUTHENTICATE (RFC 3501 §6.2). Who someone is, [`pli_signin`] judges; here is how he says it.
//!
//! Whatever is wrong with who someone claims to be, the answer is the same, so that nothing can be learned of which
//! accounts there are.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imap_codec::imap_types::auth::AuthMechanism;
use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::secret::Secret as Classified;
use pli_audit::Face;
use pli_signin::bearer::REFUSAL;
use pli_signin::sasl::{self, Mechanism};
use pli_signin::{Caller, Denied, Proof};
use pli_types::Secret;

use crate::answer::{Answer, Fault};
use crate::capability;
use crate::server::Security;
use crate::session::{Next, Session};
use crate::wire::WireError;

/// Tries on one connection.
const FAILED_MAX: u8 = 3;

/// A SASL response: two names and a token fit well within (RFC 4954 §4 asks as much of SMTP).
const RESPONSE_BYTES_MAX: usize = 12_288;

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
    let proof = sasl::login(name.as_ref(), password.declassify().as_ref());
    judge(session, tag, proof).await
}

/// AUTHENTICATE (RFC 3501 §6.2.2), with an initial response or without (RFC 4959).
pub(super) async fn authenticate(
    session: &mut Session<'_>,
    tag: &str,
    mechanism: &AuthMechanism<'_>,
    initial: Option<Classified<Cow<'_, [u8]>>>,
) -> Result<Next, Fault> {
    may_sign_in(session)?;
    let mechanism = offered(session, mechanism.as_ref())?;
    let prompt = if mechanism == Mechanism::Login { sasl::LOGIN_NAME_PROMPT } else { "" };
    let response = match initial {
        Some(initial) => Secret::new(initial.declassify().to_vec()),
        None => ask(session, prompt).await?,
    };
    let proof = if mechanism == Mechanism::Login {
        let password = ask(session, sasl::LOGIN_PASSWORD_PROMPT).await?;
        sasl::login(response.reveal(), password.reveal())
    } else {
        mechanism.read(response.reveal())
    };
    judge(session, tag, proof).await
}

/// A mechanism that is offered here.
fn offered(session: &Session<'_>, name: &str) -> Result<Mechanism, Answer> {
    Mechanism::parse(name)
        .filter(|mechanism| !matches!(mechanism, Mechanism::Token(_)) || session.context.signin.takes_tokens())
        .ok_or(Answer::no("CANNOT", "This mechanism is not offered"))
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
async fn ask(session: &mut Session<'_>, prompt: &str) -> Result<Secret<Vec<u8>>, Fault> {
    session.wire.say(&format!("+ {prompt}\r\n"));
    let line = session.wire.line(RESPONSE_BYTES_MAX).await?;
    let line = line.ok_or(WireError::Broken("The response is too long"))?;
    let line = line.strip_suffix(b"\r\n").ok_or(Answer::bad("A line ends with CR LF"))?;
    if line == b"*" {
        return Err(Answer::bad("As you wish").into());
    }
    let response = STANDARD.decode(line).map_err(|_| Answer::bad("This is not base64"))?;
    Ok(Secret::new(response))
}

/// Lets in or not, and completes the command.
async fn judge(session: &mut Session<'_>, tag: &str, proof: Option<Proof>) -> Result<Next, Fault> {
    // What says nothing that the mechanism asks for is no try at anybody's name.
    let Some(proof) = proof else { return Ok(refuse(session, tag)) };
    let tls = match &session.peer.security {
        Security::Tls(facts) => Some(&**facts),
        Security::Clear => None,
    };
    let caller = Caller { face: Face::Imap, remote: session.peer.remote, tls };
    match session.context.signin.judge(&proof, &caller).await {
        Ok(pass) => {
            session.sign_in(pass);
            let capabilities = capability::words(session.offer());
            session.complete(tag, &Answer::ok("Welcome").with_code(format!("CAPABILITY {capabilities}")));
            Ok(Next::Go)
        }
        Err(Denied::Failed) => Ok(refuse(session, tag)),
        Err(Denied::Token) => {
            hear_refusal(session).await?;
            Ok(refuse(session, tag))
        }
        Err(Denied::TooMany) => {
            let answer = Answer::no("LIMIT", "Too many tries from your address have failed, wait some minutes");
            Ok(count(session, tag, &answer))
        }
        Err(Denied::Unavailable) => {
            Err(Answer::no("UNAVAILABLE", "Signing in does not work just now, try again").into())
        }
        Err(Denied::IssuerUnavailable) => {
            Err(Answer::no("UNAVAILABLE", "The issuer of tokens does not answer, try again").into())
        }
    }
}

/// Says in a challenge what is wrong; the client's answer means nothing (RFC 7628 §3.2.3).
async fn hear_refusal(session: &mut Session<'_>) -> Result<(), Fault> {
    session.wire.say(&format!("+ {}\r\n", STANDARD.encode(REFUSAL)));
    let line = session.wire.line(RESPONSE_BYTES_MAX).await?;
    line.map(drop).ok_or(WireError::Broken("The response is too long").into())
}

/// The same words, whatever was wrong.
fn refuse(session: &mut Session<'_>, tag: &str) -> Next {
    count(session, tag, &Answer::no("AUTHENTICATIONFAILED", "The name or its proof is not right"))
}

fn count(session: &mut Session<'_>, tag: &str, answer: &Answer) -> Next {
    session.complete(tag, answer);
    session.failed_sign_ins = session.failed_sign_ins.saturating_add(1);
    if session.failed_sign_ins < FAILED_MAX {
        return Next::Go;
    }
    session.wire.say("* BYE Too many tries\r\n");
    Next::Bye
}
