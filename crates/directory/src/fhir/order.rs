//! [`Order`]: what the directory is to change of one carrier, and the request that says so.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Carrier;
use super::question::{address_of, encoded};
use super::resource::ContactPoint;
use super::word;

/// The media type of FHIR as JSON.
pub(super) const MEDIA_TYPE: &str = "application/fhir+json";

/// Changes of one carrier's mailboxes, applied one after another, all or none (R4 `FHIRPath` Patch).
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Whose.
    pub at: Carrier,
    /// At least one.
    pub operations: Vec<Operation>,
}

/// One change. The address is as the directory spells it.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// A mailbox that was not there, in front of the others.
    Insert(Box<ContactPoint>),
    /// All that is said of a mailbox.
    Replace(String, Box<ContactPoint>),
    /// One part of what is said of a mailbox: its value has this FHIR type.
    ReplacePart(String, &'static str, Value),
    /// Its preference.
    ReplaceRank(String, u32),
    /// A part is said no longer.
    DeletePart(String, &'static str),
    /// It is preferred no longer.
    DeleteRank(String),
    /// The mailbox.
    Delete(String),
}

/// A request, but for the secret that goes with each. As JSON, its body stands in it byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// `GET` or `PATCH`.
    pub method: &'static str,
    /// Where.
    pub url: String,
    /// Headers that belong to it.
    pub headers: BTreeMap<&'static str, &'static str>,
    /// What is sent along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Parameters>,
}

impl Request {
    /// The body as it is sent.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        // Maps and texts always have a JSON form.
        self.body.as_ref().map(|body| serde_json::to_vec(body).unwrap_or_default())
    }
}

impl Order {
    /// The request at the directory with this base address. A carrier whose number at the server is known is named by
    /// it; without, it is found by its national number (a conditional patch).
    #[must_use]
    pub fn request(&self, base: &str, id: Option<&str>) -> Request {
        let resource = self.at.resource();
        let url = match id {
            Some(id) => format!("{base}/{resource}/{}", encoded(id)),
            None => address_of(base, resource, &self.at.criteria()),
        };
        let headers = BTreeMap::from([("Accept", MEDIA_TYPE), ("Content-Type", MEDIA_TYPE)]);
        let parameter = self.operations.iter().map(|operation| operation.parameter(resource)).collect();
        let body = Parameters { resource_type: "Parameters", parameter };
        Request { method: "PATCH", url, headers, body: Some(body) }
    }
}

/// The `Parameters` resource with the operations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parameters {
    #[serde(rename = "resourceType")]
    resource_type: &'static str,
    parameter: Vec<Parameter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Parameter {
    name: &'static str,
    part: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Part {
    name: &'static str,
    #[serde(flatten)]
    value: Map<String, Value>,
}

fn part(name: &'static str, kind: &str, value: impl Into<Value>) -> Part {
    Part { name, value: Map::from_iter([(kind.to_owned(), value.into())]) }
}

impl Operation {
    fn parameter(&self, resource: &str) -> Parameter {
        let (kind, path, rest) = self.told(resource);
        let mut parts = vec![part("type", "valueCode", kind), part("path", "valueString", path)];
        parts.extend(rest);
        Parameter { name: "operation", part: parts }
    }

    /// Type, path, and what follows.
    fn told(&self, resource: &str) -> (&'static str, String, Vec<Part>) {
        let whole =
            |point: &ContactPoint| part("value", "valueContactPoint", serde_json::to_value(point).unwrap_or_default());
        match self {
            Self::Insert(point) => {
                ("insert", format!("{resource}.telecom"), vec![part("index", "valueInteger", 0), whole(point)])
            }
            Self::Replace(address, point) => ("replace", mailbox(resource, address), vec![whole(point)]),
            Self::ReplacePart(address, name, value) => {
                let kind = if value.is_boolean() { "valueBoolean" } else { "valueString" };
                let path = format!("{}.value", extension(resource, address, name));
                ("replace", path, vec![part("value", kind, value.clone())])
            }
            Self::ReplaceRank(address, rank) => {
                let path = format!("{}.rank", mailbox(resource, address));
                ("replace", path, vec![part("value", "valuePositiveInt", *rank)])
            }
            Self::DeletePart(address, name) => ("delete", extension(resource, address, name), Vec::new()),
            Self::DeleteRank(address) => ("delete", format!("{}.rank", mailbox(resource, address)), Vec::new()),
            Self::Delete(address) => ("delete", mailbox(resource, address), Vec::new()),
        }
    }
}

/// The mailbox, as a `FHIRPath`.
fn mailbox(resource: &str, address: &str) -> String {
    format!("{resource}.telecom.where(value = {})", literal(address))
}

fn extension(resource: &str, address: &str, name: &str) -> String {
    format!("{}.extension('{}').extension('{name}')", mailbox(resource, address), word::METADATA)
}

/// A string of `FHIRPath` (§4.1 of it): an address may have a quote in it, and ends nothing with it.
fn literal(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars() {
        if matches!(character, '\'' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_quote_ends_no_path() {
        assert_eq!(literal("d'arc@a.mssante.fr"), r"'d\'arc@a.mssante.fr'");
        assert_eq!(literal(r#""a\\' or true"@a.fr"#), r#"'"a\\\\\' or true"@a.fr'"#);
    }
}
