//! [`RevocationStatus`]: what an admin wants to know of a revocation list.

use jiff::Timestamp;

/// A revocation list that is held, or a distribution point that has given none yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationStatus {
    /// Whose certificates it answers for.
    pub authority: String,
    /// The file's path, or the distribution point's address.
    pub source: String,
    /// `thisUpdate` and `nextUpdate` (RFC 5280 §5.1.2.4, §5.1.2.5); `None` if the source has given no list yet.
    pub validity: Option<(Timestamp, Timestamp)>,
    /// How many certificates stand on it.
    pub entries: usize,
    /// Is it the one that certificates are held against? Not if another source has given a newer one.
    pub in_force: bool,
    /// When a newer one was last asked for, and what went wrong. `None` for a file, and before the first time.
    pub last_try: Option<(Timestamp, Option<String>)>,
}
