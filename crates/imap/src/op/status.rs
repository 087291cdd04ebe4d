//! STATUS (RFC 3501 §6.3.10).

use imap_codec::imap_types::mailbox::Mailbox;
use imap_codec::imap_types::status::StatusDataItemName;

use super::select;
use crate::answer::{Answer, Fault};
use crate::session::Session;
use crate::{format, name};

/// Tells numbers of a folder without opening it.
pub(super) async fn run(
    session: &mut Session<'_>,
    mailbox: &Mailbox<'_>,
    items: &[StatusDataItemName],
) -> Result<Answer, Fault> {
    let folder = select::find(session, mailbox, Answer::no("NONEXISTENT", "There is no such folder")).await?;
    let status = session.context.store.folder_status(folder.id).await?;
    let mut words = Vec::with_capacity(items.len());
    for item in items {
        words.push(match item {
            StatusDataItemName::Messages => format!("MESSAGES {}", status.messages),
            StatusDataItemName::Recent => format!("RECENT {}", status.recent),
            StatusDataItemName::Unseen => format!("UNSEEN {}", status.unseen),
            StatusDataItemName::UidNext => format!("UIDNEXT {}", status.uid_next.0),
            StatusDataItemName::UidValidity => format!("UIDVALIDITY {}", status.uid_validity.0),
            StatusDataItemName::Deleted | StatusDataItemName::DeletedStorage => {
                return Err(Answer::bad("This number is not kept").into());
            }
        });
    }
    let out = session.wire.out();
    out.extend_from_slice(b"* STATUS ");
    format::astring(out, name::encode(&folder.name).as_bytes());
    out.extend_from_slice(format!(" ({})\r\n", words.join(" ")).as_bytes());
    Ok(Answer::ok("Counted"))
}
