//! IHE ATNA audit messages: XML as DICOM PS3.15 A.5 lays it out, which came out of RFC 3881. docs/audit.md has the table of
//! what stands for which event.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pli_audit::{Event, EventKind};

use super::shown::{House, Outcome, Shown, outcome};
use crate::syslog::{Facility, Message, Severity};

/// MSGID of what an audit record repository takes (IHE ITI-20).
const MESSAGE_ID: &str = "IHE+RFC-3881";

/// A code, its system, and what it means.
type Code = (&'static str, &'static str, &'static str);

const DCM: &str = "DCM";
const RFC_3881: &str = "RFC-3881";
/// The system of our own codes.
const PLI: &str = "Pli";

const EXPORT: Code = ("110106", DCM, "Export");
const IMPORT: Code = ("110107", DCM, "Import");
const PATIENT_RECORD: Code = ("110110", DCM, "Patient Record");
const QUERY: Code = ("110112", DCM, "Query");
const SECURITY_ALERT: Code = ("110113", DCM, "Security Alert");
const USER_AUTHENTICATION: Code = ("110114", DCM, "User Authentication");
const LOGIN: Code = ("110122", DCM, "Login");
const SECURITY_CONFIGURATION: Code = ("110129", DCM, "Security Configuration");
const RESTRICTED_FUNCTION: Code = ("110132", DCM, "Use of Restricted Function");
const APPLICATION: Code = ("110150", DCM, "Application");
const DESTINATION: Code = ("110152", DCM, "Destination Role ID");
const SOURCE: Code = ("110153", DCM, "Source Role ID");

/// What an event is in the terms of DICOM: `EventID`, `EventTypeCode` if there is one, `EventActionCode`.
fn classified(kind: EventKind) -> (Code, Option<Code>, &'static str) {
    match kind {
        EventKind::Accepted | EventKind::Delivered => (IMPORT, None, "C"),
        EventKind::Refused | EventKind::Held | EventKind::Duplicate | EventKind::Integrated => (IMPORT, None, "E"),
        EventKind::Relayed | EventKind::Deferred | EventKind::Failed | EventKind::Reported => (EXPORT, None, "R"),
        EventKind::Released | EventKind::Dropped | EventKind::Overdue => (EXPORT, None, "E"),
        EventKind::SignedIn | EventKind::SignInFailed => (USER_AUTHENTICATION, Some(LOGIN), "E"),
        EventKind::Opened | EventKind::Fetched => (PATIENT_RECORD, None, "R"),
        EventKind::Added | EventKind::Copied => (PATIENT_RECORD, None, "C"),
        EventKind::Moved => (PATIENT_RECORD, None, "U"),
        EventKind::Deleted => (PATIENT_RECORD, None, "D"),
        EventKind::Changed => (SECURITY_ALERT, Some(SECURITY_CONFIGURATION), "E"),
        EventKind::Revealed | EventKind::Erased | EventKind::Pruned => (SECURITY_ALERT, Some(RESTRICTED_FUNCTION), "E"),
        EventKind::Asked => (QUERY, None, "E"),
    }
}

/// `EventOutcomeIndicator`.
fn indicator<T>(event: &Event<T>) -> &'static str {
    match outcome(event) {
        Outcome::Done => "0",
        Outcome::NotYet => "4",
        Outcome::Not => "8",
    }
}

/// An entry as an `AuditMessage`, on one line.
pub(super) fn message(house: &House, shown: &Shown) -> String {
    let mut xml = Xml::default();
    xml.element("AuditMessage", &[], |xml| {
        identification(xml, &shown.event);
        participants(xml, house, &shown.event);
        xml.element("AuditSourceIdentification", &[("AuditSourceID", &house.host)], |xml| {
            // An application server.
            xml.element("AuditSourceTypeCode", &[("csd-code", "4")], |_| {});
        });
        objects(xml, house, shown);
    });
    xml.0
}

/// The same as a syslog message.
pub(super) fn in_syslog(house: &House, shown: &Shown) -> String {
    let failed = outcome(&shown.event) != Outcome::Done;
    let text = message(house, shown);
    Message {
        facility: Facility::Security,
        severity: if failed { Severity::Warning } else { Severity::Notice },
        at: &shown.event.at,
        host: &house.host,
        id: MESSAGE_ID,
        data: None,
        text: &text,
    }
    .encode()
}

fn identification(xml: &mut Xml, event: &Event<String>) {
    let (id, kind, action) = classified(event.kind);
    let attributes = [
        ("EventActionCode", action),
        ("EventDateTime", event.at.as_str()),
        ("EventOutcomeIndicator", indicator(event)),
    ];
    xml.element("EventIdentification", &attributes, |xml| {
        xml.code("EventID", id);
        if let Some(kind) = kind {
            xml.code("EventTypeCode", kind);
        }
        xml.code("EventTypeCode", (event.kind.as_str(), PLI, event.kind.as_str()));
        if let Some(reason) = &event.reason {
            xml.element("EventOutcomeDescription", &[], |xml| xml.text(reason));
        }
    });
}

/// Who did it, who wrote, who was written to, and the node itself.
fn participants(xml: &mut Xml, house: &House, event: &Event<String>) {
    let remote = event.remote.as_deref();
    // Where nobody is named the node itself acts, or somebody who has not said who he is.
    let actor = event.actor.as_deref().or_else(|| remote.map(|_| "unknown"));
    if let Some(actor) = actor {
        participant(xml, actor, true, remote, None);
    }
    for sender in event.sender.iter().filter(|sender| !sender.is_empty()) {
        participant(xml, sender, false, None, Some(SOURCE));
    }
    for recipient in event.recipient.iter().flat_map(|all| all.split(", ")).filter(|one| !one.is_empty()) {
        participant(xml, recipient, false, None, Some(DESTINATION));
    }
    participant(xml, &house.host, actor.is_none(), None, Some(APPLICATION));
}

fn participant(xml: &mut Xml, id: &str, asks: bool, address: Option<&str>, role: Option<Code>) {
    let mut attributes = vec![("UserID", id), ("UserIsRequestor", if asks { "true" } else { "false" })];
    if let Some(address) = address {
        attributes.extend([("NetworkAccessPointID", address), ("NetworkAccessPointTypeCode", "2")]);
    }
    xml.element("ActiveParticipant", &attributes, |xml| {
        if let Some(role) = role {
            xml.code("RoleIDCode", role);
        }
    });
}

/// The entry in the record, the message, the mailbox and the patients.
fn objects(xml: &mut Xml, house: &House, shown: &Shown) {
    let entry = format!("{}#{}", house.record, shown.index);
    object(xml, &entry, ("2", "13"), ("entry", PLI, "Entry of the record"), |xml| {
        let told = shown.members();
        for (name, value) in told.iter().filter(|(name, _)| ["local", "face", "count", "detail"].contains(name)) {
            if let Some(value) = value {
                xml.detail(name, value);
            }
        }
    });
    if let Some(message) = shown.message() {
        object(xml, &message, ("2", "3"), ("9", RFC_3881, "Report Number"), |_| {});
    }
    if let Some(mailbox) = &shown.event.mailbox {
        object(xml, mailbox, ("2", "17"), ("mailbox", PLI, "Mailbox"), |_| {});
    }
    for person in &shown.persons {
        object(xml, person, ("1", "1"), ("2", RFC_3881, "Patient Number"), |_| {});
    }
}

/// `kind`: `ParticipantObjectTypeCode` and its role.
fn object(xml: &mut Xml, id: &str, kind: (&str, &str), of: Code, details: impl FnOnce(&mut Xml)) {
    let attributes =
        [("ParticipantObjectID", id), ("ParticipantObjectTypeCode", kind.0), ("ParticipantObjectTypeCodeRole", kind.1)];
    xml.element("ParticipantObjectIdentification", &attributes, |xml| {
        xml.code("ParticipantObjectIDTypeCode", of);
        xml.element("ParticipantObjectName", &[], |xml| xml.text(id));
        details(xml);
    });
}

/// XML that is being written, on one line.
#[derive(Debug, Default)]
struct Xml(String);

impl Xml {
    fn element(&mut self, name: &str, attributes: &[(&str, &str)], inside: impl FnOnce(&mut Self)) {
        self.0.extend(["<", name]);
        for (name, value) in attributes {
            self.0.extend([" ", name, "=\""]);
            self.text(value);
            self.0.push('"');
        }
        self.0.push('>');
        let begun = self.0.len();
        inside(self);
        if self.0.len() == begun {
            self.0.pop();
            self.0.push_str("/>");
        } else {
            self.0.extend(["</", name, ">"]);
        }
    }

    fn code(&mut self, name: &str, (code, system, meaning): Code) {
        self.element(name, &[("csd-code", code), ("codeSystemName", system), ("originalText", meaning)], |_| {});
    }

    /// A value that is nobody's but a person's to read: DICOM has it in base64, so that no parser is troubled by it.
    fn detail(&mut self, name: &str, value: &str) {
        self.element("ParticipantObjectDetail", &[("type", name), ("value", &BASE64.encode(value))], |_| {});
    }

    /// Text, in an element or in an attribute. What XML cannot hold (XML 1.0 §2.2) is written by its escape.
    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                '\u{fffe}' | '\u{ffff}' => self.0.extend(c.escape_unicode()),
                c if c.is_control() => self.0.extend(c.escape_default()),
                c => self.0.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::export::shown::tests::{event, house, shown};
    use pli_types::{Marked, Masker};

    #[test]
    fn a_message_is_pinned() {
        let plain = Event {
            actor: Some(Marked::plain("anne")),
            recipient: None,
            sender: None,
            mailbox: None,
            detail: Some(Marked::plain("é")),
            ..event(EventKind::SignInFailed)
        };
        let shown = Shown::new(7, plain, &crate::admin::Sight::masked(Masker::new(&[1; 32])));
        assert_eq!(
            message(&house(), &shown),
            "<AuditMessage>\
             <EventIdentification EventActionCode=\"E\" EventDateTime=\"2026-03-14T12:00:00.25Z\" EventOutcomeIndicator=\"4\">\
             <EventID csd-code=\"110114\" codeSystemName=\"DCM\" originalText=\"User Authentication\"/>\
             <EventTypeCode csd-code=\"110122\" codeSystemName=\"DCM\" originalText=\"Login\"/>\
             <EventTypeCode csd-code=\"sign-in-failed\" codeSystemName=\"Pli\" originalText=\"sign-in-failed\"/>\
             <EventOutcomeDescription>peer-unreachable</EventOutcomeDescription></EventIdentification>\
             <ActiveParticipant UserID=\"anne\" UserIsRequestor=\"true\" NetworkAccessPointID=\"2001:db8::1\" \
             NetworkAccessPointTypeCode=\"2\"/>\
             <ActiveParticipant UserID=\"mss.example.org\" UserIsRequestor=\"false\">\
             <RoleIDCode csd-code=\"110150\" codeSystemName=\"DCM\" originalText=\"Application\"/></ActiveParticipant>\
             <AuditSourceIdentification AuditSourceID=\"mss.example.org\"><AuditSourceTypeCode csd-code=\"4\"/>\
             </AuditSourceIdentification>\
             <ParticipantObjectIdentification ParticipantObjectID=\"mss.example.org/audit#7\" \
             ParticipantObjectTypeCode=\"2\" ParticipantObjectTypeCodeRole=\"13\">\
             <ParticipantObjectIDTypeCode csd-code=\"entry\" codeSystemName=\"Pli\" originalText=\"Entry of the record\"/>\
             <ParticipantObjectName>mss.example.org/audit#7</ParticipantObjectName>\
             <ParticipantObjectDetail type=\"local\" value=\"MjAyNi0wMy0xNFQxMzowMDowMC4yNSswMTowMA==\"/>\
             <ParticipantObjectDetail type=\"face\" value=\"ZGVsaXZlcnk=\"/>\
             <ParticipantObjectDetail type=\"count\" value=\"MTI=\"/>\
             <ParticipantObjectDetail type=\"detail\" value=\"w6k=\"/></ParticipantObjectIdentification>\
             <ParticipantObjectIdentification ParticipantObjectID=\"09090909090909090909090909090909\" \
             ParticipantObjectTypeCode=\"2\" ParticipantObjectTypeCodeRole=\"3\">\
             <ParticipantObjectIDTypeCode csd-code=\"9\" codeSystemName=\"RFC-3881\" originalText=\"Report Number\"/>\
             <ParticipantObjectName>09090909090909090909090909090909</ParticipantObjectName>\
             </ParticipantObjectIdentification></AuditMessage>"
        );
    }

    #[test]
    fn each_recipient_and_each_patient_is_told_apart() {
        let text = message(&house(), &shown(EventKind::Deferred));
        assert_eq!(text.matches("Destination Role ID").count(), 2, "{text}");
        assert_eq!(text.matches("Patient Number").count(), 1, "{text}");
        assert!(text.contains("EventOutcomeIndicator=\"4\""), "{text}");
    }

    #[test]
    fn whatever_is_recorded_is_xml_that_a_strict_reader_takes() {
        for kind in EventKind::ALL {
            let odd = Event {
                reason: Some("a<b>&\"c\" ]]> \u{0}\u{1}\u{fffe}\u{ffff}\t\n".to_owned()),
                actor: Some(Marked::plain("</AuditMessage>\u{85}\u{7f}")),
                ..event(*kind)
            };
            let shown = Shown::new(7, odd, &crate::admin::Sight::masked(Masker::new(&[1; 32])));
            let text = message(&house(), &shown);
            assert_eq!(text.lines().count(), 1);
            let tree = roxmltree::Document::parse(&text).unwrap();
            let names: Vec<&str> = tree.root_element().children().map(|node| node.tag_name().name()).collect();
            let mut sorted = names.clone();
            // DICOM PS3.15 A.5.1: the order of the parts.
            sorted.dedup();
            assert_eq!(
                sorted,
                [
                    "EventIdentification",
                    "ActiveParticipant",
                    "AuditSourceIdentification",
                    "ParticipantObjectIdentification"
                ]
            );
            let who = tree.descendants().find(|node| node.has_tag_name("ActiveParticipant")).unwrap();
            assert_eq!(who.attribute("UserID"), Some("</AuditMessage>\\u{85}\\u{7f}"));
        }
    }

    #[test]
    fn in_syslog_it_is_what_a_repository_takes() {
        let text = in_syslog(&house(), &shown(EventKind::Delivered));
        let head = "<85>1 2026-03-14T12:00:00.250000Z mss.example.org pli - IHE+RFC-3881 - \u{feff}<AuditMessage>";
        assert!(text.starts_with(head), "{text}");
        assert!(in_syslog(&house(), &shown(EventKind::Refused)).starts_with("<84>1 "));
    }
}
