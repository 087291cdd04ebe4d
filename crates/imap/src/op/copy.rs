//! COPY (RFC 3501 §6.4.7, with RFC 4315) and MOVE (RFC 6851).

use imap_codec::imap_types::mailbox::Mailbox;
use imap_codec::imap_types::sequence::SequenceSet;
use pli_audit::EventKind;
use pli_store::{FlagChange, Flags};
use pli_types::Uid;

use super::{gone, no_such_number, select};
use crate::answer::{Answer, Fault};
use crate::session::Session;
use crate::{record, set};

fn no_target() -> Answer {
    Answer::no("TRYCREATE", "There is no such folder: make it first")
}

pub(super) async fn copy(
    session: &mut Session<'_>,
    set: &SequenceSet,
    mailbox: &Mailbox<'_>,
    uid: bool,
) -> Result<Answer, Fault> {
    let copied = put(session, set, mailbox, uid, Some(EventKind::Copied)).await?;
    let answer = Answer::ok("Copied");
    Ok(match copied.code {
        Some(code) => answer.with_code(code),
        None => answer,
    })
}

/// Copies, then removes what was copied. If we stop in between, the messages lie in both folders: none is lost.
pub(super) async fn r#move(
    session: &mut Session<'_>,
    set: &SequenceSet,
    mailbox: &Mailbox<'_>,
    uid: bool,
) -> Result<Answer, Fault> {
    session.state.writable()?;
    let copied = put(session, set, mailbox, uid, None).await?;
    let Some(code) = copied.code else { return Ok(Answer::ok("Nothing to move")) };
    // Before the EXPUNGE lines, which follow the command (RFC 6851 §4.3).
    session.wire.say(&format!("* OK [{code}] Moved\r\n"));
    let folder = session.state.writable()?.folder.id;
    let deleted = Flags { deleted: true, ..Flags::default() };
    let (store, moved) = (&session.context.store, record::event(session, EventKind::Moved));
    store.set_flags(folder, &copied.sources, FlagChange::Add, &deleted, Vec::new()).await?;
    // Nothing ends here, it goes on elsewhere: no event of removal.
    let removed = store.expunge(folder, Some(&copied.sources), vec![moved]).await?;
    session.state.writable()?.view.remove(&removed);
    Ok(Answer::ok("Moved"))
}

/// What was copied.
struct Copied {
    sources: Vec<Uid>,
    /// `COPYUID …`, if anything was.
    code: Option<String>,
}

async fn put(
    session: &mut Session<'_>,
    set: &SequenceSet,
    mailbox: &Mailbox<'_>,
    uid: bool,
    recorded: Option<EventKind>,
) -> Result<Copied, Fault> {
    let selected = session.state.selected()?;
    let pick = selected.view.pick(set, uid).map_err(|_| no_such_number())?;
    let folder = selected.folder.id;
    let target = select::find(session, mailbox, no_target()).await?;
    if pick.some_gone && !uid {
        // All or nothing (RFC 3501 §6.4.7).
        return Err(gone().into());
    }
    let uids: Vec<Uid> = pick.messages.iter().map(|picked| picked.entry.uid).collect();
    if uids.is_empty() {
        return Ok(Copied { sources: Vec::new(), code: None });
    }
    let audit = recorded.map(|kind| record::event(session, kind)).into_iter().collect();
    let (validity, pairs) = session.context.store.copy(folder, &uids, target.id, audit).await?;
    if pairs.is_empty() {
        return Ok(Copied { sources: Vec::new(), code: None });
    }
    let sources: Vec<Uid> = pairs.iter().map(|(source, _)| *source).collect();
    let from = set::write(sources.iter().map(|uid| uid.0));
    let to = set::write(pairs.iter().map(|(_, target)| target.0));
    Ok(Copied { sources, code: Some(format!("COPYUID {} {from} {to}", validity.0)) })
}
