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

/// The table, as it fills.
#[derive(Debug, Default)]
pub struct Table {
    lines: BTreeMap<String, Line>,
    before: Found,
}

impl Table {
    /// A round is over: what it broke, and what was found in all since the beginning.
    pub fn add(&mut self, what: &str, found: Found) {
        let line = self.lines.entry(what.to_owned()).or_default();
        let before = std::mem::replace(&mut self.before, found);
        line.rounds += 1;
        line.acknowledged += found.acknowledged.saturating_sub(before.acknowledged);
        line.found += found.found.saturating_sub(before.found);
        line.twice += found.twice.saturating_sub(before.twice);
        line.unacknowledged += found.unacknowledged.saturating_sub(before.unacknowledged);
    }

    /// Another node begins, with nothing sent yet.
    pub fn new_node(&mut self) {
        self.before = Found::default();
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
            total.rounds += line.rounds;
            total.acknowledged += line.acknowledged;
            total.found += line.found;
            total.twice += line.twice;
            total.unacknowledged += line.unacknowledged;
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
