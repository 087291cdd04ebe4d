//! Can anything be written right now? Only a write tells.

use async_trait::async_trait;

use super::tx::Tx;
use super::writer::Write;
use crate::Result;

/// Counts how often this was asked. It must change something: without a change, a COMMIT writes nothing.
pub(super) struct Probe;

#[async_trait]
impl Write for Probe {
    type Output = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let sql = "INSERT INTO counters (name, value) VALUES ('probes', 1) ON CONFLICT DO UPDATE SET value = value + 1
                   RETURNING name";
        tx.change(sqlx::query(sql)).await.map(drop)
    }
}
