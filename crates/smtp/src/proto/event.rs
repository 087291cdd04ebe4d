//! What the machine tells its driver: [`Event`] and [`Interrupt`].

use pli_policy::Reason;
use pli_signin::Proof;
use pli_types::{EnvelopeParameters, Recipient, ReversePath};

use super::reply::Reply;

/// Something happened. Those marked *asks* want exactly one [`super::Session::answer`] before anything else.
#[derive(Debug)]
pub enum Event<'a> {
    /// Write this. Replies may be gathered until the machine needs input (RFC 2920 §3.2).
    Say(Reply),
    /// The client gave its name. A transaction under way is over.
    Hello(String),
    /// `MAIL`. *Asks.*
    Mail {
        /// Who is told of failure.
        sender: ReversePath,
        /// What travels with the message.
        parameters: EnvelopeParameters,
        /// Did the client announce more than the size limit (RFC 1870 §6.1)?
        too_big: bool,
    },
    /// `RCPT`. *Asks.*
    Recipient(Recipient),
    /// A piece of the body, dots unstuffed.
    Body(&'a [u8]),
    /// The body is over. *Asks.*
    Message {
        /// Why it must be refused, if so. Then not all of it was handed on.
        fault: Option<Reason>,
    },
    /// The transaction under way is over without a message.
    Reset,
    /// Someone wants to sign in. *Asks.*
    SignIn(Proof),
    /// Write out everything, do the handshake, then say [`super::Session::tls_established`].
    StartTls,
    /// Write out everything and close.
    Close,
}

/// Why there is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// More bytes, please: write out the replies, then read.
    NeedInput,
    /// The last event asked something.
    NeedAnswer,
}
