//! The table of `docs/durability.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Found;

/// A line of the table, over all rounds of one kind.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    rounds: usize,
    acknowledged: usize,
    found: usize,
    twice: usize,
    unacknowledged: usize,
}

impl Line {
    fn add(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.acknowledged += other.acknowledged;
        self.found += other.found;
        self.twice += other.twice;
        self.unacknowledged += other.unacknowledged;
    }
}

/// The table, as it fills.
#[derive(Debug, Default)]
pub struct Table {
    lines: BTreeMap<String, Line>,
    before: Found,
}

impl Table {
    /// A round of a node is over: what it broke, and what was found in all since the node's beginning.
    pub fn add(&mut self, what: &str, found: Found) {
        let line = self.lines.entry(what.to_owned()).or_default();
        let before = std::mem::replace(&mut self.before, found);
        line.rounds += 1;
        line.acknowledged += found.acknowledged.saturating_sub(before.acknowledged);
        line.found += found.found.saturating_sub(before.found);
        line.twice += found.twice.saturating_sub(before.twice);
        line.unacknowledged += found.unacknowledged.saturating_sub(before.unacknowledged);
    }

    /// Takes in what another node's rounds have found.
    pub fn join(&mut self, other: Self) {
        for (what, more) in other.lines {
            self.lines.entry(what).or_default().add(&more);
        }
    }

    /// In Markdown.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = String::from(
            "| what was broken | rounds | acknowledged | found | relayed twice | kept without a `250` | lost |\n\
             | --- | --: | --: | --: | --: | --: | --: |\n",
        );
        let mut total = Line::default();
        for (what, line) in &self.lines {
            row(&mut page, what, line);
            total.add(line);
        }
        row(&mut page, "**in all**", &total);
        page
    }
}

fn row(page: &mut String, what: &str, line: &Line) {
    let Line { rounds, acknowledged, found, twice, unacknowledged } = line;
    let lost = acknowledged.saturating_sub(*found);
    let _ = writeln!(page, "| {what} | {rounds} | {acknowledged} | {found} | {twice} | {unacknowledged} | {lost} |");
}
