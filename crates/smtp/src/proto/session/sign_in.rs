//! `AUTH` (RFC 4954): on submission, under TLS, once, between messages. What responses say is for [`pli_signin::sasl`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pli_signin::Proof;
use pli_signin::sasl::{self, Mechanism};
use pli_types::Secret;

use super::{Door, Question, Session, State, Tls};
use crate::proto::command::SyntaxError;
use crate::proto::event::Event;
use crate::proto::reply::Reply;
use crate::replies;

/// Tries to sign in before the connection is closed.
const SIGN_INS_MAX: u32 = 3;

/// The line that is waited for.
#[derive(Debug)]
pub(super) enum Awaited {
    /// The one response of a mechanism; of LOGIN, the name.
    Response(Mechanism),
    /// The second response of LOGIN, after this name.
    Password(Secret<Vec<u8>>),
}

/// What `EHLO` offers.
pub(super) fn mechanisms(tls: Tls, tokens: bool) -> String {
    let offered = [(true, "PLAIN LOGIN"), (tls.certificate, "EXTERNAL"), (tokens, "XOAUTH2 OAUTHBEARER")];
    let words: Vec<&str> = offered.into_iter().filter_map(|(is_offered, word)| is_offered.then_some(word)).collect();
    words.join(" ")
}

impl Session {
    pub(super) fn on_auth(&mut self, mechanism: &str, initial: Option<Secret<String>>) {
        if self.config.door == Door::Operators {
            return self.say(replies::not_offered());
        }
        if matches!(self.state, State::Greeted) {
            return self.say(replies::hello_first());
        }
        if self.signed_in || matches!(self.state, State::Transaction { .. }) {
            return self.say(replies::no_sign_in_now());
        }
        let offered = |mechanism: &Mechanism| match mechanism {
            Mechanism::Plain | Mechanism::Login => true,
            Mechanism::External => self.tls.is_some_and(|tls| tls.certificate),
            Mechanism::Token(_) => self.config.tokens,
            Mechanism::Basic => false,
        };
        match (Mechanism::parse(mechanism).filter(offered), initial) {
            (None, _) => self.say(replies::unknown_mechanism()),
            (Some(mechanism), Some(initial)) => {
                self.on_sasl_line(Awaited::Response(mechanism), initial.reveal().as_bytes());
            }
            (Some(Mechanism::Login), None) => self.wait_for(Awaited::Response(Mechanism::Login), replies::login_name()),
            (Some(mechanism), None) => self.wait_for(Awaited::Response(mechanism), replies::sasl_challenge()),
        }
    }

    /// The line that is waited for, if one is: it has come.
    pub(super) fn take_awaited(&mut self) -> Option<Awaited> {
        if !matches!(self.state, State::SignIn(_)) {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Ready) {
            State::SignIn(awaited) => Some(awaited),
            _ => None,
        }
    }

    pub(super) fn on_sasl_line(&mut self, awaited: Awaited, line: &[u8]) {
        if line == b"*" {
            return self.say(replies::sign_in_cancelled());
        }
        let Some(response) = decode(line) else { return self.on_error(SyntaxError::SaslResponse) };
        let proof = match awaited {
            Awaited::Response(Mechanism::Login) => {
                return self.wait_for(Awaited::Password(response), replies::login_password());
            }
            Awaited::Response(mechanism) => mechanism.read(response.reveal()),
            Awaited::Password(name) => sasl::login(name.reveal(), response.reveal()),
        };
        match proof {
            Some(proof) => {
                let by_token = matches!(proof, Proof::Token { .. });
                self.ask(Question::SignIn { by_token }, Event::SignIn(proof));
            }
            None => self.on_error(SyntaxError::SaslResponse),
        }
    }

    fn wait_for(&mut self, awaited: Awaited, challenge: Reply) {
        self.state = State::SignIn(awaited);
        self.say(challenge);
    }

    /// Says why in a challenge, and keeps the refusal until the client has answered it.
    pub(super) fn on_token_refused(&mut self, refusal: Reply) {
        self.state = State::TokenRefused(refusal);
        self.say(replies::token_not_taken());
    }

    /// Whatever the client's line was (it has nothing to say): now comes the refusal.
    pub(super) fn on_refusal_heard(&mut self) {
        if let State::TokenRefused(refusal) = std::mem::replace(&mut self.state, State::Ready) {
            self.say(refusal);
            self.on_sign_in_failed();
        }
    }

    pub(super) fn on_sign_in_failed(&mut self) {
        self.failed_sign_ins += 1;
        if self.failed_sign_ins >= SIGN_INS_MAX {
            self.close(replies::too_many_sign_ins());
        }
    }
}

/// A response as it stands on the wire; a lone `=` is an empty one (RFC 4954 §4).
fn decode(line: &[u8]) -> Option<Secret<Vec<u8>>> {
    let line = if line == b"=" { b"" } else { line };
    STANDARD.decode(line).ok().map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_base64_and_a_lone_equals_sign_is_empty() {
        assert_eq!(decode(b"=").map(|response| response.reveal().clone()), Some(Vec::new()));
        assert_eq!(decode(b"YQ==").map(|response| response.reveal().clone()), Some(b"a".to_vec()));
        assert!(decode(b"*!").is_none() && decode(&[0xff]).is_none());
    }

    #[test]
    fn the_prompts_of_login_are_those_that_programs_wait_for() {
        assert_eq!(replies::login_name().to_string(), format!("334 {}", sasl::LOGIN_NAME_PROMPT));
        assert_eq!(replies::login_password().to_string(), format!("334 {}", sasl::LOGIN_PASSWORD_PROMPT));
    }
}
