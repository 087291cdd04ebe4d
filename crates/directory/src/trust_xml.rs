//! The XML of the trust list: bytes to entries, within limits.

use std::fmt::Display;

use jiff::Timestamp;
use roxmltree::{Document, Node, ParsingOptions};

use crate::list_fault::ListFault;
use crate::trust_list::TrustList;

const NAMESPACE: &str = "https://listeblanche.mssante.fr/schema";

/// Elements, texts and comments of an entry, with room for what else may come to stand there.
const NODES_PER_ENTRY: usize = 25;

/// Attributes of one element. The list's own have none, those of a signature one or two.
const ATTRIBUTES_MAX: usize = 64;

/// Namespace declarations in the whole list. The list's own is one, a signature brings two or three.
const NAMESPACES_MAX: usize = 16;

/// One `Domaine`.
pub(crate) struct Entry<'a> {
    /// Counted from 1, to be found again.
    number: usize,
    /// `Nom`.
    pub(crate) domain: &'a str,
    /// `DNCertificatOperateur`.
    pub(crate) certificate_name: &'a str,
}

impl Entry<'_> {
    /// What is wrong with a field of this entry.
    pub(crate) fn fault(&self, field: &str, what: &dyn Display) -> ListFault {
        ListFault::Schema(format!("entry {}, {field}: {what}", self.number))
    }
}

/// Gives each entry to `take`, and returns `DateDeGeneration`.
pub(crate) fn read(
    document: &Document<'_>,
    mut take: impl FnMut(Entry<'_>) -> Result<(), ListFault>,
) -> Result<Timestamp, ListFault> {
    let root = document.root_element();
    if !is(root, "ListeBlancheMSSante") {
        return Err(schema(format!("the root is not ListeBlancheMSSante of {NAMESPACE}")));
    }
    let date = only_text(root, "DateDeGeneration").map_err(schema)?;
    let generated_at = date.parse().map_err(|_| schema("DateDeGeneration is not a date with its time zone"))?;
    let domains = only_child(root, "ListeDomaines").map_err(schema)?;
    let mut number = 0;
    for element in domains.children().filter(Node::is_element) {
        if !is(element, "Domaine") {
            return Err(schema("ListeDomaines holds something else than Domaine"));
        }
        number += 1;
        if number > TrustList::ENTRIES_MAX {
            return Err(ListFault::TooLarge(format!("it has more than {} entries", TrustList::ENTRIES_MAX)));
        }
        let field = |name| only_text(element, name).map_err(|what| schema(format!("entry {number}, {what}")));
        take(Entry { number, domain: field("Nom")?, certificate_name: field("DNCertificatOperateur")? })?;
    }
    if number == 0 {
        // Put in force, it would cut this operator off from everyone.
        return Err(schema("it has no entry"));
    }
    Ok(generated_at)
}

/// The document, within the limits on bytes, nodes and what a parser takes long over.
pub(crate) fn parse(bytes: &[u8]) -> Result<Document<'_>, ListFault> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > TrustList::BYTES_MAX) {
        // How much larger is not known here: whoever read it has stopped one byte above.
        return Err(ListFault::TooLarge(format!("it has more than {} bytes", TrustList::BYTES_MAX)));
    }
    let text = str::from_utf8(bytes).map_err(|error| ListFault::Malformed(format!("not UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    check_cost(text)?;
    document(text)
}

/// The document whose canonical form this is. Its cost was checked before; its length may have grown, as a namespace is
/// declared anew on each element that uses it.
pub(crate) fn parse_canonical(bytes: &[u8]) -> Result<Document<'_>, ListFault> {
    document(str::from_utf8(bytes).map_err(|error| ListFault::Malformed(format!("not UTF-8: {error}")))?)
}

fn document(text: &str) -> Result<Document<'_>, ListFault> {
    let nodes_limit = u32::try_from(TrustList::ENTRIES_MAX * NODES_PER_ENTRY).unwrap_or(u32::MAX);
    let options = ParsingOptions { allow_dtd: false, nodes_limit, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => dtd_fault(text),
        roxmltree::Error::NodesLimitReached => {
            ListFault::TooLarge(format!("it has more than {nodes_limit} elements, attributes and texts"))
        }
        error => ListFault::Malformed(error.to_string()),
    })
}

/// Tells apart what the two known attacks put into a DTD. Nothing of it was read.
fn dtd_fault(text: &str) -> ListFault {
    let declared = text.split_once("<!DOCTYPE").map_or(text, |(_, rest)| rest);
    // Where an internal subset ends; nothing but words to look at, so a wrong guess costs a word only.
    let declared = declared.split_once("]>").map_or(declared, |(subset, _)| subset);
    if declared.contains("SYSTEM") || declared.contains("PUBLIC") {
        ListFault::ExternalEntity
    } else if declared.contains("<!ENTITY") {
        ListFault::EntityExpansion
    } else {
        schema("it declares a DTD, which no list has")
    }
}

/// Refuses what the parser would take hours over: it compares each attribute of an element with all the others, and
/// copies every namespace in scope to every element (4,000 nested declarations, 90 kB, cost it 16 s).
///
/// A tag lies between two `<`, since no attribute may hold one, and has an `=` for each of its attributes.
fn check_cost(text: &str) -> Result<(), ListFault> {
    if text.matches("xmlns").count() > NAMESPACES_MAX {
        return Err(schema("it declares more namespaces than any list"));
    }
    if text.split('<').any(|stretch| stretch.matches('=').count() > ATTRIBUTES_MAX) {
        return Err(schema("an element has more attributes than any list's"));
    }
    Ok(())
}

fn schema(what: impl Into<String>) -> ListFault {
    ListFault::Schema(what.into())
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name((NAMESPACE, name))
}

fn only_child<'a, 'i>(parent: Node<'a, 'i>, name: &str) -> Result<Node<'a, 'i>, String> {
    let mut found = parent.children().filter(|child| is(*child, name));
    match (found.next(), found.next()) {
        (Some(child), None) => Ok(child),
        (None, _) => Err(format!("{name}: missing")),
        (Some(_), Some(_)) => Err(format!("{name}: more than one")),
    }
}

/// The text of the one child of this name. One run of text and nothing else: a comment in the middle of a name would
/// let two readers see two names.
fn only_text<'a>(parent: Node<'a, '_>, name: &str) -> Result<&'a str, String> {
    let mut children = only_child(parent, name)?.children();
    match (children.next(), children.next()) {
        (Some(child), None) => child.text().filter(|_| child.is_text()).map(str::trim).filter(|text| !text.is_empty()),
        _ => None,
    }
    .ok_or_else(|| format!("{name}: not a plain text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust_list::tests::{DATE, list_of};

    const NAME: &str = "CN=mss.a.fr,C=FR";

    fn good() -> String {
        list_of(DATE, &[("a.mssante.fr", NAME), ("b.mssante.fr", NAME)])
    }

    #[track_caller]
    fn fault(text: &str) -> ListFault {
        TrustList::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_list_cut_anywhere_is_refused_as_malformed() {
        let good = good();
        assert!(TrustList::parse(good.as_bytes()).is_ok());
        for end in 0..good.trim_end().len() {
            let cut = good.get(..end).unwrap();
            assert!(matches!(fault(cut), ListFault::Malformed(_)), "cut at {end}: {:?}", fault(cut));
        }
    }

    #[test]
    fn what_is_not_xml_is_refused_as_malformed() {
        for text in ["", "{}", "<html><body><br></body></html>", "a.mssante.fr;CN=a"] {
            assert!(matches!(fault(text), ListFault::Malformed(_)), "{text}");
        }
        let latin1 = good().replace("CN=mss", "ST=Rh\u{f4}ne,CN=mss").chars().map(|c| c as u8).collect::<Vec<_>>();
        assert!(matches!(TrustList::parse(&latin1), Err(ListFault::Malformed(_))));
    }

    #[test]
    fn an_external_entity_is_never_read() {
        let xxe = good()
            .replace(
                "<ListeBlancheMSSante",
                "<!DOCTYPE l [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><ListeBlancheMSSante",
            )
            .replace("a.mssante.fr", "&x;");
        assert_eq!(fault(&xxe), ListFault::ExternalEntity);
        let outside =
            good().replace("<ListeBlancheMSSante", "<!DOCTYPE l PUBLIC \"l\" \"http://a/l.dtd\"><ListeBlancheMSSante");
        assert_eq!(fault(&outside), ListFault::ExternalEntity);
        let plain = good().replace("<ListeBlancheMSSante", "<!DOCTYPE l><ListeBlancheMSSante");
        assert!(matches!(fault(&plain), ListFault::Schema(what) if what.contains("DTD")));
        assert!(matches!(fault(&good().replace("a.mssante.fr", "&x;")), ListFault::Malformed(_)));
    }

    #[test]
    fn a_billion_laughs_are_not_laughed() {
        let entity = |level: u32| format!("<!ENTITY a{} \"{}\">", level + 1, format!("&a{level};").repeat(10));
        let entities: Vec<String> = (0..9).map(entity).collect();
        let dtd = format!("<!DOCTYPE l [<!ENTITY a0 \"ha\">{}", entities.concat());
        let bomb =
            good().replace("<ListeBlancheMSSante", &(dtd + "]><ListeBlancheMSSante")).replace("a.mssante.fr", "&a9;");
        assert_eq!(fault(&bomb), ListFault::EntityExpansion);
    }

    #[test]
    fn what_is_slow_to_parse_is_refused_before() {
        let namespaces: Vec<String> = (0..20_000).map(|n| format!("<a xmlns:n{n}=\"u\">")).collect();
        assert!(matches!(fault(&namespaces.concat()), ListFault::Schema(what) if what.contains("namespaces")));
        let attributes: Vec<String> = (0..100_000).map(|n| format!(" a{n}=''")).collect();
        let attributes = attributes.concat();
        assert!(matches!(fault(&format!("<a{attributes}/>")), ListFault::Schema(what) if what.contains("attributes")));
        let deep = "<a>".repeat(1_000_000);
        assert!(matches!(fault(&deep), ListFault::Malformed(_)));
        assert_eq!(fault(&format!("<a>{}</a>", "<b/>".repeat(2_600_000))).code(), "list-too-large");
    }

    #[test]
    fn a_list_over_the_limits_is_refused() {
        let spaces = " ".repeat(usize::try_from(TrustList::BYTES_MAX).unwrap());
        assert_eq!(fault(&(good() + &spaces)).code(), "list-too-large");
        let entry = ("a.mssante.fr", NAME);
        assert_eq!(fault(&list_of(DATE, &vec![entry; TrustList::ENTRIES_MAX + 1])).code(), "list-too-large");
    }

    #[test]
    fn a_list_of_another_shape_is_refused() {
        for (from, to, told) in [
            ("https://listeblanche.mssante.fr/schema", "urn:other", "the root"),
            ("ListeBlancheMSSante", "ListeNoire", "the root"),
            ("ListeDomaines", "Domaines", "ListeDomaines: missing"),
            ("<Nom>b.mssante.fr</Nom>", "", "entry 2, Nom: missing"),
            ("<Nom>b.mssante.fr</Nom>", "<Nom/>", "entry 2, Nom: not a plain text"),
            ("<Nom>b.mssante.fr</Nom>", "<Nom> </Nom>", "entry 2, Nom: not a plain text"),
            ("<Nom>b.mssante.fr</Nom>", "<Nom>b<b/>.fr</Nom>", "entry 2, Nom: not a plain text"),
            ("<Nom>b.mssante.fr</Nom>", "<Nom>evil.fr<!-- -->.mssante.fr</Nom>", "entry 2, Nom: not a plain text"),
            ("<Nom>b.mssante.fr</Nom>", "<Nom>a.fr</Nom><Nom>b.fr</Nom>", "entry 2, Nom: more than one"),
            ("<Nom>b.mssante.fr</Nom>", "<Nom xmlns=\"urn:other\">b.fr</Nom>", "entry 2, Nom: missing"),
            ("<ListeDomaines>", "<ListeDomaines><domaine/>", "ListeDomaines holds something else"),
            (DATE, "2026-03-14", "DateDeGeneration"),
            (DATE, "yesterday", "DateDeGeneration"),
        ] {
            let fault = fault(&good().replace(from, to));
            assert!(matches!(&fault, ListFault::Schema(what) if what.starts_with(told)), "{to}: {fault}");
        }
        assert!(matches!(fault(&list_of(DATE, &[])), ListFault::Schema(what) if what == "it has no entry"));
    }

    #[test]
    fn what_else_stands_there_is_left_alone() {
        let text = good()
            .replace("<Nom>b", "<!-- moved --><Nouveau attribut=\"1\"><Nom>c</Nom></Nouveau><Nom>  b")
            .replace("<Description>d</Description>", "")
            .replace(
                "</ListeBlancheMSSante>",
                "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"/></ListeBlancheMSSante>",
            );
        let list = TrustList::parse(format!("\u{feff}{text}").as_bytes()).unwrap();
        assert_eq!((list.entries(), list.domains()), (2, 2));
        assert!(list.lists_domain(&pli_types::Domain::parse("b.mssante.fr").unwrap()));
    }
}
