//! What a probe found: [`ProbeReport`], one [`Finding`] a [`Step`].

use std::time::Duration;

use pli_policy::Reason;
use pli_types::Domain;

use super::fault::Fault;

macro_rules! steps {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal;)*) => {
        /// What a probe looks at, in this order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Step {
            $($(#[doc = $doc])* $name,)*
        }

        impl Step {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its stable name.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

steps! {
    /// Is the domain in the trust list?
    TrustList = "trust-list";
    /// Which way its mail goes: a connector, a static route, the MX.
    Route = "route";
    /// Which servers, at which addresses?
    Dns = "dns";
    /// Does one of them take a connection?
    Tcp = "tcp";
    /// What it says in clear: greeting and EHLO.
    Greeting = "greeting";
    /// Does it offer STARTTLS, and mean it?
    Starttls = "starttls";
    /// Version and suite.
    Tls = "tls";
    /// Does it ask for our certificate, and hint at which authorities?
    CertificateAsked = "certificate-asked";
    /// Does its certificate chain through "organisations"?
    Chain = "chain";
    /// Does it hold today?
    Dates = "dates";
    /// Is it meant for servers?
    Use = "use";
    /// What do the revocation lists say?
    Revocation = "revocation";
    /// Is its name one of those listed for the domain?
    Name = "name";
    /// What does it answer to EHLO and MAIL, as a delivery would say them?
    Mail = "mail";
    /// The same under TLS 1.3, our certificate with its chain.
    ChainTls13 = "chain-tls13";
    /// The same under TLS 1.3, our certificate alone.
    AloneTls13 = "alone-tls13";
    /// The same under TLS 1.2, our certificate with its chain.
    ChainTls12 = "chain-tls12";
    /// The same under TLS 1.2, our certificate alone.
    AloneTls12 = "alone-tls12";
    /// The same without any certificate: what does it say to strangers?
    NoCertificate = "no-certificate";
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Ok,
    /// Mail passes, but it is not as the trust space has it.
    Warning,
    /// Mail does not pass.
    Fail,
    /// Not looked at, because of what was found before.
    Skipped,
}

impl Outcome {
    /// Its stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// What a step found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub step: Step,
    /// How it went.
    pub outcome: Outcome,
    /// What was seen, scrubbed.
    pub detail: String,
    /// What is wrong, where something is.
    pub fault: Option<Fault>,
    /// How long it took.
    pub took: Duration,
}

impl Finding {
    /// The stable code of what is wrong.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.fault.map(Fault::reason)
    }
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeReport {
    /// Of which domain.
    pub domain: Domain,
    /// One a step, in the order of [`Step::ALL`].
    pub findings: Vec<Finding>,
}

impl ProbeReport {
    /// What keeps mail from passing.
    #[must_use]
    pub fn first_failure(&self) -> Option<&Finding> {
        self.first(Outcome::Fail)
    }

    /// What is not as it should be, although mail passes.
    #[must_use]
    pub fn first_warning(&self) -> Option<&Finding> {
        self.first(Outcome::Warning)
    }

    fn first(&self, outcome: Outcome) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.outcome == outcome)
    }
}

/// What was seen at a step, before it is known how long that took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) outcome: Outcome,
    pub(super) detail: String,
    pub(super) fault: Option<Fault>,
}

impl Seen {
    pub(super) fn ok(detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Ok, detail: detail.into(), fault: None }
    }

    pub(super) fn skipped(detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Skipped, detail: detail.into(), fault: None }
    }

    pub(super) fn warning(fault: Fault, detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Warning, detail: detail.into(), fault: Some(fault) }
    }

    pub(super) fn fail(fault: Fault, detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Fail, detail: detail.into(), fault: Some(fault) }
    }
}
