//! Of a CDA, what a letter needs: header fields (spec §6.4) and the narrative.

use anyhow::{Context, bail};
use base64::Engine;
use roxmltree::{Document, Node};

const NAMESPACE: &str = "urn:hl7-org:v3";
/// The authorities that an INS comes from: production, test, demonstration (spec §2.4).
const INS_ROOTS: [&str; 4] =
    ["1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9", "1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11"];

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cda {
    /// Its unique id: an OID, with `^` and an extension if it has one.
    pub unique_id: String,
    /// What kind of document.
    pub code: Code,
    /// Its title.
    pub title: String,
    /// When it was made, as HL7 writes it.
    pub effective_time: String,
    /// Its language.
    pub language: String,
    /// How confidential it is.
    pub confidentiality: Code,
    /// Whom it is about.
    pub patient: Patient,
    /// Who wrote it.
    pub author: Author,
    /// Who answers for it, if someone does.
    pub legal_authenticator: Option<Author>,
    /// What it says, if it is structured.
    pub sections: Vec<Section>,
    /// The PDF that it is, if it is not structured (level 1).
    pub embedded_pdf: Option<Vec<u8>>,
}

/// A coded value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// `34112-3`
    pub code: String,
    /// The code system's OID.
    pub system: String,
    /// `CR hospitalier`
    pub display: String,
}

/// Whom a document is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// The INS.
    pub id: String,
    /// Its authority's OID.
    pub root: String,
    /// Birth name.
    pub family: String,
    /// First given name of the birth certificate.
    pub given: String,
    /// `AAAAMMJJ`
    pub birth: String,
    /// `F` or `M`
    pub sex: String,
}

impl Patient {
    /// The number, its authority and the four traits of ECO.2.4.2.
    #[must_use]
    pub fn has_qualified_ins(&self) -> bool {
        INS_ROOTS.contains(&self.root.as_str())
            && [&self.id, &self.family, &self.given, &self.birth, &self.sex].iter().all(|value| !value.is_empty())
    }
}

/// A professional and where he works.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Author {
    /// National id (`8` and the RPPS).
    pub id: String,
    /// Name.
    pub family: String,
    /// First name.
    pub given: String,
    /// The structure's name.
    pub organisation: String,
    /// The structure's national id.
    pub structure: String,
}

/// A part of the narrative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// Its text, a paragraph, list item or table row a line.
    pub lines: Vec<String>,
}

impl Cda {
    /// Reads a document. No DTD is taken. Fails without a patient, a code or an id.
    pub fn read(xml: &[u8]) -> anyhow::Result<Self> {
        let text = str::from_utf8(xml).context("the CDA is not UTF-8")?;
        let document = Document::parse(text).context("the CDA is not well-formed XML")?;
        let root = document.root_element();
        if !root.has_tag_name((NAMESPACE, "ClinicalDocument")) {
            bail!("the document is not a CDA");
        }
        let id = child(root, "id").context("the CDA has no id")?;
        let mut unique_id = attribute(id, "root");
        if let Some(extension) = id.attribute("extension") {
            unique_id = format!("{unique_id}^{extension}");
        }
        Ok(Self {
            unique_id,
            code: code(child(root, "code").context("the CDA has no code")?),
            title: child(root, "title").map(flat_text).unwrap_or_default(),
            effective_time: child(root, "effectiveTime").map(|node| attribute(node, "value")).unwrap_or_default(),
            language: child(root, "languageCode").map(|node| attribute(node, "code")).unwrap_or_default(),
            confidentiality: code(child(root, "confidentialityCode").context("the CDA has no confidentialityCode")?),
            patient: patient(path(root, &["recordTarget", "patientRole"]).context("the CDA has no patient")?)?,
            author: path(root, &["author", "assignedAuthor"]).map(professional).unwrap_or_default(),
            legal_authenticator: path(root, &["legalAuthenticator", "assignedEntity"]).map(professional),
            sections: root.descendants().filter(|node| is(*node, "section")).map(section).collect(),
            embedded_pdf: path(root, &["component", "nonXMLBody", "text"]).and_then(embedded_pdf),
        })
    }
}

fn patient(role: Node<'_, '_>) -> anyhow::Result<Patient> {
    let ids = || role.children().filter(|node| is(*node, "id"));
    let id = ids()
        .find(|node| INS_ROOTS.contains(&attribute(*node, "root").as_str()))
        .or_else(|| ids().next())
        .context("the CDA's patient has no id")?;
    let person = child(role, "patient").context("the CDA's patient has no traits")?;
    let name = child(person, "name");
    Ok(Patient {
        id: attribute(id, "extension"),
        root: attribute(id, "root"),
        family: name.map(|name| name_part(name, "family")).unwrap_or_default(),
        given: name.map(|name| name_part(name, "given")).unwrap_or_default(),
        birth: child(person, "birthTime").map(|node| attribute(node, "value")).unwrap_or_default(),
        sex: child(person, "administrativeGenderCode").map(|node| attribute(node, "code")).unwrap_or_default(),
    })
}

fn professional(entity: Node<'_, '_>) -> Author {
    let name = path(entity, &["assignedPerson", "name"]);
    let organisation = child(entity, "representedOrganization");
    let extension = |node: Node<'_, '_>| child(node, "id").map(|id| attribute(id, "extension")).unwrap_or_default();
    Author {
        id: extension(entity),
        family: name.map(|name| name_part(name, "family")).unwrap_or_default(),
        given: name.map(|name| name_part(name, "given")).unwrap_or_default(),
        organisation: organisation.and_then(|node| child(node, "name")).map(flat_text).unwrap_or_default(),
        structure: organisation.map(extension).unwrap_or_default(),
    }
}

/// The part of the birth name (`BR`) if one is marked, else the first.
fn name_part(name: Node<'_, '_>, part: &str) -> String {
    let parts = || name.children().filter(|node| is(*node, part));
    parts()
        .find(|node| node.attribute("qualifier") == Some("BR"))
        .or_else(|| parts().next())
        .map(flat_text)
        .unwrap_or_default()
}

fn section(node: Node<'_, '_>) -> Section {
    let mut lines = Vec::new();
    if let Some(text) = child(node, "text") {
        blocks(text, &mut lines);
    }
    Section { title: child(node, "title").map(flat_text).unwrap_or_default(), lines }
}

/// Cuts narrative markup into lines.
fn blocks(node: Node<'_, '_>, lines: &mut Vec<String>) {
    if is(node, "tr") {
        let cells: Vec<String> = node.children().filter(Node::is_element).map(flat_text).collect();
        return push_line(lines, &cells.join("  "));
    }
    let holds_blocks = node
        .descendants()
        .skip(1)
        .any(|inner| ["paragraph", "item", "tr", "list", "table", "caption", "br"].iter().any(|name| is(inner, name)));
    if !holds_blocks {
        return push_line(lines, &flat_text(node));
    }
    for inner in node.children() {
        if inner.is_text() {
            push_line(lines, &collapse(inner.text().unwrap_or_default()));
        } else {
            blocks(inner, lines);
        }
    }
}

fn push_line(lines: &mut Vec<String>, line: &str) {
    if !line.trim().is_empty() {
        lines.push(line.to_owned());
    }
}

fn embedded_pdf(text: Node<'_, '_>) -> Option<Vec<u8>> {
    if text.attribute("mediaType") != Some("application/pdf") || text.attribute("representation") != Some("B64") {
        return None;
    }
    let packed: String = text.text()?.split_ascii_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(packed).ok()
}

fn code(node: Node<'_, '_>) -> Code {
    Code {
        code: attribute(node, "code"),
        system: attribute(node, "codeSystem"),
        display: attribute(node, "displayName"),
    }
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name((NAMESPACE, name))
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|inner| is(*inner, name))
}

fn path<'a, 'input>(node: Node<'a, 'input>, names: &[&str]) -> Option<Node<'a, 'input>> {
    names.iter().try_fold(node, |node, name| child(node, name))
}

fn attribute(node: Node<'_, '_>, name: &str) -> String {
    node.attribute(name).unwrap_or_default().to_owned()
}

fn flat_text(node: Node<'_, '_>) -> String {
    let parts: Vec<&str> = node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect();
    collapse(&parts.join(" "))
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
