//! What an admin does with rows of the queue: try them now, hold them, let them go, give them back. Each change is one
//! transaction of the store, and on record with his name and, where one is owed, his reason.

use jiff::Timestamp;
use pli_audit::{Event, EventKind};
use pli_mailflow::{NotReleased, Released};
use pli_policy::Reason;
use pli_store::{QueueRow, Store, StoreError};
use pli_types::Marked;
use serde::{Deserialize, Serialize};

use super::desk::{Desk, checked_reason, unable};
use super::protocol::{FailureTold, Request};
use super::queue_filter::{QueueFilter, RowState};
use crate::exit::{Exit, Failure};
use crate::trust::Author;
use crate::words::Said;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Ask {
    pub(crate) act: Act,
    /// The terms of a [`QueueFilter`].
    pub(crate) filter: Vec<String>,
    /// Why, for the record; a retry needs none.
    pub(crate) reason: Option<String>,
    pub(crate) dry_run: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Act {
    /// Try it now.
    Retry,
    /// Hold it.
    Hold,
    /// Let what is held go to its recipient.
    Release,
    /// Give it back to its sender.
    Drop,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Told {
    /// Was it asked of one row, by its id?
    pub(crate) one: bool,
    pub(crate) rows: Vec<RowDone>,
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct RowDone {
    pub(crate) id: String,
    pub(crate) message: String,
    pub(crate) destination: String,
    /// Why it was held, if it was.
    pub(crate) held: Option<String>,
    /// `due`, `held`, `delivered` or `dropped`, or what would be; none if it could not be.
    pub(crate) outcome: Option<String>,
    /// Why it could not be.
    pub(crate) refused: Option<FailureTold>,
}

/// Those that a filter means.
pub(crate) async fn rows_meant(
    store: &dyn Store,
    filter: &QueueFilter,
    now: Timestamp,
) -> Result<Vec<QueueRow>, Failure> {
    filter.pick(store.queue_rows(usize::MAX).await?, now)
}

impl Desk {
    /// Does it to each row that is meant. One that was named alone and cannot be is a failure; of many, each is told.
    pub(super) async fn queue(&self, ask: &Ask, actor: &str) -> Result<Told, Failure> {
        let request = || Request::Queue(ask.clone());
        let store = self.store.as_ref().ok_or_else(|| unable(&request()))?;
        if ask.act == Act::Release && self.intake.is_none() {
            return Err(unable(&request()));
        }
        let reason = match (ask.act, &ask.reason) {
            (Act::Retry, None) => None,
            (_, reason) => Some(checked_reason(reason.as_deref().unwrap_or_default())?),
        };
        let filter = QueueFilter::parse(&ask.filter)?;
        let rows = rows_meant(&**store, &filter, self.clock.now()).await?;
        let one = filter.only_id().is_some_and(|id| rows.len() == 1 && rows.iter().all(|row| row.id == id));
        let mut told = Told { one, rows: Vec::with_capacity(rows.len()) };
        for row in rows {
            let work = Work { desk: self, store: &**store, row: &row, reason, dry_run: ask.dry_run, actor };
            let done = Box::pin(work.act(ask.act)).await;
            if told.one {
                return done.map(|outcome| Told { one, rows: vec![row_done(&row, Some(outcome), None)] });
            }
            told.rows.push(match done {
                Ok(outcome) => row_done(&row, Some(outcome), None),
                Err(failure) if failure.exit == Exit::Defect => return Err(failure),
                Err(failure) => row_done(&row, None, Some(failure.into())),
            });
        }
        Ok(told)
    }
}

fn row_done(row: &QueueRow, outcome: Option<String>, refused: Option<FailureTold>) -> RowDone {
    RowDone {
        id: row.id.to_string(),
        message: row.message.to_string(),
        destination: row.destination.to_string(),
        held: row.held.clone(),
        outcome,
        refused,
    }
}

/// One row, and what is done to it.
struct Work<'a> {
    desk: &'a Desk,
    store: &'a dyn Store,
    row: &'a QueueRow,
    reason: Option<&'a str>,
    dry_run: bool,
    actor: &'a str,
}

impl Work<'_> {
    async fn act(&self, act: Act) -> Result<String, Failure> {
        let outcome = match act {
            Act::Retry => self.retry().await?,
            Act::Hold => self.hold().await?,
            Act::Release => self.release().await?,
            Act::Drop => self.give_back().await?,
        };
        Ok(if self.dry_run { format!("would-be-{outcome}") } else { outcome.to_owned() })
    }

    async fn retry(&self) -> Result<&'static str, Failure> {
        self.must_wait()?;
        if !self.dry_run {
            let now = self.desk.clock.now();
            let asked = match self.reason {
                Some(reason) => format!("as an admin asked: {reason}"),
                None => "as an admin asked".to_owned(),
            };
            let event = Event {
                message: Some(self.row.message),
                detail: Some(Marked::text(&format!("{}: tried at once, {asked}", self.row.destination))),
                ..Author::Admin(self.actor.to_owned()).event(EventKind::Changed, now)
            };
            self.store.retry_now(self.row.id, now, vec![event]).await.map_err(|error| self.changed(error))?;
        }
        Ok("due")
    }

    async fn hold(&self) -> Result<&'static str, Failure> {
        self.must_wait()?;
        self.must_be_left_alone()?;
        if !self.dry_run {
            let code = Reason::StoppedByAdmin.code();
            let audit = vec![self.event(EventKind::Held, code)];
            let held = self.store.hold(self.row.id, code, self.desk.clock.now(), audit).await;
            held.map_err(|error| self.changed(error))?;
        }
        Ok("held")
    }

    async fn release(&self) -> Result<&'static str, Failure> {
        if self.row.held.is_none() {
            return Err(self.conflict("queue-row-not-held"));
        }
        let Some(intake) = &self.desk.intake else {
            return Err(Failure::defect("a release without a way in"));
        };
        let event = Author::Admin(self.actor.to_owned()).event(EventKind::Released, self.desk.clock.now());
        let event = Event { detail: self.reason.map(Marked::text), ..event };
        match intake.release(self.row, event, self.dry_run).await {
            Ok(Released::Delivered) => Ok("delivered"),
            Ok(Released::Due) => Ok("due"),
            Err(NotReleased::Refused(reason)) => {
                Err(Failure::refused(reason, Said::new("queue-row-not-released", &[("reason", &reason.code())])))
            }
            Err(NotReleased::Store(StoreError::NotFound(_))) => Err(self.conflict("queue-row-not-held")),
            Err(NotReleased::Store(error)) => Err(error.into()),
        }
    }

    /// To its sender, who gets a report: nothing that was taken ends without a word.
    async fn give_back(&self) -> Result<&'static str, Failure> {
        if self.row.held.is_none() {
            self.must_wait()?;
            self.must_be_left_alone()?;
        }
        if self.dry_run {
            return Ok("dropped");
        }
        let now = self.desk.clock.now();
        let stopped = Reason::StoppedByAdmin.code();
        let audit = vec![self.event(EventKind::Dropped, self.row.held.as_deref().unwrap_or(stopped))];
        let dropped = match &self.row.held {
            Some(_) => self.store.drop_held(self.row.id, now, audit).await,
            None => self.store.drop_waiting(self.row.id, stopped, now, audit).await,
        };
        dropped.map_err(|error| self.changed(error))?;
        Ok("dropped")
    }

    /// What is held waits for a decision, and what goes back for its report.
    fn must_wait(&self) -> Result<(), Failure> {
        match RowState::of(self.row, self.desk.clock.now()) {
            RowState::Due | RowState::Waiting => Ok(()),
            RowState::Held => {
                let held = self.row.held.as_deref().unwrap_or_default();
                Err(Failure::told(Exit::Conflict, "queue-row-held", &[("id", &self.row.id), ("reason", &held)]))
            }
            RowState::Returned => Err(self.conflict("queue-row-returned")),
        }
    }

    fn must_be_left_alone(&self) -> Result<(), Failure> {
        if self.row.leased { Err(self.conflict("queue-row-under-way")) } else { Ok(()) }
    }

    /// Between the look and the change, the row has gone or is being tried.
    fn changed(&self, error: StoreError) -> Failure {
        match error {
            StoreError::NotFound(_) => self.conflict("queue-row-under-way"),
            error => error.into(),
        }
    }

    fn conflict(&self, key: &'static str) -> Failure {
        Failure::told(Exit::Conflict, key, &[("id", &self.row.id)])
    }

    fn event(&self, kind: EventKind, reason: &str) -> Event {
        Event {
            message: Some(self.row.message),
            sender: Some(Marked::path(&self.row.sender)),
            recipient: Some(Marked::address(&self.row.recipient)),
            reason: Some(reason.to_owned()),
            detail: self.reason.map(Marked::text),
            ..Author::Admin(self.actor.to_owned()).event(kind, self.desk.clock.now())
        }
    }
}
