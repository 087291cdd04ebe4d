//! What travels beside a message: the parameters of `MAIL` and `RCPT` (RFC 5321, 6152, 6531, 3461).

use serde::{Deserialize, Serialize};

use crate::address::MailAddress;

/// `BODY=` of `MAIL` (RFC 6152).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyType {
    /// Seven-bit lines, or nothing said.
    #[default]
    SevenBit,
    /// Lines with bytes above 127.
    EightBitMime,
}

/// `RET=` of `MAIL` (RFC 3461 §4.3): what a report may hold of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DsnReturn {
    /// The whole message.
    Full,
    /// Its header only. (Pli never returns more than that.)
    Headers,
}

/// `NOTIFY=` of `RCPT` (RFC 3461 §4.1). All false with `never` unset means the default: failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DsnNotify {
    /// Tell the sender of success.
    pub success: bool,
    /// Tell the sender of failure.
    pub failure: bool,
    /// Tell the sender of delay.
    pub delay: bool,
}

impl Default for DsnNotify {
    fn default() -> Self {
        Self { success: false, failure: true, delay: true }
    }
}

/// What `MAIL` said beside the address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EnvelopeParameters {
    /// `BODY=`.
    pub body: BodyType,
    /// `SMTPUTF8` (RFC 6531).
    pub smtputf8: bool,
    /// `RET=` (RFC 3461).
    pub ret: Option<DsnReturn>,
    /// `ENVID=`, still in xtext (RFC 3461 §4.4).
    pub envid: Option<String>,
}

/// One `RCPT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// To whom.
    pub address: MailAddress,
    /// `NOTIFY=`.
    pub notify: DsnNotify,
    /// `ORCPT=`, type included, still in xtext (RFC 3461 §4.2). May be a health identifier.
    pub orcpt: Option<String>,
}
