//! The words of the domain, each impossible to build wrong.
//!
//! Everything that enters Pli as text becomes one of these types at the edge, once; after that nobody
//! splits at `@` again. A health identifier (an [`Ins`], or the address made from one) has no `Display`
//! and a redacted `Debug`: printing it takes `reveal()`, so that a review finds every place with one grep.
//!
//! This crate does no input or output and reads no clock but the one it is given.
//!
//! Read [`domain`], [`address`], [`ins`] and [`dn`] first; the rest follows.

pub mod address;
pub mod clock;
pub mod contact;
pub mod dn;
pub mod domain;
pub mod envelope;
mod grouped;
pub mod identity;
pub mod ids;
pub mod ins;
pub mod lookup;
pub mod marked;
pub mod mask;
pub mod pace;
pub mod peer;
pub mod person;
pub mod secret;
pub mod units;

pub use address::{AddressError, LocalPart, MailAddress, ReversePath};
pub use clock::{Clock, ManualClock, SystemClock};
pub use contact::{ContactTurn, Relation};
pub use dn::{DistinguishedName, DnError};
pub use domain::Domain;
pub use envelope::{BodyType, DsnNotify, DsnReturn, EnvelopeParameters, Recipient};
pub use identity::{FinessId, IdentityError, RppsId, SiretId, StructureId};
pub use ids::{AccountId, CampaignId, CredentialId, FolderId, MailboxId, MessageId, QueueId, Uid, UidValidity};
pub use ins::{AddressForm, Ins, InsError};
pub use lookup::LookupKey;
pub use marked::{Marked, Piece};
pub use mask::{Masker, hide_identifiers};
pub use pace::{Pace, PaceError};
pub use peer::{CertificateFault, CertificateUse, PresentedCertificate};
pub use person::Person;
pub use secret::Secret;
pub use units::{ByteSize, Span};

/// The domain of the patients' addresses in the trust space (spec §2).
pub const PATIENT_DOMAIN: &str = "patient.mssante.fr";
