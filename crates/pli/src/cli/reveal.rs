//! `--reveal`: health identifiers in clear, for who says why, and after that is on record.

use pli_types::Masker;

use super::{Globals, runtime};
use crate::admin::{self, Answer, Request, reveal};
use crate::exit::Failure;

pub(crate) use crate::admin::Sight;

/// What a verb takes that can show identifiers in clear.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Reveal {
    /// Show health identifiers in clear; who asks, for what and why is on record first
    #[arg(long, requires = "why")]
    reveal: bool,
    /// Why they are shown, for the record
    #[arg(long = "reason", id = "why", value_name = "TEXT", requires = "reveal")]
    reason: Option<String>,
}

impl Reveal {
    /// Why they are to be shown in clear; none if they are not. For verbs whose answer the node puts together: it takes
    /// the reason along with the question, and has it on record before it answers.
    pub(crate) fn why(&self) -> Option<String> {
        self.reason.clone().filter(|_| self.reveal)
    }

    /// Masked, unless clear sight is asked for and on record: of this command, about this message. Without a store that
    /// can be written to, nothing is shown.
    pub(crate) fn sight(
        &self,
        globals: &Globals,
        asked: &str,
        message: Option<String>,
        masker: Masker,
    ) -> Result<Sight, Failure> {
        self.sight_of(globals, (asked, message, None), masker)
    }

    /// The same, of what is about a mailbox, or a patient.
    pub(crate) fn sight_of(
        &self,
        globals: &Globals,
        (asked, message, mailbox): (&str, Option<String>, Option<String>),
        masker: Masker,
    ) -> Result<Sight, Failure> {
        let Some(reason) = self.why() else {
            return Ok(Sight::masked(masker));
        };
        let request = Request::Reveal(reveal::Ask { asked: asked.to_owned(), message, mailbox, reason });
        match runtime::one_thread()?.block_on(admin::ask(&globals.settings()?, request, None))? {
            Answer::OnRecord => Ok(Sight::in_clear(masker)),
            _ => Err(Failure::defect("the node answers another question than was asked")),
        }
    }
}
