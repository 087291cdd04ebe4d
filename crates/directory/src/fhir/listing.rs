//! [`Listing`]: a mailbox as the directory should show it.

use pli_types::MailAddress;
use serde_json::{Value, json};

use super::resource::{ContactPoint, Extension};
use super::word;
use crate::extraction::MailboxType;

/// What the directory should say of a mailbox of ours. Address and type never change (spec §4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The mailbox's address.
    pub address: MailAddress,
    /// Whose mailbox it is.
    pub kind: MailboxType,
    /// On the red list: not for the directory at all (scenario 46).
    pub unlisted: bool,
    /// What it is for: ORG, APP and CAB.
    pub description: Option<String>,
    /// The service that it belongs to: ORG and APP.
    pub service: Option<String>,
    /// Who answers for it: ORG and APP.
    pub responsible: Option<String>,
    /// Takes documents instead of paper.
    pub digitisation: bool,
    /// Which of several is preferred: 1 is the first.
    pub rank: Option<u32>,
}

impl Listing {
    /// The parts that are texts, each with what this type of mailbox may say there (spec §1.3).
    pub(super) fn texts(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        let structure = matches!(self.kind, MailboxType::Org | MailboxType::App);
        let described = structure || self.kind == MailboxType::Cab;
        let text = |may: bool, text: &'static str, value| (text, if may { value } else { None });
        [
            text(described, word::DESCRIPTION, self.description.as_deref()),
            text(structure, word::SERVICE, self.service.as_deref()),
            text(structure, word::RESPONSIBLE, self.responsible.as_deref()),
        ]
        .into_iter()
    }

    /// The whole entry, on top of what the directory has of it.
    pub(super) fn contact_point(&self, before: Option<&ContactPoint>) -> ContactPoint {
        let mut point = before.cloned().unwrap_or_default();
        point.system = Some("email".to_owned());
        // What is there already keeps its spelling: an address does not change.
        point.value.get_or_insert_with(|| self.address.reveal());
        point.rank = self.rank;
        if !point.extension.iter().any(|extension| extension.url == word::EMAIL_TYPE) {
            let coding = json!({"system": word::MAIL_SERVICES, "code": word::MSSANTE});
            point.extension.insert(0, Extension::new(word::EMAIL_TYPE, "valueCoding", coding));
        }
        let mut metadata = Extension { url: word::METADATA.to_owned(), ..Extension::default() };
        if let Some(place) = point.extension.iter().position(|extension| extension.url == word::METADATA) {
            metadata = point.extension.remove(place);
        }
        self.write_into(&mut metadata.extension);
        point.extension.push(metadata);
        point
    }

    fn write_into(&self, parts: &mut Vec<Extension>) {
        if !parts.iter().any(|part| part.url == word::TYPE) {
            let concept = json!({"coding": [{"system": word::MAILBOX_TYPES, "code": self.kind.as_str()}]});
            parts.insert(0, Extension::new(word::TYPE, "valueCodeableConcept", concept));
        }
        put(parts, word::UNLISTED, Some(("valueBoolean", false.into())));
        for (name, text) in self.texts() {
            put(parts, name, text.map(|text| ("valueString", text.into())));
        }
        let said = parts.iter().any(|part| part.url == word::DIGITISATION);
        put(parts, word::DIGITISATION, (self.digitisation || said).then(|| ("valueBoolean", self.digitisation.into())));
    }
}

/// Sets one part in its place, adds it, or takes it out.
fn put(parts: &mut Vec<Extension>, name: &str, value: Option<(&str, Value)>) {
    let place = parts.iter().position(|part| part.url == name);
    let part = value.map(|(kind, value)| Extension::new(name, kind, value));
    match (place.and_then(|place| parts.get_mut(place)), part) {
        (Some(there), Some(part)) => *there = part,
        (None, Some(part)) => parts.push(part),
        (Some(_), None) => parts.retain(|part| part.url != name),
        (None, None) => {}
    }
}
