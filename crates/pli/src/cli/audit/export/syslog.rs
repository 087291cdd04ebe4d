//! Syslog with structured data (RFC 5424): what a SIEM reads.

use pli_audit::EventKind;
use pli_audit::event::Class;

use super::shown::{House, Outcome, Shown, outcome};
use crate::syslog::{Data, Facility, Message, Severity};

/// An entry as a message.
pub(super) fn message(house: &House, shown: &Shown) -> String {
    let event = &shown.event;
    let index = shown.index.to_string();
    let mut data = Data::new("pli", house.enterprise).with("record", Some(&house.record)).with("entry", Some(&index));
    for (name, value) in shown.members().into_iter().skip(1) {
        data = data.with(name, value.as_deref());
    }
    let text = format!("{} at {}", event.kind.as_str(), event.face.as_str());
    Message {
        facility: Facility::Audit,
        severity: severity(shown),
        at: &event.at,
        host: &house.host,
        id: event.kind.as_str(),
        data: Some(data),
        text: &text,
    }
    .encode()
}

/// What somebody should look at stands out; what an admin did is of note.
fn severity(shown: &Shown) -> Severity {
    match (outcome(&shown.event), shown.event.kind) {
        (Outcome::NotYet | Outcome::Not, _) => Severity::Warning,
        (Outcome::Done, EventKind::Released) => Severity::Notice,
        (Outcome::Done, kind) if kind.class() == Class::Admin => Severity::Notice,
        (Outcome::Done, _) => Severity::Informational,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::export::shown::tests::{house, shown};

    #[test]
    fn a_message_says_all_that_the_entry_says() {
        let text = message(&house(), &shown(EventKind::Deferred));
        assert!(
            text.starts_with(
                "<108>1 2026-03-14T12:00:00.250000Z mss.example.org pli - deferred [pli@32473 \
                 record=\"mss.example.org/audit\" entry=\"7\" local=\"2026-03-14T13:00:00.25+01:00\" event=\"deferred\" face=\"delivery\" \
                 message=\"09090909090909090909090909090909\" actor=\"=HYPERLINK(\\\"x\\\")\" remote=\"2001:db8::1\" "
            ),
            "{text}"
        );
        assert!(text.ends_with("\\]\\]>\\\\r\\\\n\\\\u{1b}[2J\\\\u{0}\u{fffe}\"] deferred at delivery"), "{text}");
        assert!(message(&house(), &shown(EventKind::Revealed)).starts_with("<109>1 "));
        assert!(message(&house(), &shown(EventKind::Relayed)).starts_with("<110>1 "));
    }
}
