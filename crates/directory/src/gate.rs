//! The gate: may a list that is fit by itself take the place of the one in force? Pure.

use jiff::{SignedDuration, Timestamp};

use crate::changes::{Changes, diff};
use crate::check::Checked;
use crate::list_fault::ListFault;
use crate::trust_list::TrustList;

/// What stands behind the gate.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing<'a> {
    /// The list in force.
    pub(crate) in_force: Option<Old<'a>>,
    /// Digests of the lists that an admin rolled back from.
    pub(crate) set_aside: &'a [String],
}

/// The list in force.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Old<'a> {
    pub(crate) list: &'a TrustList,
    /// Of its bytes.
    pub(crate) digest: &'a str,
    /// When it came into force.
    pub(crate) installed_at: Timestamp,
}

/// Who brings the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// The publisher: a list that lacks more than this many of each hundred domains in force is held.
    Publisher {
        /// `[trust] lost_domains_max`.
        lost_domains_max: u8,
    },
    /// An admin, who has seen what is lost.
    Admin,
}

/// A list that is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Passed {
    /// It is, byte for byte, the list in force.
    Unchanged,
    /// It takes the place of the one in force.
    New(Changes),
}

/// A date further ahead than this is a mistake: clocks differ, and a publisher may forget its time zone.
const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(24);

fn is_ahead(date: Timestamp, now: Timestamp) -> bool {
    date.duration_since(now) > AHEAD_MAX
}

impl Old<'_> {
    /// Is the new list older? A list that was dated ahead when it came would shut out all true lists until its date:
    /// against such a one, what counts is whether the new list was made after it came.
    fn is_newer_than(&self, date: Timestamp, now: Timestamp) -> bool {
        let mistaken = is_ahead(self.list.generated_at(), self.installed_at) && !is_ahead(date, now);
        date < if mistaken { self.installed_at } else { self.list.generated_at() }
    }
}

/// Lets the list in, or tells why not. A list of the same date is let in: publishers mend within the second.
pub(crate) fn judge(
    new: &Checked,
    standing: Standing<'_>,
    bearer: Bearer,
    now: Timestamp,
) -> Result<Passed, ListFault> {
    if standing.set_aside.contains(&new.digest) {
        return Err(ListFault::SetAside);
    }
    let Some(old) = standing.in_force else {
        return Ok(Passed::New(diff(&TrustList::empty(), &new.list)));
    };
    if old.digest == new.digest {
        return Ok(Passed::Unchanged);
    }
    if old.is_newer_than(new.list.generated_at(), now) {
        let (generated_at, in_force) = (new.list.generated_at(), old.list.generated_at());
        return Err(ListFault::Older { generated_at, in_force });
    }
    let changes = diff(old.list, &new.list);
    let (lost, of) = (changes.removed.len(), old.list.domains());
    match bearer {
        Bearer::Publisher { lost_domains_max } if lost * 100 > usize::from(lost_domains_max) * of => {
            Err(ListFault::LostDomains { lost, of })
        }
        _ => Ok(Passed::New(changes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{ListRules, NoSigner, check};
    use crate::trust_list::tests::list_of;

    const NAME: &str = "CN=mss.a.fr,C=FR";
    const TEN: Bearer = Bearer::Publisher { lost_domains_max: 10 };

    fn list(date: &str, domains: std::ops::Range<usize>) -> Checked {
        let domains: Vec<String> = domains.map(|n| format!("d{n}.mssante.fr")).collect();
        let entries: Vec<(&str, &str)> = domains.iter().map(|domain| (domain.as_str(), NAME)).collect();
        let text = list_of(date, &entries);
        check(text.as_bytes(), &ListRules::default(), &NoSigner, date.parse().unwrap()).unwrap()
    }

    const NOON: &str = "2026-03-14T12:00:00Z";
    const LATER: &str = "2026-03-14T13:00:00Z";

    fn standing<'a>(old: &'a Checked, set_aside: &'a [String]) -> Standing<'a> {
        let old = Old { list: &old.list, digest: &old.digest, installed_at: now() };
        Standing { in_force: Some(old), set_aside }
    }

    fn now() -> Timestamp {
        LATER.parse().unwrap()
    }

    fn older(date: &str, in_force: &str) -> ListFault {
        ListFault::Older { generated_at: date.parse().unwrap(), in_force: in_force.parse().unwrap() }
    }

    /// As in every test but the one on dates, at [`LATER`].
    fn judge(new: &Checked, standing: Standing<'_>, bearer: Bearer) -> Result<Passed, ListFault> {
        super::judge(new, standing, bearer, now())
    }

    #[test]
    fn the_first_list_is_let_in() {
        let Ok(Passed::New(changes)) = judge(&list(NOON, 0..3), Standing::default(), TEN) else { panic!("let in") };
        assert_eq!((changes.added.len(), changes.removed.len()), (3, 0));
    }

    #[test]
    fn a_list_whose_date_goes_back_is_refused_whoever_brings_it() {
        let (old, new) = (list(LATER, 0..10), list(NOON, 0..10));
        for bearer in [TEN, Bearer::Admin] {
            assert_eq!(judge(&new, standing(&old, &[]), bearer), Err(older(NOON, LATER)));
        }
        let same_date = list(LATER, 0..11);
        assert!(matches!(judge(&same_date, standing(&old, &[]), TEN), Ok(Passed::New(_))));
    }

    #[test]
    fn a_list_dated_ahead_shuts_out_no_true_one() {
        const AHEAD: &str = "2099-01-01T00:00:00Z";
        let old = list(AHEAD, 0..10);
        let made =
            |date| super::judge(&list(date, 0..11), standing(&old, &[]), TEN, "2026-03-15T00:00:00Z".parse().unwrap());
        assert!(made("2026-03-14T13:00:01Z").is_ok(), "made after the mistaken one came");
        assert_eq!(made("2026-03-14T12:59:59Z"), Err(older("2026-03-14T12:59:59Z", AHEAD)), "made before");
        assert_eq!(made("2098-12-31T00:00:00Z"), Err(older("2098-12-31T00:00:00Z", AHEAD)), "as mistaken, and older");
        assert!(made("2099-01-01T00:00:01Z").is_ok());
        let hours_ahead = list("2026-03-15T02:00:00Z", 0..10);
        let next = super::judge(&list("2026-03-15T01:00:00Z", 0..11), standing(&hours_ahead, &[]), TEN, now());
        assert_eq!(
            next,
            Err(older("2026-03-15T01:00:00Z", "2026-03-15T02:00:00Z")),
            "a time zone forgotten is no mistake"
        );
    }

    #[test]
    fn the_list_in_force_changes_nothing() {
        let old = list(NOON, 0..10);
        assert_eq!(judge(&old, standing(&old, &[]), TEN), Ok(Passed::Unchanged));
    }

    #[test]
    fn a_list_that_lost_more_than_its_share_is_held_and_an_admin_may_let_it_in() {
        let old = list(NOON, 0..100);
        assert!(judge(&list(LATER, 10..100), standing(&old, &[]), TEN).is_ok(), "ten of a hundred may go");
        let new = list(LATER, 11..200);
        let lost = ListFault::LostDomains { lost: 11, of: 100 };
        assert_eq!(judge(&new, standing(&old, &[]), TEN), Err(lost), "new ones make up for nothing");
        assert!(matches!(judge(&new, standing(&old, &[]), Bearer::Admin), Ok(Passed::New(_))));
        let none = Bearer::Publisher { lost_domains_max: 0 };
        assert!(judge(&list(LATER, 1..100), standing(&old, &[]), none).is_err());
        assert!(judge(&list(LATER, 0..100), standing(&old, &[]), none).is_ok());
        let all = Bearer::Publisher { lost_domains_max: 100 };
        assert!(judge(&list(LATER, 200..201), standing(&old, &[]), all).is_ok());
    }

    #[test]
    fn a_list_set_aside_stays_out_whoever_brings_it() {
        let (old, new) = (list(NOON, 0..10), list(LATER, 0..10));
        let set_aside = [new.digest.clone()];
        for bearer in [TEN, Bearer::Admin] {
            assert_eq!(judge(&new, standing(&old, &set_aside), bearer), Err(ListFault::SetAside));
        }
    }
}
