//! IDLE (RFC 2177): changes are told as they are committed.

use crate::answer::{Answer, Fault};
use crate::session::Session;
use crate::state::State;
use crate::wire::WireError;

/// `DONE` and its line end fit well within.
const LINE_BYTES_MAX: usize = 1_024;

/// Runs until the client says DONE. If it is silent for as long as a client may be, the session ends: RFC 2177 asks
/// clients to begin anew every 29 minutes.
pub(super) async fn run(session: &mut Session<'_>) -> Result<Answer, Fault> {
    session.state.signed_in()?;
    session.wire.say("+ Idling\r\n");
    session.tell_changes(true, true).await?;
    loop {
        if let Some(line) = session.wire.buffered_line() {
            return if line.eq_ignore_ascii_case(b"DONE\r\n") {
                Ok(Answer::ok("Idled"))
            } else {
                Err(Answer::bad("Only DONE ends IDLE").into())
            };
        }
        if session.wire.buffered() > LINE_BYTES_MAX {
            return Err(WireError::Broken("The command line is too long").into());
        }
        let Session { wire, state, .. } = session;
        let changed = async {
            match state {
                State::Selected(_, selected) => selected.changed().await,
                State::NotAuthenticated | State::Authenticated(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            filled = wire.fill() => filled?,
            () = changed => {
                session.wire.may_go_on()?;
                session.tell_changes(true, false).await?;
            }
        }
    }
}
