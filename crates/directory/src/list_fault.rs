//! [`ListFault`]: why a list is not put in force. Each fault has a stable code.

use jiff::Timestamp;

/// Why a list is not put in force. The list in force stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    /// The file cannot be read.
    #[error("the list cannot be read: {0}")]
    Unreadable(String),
    /// Not well-formed XML: cut short, most often.
    #[error("the list is not well-formed XML (cut short?): {0}")]
    Malformed(String),
    /// Well-formed, but not a list of this schema.
    #[error("the list does not follow its schema: {0}")]
    Schema(String),
    /// It has a DTD that names a file or an address. Nothing of it was read.
    #[error("the list names an external entity, which no list has")]
    ExternalEntity,
    /// It has a DTD with entities of its own. None was expanded.
    #[error("the list declares entities that would grow when read, which no list has")]
    EntityExpansion,
    /// Larger than the limits on bytes, entries or nodes.
    #[error("the list is larger than allowed: {0}")]
    TooLarge(String),
    /// Made before the list in force.
    #[error("the list, of {generated_at}, is older than the one in force, of {in_force}")]
    Older {
        /// `DateDeGeneration` of the list.
        generated_at: Timestamp,
        /// `DateDeGeneration` of the list in force.
        in_force: Timestamp,
    },
    /// An admin rolled back from exactly this list.
    #[error("an admin has rolled back from this very list")]
    SetAside,
    /// It lost more domains than the configuration allows; it is held for an admin.
    #[error("the list has lost {lost} of the {of} domains of the one in force; it is held for an admin")]
    LostDomains {
        /// How many domains of the list in force it lacks.
        lost: usize,
        /// How many domains the list in force has.
        of: usize,
    },
    /// It has no signature, and must have one.
    #[error("the list is not signed, and must be")]
    SignatureMissing,
    /// Its signature does not hold: another document, another key, an algorithm or a shape that is not taken.
    #[error("the list's signature does not hold: {0}")]
    SignatureInvalid(String),
    /// Its signature cannot be believed, since its signer cannot.
    #[error("the list's signer is not believed: {0}")]
    SignerUntrusted(String),
    /// It is fit, but cannot be written to the state folder. A list that would be gone after a restart is not put in
    /// force: the restart would silently bring back what it took away.
    #[error("the list cannot be kept, so it is not put in force: {0}")]
    NotKept(String),
    /// An admin asks for the held list, and none is held.
    #[error("no list is held")]
    NothingHeld,
    /// Nobody answers at the publisher's address.
    #[error("the list's publisher cannot be reached: {0}")]
    PublisherUnreachable(String),
    /// The publisher's certificate is not believed.
    #[error("the list's publisher is not believed: {0}")]
    PublisherUntrusted(String),
    /// The publisher did not give the whole list in time.
    #[error("the list's publisher is too slow")]
    PublisherSlow,
    /// The publisher answers something else than a list.
    #[error("the list's publisher does not give the list: {0}")]
    PublisherAnswer(String),
}

impl ListFault {
    /// The stable word for it, as logs, metrics, alarms, history and the command line have it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "list-unreadable",
            Self::Malformed(_) => "list-malformed",
            Self::Schema(_) => "list-schema",
            Self::ExternalEntity => "list-external-entity",
            Self::EntityExpansion => "list-entity-expansion",
            Self::TooLarge(_) => "list-too-large",
            Self::Older { .. } => "list-older",
            Self::SetAside => "list-set-aside",
            Self::LostDomains { .. } => "list-lost-domains",
            Self::SignatureMissing => "list-signature-missing",
            Self::SignatureInvalid(_) => "list-signature-invalid",
            Self::SignerUntrusted(_) => "list-signer-untrusted",
            Self::NotKept(_) => "list-not-kept",
            Self::NothingHeld => "list-nothing-held",
            Self::PublisherUnreachable(_) => "list-publisher-unreachable",
            Self::PublisherUntrusted(_) => "list-publisher-untrusted",
            Self::PublisherSlow => "list-publisher-slow",
            Self::PublisherAnswer(_) => "list-publisher-answer",
        }
    }
}

/// Why an admin's rollback is not done. The list in force stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RollbackFault {
    /// No list was in force before.
    #[error("no earlier list is kept")]
    NothingBefore,
    /// No kept list has a digest that begins so.
    #[error("no kept list has a digest that begins with {0}")]
    Unknown(String),
    /// More than one kept list has a digest that begins so.
    #[error("more than one kept list has a digest that begins with {0}")]
    Ambiguous(String),
    /// It is the list in force.
    #[error("this list is in force already")]
    InForce,
    /// The copy is not fit any more: damaged, or against a rule that has been set since.
    #[error(transparent)]
    List(#[from] ListFault),
}

impl RollbackFault {
    /// The stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NothingBefore => "rollback-nothing-before",
            Self::Unknown(_) => "rollback-unknown-list",
            Self::Ambiguous(_) => "rollback-ambiguous",
            Self::InForce => "rollback-in-force",
            Self::List(fault) => fault.code(),
        }
    }
}
