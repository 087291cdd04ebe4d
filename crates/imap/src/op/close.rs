//! CLOSE (RFC 3501 §6.4.2) and UNSELECT (RFC 3691).

use super::expunge;
use crate::answer::{Answer, Fault};
use crate::session::Session;

/// Removes what is flagged `\Deleted`, telling nothing, and closes the folder.
pub(super) async fn close(session: &mut Session<'_>) -> Result<Answer, Fault> {
    if !session.state.selected()?.read_only {
        expunge::remove(session, None).await?;
    }
    session.state.close_folder();
    Ok(Answer::ok("Closed"))
}

/// Closes the folder and removes nothing.
pub(super) fn unselect(session: &mut Session<'_>) -> Result<Answer, Fault> {
    session.state.selected()?;
    session.state.close_folder();
    Ok(Answer::ok("Closed"))
}
