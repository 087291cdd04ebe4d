//! EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1).

use imap_codec::imap_types::sequence::SequenceSet;
use pli_audit::EventKind;
use pli_store::Entry;
use pli_types::Uid;

use super::no_such_number;
use crate::answer::{Answer, Fault};
use crate::record;
use crate::session::Session;

/// Removes messages for good; the client is told by the EXPUNGE lines that follow every command.
pub(super) async fn run(session: &mut Session<'_>, uids: Option<&SequenceSet>) -> Result<Answer, Fault> {
    session.state.writable()?;
    remove(session, uids).await?;
    Ok(Answer::ok("Removed"))
}

/// Removes what is flagged `\Deleted`, and only what this session has been told of.
pub(super) async fn remove(session: &mut Session<'_>, uids: Option<&SequenceSet>) -> Result<(), Fault> {
    // What another session flagged since counts too.
    session.tell_changes(false, true).await?;
    let selected = session.state.writable()?;
    let numbers = uids.map(|set| selected.view.numbers(set, true)).transpose().map_err(|_| no_such_number())?;
    let chosen = |entry: &Entry| numbers.as_ref().is_none_or(|numbers| numbers.contains(entry.uid.0));
    let doomed: Vec<Entry> =
        selected.view.all().map(|picked| picked.entry).filter(|entry| entry.flags.deleted && chosen(entry)).collect();
    let folder = selected.folder.id;
    if doomed.is_empty() {
        return Ok(());
    }
    let deleted = record::event(session, EventKind::Deleted);
    let uids: Vec<Uid> = doomed.iter().map(|entry| entry.uid).collect();
    let removed = session.context.store.expunge(folder, Some(&uids), vec![deleted]).await?;
    session.state.writable()?.view.remove(&removed);
    Ok(())
}
