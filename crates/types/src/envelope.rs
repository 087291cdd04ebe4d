//! What travels beside a message: the parameters of `MAIL` and `RCPT` (RFC 5321, 6152, 6531, 3461).

use std::fmt;

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
    /// The whole message. (Pli returns the header only, whatever was asked: RFC 3461 §4.3 allows it.)
    Full,
    /// Its header only.
    Headers,
}

/// `NOTIFY=` of `RCPT` (RFC 3461 §4.1). All false is `NEVER`; the default, when nothing was said, is failure and delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DsnNotify {
    /// Tell the sender of success.
    pub success: bool,
    /// Tell the sender of failure.
    pub failure: bool,
    /// Tell the sender of delay.
    pub delay: bool,
}

impl DsnNotify {
    /// `NOTIFY=NEVER` (RFC 3461 §4.1).
    pub const NEVER: Self = Self { success: false, failure: false, delay: false };
}

impl Default for DsnNotify {
    fn default() -> Self {
        Self { success: false, failure: true, delay: true }
    }
}

/// What `MAIL` said beside the address.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EnvelopeParameters {
    /// `BODY=`.
    pub body: BodyType,
    /// `SMTPUTF8` (RFC 6531).
    pub smtputf8: bool,
    /// `RET=` (RFC 3461).
    pub ret: Option<DsnReturn>,
    /// `ENVID=`, still in xtext (RFC 3461 §4.4). The sender's own words: scrub it before it is shown.
    pub envid: Option<String>,
}

impl fmt::Debug for EnvelopeParameters {
    /// Redacted: that there is an `ENVID`, not what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvelopeParameters")
            .field("body", &self.body)
            .field("smtputf8", &self.smtputf8)
            .field("ret", &self.ret)
            .field("envid", &self.envid.as_ref().map(|_| "<hidden>"))
            .finish()
    }
}

/// One `RCPT`.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient {
    /// To whom.
    pub address: MailAddress,
    /// `NOTIFY=`.
    pub notify: DsnNotify,
    /// `ORCPT=`, type included, still in xtext (RFC 3461 §4.2). May be a health identifier.
    pub orcpt: Option<String>,
}

impl fmt::Debug for Recipient {
    /// Redacted: `ORCPT` often repeats the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient")
            .field("address", &self.address)
            .field("notify", &self.notify)
            .field("orcpt", &self.orcpt.as_ref().map(|_| "<hidden>"))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_an_ins() {
        let ins = "279035121518989";
        let recipient = Recipient {
            address: MailAddress::parse(&format!("{ins}@patient.mssante.fr")).unwrap(),
            notify: DsnNotify::default(),
            orcpt: Some(format!("rfc822;{ins}@patient.mssante.fr")),
        };
        let parameters = EnvelopeParameters { envid: Some(ins.to_owned()), ..EnvelopeParameters::default() };
        let shown = format!("{recipient:?} {recipient:#?} {parameters:?} {parameters:#?}");
        assert!(!shown.contains(ins), "{shown}");
    }
}
