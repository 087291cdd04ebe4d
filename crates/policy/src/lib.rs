//! Given what is known, what shall happen, and why.
//!
//! `decide` is a pure function: no input or output, no clock, no log. Everything it needs is in [`Facts`];
//! everything that can be set is in [`Ruleset`]. One file a rule, in [`rules`]; the first refusal wins.
//!
//! Every refusal has a [`Reason`], whose code is the same word wherever it appears. What a peer is *answered* is not
//! known here.

pub mod decision;
pub mod document;
pub mod facts;
pub mod file_type;
pub mod patient;
pub mod reason;
pub mod rules;
pub mod scan;
mod told;

pub use decision::{Decision, RuleOutcome, Trace};
pub use document::{
    AddressedPatient, DocumentFacts, DocumentHeaders, DocumentRules, HeaderCheck, HeaderFault, OnFault,
};
pub use facts::{
    Authorship, CertificateFacts, Facts, HeaderMailbox, HeaderSender, Listing, MailboxFacts, MaySendAs, NameShows,
    Origin, RecipientFacts, Ruleset, SenderField, Stage,
};
pub use file_type::{AttachedFile, FileType};
pub use patient::{
    AnsweredMessage, DISPENSING_DAYS, LetterFacts, PatientRules, PharmacyDoor, PharmacyFacts, RelationFacts,
    ReportKind, ShorterForms, SpaceRefusal,
};
pub use reason::Reason;
pub use rules::{decide, decide_by_rule, document_warnings, explain, may_write};
pub use scan::{ScanFacts, ScanFault, TooLarge, VirusRules};
