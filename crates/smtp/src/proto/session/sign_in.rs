//! `AUTH` (RFC 4954): on submission, under TLS, once, between messages.

use pli_policy::Reason;
use pli_types::Secret;

use super::{Door, Question, Session, State};
use crate::proto::command::SyntaxError;
use crate::proto::event::Event;
use crate::replies;
use crate::sasl::{self, Mechanism, SaslError};

/// Tries to sign in before the connection is closed.
const SIGN_INS_MAX: u32 = 3;

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
            Ok(credentials) => self.ask(Question::SignIn, Event::SignIn(credentials)),
            Err(SaslError::Malformed) => self.on_error(SyntaxError::SaslResponse),
            Err(SaslError::OtherIdentity) => {
                self.say(replies::for_refusal(Reason::AuthenticationFailed, false));
                self.on_sign_in_failed();
            }
        }
    }

    pub(super) fn on_sign_in_failed(&mut self) {
        self.failed_sign_ins += 1;
        if self.failed_sign_ins >= SIGN_INS_MAX {
            self.close(replies::too_many_sign_ins());
        }
    }
}
