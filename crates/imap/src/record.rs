//! What goes into the record from here (R-TRC-1, R-TRC-3): who read, put, copied, moved and removed which message, and what he
//! asked for in vain. Of sign-in, [`pli_signin`] tells. No folder's name is in it: people call folders after patients.

use std::collections::{BTreeMap, BTreeSet};

use pli_audit::{Event, EventKind, Face};
use pli_types::{Marked, MessageId};

use crate::answer::{Answer, Fault};
use crate::session::Session;
use crate::set;
use crate::view::Picked;

/// Messages that one command fetches and that are recorded each for itself; more are one entry.
const FETCHED_SINGLY: usize = 64;

/// Messages that a session is known to have fetched.
const FETCHED_MAX: usize = 100_000;

/// Failures of one kind that a session has recorded each for itself; how many followed is one entry, at its end.
const FAILURES_SINGLY: u32 = 10;

/// What of a session is on record already.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    fetched: BTreeSet<MessageId>,
    failures: BTreeMap<Failure, Failures>,
}

/// A command, and the response code (RFC 5530) that it was answered with.
type Failure = (&'static str, Option<String>);

#[derive(Debug, Default)]
struct Failures {
    singly: u32,
    more: u64,
}

/// An event of this session, with who and from where.
pub(crate) fn event(session: &Session<'_>, kind: EventKind) -> Event {
    let account = session.state.account();
    let actor = account.map(|account| Marked::account(&account.name));
    let mailbox = account.map(|account| Marked::address(&account.mailbox.address));
    let remote = Some(session.peer.remote.to_string());
    Event { actor, mailbox, remote, ..Event::new(session.context.clock.now(), kind, Face::Imap) }
}

/// Records that a program is given what these messages say, before it is; once a session and message. Programs fetch without
/// `\Seen` (PEEK), and fetch again and in pieces.
pub(crate) async fn fetched(session: &mut Session<'_>, messages: &[Picked], opened: &[MessageId]) -> Result<(), Fault> {
    let known = |id: &MessageId| session.recorded.fetched.contains(id) || opened.contains(id);
    let new: Vec<&Picked> = messages.iter().filter(|picked| !known(&picked.entry.message)).collect();
    let event = event(session, EventKind::Fetched);
    let events: Vec<Event> = if new.len() <= FETCHED_SINGLY {
        new.iter().map(|picked| Event { message: Some(picked.entry.message), ..event.clone() }).collect()
    } else {
        let (folder, uids) = (session.state.selected()?.folder.id.0, set::write(new.iter().map(|one| one.entry.uid.0)));
        let detail = Some(Marked::plain(format!("{} messages of folder {folder}, UID {uids}", new.len())));
        vec![Event { detail, count: u64::try_from(new.len()).ok(), ..event }]
    };
    if !events.is_empty() {
        session.context.store.append_audit(events).await?;
    }
    let Recorded { fetched, .. } = &mut session.recorded;
    if fetched.len() >= FETCHED_MAX {
        fetched.clear();
    }
    fetched.extend(messages.iter().map(|picked| picked.entry.message));
    Ok(())
}

impl Session<'_> {
    /// Records that a command of someone who is signed in was answered with NO: what he asked for is the detail, the answer's
    /// code is the reason. A failure stands even if the store does not take its record.
    pub(crate) async fn record_failure(&mut self, command: &'static str, answer: &Answer) {
        if self.state.account().is_none() {
            return;
        }
        let code = answer.code.as_deref().map(str::to_ascii_lowercase);
        // A store that does not answer is not asked to record that; it is counted.
        let asks = code.as_deref() != Some("unavailable");
        let failures = self.recorded.failures.entry((command, code.clone())).or_default();
        if !asks || failures.singly >= FAILURES_SINGLY {
            failures.more = failures.more.saturating_add(1);
            return;
        }
        failures.singly += 1;
        let event = failure(self, command, code);
        self.keep(vec![event]).await;
    }

    /// Records, at the session's end, how many failures of each kind followed those that are on record.
    pub(crate) async fn record_further_failures(&mut self) {
        let failures = std::mem::take(&mut self.recorded.failures);
        let more = failures.into_iter().filter(|(_, failures)| failures.more > 0);
        let events: Vec<Event> = more
            .map(|((command, code), failures)| Event {
                count: Some(failures.more),
                detail: Some(Marked::plain(format!("{command}, {} more", failures.more))),
                ..failure(self, command, code)
            })
            .collect();
        if !events.is_empty() {
            self.keep(events).await;
        }
    }

    async fn keep(&self, events: Vec<Event>) {
        if let Err(error) = self.context.store.append_audit(events).await {
            tracing::error!(%error, "what failed in an IMAP session could not be recorded");
        }
    }
}

fn failure(session: &Session<'_>, command: &'static str, code: Option<String>) -> Event {
    Event { reason: code, detail: Some(Marked::plain(command)), ..event(session, EventKind::Refused) }
}
