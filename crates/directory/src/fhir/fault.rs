//! [`FhirFault`]: why the directory did not answer, or did not do it.

/// Each has a stable code. The directory's own words are never repeated but for FHIR's short code of the matter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FhirFault {
    /// No connection, or one that broke off.
    #[error("the directory cannot be reached: {0}")]
    Unreachable(String),
    /// Its certificate is not believed.
    #[error("the directory's certificate is not believed: {0}")]
    Untrusted(String),
    /// No whole answer in time.
    #[error("the directory did not answer in time")]
    TooSlow,
    /// More than is taken.
    #[error("the directory's answer has more than {0} bytes")]
    TooLarge(u64),
    /// More pages than are fetched.
    #[error("the directory has more than {0} pages of answers: ask for something narrower")]
    TooMany(usize),
    /// Not FHIR, or not what was asked for.
    #[error("the directory's answer is not understood: {0}")]
    Answer(&'static str),
    /// The next page is said to be at another server.
    #[error("the directory names a page at another server, which is not asked")]
    ForeignPage,
    /// 401, 403.
    #[error("the directory does not take our key ({status}{})", told(.issue.as_deref()))]
    Key {
        /// HTTP status.
        status: u16,
        /// FHIR's code of the matter.
        issue: Option<String>,
    },
    /// 404, 410: the professional or the structure is not there.
    #[error("the directory has no such professional or structure ({status}{})", told(.issue.as_deref()))]
    NoCarrier {
        /// HTTP status.
        status: u16,
        /// FHIR's code of the matter.
        issue: Option<String>,
    },
    /// 412, or several were found.
    #[error("the directory has several professionals or structures of this number")]
    Several,
    /// 429.
    #[error("the directory is asked too often")]
    TooOften,
    /// Other 4xx: it does not do this.
    #[error("the directory refuses the request ({status}{})", told(.issue.as_deref()))]
    Refused {
        /// HTTP status.
        status: u16,
        /// FHIR's code of the matter.
        issue: Option<String>,
    },
    /// 5xx, and whatever else is no answer.
    #[error("the directory fails ({status}{})", told(.issue.as_deref()))]
    Failing {
        /// HTTP status.
        status: u16,
        /// FHIR's code of the matter.
        issue: Option<String>,
    },
}

fn told(issue: Option<&str>) -> String {
    issue.map(|code| format!(", {code}")).unwrap_or_default()
}

impl FhirFault {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "annuaire-unreachable",
            Self::Untrusted(_) => "annuaire-untrusted",
            Self::TooSlow => "annuaire-slow",
            Self::TooLarge(_) => "annuaire-too-large",
            Self::TooMany(_) => "annuaire-too-many",
            Self::Answer(_) => "annuaire-answer",
            Self::ForeignPage => "annuaire-foreign-page",
            Self::Key { .. } => "annuaire-key",
            Self::NoCarrier { .. } => "annuaire-no-carrier",
            Self::Several => "annuaire-several",
            Self::TooOften => "annuaire-too-often",
            Self::Refused { .. } => "annuaire-refused",
            Self::Failing { .. } => "annuaire-failing",
        }
    }

    /// Is it about this one mailbox? Other faults would be met with the next one too.
    #[must_use]
    pub fn is_of_one(&self) -> bool {
        matches!(self, Self::NoCarrier { .. } | Self::Several | Self::Refused { .. } | Self::TooMany(_))
    }
}
