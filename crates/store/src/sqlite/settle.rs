//! `settle`: closes leases, with report and record in the same transaction.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use pli_failpoint::failpoint;
use pli_types::MessageId;

use super::arrivals;
use super::attempts;
use super::intake::{AuditRows, Intake, audit_rows};
use super::rows::micros;
use super::story_steps::{Step, Which, advance_all};
use super::tx::Tx;
use super::writer::Write;
use crate::{Attempt, Lease, Outcome, PartyState, Result, Settled, Settlement};

/// The settlements of one call.
pub(super) struct Settle {
    pub(super) settlements: Vec<One>,
    pub(super) now: i64,
}

/// One of them, its report and record as rows.
pub(super) struct One {
    lease: Lease,
    outcome: Outcome,
    delay_reported: bool,
    report: Option<Arc<Intake>>,
    audit: AuditRows,
    attempt: Option<Attempt>,
    untried: bool,
}

impl Settle {
    pub(super) fn one(settlement: Settlement) -> Result<One> {
        let Settlement { lease, outcome, report, delay_reported, audit, attempt, untried } = settlement;
        let report = report.map(|report| Intake::new(report).map(Arc::new)).transpose()?;
        Ok(One { lease, outcome, delay_reported, report, audit: audit_rows(&audit), attempt, untried })
    }
}

#[async_trait]
impl Write for Settle {
    type Output = Settled;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Settled> {
        let mut settled = Settled::default();
        let mut ended: BTreeSet<MessageId> = BTreeSet::new();
        let mut steps = Vec::new();
        for one in &self.settlements {
            if !one.close(tx).await? {
                settled.lost += 1;
                continue;
            }
            settled.settled += 1;
            if let Some(step) = one.step() {
                ended.insert(one.lease.message);
                steps.push(step);
            }
            if let Outcome::Failed { .. } = one.outcome {
                arrivals::forget_recipient(tx, one.lease.message, &one.lease.recipient.address).await?;
            }
            tx.record(&one.audit);
            if let Some(report) = &one.report {
                tx.take_in(Arc::clone(report));
            }
        }
        advance_all(tx, &steps, self.now).await?;
        failpoint!("store.settle.run", crate::StoreError::unavailable("a failpoint"));
        tx.drop_unreferenced(&ended.into_iter().collect::<Vec<_>>()).await?;
        Ok(settled)
    }
}

impl One {
    /// How the story of its message goes on; none if the row stays.
    fn step(&self) -> Option<Step> {
        let (state, code) = match &self.outcome {
            Outcome::Relayed { .. } => (PartyState::Relayed, None),
            Outcome::Deferred { .. } => return None,
            Outcome::Failed { reason, .. } if self.lease.returned.is_some() => {
                (PartyState::Returned, Some(reason.clone()))
            }
            Outcome::Failed { reason, .. } => (PartyState::Failed, Some(reason.clone())),
        };
        Some(Step { message: self.lease.message, which: Which::Row(self.lease.row), state, code })
    }

    /// Removes the row or puts it off; false if the lease has passed to someone else, or was settled before.
    async fn close(&self, tx: &mut Tx<'_>) -> Result<bool> {
        // A token that is larger than the database can hold was not given by it.
        let token = i64::try_from(self.lease.token).unwrap_or(-1);
        let row = self.lease.row;
        let rows = match &self.outcome {
            Outcome::Relayed { .. } | Outcome::Failed { .. } => {
                let sql = sqlx::query("DELETE FROM queue WHERE id = ? AND leased AND lease_token = ?");
                tx.execute(sql.bind(&row.as_bytes()[..]).bind(token)).await?
            }
            Outcome::Deferred { until, reason, detail } => {
                let sql = sqlx::query(
                    "UPDATE queue SET attempts = attempts + ?7, steps = steps + (?7 AND NOT asked), asked = 0,
                        next_attempt_at = ?1, claimable_at = ?1, leased = 0,
                        last_reason = ?2, last_detail = ?3, delay_reported = delay_reported OR ?4
                     WHERE id = ?5 AND leased AND lease_token = ?6",
                );
                let sql = sql.bind(micros(*until)).bind(reason.as_str()).bind(detail.as_str());
                let sql = sql.bind(self.delay_reported).bind(&row.as_bytes()[..]).bind(token);
                let put_off = tx.execute(sql.bind(!self.untried)).await?;
                if let Some(attempt) = self.attempt.as_ref().filter(|_| put_off > 0) {
                    attempts::keep(tx, row, attempt).await?;
                }
                put_off
            }
        };
        Ok(rows > 0)
    }
}
