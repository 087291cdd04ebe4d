//! [`Deadline`]: until when what must have become of a message, and for which messages that holds. Pure.

use pli_store::PartyState;
use pli_types::{Domain, MailAddress, Span};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `[[deadline]]`. The first that fits a message and its recipient is the one that holds for them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// Whose messages: a mailbox, or a domain; of everybody where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Author>,
    /// Which messages: the code of a document in it ("57833-6"), or "any".
    #[serde(default)]
    pub kind: Kind,
    /// To whom: both where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Audience>,
    /// What must have happened.
    pub state: Step,
    /// Until when, from the moment that the message was taken in.
    pub within: Span,
    /// Is it sent once more then, to a recipient elsewhere?
    #[serde(default)]
    pub resend: bool,
}

/// Whose messages a deadline is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// One mailbox's.
    Mailbox(MailAddress),
    /// Those of a domain.
    Domain(Domain),
}

/// Which messages a deadline is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Kind {
    /// All.
    #[default]
    Any,
    /// Those with a document of this code.
    Document(String),
}

/// To whom a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// To patients.
    Patient,
    /// To everybody else.
    Professional,
}

/// What can be waited for. Later ones hold the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The recipient's server has it.
    Relayed,
    /// It lies in the recipient's mailbox.
    Delivered,
    /// The recipient has opened it.
    Opened,
    /// The recipient's program has taken it into its record, or has said that it cannot.
    Integrated,
}

/// What is asked of the rules about a message and one of its recipients.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'c> {
    /// Who is told if it is late.
    pub(crate) sender: &'c MailAddress,
    /// The codes of its documents.
    pub(crate) codes: &'c [&'c str],
    /// To whom.
    pub(crate) recipient: &'c MailAddress,
    /// Is his mailbox here?
    pub(crate) here: bool,
    /// Was a report of its delivery asked for?
    pub(crate) asks_delivery: bool,
    /// Was a receipt asked for?
    pub(crate) asks_receipt: bool,
}

/// The deadline that holds, if one does.
pub(crate) fn first<'d>(deadlines: &'d [Deadline], case: &Case<'_>) -> Option<&'d Deadline> {
    deadlines.iter().find(|deadline| deadline.holds_for(case))
}

impl Deadline {
    fn holds_for(&self, case: &Case<'_>) -> bool {
        let author = match &self.from {
            None => true,
            Some(Author::Mailbox(address)) => address.key() == case.sender.key(),
            Some(Author::Domain(domain)) => domain == case.sender.domain(),
        };
        let kind = match &self.kind {
            Kind::Any => true,
            Kind::Document(code) => case.codes.contains(&code.as_str()),
        };
        let audience = match self.to {
            None => true,
            Some(Audience::Patient) => case.recipient.domain().is_patient_domain(),
            Some(Audience::Professional) => !case.recipient.domain().is_patient_domain(),
        };
        author && kind && audience && self.state.can_be_told(case)
    }
}

impl Step {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Relayed => "relayed",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Integrated => "integrated",
        }
    }

    /// The state of a recipient in the story of a message.
    pub(crate) fn party_state(self) -> PartyState {
        match self {
            Self::Relayed => PartyState::Relayed,
            Self::Delivered => PartyState::Delivered,
            Self::Opened => PartyState::Opened,
            Self::Integrated => PartyState::Integrated,
        }
    }

    /// The step that waits for a state; none waits for another.
    pub(crate) fn of(state: PartyState) -> Option<Self> {
        let all = [Self::Relayed, Self::Delivered, Self::Opened, Self::Integrated];
        all.into_iter().find(|step| step.party_state() == state)
    }

    /// Can we ever learn of it? What nobody was asked to say would be late each time, and an alert that always comes is
    /// read by nobody. A mailbox here has the message from the beginning, and who opens it there is seen.
    fn can_be_told(self, case: &Case<'_>) -> bool {
        match self {
            Self::Relayed => !case.here,
            Self::Delivered => !case.here && case.asks_delivery,
            Self::Opened => case.here || case.asks_receipt,
            Self::Integrated => case.asks_receipt,
        }
    }
}

impl<'de> Deserialize<'de> for Author {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = if text.contains('@') {
            MailAddress::parse(&text).map(Self::Mailbox).map_err(|error| error.to_string())
        } else {
            Domain::parse(&text).map(Self::Domain).map_err(|error| error.to_string())
        };
        parsed.map_err(|error| serde::de::Error::custom(format!("`{text}` is no mailbox and no domain: {error}")))
    }
}

impl Serialize for Author {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Mailbox(address) => serializer.serialize_str(&address.reveal()),
            Self::Domain(domain) => serializer.serialize_str(domain.as_str()),
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "any" {
            return Ok(Self::Any);
        }
        let is_code =
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !is_code {
            let what = format!("`{text}` is no code of a document, as in \"57833-6\"; \"any\" stands for all");
            return Err(serde::de::Error::custom(what));
        }
        Ok(Self::Document(text))
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("any"),
            Self::Document(code) => serializer.serialize_str(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> MailAddress {
        MailAddress::parse(text).unwrap()
    }

    fn deadline(state: Step) -> Deadline {
        Deadline { from: None, kind: Kind::Any, to: None, state, within: Span::minutes(30), resend: false }
    }

    fn within(deadlines: &[Deadline], from: &str, codes: &[&str], to: &str) -> Option<u64> {
        let (sender, recipient) = (address(from), address(to));
        let case = Case {
            sender: &sender,
            codes,
            recipient: &recipient,
            here: false,
            asks_delivery: true,
            asks_receipt: true,
        };
        first(deadlines, &case).map(|deadline| deadline.within.get().as_secs() / 60)
    }

    #[test]
    fn the_first_deadline_that_fits_holds() {
        let rules = [
            Deadline {
                from: Some(Author::Mailbox(address("Labo@clinic.test"))),
                within: Span::minutes(1),
                ..deadline(Step::Opened)
            },
            Deadline { kind: Kind::Document("57833-6".to_owned()), within: Span::minutes(2), ..deadline(Step::Opened) },
            Deadline { to: Some(Audience::Patient), within: Span::minutes(3), ..deadline(Step::Opened) },
            Deadline {
                from: Some(Author::Domain(Domain::parse("clinic.test").unwrap())),
                to: Some(Audience::Professional),
                within: Span::minutes(4),
                ..deadline(Step::Opened)
            },
        ];
        let (patient, doctor) = ("279035121518989@patient.mssante.fr", "dr@else.test");
        assert_eq!(within(&rules, "labo@clinic.test", &["57833-6"], patient), Some(1));
        assert_eq!(within(&rules, "dr@clinic.test", &["11502-2", "57833-6"], patient), Some(2));
        assert_eq!(within(&rules, "dr@clinic.test", &["11502-2"], patient), Some(3));
        assert_eq!(within(&rules, "dr@clinic.test", &[], doctor), Some(4));
        assert_eq!(within(&rules, "dr@sub.clinic.test", &[], doctor), None, "a domain below is another");
    }

    #[test]
    fn nobody_waits_for_what_nobody_was_asked_to_say() {
        let (sender, recipient) = (address("a@clinic.test"), address("b@else.test"));
        let asked = |here, asks_delivery, asks_receipt| {
            let case = Case { sender: &sender, codes: &[], recipient: &recipient, here, asks_delivery, asks_receipt };
            [Step::Relayed, Step::Delivered, Step::Opened, Step::Integrated]
                .map(|step| first(&[deadline(step)], &case).is_some())
        };
        assert_eq!(asked(false, false, false), [true, false, false, false]);
        assert_eq!(asked(false, true, true), [true, true, true, true]);
        assert_eq!(asked(true, true, false), [false, false, true, false], "in a mailbox here it lies already");
        assert_eq!(asked(true, true, true), [false, false, true, true]);
    }
}
