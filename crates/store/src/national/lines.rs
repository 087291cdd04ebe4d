//! [`Lines`]: lines of a copy, read one after the other.

use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use super::copy::{corrupt, reading};
use super::postings::Bits;
use crate::Result;

/// Lines of a copy, in the order of the file, in the memory of a few.
#[derive(Debug)]
pub struct Lines<'c> {
    connection: &'c mut SqliteConnection,
    chosen: Bits,
    /// The number of the next line that may be one.
    next: u32,
    block: Block,
}

/// Lines that lie together: the text, and for the line that was read last its number and where it ends.
#[derive(Debug, Default)]
struct Block {
    text: String,
    number: u32,
    begin: usize,
}

impl<'c> Lines<'c> {
    pub(super) fn new(connection: &'c mut SqliteConnection, chosen: Bits) -> Self {
        Self { connection, chosen, next: 0, block: Block::default() }
    }

    /// The next one; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<&str>> {
        let Some(number) = self.chosen.next(self.next) else { return Ok(None) };
        if self.next == 0 || !self.block.forward_to(number) {
            self.block = self.block_of(number).await?;
            if !self.block.forward_to(number) {
                return Err(corrupt("lines", number.to_string()));
            }
        }
        self.next = number.saturating_add(1);
        Ok(Some(self.block.line()))
    }

    /// The next ones, as many as that at most.
    pub async fn take(&mut self, limit: usize) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        while lines.len() < limit {
            let Some(line) = self.next().await? else { break };
            lines.push(line.to_owned());
        }
        Ok(lines)
    }

    async fn block_of(&mut self, number: u32) -> Result<Block> {
        let row = sqlx::query("SELECT first, lines FROM lines WHERE first <= ? ORDER BY first DESC LIMIT 1")
            .bind(number)
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(reading)?;
        let row = row.ok_or_else(|| corrupt("lines", number.to_string()))?;
        Ok(Block { number: row.try_get(0).map_err(reading)?, text: row.try_get(1).map_err(reading)?, begin: 0 })
    }
}

impl Block {
    /// Goes to a line that is not before the one where it is. `false` if that one lies in another block.
    fn forward_to(&mut self, number: u32) -> bool {
        while self.number < number {
            let Some(end) = self.rest().find('\n') else { return false };
            self.begin += end + 1;
            self.number += 1;
        }
        true
    }

    fn line(&self) -> &str {
        let rest = self.rest();
        rest.split_once('\n').map_or(rest, |(line, _)| line)
    }

    fn rest(&self) -> &str {
        self.text.get(self.begin..).unwrap_or_default()
    }
}
