//! [`Verdict`]: how a try ended for one recipient, and [`Trouble`], what was in the way.

use jiff::Timestamp;
use pli_policy::Reason;
use pli_types::Masker;

use super::reply::Reply;
use crate::intake::record::foreign;

/// How a try ended for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The next server has it.
    Relayed {
        /// `mx.example.test[192.0.2.1]:25: 250 2.0.0 …`, scrubbed.
        detail: String,
        /// The server's name.
        host: String,
        /// Does it offer DSN? Then what the sender wants to hear is its business from here on (RFC 3461 §5.2.1).
        reports: bool,
    },
    /// It is in a mailbox here, and its sender wants to hear of it.
    Delivered,
    /// Try again.
    Later(Trouble),
    /// Nothing was tried, and nothing will be before this time.
    NotNow {
        /// When.
        until: Timestamp,
        /// What was in the way of others.
        trouble: Trouble,
    },
    /// Do not.
    Never(Trouble),
}

/// What was in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Its stable code is what queue, trace and metrics show.
    pub(crate) reason: Reason,
    /// What happened, scrubbed.
    pub(crate) detail: String,
    /// The host that replied, for `Remote-MTA` (RFC 3464 §2.3.5).
    pub(crate) remote_host: Option<String>,
    /// What it replied, scrubbed, for `Diagnostic-Code` (RFC 3464 §2.3.6).
    pub(crate) reply: Option<Reply>,
}

impl Trouble {
    /// Trouble without a reply. `detail` may hold text from outside: it is scrubbed here.
    pub(crate) fn new(masker: &Masker, reason: Reason, detail: &str) -> Self {
        Self::scrubbed(reason, foreign(masker, detail))
    }

    /// Trouble told in words that are scrubbed already.
    pub(crate) fn scrubbed(reason: Reason, detail: String) -> Self {
        Self { reason, detail, remote_host: None, reply: None }
    }

    /// A reply that is not the one hoped for.
    pub(crate) fn of_reply(masker: &Masker, reason: Reason, server: &Server, reply: &Reply) -> Self {
        let reply = Reply { code: reply.code, text: foreign(masker, &reply.text) };
        Self {
            reason,
            detail: foreign(masker, &format!("{server}: {reply}")),
            remote_host: Some(server.host.clone()),
            reply: Some(reply),
        }
    }
}

/// A server that we talk to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    /// Its name, from the DNS or the configuration.
    pub(crate) host: String,
    /// Where it was reached.
    pub(crate) address: std::net::SocketAddr,
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]:{}", self.host, self.address.ip(), self.address.port())
    }
}

impl Verdict {
    /// What a reply to MAIL, RCPT, DATA or the final dot means for a recipient.
    pub(crate) fn of_refusal(masker: &Masker, server: &Server, reply: &Reply) -> Self {
        let trouble = Trouble::of_reply(masker, Reason::PeerRefused, server, reply);
        // A server that closes did not judge the recipient, and neither 2yz nor 3yz is a refusal: then it is confused.
        if reply.is_never() { Self::Never(trouble) } else { Self::Later(trouble) }
    }
}
