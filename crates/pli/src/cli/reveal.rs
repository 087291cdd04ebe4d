//! `--reveal`: health identifiers in clear, for who says why, and after that is on record.

use pli_types::{MailAddress, Masker, ReversePath};

use super::{Globals, runtime};
use crate::admin::{self, Answer, Request, reveal};
use crate::exit::Failure;

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

/// How identifiers are shown.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    masker: Masker,
    clear: bool,
}

impl Reveal {
    /// Masked, unless clear sight is asked for and on record: of this command, about this message. Without a store that
    /// can be written to, nothing is shown.
    pub(crate) fn sight(
        &self,
        globals: &Globals,
        asked: &str,
        message: Option<String>,
        masker: Masker,
    ) -> Result<Sight, Failure> {
        let Some(reason) = self.reason.clone().filter(|_| self.reveal) else {
            return Ok(Sight { masker, clear: false });
        };
        let request = Request::Reveal(reveal::Ask { asked: asked.to_owned(), message, reason });
        match runtime::one_thread()?.block_on(admin::ask(&globals.settings()?, request, None))? {
            Answer::OnRecord => Ok(Sight { masker, clear: true }),
            _ => Err(Failure::defect("the node answers another question than was asked")),
        }
    }
}

impl Sight {
    /// Nothing is shown in clear.
    #[cfg(test)]
    pub(crate) fn masked(masker: Masker) -> Self {
        Self { masker, clear: false }
    }

    /// An address.
    pub(crate) fn address(&self, address: &MailAddress) -> String {
        if self.clear { address.reveal() } else { self.masker.address(address) }
    }

    /// A path: empty for that of a report.
    pub(crate) fn path(&self, path: &ReversePath) -> String {
        path.address().map(|address| self.address(address)).unwrap_or_default()
    }

    /// A text of the record, in which addresses were masked when it was written: those of these that stand in it are
    /// shown as they are.
    pub(crate) fn recorded(&self, text: &str, known: &[MailAddress]) -> String {
        if !self.clear {
            return text.to_owned();
        }
        let shown =
            |text: String, address: &MailAddress| text.replace(&self.masker.address(address), &address.reveal());
        known.iter().fold(text.to_owned(), shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_shown_in_clear_as_far_as_addresses_are_known() {
        let patient = MailAddress::parse("279035121518989@patient.mssante.fr").unwrap();
        let masker = Masker::new(&[1; 32]);
        let text = format!("RCPT {} and ins-00000000@patient.mssante.fr", masker.address(&patient));
        let known = [patient.clone()];
        assert_eq!(Sight { masker: masker.clone(), clear: false }.recorded(&text, &known), text);
        let sight = Sight { masker, clear: true };
        assert_eq!(
            sight.recorded(&text, &known),
            "RCPT 279035121518989@patient.mssante.fr and ins-00000000@patient.mssante.fr"
        );
        assert_eq!(sight.address(&patient), "279035121518989@patient.mssante.fr");
        assert_eq!(sight.path(&ReversePath::Null), "");
    }
}
