//! [`Progress`]: how far an import is, for whoever watches a terminal. Elsewhere nothing is written.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often it is drawn anew.
const EVERY: Duration = Duration::from_millis(100);
const WIDTH: u64 = 30;

/// A line that is drawn over itself, on standard error.
pub(super) struct Progress {
    total: u64,
    drawn_at: Option<Instant>,
    on_terminal: bool,
}

impl Progress {
    /// Of so many bytes.
    pub(super) fn of(total: u64) -> Self {
        Self { total, drawn_at: None, on_terminal: std::io::stderr().is_terminal() }
    }

    /// So many bytes and lines are done.
    pub(super) fn at(&mut self, bytes: u64, lines: u64) {
        if self.on_terminal && self.drawn_at.is_none_or(|at| at.elapsed() >= EVERY) {
            self.drawn_at = Some(Instant::now());
            draw(&format!("\r{}", bar(bytes, self.total, lines)));
        }
    }

    /// Takes the line away, for what is said next.
    pub(super) fn end(&mut self) {
        if self.drawn_at.take().is_some() {
            draw("\r\x1b[K");
        }
    }
}

fn bar(bytes: u64, total: u64, lines: u64) -> String {
    let done = |of: u64| bytes.min(total).saturating_mul(of) / total.max(1);
    let full = usize::try_from(done(WIDTH)).unwrap_or_default();
    let width = usize::try_from(WIDTH).unwrap_or_default();
    format!("[{:<width$}] {:>3} %, {lines} lines", "#".repeat(full), done(100))
}

/// A terminal that is gone is no failure of the import.
fn draw(text: &str) {
    let mut out = std::io::stderr().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_grows_from_nothing_to_all() {
        assert_eq!(bar(0, 100, 0), format!("[{}]   0 %, 0 lines", " ".repeat(30)));
        assert_eq!(bar(50, 100, 7), format!("[{}{}]  50 %, 7 lines", "#".repeat(15), " ".repeat(15)));
        assert_eq!(bar(200, 100, 9), format!("[{}] 100 %, 9 lines", "#".repeat(30)));
        assert!(bar(0, 0, 0).contains("  0 %"));
    }
}
