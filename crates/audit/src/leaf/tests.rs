use super::*;
use crate::usage::ReportClass;

const INS: &str = "279035121518989";

/// The kinds as they are written. A line here may be added to, never changed: these bytes are what is proven.
const KINDS: &[(EventKind, &str)] = &[
    (EventKind::Accepted, "accepted"),
    (EventKind::Refused, "refused"),
    (EventKind::Delivered, "delivered"),
    (EventKind::Relayed, "relayed"),
    (EventKind::Deferred, "deferred"),
    (EventKind::Failed, "failed"),
    (EventKind::Reported, "reported"),
    (EventKind::SignedIn, "signed-in"),
    (EventKind::SignInFailed, "sign-in-failed"),
    (EventKind::Opened, "opened"),
    (EventKind::Deleted, "deleted"),
    (EventKind::Changed, "changed"),
    (EventKind::Revealed, "revealed"),
    (EventKind::Held, "held"),
    (EventKind::Released, "released"),
    (EventKind::Dropped, "dropped"),
    (EventKind::Integrated, "integrated"),
    (EventKind::Overdue, "overdue"),
    (EventKind::Duplicate, "duplicate"),
    (EventKind::Asked, "asked"),
    (EventKind::Erased, "erased"),
    (EventKind::Pruned, "pruned"),
    (EventKind::Fetched, "fetched"),
    (EventKind::Added, "added"),
    (EventKind::Copied, "copied"),
    (EventKind::Moved, "moved"),
];

fn at() -> jiff::Timestamp {
    "2026-03-14T12:00:00.25Z".parse().unwrap()
}

fn full(kind: EventKind) -> Event {
    Event {
        message: Some(MessageId::parse("0190a1b2c3d47e5f8a9b0c1d2e3f4a5b").unwrap()),
        actor: Some("CN=mss.exemple.fr,C=FR".into()),
        remote: Some("192.0.2.1".into()),
        sender: Some("dr.martin@clinique-voisine.mssante.fr".into()),
        recipient: Some(format!("{INS}@patient.mssante.fr").into()),
        reason: Some("mailbox-full".into()),
        detail: Some(format!("mx.exemple.fr[192.0.2.2]:25: \"452 {INS}\" é ⟦1⟧").into()),
        mailbox: Some("urgences@hopital.mssante.fr".into()),
        ..Event::new(at(), kind, Face::Smtp)
    }
}

fn subject(number: u8) -> Subject {
    Subject { id: SubjectId([number; 16]), key: SubjectKey::new([number; 32]) }
}

fn bytes(event: &Event) -> Vec<u8> {
    Draft::new(event, [9; 16]).seal(&[subject(1), subject(2)])
}

fn opened(bytes: &[u8]) -> Event {
    let key =
        |id: SubjectId| [1, 2].into_iter().map(subject).find(|subject| subject.id == id).map(|subject| subject.key);
    Leaf::parse(bytes).unwrap().open(key)
}

#[test]
fn the_bytes_of_every_kind_are_pinned() {
    assert_eq!(KINDS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), EventKind::ALL);
    for (kind, word) in KINDS {
        let expected = format!(
            concat!(
                r#"{{"version":2,"salt":"CQkJCQkJCQkJCQkJCQkJCQ","at":"2026-03-14T12:00:00.25Z","kind":"{word}","face":"smtp","#,
                r#""message":"0190a1b2c3d47e5f8a9b0c1d2e3f4a5b","actor":"CN=mss.exemple.fr,C=FR","#,
                r#""remote":"192.0.2.1","sender":"dr.martin@clinique-voisine.mssante.fr","#,
                r#""recipient":"⟦0⟧@patient.mssante.fr","reason":"mailbox-full","#,
                r#""detail":"mx.exemple.fr[192.0.2.2]:25: \"452 ⟦0⟧\" é [1⟧","#,
                r#""mailbox":"urgences@hopital.mssante.fr","#,
                r#""subjects":[{{"id":"01010101010101010101010101010101","sealed":"9jge/v0FN/NOYXt3l+W8O7TPn4eCFjm6eUmMbqawNQ"}}]}}"#,
            ),
            word = word
        );
        let event = full(*kind);
        let shown = Event {
            detail: Some(format!("mx.exemple.fr[192.0.2.2]:25: \"452 {INS}\" é [1⟧").into()),
            ..event.clone()
        };
        assert_eq!(String::from_utf8(bytes(&event)).unwrap(), expected);
        assert_eq!(opened(expected.as_bytes()), shown);
    }
}

#[test]
fn where_the_node_is_and_how_many_there_were_stand_behind_everything_else() {
    let event = Event {
        remote: Some("203.0.113.9".into()),
        reason: Some("certificate-missing".into()),
        offset: Some("+01:00".into()),
        count: Some(4021),
        ..Event::new(at(), EventKind::Refused, Face::Smtp)
    };
    let expected = concat!(
        r#"{"version":2,"salt":"CQkJCQkJCQkJCQkJCQkJCQ","at":"2026-03-14T12:00:00.25Z","kind":"refused","face":"smtp","#,
        r#""remote":"203.0.113.9","reason":"certificate-missing","offset":"+01:00","count":4021}"#,
    );
    assert_eq!(String::from_utf8(bytes(&event)).unwrap(), expected);
    assert_eq!(opened(expected.as_bytes()), event);
}

#[test]
fn the_bytes_of_a_counted_message_are_pinned() {
    let usage = Usage { report: Some(ReportClass::Mdn), to_patients: true, xdm: true, ..Usage::default() };
    let usage = usage.with_fields(Some("34112-3,PRESC-BIO"), Some("O"), Some("DEV935997"));
    for (usage, written) in [
        (Usage::default(), "{}"),
        (
            usage,
            concat!(
                r#"{"report":"mdn","to_patients":true,"xdm":true,"codes":["34112-3","PRESC-BIO"],"#,
                r#""ins":"O","product":"DEV935997"}"#,
            ),
        ),
    ] {
        let event = Event { usage: Some(usage), ..Event::new(at(), EventKind::Accepted, Face::Smtp) };
        let expected = format!(
            concat!(
                r#"{{"version":2,"salt":"CQkJCQkJCQkJCQkJCQkJCQ","at":"2026-03-14T12:00:00.25Z","kind":"accepted","#,
                r#""face":"smtp","usage":{}}}"#,
            ),
            written
        );
        assert_eq!(String::from_utf8(bytes(&event)).unwrap(), expected);
        assert_eq!(opened(expected.as_bytes()), event);
    }
}

#[test]
fn what_was_written_before_there_were_seals_is_read() {
    let old = concat!(
        r#"{"version":1,"at":"2026-03-14T12:00:00.25Z","kind":"opened","face":"imap","actor":"j.dupont","#,
        r#""recipient":"ins-1a2b3c4d@patient.mssante.fr","mailbox":"urgences@hopital.mssante.fr"}"#,
    );
    let event = Event {
        actor: Some("j.dupont".into()),
        recipient: Some("ins-1a2b3c4d@patient.mssante.fr".into()),
        mailbox: Some("urgences@hopital.mssante.fr".into()),
        ..Event::new(at(), EventKind::Opened, Face::Imap)
    };
    assert_eq!(opened(old.as_bytes()), event);
}

#[test]
fn a_leaf_names_a_person_once_and_shows_nothing_of_him() {
    let event = Event { sender: Some("2 97 02 2A 020 778 78".into()), ..full(EventKind::Relayed) };
    let bytes = bytes(&event);
    let text = String::from_utf8(bytes.clone()).unwrap();
    for shown in ["27903", "29702", "ins-"] {
        assert!(!text.contains(shown), "{text}");
    }
    let leaf = Leaf::parse(&bytes).unwrap();
    assert_eq!(leaf.subjects().collect::<Vec<_>>(), [SubjectId([1; 16]), SubjectId([2; 16])]);
    assert_eq!(opened(&bytes).sender.unwrap().reveal(), "297022A02077878");
    assert_eq!(opened(&bytes).recipient.unwrap().reveal(), format!("{INS}@patient.mssante.fr"));
}

#[test]
fn a_mask_does_not_get_in() {
    let event = Event {
        detail: Some("no mailbox <ins-1a2b3c4d>".into()),
        ..Event::new(at(), EventKind::Failed, Face::Delivery)
    };
    assert_eq!(opened(&bytes(&event)).detail.unwrap(), *"no mailbox <ins-hidden>");
}

#[test]
fn without_a_persons_key_he_is_nobody_and_the_others_are_who_they_were() {
    let event = Event { sender: Some("297022A02077878".into()), ..full(EventKind::Relayed) };
    let second = |id: SubjectId| Some(subject(2).key).filter(|_| id == SubjectId([2; 16]));
    let event = Leaf::parse(&bytes(&event)).unwrap().open(second);
    assert_eq!(event.recipient.unwrap().reveal(), format!("{INS}@patient.mssante.fr"));
    assert_eq!(event.sender.unwrap().reveal(), "erased-01010101");
    let wrong = Leaf::parse(&bytes(&full(EventKind::Relayed))).unwrap().open(|_| Some(subject(7).key));
    assert_eq!(wrong.recipient.unwrap().reveal(), "erased-01010101@patient.mssante.fr");
}

#[test]
fn a_seal_opens_in_its_own_leaf_only() {
    let event = full(EventKind::Relayed);
    let one = String::from_utf8(Draft::new(&event, [3; 16]).seal(&[subject(1)])).unwrap();
    let other = String::from_utf8(Draft::new(&event, [4; 16]).seal(&[subject(1)])).unwrap();
    let sealed = |text: &str| text.split_once("\"sealed\":\"").unwrap().1.to_owned();
    assert_ne!(sealed(&one), sealed(&other));
    let mixed = one.replace(&sealed(&one), &sealed(&other));
    assert!(opened(mixed.as_bytes()).recipient.unwrap().reveal().starts_with("erased-"));
}

#[test]
fn members_that_say_nothing_are_left_out() {
    for (face, name) in [
        (Face::Smtp, "smtp"),
        (Face::Submission, "submission"),
        (Face::Imap, "imap"),
        (Face::Delivery, "delivery"),
        (Face::Cli, "cli"),
        (Face::Node, "node"),
        (Face::Http, "http"),
    ] {
        let expected = format!(
            r#"{{"version":2,"salt":"CQkJCQkJCQkJCQkJCQkJCQ","at":"2026-03-14T12:00:00.25Z","kind":"refused","face":"{name}"}}"#
        );
        let event = Event::new(at(), EventKind::Refused, face);
        assert_eq!(String::from_utf8(bytes(&event)).unwrap(), expected);
        assert_eq!(opened(expected.as_bytes()), event);
    }
}

#[test]
fn no_leaf_is_longer_than_a_bundle_can_hold() {
    let long = |piece: &str| Some(Marked::text(&piece.repeat(70_000 / piece.len())));
    let persons: Vec<String> = (0..4_000).map(|n: u32| format!("27903512{n:05}")).collect();
    for event in [
        Event { detail: long("é\u{1}"), recipient: long("a@b.fr, "), ..full(EventKind::Accepted) },
        Event { detail: Some(Marked::text(&persons.join(" "))), ..full(EventKind::Accepted) },
    ] {
        let draft = Draft::new(&event, [9; 16]);
        let subjects = vec![subject(1); draft.persons().len()];
        let bytes = draft.seal(&subjects);
        assert!(bytes.len() <= ENTRY_BYTES_MAX, "{}", bytes.len());
        assert!(opened(&bytes).detail.unwrap().reveal().ends_with('…'));
        let text = String::from_utf8(bytes.clone()).unwrap();
        for position in 0..Leaf::parse(&bytes).unwrap().0.subjects.len() {
            assert!(text.contains(&format!("⟦{position}⟧")), "nobody is told of without a place");
        }
    }
}

#[test]
fn what_is_not_an_event_is_not_read() {
    for bad in ["", "{}", "null", r#"{"version":2,"at":"2026-03-14T12:00:00Z","kind":"forgotten","face":"smtp"}"#] {
        assert!(Leaf::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let newer = r#"{"version":3,"at":"2026-03-14T12:00:00Z","kind":"opened","face":"imap","folder":"INBOX"}"#;
    assert_eq!(opened(newer.as_bytes()).kind, EventKind::Opened);
}

#[test]
fn a_door_has_the_name_that_the_record_has_for_it() {
    for door in [Face::Smtp, Face::Submission, Face::Imap, Face::Delivery, Face::Cli, Face::Node, Face::Http] {
        assert_eq!(serde_json::to_value(door).unwrap(), door.as_str());
    }
}
