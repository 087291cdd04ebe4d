//! What the node does for a message, step by step, for whoever collects traces. Nobody does unless a sink is
//! [`install`]ed: then a step costs one look.
//!
//! A [`Span`] has no place for text: numbers, instants, stable codes and the message's own id are all that it can hold. So
//! nothing of a message or a person can leave the node by it, whatever is added to the steps.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use pli_audit::Face;
use pli_policy::Reason;
use pli_types::{Clock, MessageId};

use crate::delivery::verdict::Verdict;
use crate::intake::Refusal;

/// A step that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Whose trace it belongs to.
    pub message: MessageId,
    /// What was done.
    pub step: Step,
    /// When it began.
    pub begun: Timestamp,
    /// When it was over.
    pub ended: Timestamp,
    /// Through which door the message came, where that is known.
    pub face: Option<Face>,
    /// For how many recipients.
    pub recipients: Option<usize>,
    /// Of how many bytes.
    pub bytes: Option<u64>,
    /// Which try it was, from 1.
    pub attempt: Option<u32>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it did not end well.
    pub reason: Option<Reason>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// All of a message's way in, from `MAIL` to the reply after its last byte. The first of its trace; the others are its
    /// parts, or follow from it.
    Accept,
    /// Reading header and documents, and judging them.
    Decide,
    /// Asking the virus scanner.
    Scan,
    /// Keeping it: the group commit.
    Keep,
    /// A try to hand it to the next server.
    Deliver,
    /// Keeping what became of that try.
    Settle,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Accept, Self::Decide, Self::Scan, Self::Keep, Self::Deliver, Self::Settle];

    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Decide => "decide",
            Self::Scan => "scan",
            Self::Keep => "keep",
            Self::Deliver => "deliver",
            Self::Settle => "settle",
        }
    }
}

/// How a step ended; the worse the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// As it should.
    Done,
    /// It is put off.
    Deferred,
    /// For good.
    Refused,
}

impl Outcome {
    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
        }
    }
}

/// Who collects. Called where mail flows: it must return at once.
pub trait SpanSink: Send + Sync {
    /// Takes one step.
    fn take(&self, span: Span);
}

static SINK: OnceLock<Arc<dyn SpanSink>> = OnceLock::new();

/// Has all steps told to this sink from now on; false if there is one already.
pub fn install(sink: Arc<dyn SpanSink>) -> bool {
    SINK.set(sink).is_ok()
}

/// A step under way; of which nothing is kept where nobody collects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun(Option<Span>);

impl Begun {
    /// Begins now.
    pub(crate) fn now(step: Step, message: MessageId, clock: &dyn Clock) -> Self {
        Self(SINK.get().map(|_| Span {
            message,
            step,
            begun: clock.now(),
            ended: Timestamp::MIN,
            face: None,
            recipients: None,
            bytes: None,
            attempt: None,
            outcome: Outcome::Done,
            reason: None,
        }))
    }

    /// Says more of it.
    pub(crate) fn with(mut self, say: impl FnOnce(&mut Span)) -> Self {
        if let Some(span) = &mut self.0 {
            say(span);
        }
        self
    }

    /// It is over, and ended like this.
    pub(crate) fn end<T>(self, result: &Result<T, Refusal>, clock: &dyn Clock) {
        self.with(|span| {
            if let Err(refusal) = result {
                span.outcome = if refusal.temporary { Outcome::Deferred } else { Outcome::Refused };
                span.reason = Some(refusal.reason);
            }
        })
        .done(clock);
    }

    /// The store has said whether it is kept. If not, the step of which this is a part tells why.
    pub(crate) fn end_of_keeping(self, kept: bool, clock: &dyn Clock) {
        let outcome = if kept { Outcome::Done } else { Outcome::Deferred };
        self.with(|span| span.outcome = outcome).done(clock);
    }

    /// A try is over, and ended like this for its recipients: the worst counts.
    pub(crate) fn end_of_try(self, verdicts: &[Verdict], clock: &dyn Clock) {
        self.with(|span| {
            for verdict in verdicts {
                let (outcome, trouble) = match verdict {
                    Verdict::Never(trouble) => (Outcome::Refused, trouble),
                    Verdict::Later(trouble) | Verdict::NotNow { trouble, .. } => (Outcome::Deferred, trouble),
                    Verdict::Relayed { .. } | Verdict::Delivered => continue,
                };
                if span.outcome < outcome {
                    span.outcome = outcome;
                    span.reason = Some(trouble.reason);
                }
            }
        })
        .done(clock);
    }

    /// It is over, and ended as it should unless more was said.
    pub(crate) fn done(self, clock: &dyn Clock) {
        if let (Some(mut span), Some(sink)) = (self.0, SINK.get()) {
            span.ended = clock.now();
            sink.take(span);
        }
    }
}
