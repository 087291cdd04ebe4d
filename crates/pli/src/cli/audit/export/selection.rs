//! [`Selection`]: which entries are handed out.

use jiff::Timestamp;
use pli_audit::Event;
use pli_types::{Ins, MailAddress, Marked, Person, Piece};

use crate::cli::patient::typed;
use crate::story::asked::moment;

/// What is known of entries: those are handed out to which all of it applies.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Selection {
    /// Only entries that name this mailbox, whatever it is in them
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    mailbox: Option<MailAddress>,
    /// Only entries about this patient; `-`: read his INS from standard input
    #[arg(long, value_name = "INS", value_parser = patient)]
    patient: Option<Ins>,
    /// Only what happened then or later (2026-03-14T12:00:00Z, or a day: 2026-03-14)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only what happened before that
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
}

fn address(text: &str) -> Result<MailAddress, String> {
    MailAddress::parse(text).map_err(|error| error.to_string())
}

fn patient(text: &str) -> Result<Ins, String> {
    let text = typed(text).map_err(|failure| failure.to_string())?;
    Ins::parse(&text).map_err(|error| error.to_string())
}

impl Selection {
    /// Is it all there is?
    pub(super) fn is_all(&self) -> bool {
        self.mailbox.is_none() && self.patient.is_none() && self.since.is_none() && self.until.is_none()
    }

    /// The patient whose entries they are.
    pub(super) fn person(&self) -> Option<Person> {
        let patient = Marked::ins(self.patient.as_ref()?);
        patient.pieces().iter().find_map(Piece::person).cloned()
    }

    /// What the record is to say of who was asked about: sealed there, as all identifiers are.
    pub(super) fn told(&self) -> String {
        let patient = self.patient.as_ref().map(|ins| format!(" --patient {}", ins.reveal()));
        let mailbox = self.mailbox.as_ref().map(|address| format!(" --mailbox {}", address.reveal()));
        [patient, mailbox].into_iter().flatten().collect()
    }

    /// Is this one of them? Whether it is about the patient is known already.
    pub(super) fn takes(&self, event: &Event) -> bool {
        self.in_time(event) && self.mailbox.as_ref().is_none_or(|mailbox| names(event, mailbox))
    }

    fn in_time(&self, event: &Event) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        // An entry without a time that can be read is rather shown than left out.
        let Ok(at) = event.at.parse::<Timestamp>() else { return true };
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// Does it name this mailbox, as anything?
fn names(event: &Event, mailbox: &MailAddress) -> bool {
    let texts = [&event.actor, &event.sender, &event.recipient, &event.mailbox, &event.detail];
    texts.into_iter().flatten().any(|text| {
        let text = text.reveal();
        let words = text.split(|c: char| c.is_whitespace() || ",;<>()[]\"'`".contains(c));
        let mut words = words.map(|word| word.trim_matches([':', '.'])).filter(|word| word.contains('@'));
        words.any(|word| MailAddress::parse(word).is_ok_and(|address| address.key() == mailbox.key()))
    })
}

#[cfg(test)]
mod tests {
    use pli_audit::EventKind;

    use super::*;
    use crate::cli::audit::export::shown::tests::{INS, event};

    fn of_mailbox(text: &str) -> Selection {
        Selection { mailbox: Some(address(text).unwrap()), ..Selection::default() }
    }

    #[test]
    fn a_mailbox_is_found_wherever_an_entry_names_it() {
        let event = event(EventKind::Deferred);
        for there in [
            "dr.martin@exemple.mssante.fr",
            "DR.MARTIN@Exemple.mssante.fr",
            "b@exemple.mssante.fr",
            &format!("{INS}@patient.mssante.fr"),
        ] {
            assert!(of_mailbox(there).takes(&event), "{there}");
        }
        assert!(!of_mailbox("martin@exemple.mssante.fr").takes(&event));
        assert!(!of_mailbox("dr.martin@exemple.mssante.f").takes(&event));
        let said = Event { detail: Some(Marked::plain("250 sent to <c@d.fr>.")), ..event };
        assert!(of_mailbox("c@d.fr").takes(&said));
    }

    #[test]
    fn a_period_has_its_beginning_and_not_its_end() {
        let at = |since: &str, until: &str| Selection {
            since: Some(moment(since).unwrap()),
            until: Some(moment(until).unwrap()),
            ..Selection::default()
        };
        let event = event(EventKind::Opened);
        assert!(at("2026-03-14T12:00:00.25Z", "2026-03-15").takes(&event));
        assert!(!at("2026-03-14", "2026-03-14T12:00:00.25Z").takes(&event));
        assert!(!at("2026-03-15", "2026-03-16").takes(&event));
        assert!(Selection::default().takes(&event) && Selection::default().is_all());
    }

    #[test]
    fn a_patient_is_the_person_that_the_record_knows() {
        let selection = Selection { patient: Some(patient(INS).unwrap()), ..Selection::default() };
        assert_eq!(selection.person().unwrap().reveal(), INS);
        assert_eq!(selection.told(), format!(" --patient {INS}"));
        assert!(patient("279035121518988").is_err(), "its key is wrong");
    }
}
