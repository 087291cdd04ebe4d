//! [`Proof`]: what someone shows to be let in. [`Caller`]: who shows it.

use std::net::IpAddr;

use pli_audit::Face;
use pli_net::TlsFacts;
use pli_types::Secret;

use crate::bearer::{self, Bearer};
use crate::sasl::Mechanism;

/// What someone shows to be let in.
#[derive(Debug)]
pub enum Proof {
    /// A name and a password.
    Password {
        /// How they came.
        mechanism: Mechanism,
        /// An account's name, or the address of a mailbox that has an app password.
        name: String,
        /// The mailbox asked for; empty for the account's own.
        acts_for: String,
        /// The password, or app password.
        password: Secret<String>,
    },
    /// The certificate of the handshake.
    Certificate {
        /// The mailbox asked for; empty for the certificate's own.
        acts_for: String,
    },
    /// A token.
    Token {
        /// How it came.
        mechanism: bearer::Mechanism,
        /// The token, and the mailbox asked for.
        bearer: Bearer,
    },
}

impl Proof {
    /// Its word in the record.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Password { mechanism, .. } => mechanism.word(),
            Self::Certificate { .. } => Mechanism::External.word(),
            Self::Token { mechanism, .. } => mechanism.word(),
        }
    }

    /// By what the one who tries calls himself, if by anything.
    pub(crate) fn name(&self) -> Option<&str> {
        let name = match self {
            Self::Password { name, .. } => name,
            Self::Certificate { acts_for } => acts_for,
            Self::Token { bearer, .. } => &bearer.name,
        };
        (!name.is_empty()).then_some(name)
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Through which door.
    pub face: Face,
    /// From where.
    pub remote: IpAddr,
    /// What the handshake told; without it nobody signs in.
    pub tls: Option<&'a TlsFacts>,
}
