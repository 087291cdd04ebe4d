//! How far a store is behind: [`Backlog`].

use std::time::Duration;

/// Writes that are not on stable storage yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// How many, those included that are being written.
    pub waiting: usize,
    /// For how long the oldest of those being written has waited; zero while nothing is written.
    pub oldest: Duration,
}
