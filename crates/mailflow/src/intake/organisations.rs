//! [`Organisations`]: what the directory says of an address, where a rule must know.

use std::fmt;

use async_trait::async_trait;
use pli_store::StoreError;
use pli_types::{FinessId, MailAddress};

/// A structure of the FINESS that has published a mailbox for its whole organisation (type ORG).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Which structure.
    pub finess: FinessId,
    /// Is it known as a pharmacy? The national directory does not tell; an admin does, and what it dispensed.
    pub pharmacy: bool,
}

/// Who knows whose an address is: the directory, as far as it is kept here.
#[async_trait]
pub trait Organisations: fmt::Debug + Send + Sync {
    /// The structure whose published ORG mailbox this is (R-WHO-5); `None` of any other address. Of an address that
    /// several structures share, a pharmacy comes first. Takes well under a millisecond.
    async fn organisation(&self, address: &MailAddress) -> Result<Option<Organisation>, StoreError>;
}

/// No directory: no address is an organisation's.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoOrganisations;

#[async_trait]
impl Organisations for NoOrganisations {
    async fn organisation(&self, _: &MailAddress) -> Result<Option<Organisation>, StoreError> {
        Ok(None)
    }
}
