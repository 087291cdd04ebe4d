//! One file per command (RFC 3501 §6), and the table of them.

pub(crate) mod append;
mod close;
mod copy;
mod expunge;
mod fetch;
mod folders;
mod idle;
mod list;
mod search;
mod select;
mod sign_in;
mod status;
mod store;

use imap_codec::imap_types::command::CommandBody;

use crate::answer::{Answer, Fault};
use crate::capability;
use crate::session::{Next, Session};

/// Carries out a command and completes it. `special_only` is LIST's: show only folders with a special use.
pub(crate) async fn run(
    session: &mut Session<'_>,
    tag: &str,
    body: CommandBody<'_>,
    special_only: bool,
) -> Result<Next, Fault> {
    match body {
        CommandBody::Logout => {
            session.wire.say("* BYE Until next time\r\n");
            session.complete(tag, &Answer::ok("Signed out"));
            return Ok(Next::Bye);
        }
        CommandBody::StartTLS => return sign_in::starttls(session, tag),
        CommandBody::Login { username, password } => {
            return sign_in::login(session, tag, &username, &password).await;
        }
        CommandBody::Authenticate { mechanism, initial_response } => {
            return sign_in::authenticate(session, tag, &mechanism, initial_response).await;
        }
        body => {
            // EXPUNGE would shift the numbers that the client counts with (RFC 3501 §7.4.1); with UIDs it does not.
            let may_expunge = !matches!(
                body,
                CommandBody::Fetch { uid: false, .. }
                    | CommandBody::Store { uid: false, .. }
                    | CommandBody::Search { uid: false, .. }
            );
            // These ask for news, or may make some; the others tell what the store has announced.
            let look = matches!(
                body,
                CommandBody::Noop | CommandBody::Check | CommandBody::Copy { .. } | CommandBody::Move { .. }
            );
            if counts_messages(&body) {
                // So that what was committed a moment ago is seen by this command, not by the one after.
                session.tell_changes(false, true).await?;
            }
            let answer = dispatch(session, body, special_only).await?;
            session.tell_changes_after(may_expunge, look).await?;
            session.complete(tag, &answer);
        }
    }
    Ok(Next::Go)
}

/// Does the command work on the messages of the open folder?
fn counts_messages(body: &CommandBody<'_>) -> bool {
    matches!(
        body,
        CommandBody::Fetch { .. }
            | CommandBody::Store { .. }
            | CommandBody::Search { .. }
            | CommandBody::Copy { .. }
            | CommandBody::Move { .. }
    )
}

/// A sequence number beyond the last message.
fn no_such_number() -> Answer {
    Answer::bad("There is no message with such a number")
}

/// Messages that another session removed, which this client has not been told yet (RFC 5530).
fn gone() -> Answer {
    Answer::no("EXPUNGEISSUED", "Some of these messages are gone")
}

async fn dispatch(session: &mut Session<'_>, body: CommandBody<'_>, special_only: bool) -> Result<Answer, Fault> {
    match body {
        CommandBody::Capability => {
            let words = capability::words(session.offer());
            session.wire.say(&format!("* CAPABILITY {words}\r\n"));
            Ok(Answer::ok("That is all"))
        }
        CommandBody::Noop => Ok(Answer::ok("Done")),
        CommandBody::Check => session.state.selected().map(|_| Answer::ok("Everything is kept")).map_err(Fault::from),
        CommandBody::Id { .. } => {
            session.wire.say("* ID (\"name\" \"Pli\")\r\n");
            Ok(Answer::ok("Pleased to meet you"))
        }
        CommandBody::Namespace => {
            session.state.signed_in()?;
            session.wire.say("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
            Ok(Answer::ok("One namespace, all yours"))
        }
        CommandBody::Select { mailbox } => select::run(session, &mailbox, false).await,
        CommandBody::Examine { mailbox } => select::run(session, &mailbox, true).await,
        CommandBody::Create { mailbox } => folders::create(session, &mailbox).await,
        CommandBody::Delete { mailbox } => folders::delete(session, &mailbox).await,
        CommandBody::Rename { from, to } => folders::rename(session, &from, &to).await,
        CommandBody::Subscribe { mailbox } => folders::subscribe(session, &mailbox, true).await,
        CommandBody::Unsubscribe { mailbox } => folders::subscribe(session, &mailbox, false).await,
        CommandBody::List { reference, mailbox_wildcard } => {
            list::list(session, &reference, &mailbox_wildcard, special_only).await
        }
        CommandBody::Lsub { reference, mailbox_wildcard } => list::lsub(session, &reference, &mailbox_wildcard).await,
        CommandBody::Status { mailbox, item_names } => status::run(session, &mailbox, &item_names).await,
        CommandBody::Close => close::close(session).await,
        CommandBody::Unselect => close::unselect(session),
        CommandBody::Expunge => expunge::run(session, None).await,
        CommandBody::ExpungeUid { sequence_set } => expunge::run(session, Some(&sequence_set)).await,
        CommandBody::Search { charset, criteria, uid } => {
            search::run(session, charset.as_ref(), criteria.as_ref(), uid).await
        }
        CommandBody::Fetch { sequence_set, macro_or_item_names, uid } => {
            fetch::run(session, &sequence_set, macro_or_item_names, uid).await
        }
        CommandBody::Store { sequence_set, kind, response, flags, uid } => {
            store::run(session, &sequence_set, kind, response, &flags, uid).await
        }
        CommandBody::Copy { sequence_set, mailbox, uid } => copy::copy(session, &sequence_set, &mailbox, uid).await,
        CommandBody::Move { sequence_set, mailbox, uid } => copy::r#move(session, &sequence_set, &mailbox, uid).await,
        CommandBody::Idle => idle::run(session).await,
        _ => Err(Answer::bad("This server does not have this command").into()),
    }
}
