//! [`Ledger`]: which alarms were told already.

use std::collections::BTreeMap;

use super::{Alarm, Code, Stage};

/// The alarms that are on.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    on: BTreeMap<(Code, String), Option<Stage>>,
}

/// What there is to tell since the last round.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is new.
    Began(Alarm),
    /// Its end has come nearer by a stage.
    Grew(Alarm),
    /// What it was about is put right, or has become another alarm.
    Ended(Code, String),
}

impl Ledger {
    /// Takes the alarms that are on now. Those that only changed their words are not told again.
    pub(crate) fn turn(&mut self, alarms: &[Alarm]) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut before = std::mem::take(&mut self.on);
        for alarm in alarms {
            let key = (alarm.code, alarm.subject.clone());
            match before.remove(&key) {
                None => changes.push(Change::Began(alarm.clone())),
                Some(stage) if stage < alarm.stage => changes.push(Change::Grew(alarm.clone())),
                Some(_) => {}
            }
            self.on.insert(key, alarm.stage);
        }
        changes.extend(before.into_keys().map(|(code, subject)| Change::Ended(code, subject)));
        changes
    }

    /// Is any alarm of this code on?
    pub(crate) fn is_on(&self, code: Code) -> bool {
        self.on.keys().any(|(on, _)| *on == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Said;

    fn alarm(code: Code, subject: &str, stage: Option<Stage>) -> Alarm {
        Alarm { stage, ..Alarm::new(code, subject, Said::new("alarm.list-missing", &[])) }
    }

    #[test]
    fn an_alarm_is_told_when_it_begins_grows_and_ends_and_not_in_between() {
        let mut ledger = Ledger::default();
        let week = alarm(Code::CrlExpiring, "CN=a", Some(Stage::Week));
        let day = alarm(Code::CrlExpiring, "CN=a", Some(Stage::Day));
        assert_eq!(ledger.turn(std::slice::from_ref(&week)), [Change::Began(week.clone())]);
        assert_eq!(ledger.turn(&[Alarm { what: "other words".to_owned(), ..week.clone() }]), []);
        assert_eq!(ledger.turn(std::slice::from_ref(&day)), [Change::Grew(day)]);
        assert!(ledger.is_on(Code::CrlExpiring) && !ledger.is_on(Code::CrlExpired));
        let out = alarm(Code::CrlExpired, "CN=a", None);
        let ended = Change::Ended(Code::CrlExpiring, "CN=a".to_owned());
        assert_eq!(ledger.turn(std::slice::from_ref(&out)), [Change::Began(out), ended]);
        assert_eq!(ledger.turn(&[]), [Change::Ended(Code::CrlExpired, "CN=a".to_owned())]);
    }

    #[test]
    fn one_code_about_two_things_is_two_alarms() {
        let mut ledger = Ledger::default();
        let (a, b) = (alarm(Code::CrlExpired, "CN=a", None), alarm(Code::CrlExpired, "CN=b", None));
        assert_eq!(ledger.turn(&[a.clone(), b.clone()]), [Change::Began(a), Change::Began(b.clone())]);
        assert_eq!(ledger.turn(&[b]), [Change::Ended(Code::CrlExpired, "CN=a".to_owned())]);
        assert!(ledger.is_on(Code::CrlExpired), "the other is still on");
    }
}
