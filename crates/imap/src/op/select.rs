//! SELECT and EXAMINE (RFC 3501 §6.3.1, §6.3.2).

use imap_codec::imap_types::mailbox::Mailbox;
use pli_store::{Folder, FolderView};

use crate::answer::{Answer, Fault};
use crate::name;
use crate::session::{Session, flags_in_use};
use crate::state::Selected;
use crate::view::View;

/// Opens a folder. One that was open is closed first, whatever happens then.
pub(super) async fn run(session: &mut Session<'_>, mailbox: &Mailbox<'_>, read_only: bool) -> Result<Answer, Fault> {
    session.state.signed_in()?;
    session.state.close_folder();
    let folder = find(session, mailbox, Answer::no("NONEXISTENT", "There is no such folder")).await?;
    // From before the folder is read: a change in between shall not be missed.
    let changes = session.context.store.subscribe();
    let mut opened = session.context.store.open_folder(folder.id, !read_only).await?;
    if read_only {
        show_recent(session, &mut opened).await?;
    }
    let (uid_validity, uid_next) = (opened.folder.uid_validity.0, opened.uid_next.0);
    let view = View::open(opened);
    let flags = flags_in_use(&view);
    let permanent = if read_only { String::new() } else { format!("{PERMANENT_FLAGS} \\*") };
    let (exists, recent) = (view.exists(), view.recent());
    let wire = &mut session.wire;
    wire.say(&format!("* FLAGS ({flags})\r\n* {exists} EXISTS\r\n* {recent} RECENT\r\n"));
    if let Some(sequence) = view.first_unseen() {
        wire.say(&format!("* OK [UNSEEN {sequence}] The first message not seen\r\n"));
    }
    wire.say(&format!("* OK [PERMANENTFLAGS ({permanent})] Flags that are kept\r\n"));
    wire.say(&format!("* OK [UIDNEXT {uid_next}] The next number\r\n"));
    wire.say(&format!("* OK [UIDVALIDITY {uid_validity}] Numbers hold as long as this does\r\n"));
    session.state.open_folder(Selected::new(folder, read_only, view, changes));
    Ok(Answer::ok("Open").with_code(if read_only { "READ-ONLY" } else { "READ-WRITE" }))
}

/// EXAMINE shows `\\Recent` and takes it from nobody. It is always the last messages that nobody has been told of.
async fn show_recent(session: &Session<'_>, opened: &mut FolderView) -> Result<(), Fault> {
    let recent = session.context.store.folder_status(opened.folder.id).await?.recent;
    let count = usize::try_from(recent).unwrap_or(usize::MAX);
    for entry in opened.entries.iter_mut().rev().take(count) {
        entry.recent = true;
    }
    Ok(())
}

const PERMANENT_FLAGS: &str = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";

/// The folder of this name, or the answer given.
pub(super) async fn find(session: &Session<'_>, mailbox: &Mailbox<'_>, missing: Answer) -> Result<Folder, Fault> {
    let account = session.state.signed_in()?;
    let name = name::read(mailbox)?;
    let folders = session.context.store.folders(account.mailbox.id).await?;
    let folder = folders.into_iter().find(|folder| folder.selectable && folder.name == name);
    folder.ok_or(Fault::Refused(missing))
}
