//! [`State`]: what alarms are decided on.

use jiff::{SignedDuration, Timestamp};
use pli_policy::ScanFault;
use pli_store::PublicationBacklog;
use pli_types::CertificateFault;

use super::attention::Waiting;
use crate::{sealer, witness};

/// What is known of list, revocation lists and our own certificate at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) list: ListState,
    /// One for each list and source.
    pub(crate) revocations: Vec<RevocationState>,
    pub(crate) certificate: CertificateState,
    /// What the state's directory is to be told.
    pub(crate) publications: PublicationBacklog,
    /// The virus scanner, if one is set.
    pub(crate) scanner: Option<ScannerState>,
    /// What of the mail waits for an admin.
    pub(crate) waiting: Waiting,
    /// The space that is left for the store, if that can be told.
    pub(crate) free_bytes: Option<u64>,
    /// The record's sealing.
    pub(crate) sealing: SealingState,
    /// The places outside of the node that have not got the newest checkpoint.
    pub(crate) witnesses: Vec<witness::Behind>,
}

/// How the record's sealing goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SealingState {
    /// Why nothing more is signed.
    pub(crate) fault: Option<sealer::Fault>,
    /// Since when, and why, checkpoints cannot be handed out.
    pub(crate) unkept: Option<sealer::Unkept>,
    /// The sealer has begun, and not yet sealed what it found.
    pub(crate) is_beginning: bool,
}

/// The trust list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListState {
    pub(crate) in_force: Option<ListInForce>,
    /// `[trust] stale_after`.
    pub(crate) stale_after: SignedDuration,
    pub(crate) held: Option<HeldList>,
    /// What the source last offered, if it is not fit.
    pub(crate) refused: Option<RefusedList>,
}

/// The list in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListInForce {
    /// `DateDeGeneration`.
    pub(crate) generated_at: Timestamp,
    /// When a source last said that this is still the list.
    pub(crate) confirmed_at: Timestamp,
}

/// A list that lost so many domains that an admin must decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldList {
    pub(crate) generated_at: Timestamp,
    pub(crate) lost: usize,
    pub(crate) of: usize,
    pub(crate) since: Timestamp,
}

/// A list that is not put in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedList {
    /// The fault's stable code.
    pub(crate) code: String,
    pub(crate) detail: String,
}

/// A revocation list, or a place that has given none yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RevocationState {
    pub(crate) authority: String,
    /// File or address.
    pub(crate) source: String,
    /// `thisUpdate` and `nextUpdate`; `None` if the source has given no list.
    pub(crate) validity: Option<(Timestamp, Timestamp)>,
    /// Are certificates held against it? Not if another source has given a newer one.
    pub(crate) in_force: bool,
    /// The last try to have a newer one, if it failed.
    pub(crate) failed: Option<(Timestamp, String)>,
}

/// The virus scanner, as it last answered when it was asked whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScannerState {
    /// Where it should listen.
    pub(crate) place: String,
    /// Since when it gives no answer, and why.
    pub(crate) failing: Option<(Timestamp, ScanFault)>,
    /// When its daily signatures were made, if it has said so.
    pub(crate) signatures_made: Option<Timestamp>,
}

/// Our own certificate, as the other side of a handshake gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateState {
    pub(crate) subject: String,
    pub(crate) serial: String,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// How others judge it as a server's.
    pub(crate) fault: Option<CertificateFault>,
    /// How others judge it as a client's.
    pub(crate) fault_as_client: Option<CertificateFault>,
    /// Hosted domains that the list in force does not have under its name. Empty without a list.
    pub(crate) unlisted: Vec<String>,
    /// Since when, and why, what lies in the files cannot take its place.
    pub(crate) unfit: Option<(Timestamp, String)>,
}
