//! How long to wait after a try that failed.

use std::time::Duration;

use super::Trouble;

/// After a fault that the next mailbox would meet too.
const FIRST: Duration = Duration::from_mins(1);
/// After a fault of one mailbox: somebody must put something right.
const FIRST_OF_ONE: Duration = Duration::from_mins(15);
const LONGEST: Duration = Duration::from_hours(6);

/// Twice as long each time; never shorter than the directory asks for, within a day.
pub(super) fn wait(trouble: &Trouble, failed_before: u32) -> Duration {
    let first = if trouble.fault.is_of_one() { FIRST_OF_ONE } else { FIRST };
    let grown = first.saturating_mul(1 << failed_before.min(12)).min(LONGEST);
    grown.max(trouble.retry_after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use pli_directory::fhir::FhirFault;

    use super::*;

    #[test]
    fn tries_grow_rarer_up_to_a_bound_and_the_directorys_wish_counts() {
        let slow = Trouble::from(FhirFault::TooSlow);
        let minutes = |trouble: &Trouble, failed| wait(trouble, failed).as_secs() / 60;
        assert_eq!([0, 1, 2, 8, 40].map(|failed| minutes(&slow, failed)), [1, 2, 4, 256, 360]);
        assert_eq!(minutes(&Trouble::from(FhirFault::Several), 0), 15);
        let told = Trouble { retry_after: Some(Duration::from_hours(7)), ..slow };
        assert_eq!(minutes(&told, 0), 420);
    }
}
