//! CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (RFC 3501 §6.3.3 to §6.3.7).

use imap_codec::imap_types::mailbox::Mailbox;
use pli_audit::EventKind;
use pli_store::StoreError;

use crate::answer::{Answer, Fault};
use crate::session::Session;
use crate::{name, record};

/// Folders of one mailbox, against a client that makes them in a loop.
const FOLDERS_MAX: usize = 1_000;

/// Names that one mailbox is subscribed to.
const SUBSCRIPTIONS_MAX: usize = 2_000;

pub(super) async fn create(session: &mut Session<'_>, mailbox: &Mailbox<'_>) -> Result<Answer, Fault> {
    let holder = session.state.signed_in()?.mailbox.id;
    let name = name::read_new(mailbox)?;
    if session.context.store.folders(holder).await?.len() >= FOLDERS_MAX {
        return Err(Answer::no("LIMIT", "This mailbox has as many folders as it may have").into());
    }
    match session.context.store.create_folder(holder, &name).await {
        Ok(_) => Ok(Answer::ok("Made")),
        Err(StoreError::Conflict(_)) => Err(exists().into()),
        Err(error) => Err(error.into()),
    }
}

fn exists() -> Answer {
    Answer::no("ALREADYEXISTS", "There is such a folder already")
}

pub(super) async fn delete(session: &mut Session<'_>, mailbox: &Mailbox<'_>) -> Result<Answer, Fault> {
    let holder = session.state.signed_in()?.mailbox.id;
    let name = name::read(mailbox)?;
    if name == name::INBOX {
        return Err(Answer::no("CANNOT", "INBOX stays").into());
    }
    // What lies in it goes with it, so each message's end is recorded.
    let deleted = record::event(session, EventKind::Deleted);
    match session.context.store.delete_folder(holder, &name, vec![deleted]).await {
        Ok(()) => Ok(Answer::ok("Removed")),
        Err(StoreError::Conflict(_)) => Err(Answer::no("HASCHILDREN", "Remove what is below it first").into()),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn rename(session: &mut Session<'_>, from: &Mailbox<'_>, to: &Mailbox<'_>) -> Result<Answer, Fault> {
    let holder = session.state.signed_in()?.mailbox.id;
    let (from, to) = (name::read(from)?, name::read_new(to)?);
    let below = to.strip_prefix(from.as_str()).is_some_and(|rest| rest.starts_with(name::DELIMITER));
    if below && from != name::INBOX {
        return Err(Answer::no("CANNOT", "A folder cannot lie below itself").into());
    }
    match session.context.store.rename_folder(holder, &from, &to).await {
        Ok(()) => Ok(Answer::ok("Renamed")),
        Err(StoreError::Conflict(_)) => Err(exists().into()),
        Err(error) => Err(error.into()),
    }
}

/// Any name may be subscribed to, a folder's or not: it may come back (RFC 3501 §6.3.6).
pub(super) async fn subscribe(
    session: &mut Session<'_>,
    mailbox: &Mailbox<'_>,
    subscribed: bool,
) -> Result<Answer, Fault> {
    let holder = session.state.signed_in()?.mailbox.id;
    let name = if subscribed { name::read_new(mailbox)? } else { name::read(mailbox)? };
    if subscribed && session.context.store.subscriptions(holder).await?.len() >= SUBSCRIPTIONS_MAX {
        return Err(Answer::no("LIMIT", "This mailbox has as many subscriptions as it may have").into());
    }
    session.context.store.set_subscribed(holder, &name, subscribed).await?;
    Ok(Answer::ok("Noted"))
}
