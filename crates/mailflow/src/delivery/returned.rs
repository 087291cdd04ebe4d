//! What goes back to its sender without any server having been tried: it was taken in so that nobody learns from the
//! reply alone who has a space here (spec §1.6), or an admin has said so. So does the confirmation of what was delivered here.

use pli_policy::Reason;
use pli_store::Returned;

use super::courier::Parcel;
use super::verdict::{Trouble, Verdict};

/// How it ends for each recipient of a parcel that goes back; `None` for one that is to be delivered.
pub(crate) fn verdicts(parcel: &Parcel) -> Option<Vec<Verdict>> {
    parcel.leases.iter().map(|lease| lease.returned.as_deref().map(verdict)).collect()
}

/// Its sender is told the reason, and no detail: there is none that he could use.
fn verdict(code: &str) -> Verdict {
    if code == Returned::DELIVERED {
        return Verdict::Delivered;
    }
    match Reason::from_code(code) {
        Some(reason) => Verdict::Never(Trouble::scrubbed(reason, String::new())),
        // No reason is ever taken away, so the row was tampered with. Its time is over, and its sender is told that.
        None => Verdict::Later(Trouble::scrubbed(Reason::StoreUnavailable, "the reason is not known".to_owned())),
    }
}
