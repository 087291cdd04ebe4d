//! `AUTH` (RFC 4954): on submission, under TLS, once, between messages.

use pli_policy::Reason;
use pli_types::Secret;

use super::{Door, Question, Session, State, Tls};
use crate::proto::command::SyntaxError;
use crate::proto::event::{Credentials, Event};
use crate::proto::reply::Reply;
use crate::replies;
use crate::sasl::{self, Mechanism, SaslError};

/// Tries to sign in before the connection is closed.
const SIGN_INS_MAX: u32 = 3;

/// What `EHLO` offers.
pub(super) fn mechanisms(tls: Tls, tokens: bool) -> String {
    let offered = [(true, "PLAIN"), (tls.certificate, "EXTERNAL"), (tokens, "XOAUTH2 OAUTHBEARER")];
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
            Mechanism::Plain => true,
            Mechanism::External => self.tls.is_some_and(|tls| tls.certificate),
            Mechanism::Token(_) => self.config.tokens,
        };
        match (Mechanism::parse(mechanism).filter(offered), initial) {
            (None, _) => self.say(replies::unknown_mechanism()),
            (Some(mechanism), Some(initial)) => self.on_sasl_response(mechanism, initial.reveal().as_bytes()),
            (Some(mechanism), None) => {
                self.state = State::SignIn(mechanism);
                self.say(replies::sasl_challenge());
            }
        }
    }

    pub(super) fn on_sasl_response(&mut self, mechanism: Mechanism, response: &[u8]) {
        if response == b"*" {
            return self.say(replies::sign_in_cancelled());
        }
        match sasl::decode(mechanism, response) {
            Ok(credentials) => {
                let by_token = matches!(credentials, Credentials::Token { .. });
                self.ask(Question::SignIn { by_token }, Event::SignIn(credentials));
            }
            Err(SaslError::Malformed) => self.on_error(SyntaxError::SaslResponse),
            Err(SaslError::OtherIdentity) => {
                self.say(replies::for_refusal(Reason::AuthenticationFailed, false));
                self.on_sign_in_failed();
            }
        }
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
