//! When the store is so far behind that nothing new is begun. Pure.

use std::time::Duration;

use pli_store::Backlog;

/// From where on the store counts as behind. It has caught up at half of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BehindLimits {
    /// More writes than this wait.
    pub writes: usize,
    /// The oldest has waited for longer than this.
    pub age: Duration,
}

/// Is the store behind? `was`: it has been until now.
fn is_behind(was: bool, backlog: Backlog, limits: BehindLimits) -> bool {
    // Without the distance between the two, the answer would change with every message.
    let (writes, age) = if was { (limits.writes / 2, limits.age / 2) } else { (limits.writes, limits.age) };
    backlog.waiting > writes || backlog.oldest > age
}

/// The time in which it is behind, if it is.
#[derive(Debug, Default)]
pub(super) struct Episode {
    /// Messages put off since it began.
    refused: Option<u64>,
}

impl Episode {
    pub(super) fn is_on(&self) -> bool {
        self.refused.is_some()
    }

    /// Begins or ends by what is known now; how many were put off.
    pub(super) fn judge(&mut self, backlog: Backlog, limits: BehindLimits) -> u64 {
        let refused = self.refused.unwrap_or_default();
        self.refused = is_behind(self.is_on(), backlog, limits).then_some(refused);
        refused
    }

    pub(super) fn refuse(&mut self) {
        self.refused = self.refused.map(|refused| refused.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BehindLimits = BehindLimits { writes: 100, age: Duration::from_secs(4) };

    fn backlog(waiting: usize, seconds: u64) -> Backlog {
        Backlog { waiting, oldest: Duration::from_secs(seconds) }
    }

    #[test]
    fn it_is_behind_by_number_or_by_age_and_has_caught_up_at_half_of_both() {
        let mut episode = Episode::default();
        let steps = [
            (backlog(100, 4), false),
            (backlog(101, 0), true),
            (backlog(51, 0), true),
            (backlog(50, 3), true),
            (backlog(50, 2), false),
            (backlog(100, 4), false),
            (backlog(1, 5), true),
            (backlog(0, 0), false),
        ];
        for (step, (backlog, expected)) in steps.into_iter().enumerate() {
            episode.judge(backlog, LIMITS);
            assert_eq!(episode.is_on(), expected, "{step}");
        }
    }

    #[test]
    fn the_end_tells_how_many_were_put_off() {
        let mut episode = Episode::default();
        episode.refuse();
        episode.judge(backlog(101, 0), LIMITS);
        episode.refuse();
        episode.refuse();
        assert_eq!(episode.judge(backlog(0, 0), LIMITS), 2, "what was before counts no more");
        assert_eq!(episode.judge(backlog(0, 0), LIMITS), 0);
    }
}
