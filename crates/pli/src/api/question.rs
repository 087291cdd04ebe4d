//! [`Question`]: what a sender asks of his messages. Pure.

use std::fmt::Write as _;

use jiff::Timestamp;
use pli_types::{MailAddress, MessageId};
use pli_web::messages::{Asked, Filter, Withheld};

use crate::story::asked;

/// A question that could be read.
#[derive(Debug)]
pub(super) enum Question {
    /// What became of this message?
    One {
        /// Which.
        message: MessageId,
        /// Sent from this address.
        from: Option<MailAddress>,
    },
    /// Which are the last ones?
    Several(Box<Several>),
}

/// Those to which all of it applies.
#[derive(Debug)]
pub(super) struct Several {
    pub(super) from: Option<MailAddress>,
    pub(super) to: Option<MailAddress>,
    pub(super) message_id: Option<String>,
    pub(super) since: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
    /// After this one in the list.
    pub(super) before: Option<MessageId>,
    pub(super) limit: usize,
}

impl Question {
    /// What cannot be the id of a message is the id of none.
    pub(super) fn of(asked: &Asked) -> Result<Self, Withheld> {
        let filter = asked.filter.as_ref().map_err(|why| *why)?;
        let Some(message) = &asked.message else { return Several::of(filter).map(Box::new).map(Self::Several) };
        let Filter { from, to: None, message_id: None, since: None, until: None, before: None, limit: None } = filter
        else {
            return Err(Withheld::Query);
        };
        let from = parsed(from.as_deref(), asked::address)?;
        let message = MessageId::parse(message).map_err(|_| Withheld::Unknown)?;
        Ok(Self::One { message, from })
    }
}

impl Several {
    fn of(filter: &Filter) -> Result<Self, Withheld> {
        let limit = parsed(filter.limit.as_deref(), str::parse::<usize>)?.unwrap_or(asked::LIMIT);
        if !(1..=asked::LIMIT).contains(&limit) {
            return Err(Withheld::Query);
        }
        Ok(Self {
            from: parsed(filter.from.as_deref(), asked::address)?,
            to: parsed(filter.to.as_deref(), asked::address)?,
            message_id: filter.message_id.clone(),
            since: parsed(filter.since.as_deref(), asked::moment)?,
            until: parsed(filter.until.as_deref(), asked::moment)?,
            before: filter.before.as_deref().map(MessageId::parse).transpose().map_err(|_| Withheld::Unknown)?,
            limit,
        })
    }

    /// What is asked, for the record, without what may identify anybody.
    pub(super) fn recorded(&self) -> String {
        let mut text = format!("the last {}", self.limit);
        for (name, moment) in [("since", self.since), ("until", self.until)] {
            if let Some(moment) = moment {
                // Writing to a string does not fail.
                write!(text, ", {name} {moment}").ok();
            }
        }
        if let Some(before) = self.before {
            write!(text, ", before {before}").ok();
        }
        if self.message_id.is_some() {
            text.push_str(", by a Message-ID");
        }
        text
    }
}

fn parsed<T, E>(text: Option<&str>, parse: impl Fn(&str) -> Result<T, E>) -> Result<Option<T>, Withheld> {
    text.map(parse).transpose().map_err(|_| Withheld::Query)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn several(change: impl FnOnce(&mut Filter)) -> Result<Several, Withheld> {
        let mut filter = Filter::default();
        change(&mut filter);
        Several::of(&filter)
    }

    #[test]
    fn a_page_has_from_one_to_a_hundred_messages() {
        assert_eq!(several(|_| ()).unwrap().limit, 100);
        assert_eq!(several(|filter| filter.limit = Some("7".to_owned())).unwrap().limit, 7);
        for bad in ["0", "101", "-1", "many", "99999999999999999999"] {
            assert_eq!(several(|filter| filter.limit = Some(bad.to_owned())).err(), Some(Withheld::Query), "{bad}");
        }
    }

    #[test]
    fn the_record_of_a_question_identifies_nobody() {
        let asked = several(|filter| {
            filter.to = Some("279035121518989".to_owned());
            filter.message_id = Some("<279035121518989@clinic.test>".to_owned());
            filter.since = Some("2026-03-14".to_owned());
        });
        let asked = asked.unwrap();
        assert_eq!(asked.recorded(), "the last 100, since 2026-03-14T00:00:00Z, by a Message-ID");
        assert_eq!(asked.to.unwrap().key(), "279035121518989@patient.mssante.fr");
    }

    #[test]
    fn what_cannot_be_read_is_said_to_be_so() {
        assert_eq!(several(|filter| filter.to = Some("nobody".to_owned())).err(), Some(Withheld::Query));
        assert_eq!(several(|filter| filter.until = Some("yesterday".to_owned())).err(), Some(Withheld::Query));
        assert_eq!(several(|filter| filter.before = Some("x".to_owned())).err(), Some(Withheld::Unknown));
    }
}
