//! The few FHIR R4 resources that we read, as small as the need.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::word;

/// A resource in a [`Bundle`]. Others than these are passed over.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "resourceType")]
pub enum Resource {
    /// A professional.
    Practitioner(Practitioner),
    /// A professional at one place of work.
    PractitionerRole(PractitionerRole),
    /// A structure.
    Organization(Organization),
    /// Something else.
    #[serde(other)]
    Other,
}

/// `Practitioner`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Practitioner {
    /// The server's.
    pub id: String,
    /// National numbers.
    pub identifier: Vec<Identifier>,
    /// Names.
    pub name: Vec<HumanName>,
    /// Mailboxes, and other ways to reach him.
    pub telecom: Vec<ContactPoint>,
    /// Profession and speciality.
    pub qualification: Vec<Qualification>,
}

/// `PractitionerRole`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PractitionerRole {
    /// The server's.
    pub id: String,
    /// Who.
    pub practitioner: Reference,
    /// Where.
    pub organization: Reference,
    /// Mailboxes, and other ways to reach him there.
    pub telecom: Vec<ContactPoint>,
}

/// `Organization`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Organization {
    /// The server's.
    pub id: String,
    /// National numbers.
    pub identifier: Vec<Identifier>,
    /// Its name by law.
    pub name: String,
    /// The names over its door.
    pub alias: Vec<String>,
    /// Mailboxes, and other ways to reach it.
    pub telecom: Vec<ContactPoint>,
    /// Where it is.
    pub address: Vec<Address>,
}

/// `Identifier`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Identifier {
    /// Whose numbers.
    pub system: String,
    /// The number.
    pub value: String,
}

/// `Reference`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// `Type/id`.
    pub reference: String,
}

/// `HumanName`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HumanName {
    /// Family name.
    pub family: String,
    /// Given names.
    pub given: Vec<String>,
    /// Titles.
    pub prefix: Vec<String>,
}

/// `Practitioner.qualification`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Qualification {
    /// Which.
    pub code: CodeableConcept,
}

/// `CodeableConcept`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CodeableConcept {
    /// The same thing in several terminologies.
    pub coding: Vec<Coding>,
}

/// `Coding`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Coding {
    /// Which terminology.
    pub system: String,
    /// The code.
    pub code: String,
    /// In words.
    pub display: String,
}

/// `Address`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Address {
    /// Lines, where the server gives them whole.
    pub line: Vec<Option<String>>,
    /// Their parts, by extension, where it does not.
    #[serde(rename = "_line")]
    pub line_parts: Vec<Option<Parts>>,
    /// Town.
    pub city: String,
    /// Postal code.
    #[serde(rename = "postalCode")]
    pub postal_code: String,
    /// Country.
    pub country: String,
}

/// Extensions of a primitive value.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Parts {
    /// The parts.
    pub extension: Vec<Extension>,
}

/// `ContactPoint`: a mailbox, if it says so. What is not understood is kept, to be given back.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
pub struct ContactPoint {
    /// What is known of the mailbox.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension: Vec<Extension>,
    /// `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Which of several is preferred: 1 is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// Whatever else there is.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// `Extension`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
pub struct Extension {
    /// Its parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension: Vec<Extension>,
    /// What it means.
    #[serde(default)]
    pub url: String,
    /// `valueString`, `valueBoolean` and so on.
    #[serde(flatten)]
    pub value: Map<String, Value>,
}

/// `Bundle`: a page of what was found.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Bundle {
    /// Other pages.
    pub link: Vec<Link>,
    /// What is on this one.
    pub entry: Vec<BundleEntry>,
}

/// `Bundle.link`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Link {
    /// Which: `next`.
    pub relation: String,
    /// Its address.
    pub url: String,
}

/// `Bundle.entry`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BundleEntry {
    /// What was found.
    pub resource: Option<Resource>,
}

/// `OperationOutcome`: why something is not done.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct OperationOutcome {
    /// Reasons, the gravest first.
    pub issue: Vec<Issue>,
}

/// `OperationOutcome.issue`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Issue {
    /// `fatal`, `error`, `warning`, `information`.
    pub severity: String,
    /// FHIR's code for it.
    pub code: String,
    /// The server's words.
    pub diagnostics: String,
}

impl Extension {
    /// One with a value of this type: `valueString` and so on.
    pub(super) fn new(url: &str, name: &str, value: Value) -> Self {
        let value = Map::from_iter([(name.to_owned(), value)]);
        Self { extension: Vec::new(), url: url.to_owned(), value }
    }

    /// `valueString`.
    pub(super) fn text(&self) -> Option<&str> {
        self.value.get("valueString").and_then(Value::as_str)
    }

    /// The code of `valueCode`, `valueCoding` or `valueCodeableConcept`: the guides' samples have all three.
    pub(super) fn code(&self) -> Option<&str> {
        if let Some(code) = self.value.get("valueCode") {
            return code.as_str();
        }
        let concept = self.value.get("valueCodeableConcept").and_then(|concept| concept.get("coding")?.get(0));
        let coding = self.value.get("valueCoding").or(concept)?;
        coding.get("code").and_then(Value::as_str)
    }
}

impl ContactPoint {
    /// The extension that makes a mailbox of it.
    pub(super) fn metadata(&self) -> Option<&Extension> {
        self.extension.iter().find(|extension| extension.url == word::METADATA)
    }

    /// One part of that.
    pub(super) fn part(&self, name: &str) -> Option<&Extension> {
        self.metadata()?.extension.iter().find(|part| part.url == name)
    }

    /// A part that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.part(name).and_then(Extension::text)
    }

    /// A part that is yes or no.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.part(name)?.value.get("valueBoolean")?.as_bool()
    }

    /// Is this a mailbox of the trust space? An address to write to for other reasons has no metadata.
    pub(super) fn is_mailbox(&self) -> bool {
        let typed = |extension: &&Extension| extension.url == word::EMAIL_TYPE;
        self.system.as_deref() == Some("email")
            && (self.metadata().is_some()
                || self.extension.iter().find(typed).is_some_and(|kind| kind.code() == Some(word::MSSANTE)))
    }
}
