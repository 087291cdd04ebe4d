//! What an XML Signature must look like before it is verified: one, in one place, over the whole document, with
//! algorithms of a short list. Everything else is refused, however well it would verify: SHA-1 among it, and a signature
//! over something else than what will be read (XML signature wrapping).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node};

/// XML Signature, §1.3.
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Exclusive XML Canonicalization, §4, without comments.
const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// XML Signature, §6.6.4.
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// RFC 9231, §2.1.2 and, for signatures, §2.3.2 (RSA) and §2.3.6 (ECDSA): all with SHA-256.
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const SIGNATURE_METHODS: [&str; 2] =
    ["http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"];

/// ETSI EN 319 132-1, §4.3: what an `XAdES` signature says of itself is signed by a reference of this type.
const XADES: &str = "http://uri.etsi.org/01903/v1.3.2#";
const SIGNED_PROPERTIES: &str = "http://uri.etsi.org/01903#SignedProperties";

/// A signer's certificate and those of its authorities.
const CERTIFICATES_MAX: usize = 4;
const CERTIFICATE_CHARACTERS_MAX: usize = 20_000;

/// Prefixes that canonicalisation is to take along.
const PREFIXES_MAX: usize = 16;

/// Comments and instructions beside the root. For each of them, the library walks past all the others.
const BESIDE_THE_ROOT_MAX: usize = 16;

/// A signature whose shape is taken.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The certificates, as DER: the signer's, and perhaps some authorities'.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// The SHA-256 that the document shall have.
    pub(crate) digest: Vec<u8>,
    /// The namespaces that are canonicalised as if they were used (`InclusiveNamespaces`).
    pub(crate) prefixes: Vec<String>,
    /// It signs its own `XAdES` properties, too.
    pub(crate) has_properties: bool,
}

/// Is there a signature anywhere?
pub(crate) fn is_signed(document: &Document<'_>) -> bool {
    document.descendants().any(|node| is(node, "Signature"))
}

/// The shape of the document's one signature, or what is not taken of it.
pub(crate) fn of(document: &Document<'_>) -> Result<Shape, String> {
    let root = document.root_element();
    if document.root().children().count() > BESIDE_THE_ROOT_MAX {
        return Err("too much stands beside the root".to_owned());
    }
    let signature = the_signature(document)?;
    let [info, value, key, ref objects @ ..] = elements(signature)[..] else {
        return Err("it lacks SignedInfo, SignatureValue or KeyInfo".to_owned());
    };
    expect(info, "SignedInfo")?;
    expect(value, "SignatureValue")?;
    expect(key, "KeyInfo")?;
    objects.iter().try_for_each(|object| expect(*object, "Object"))?;
    text(value)?;
    let [canonicalization, method, reference, ref more @ ..] = elements(info)[..] else {
        return Err("SignedInfo lacks a part".to_owned());
    };
    expect(canonicalization, "CanonicalizationMethod")?;
    prefixes(canonicalization, &[EXCLUSIVE_C14N])?;
    expect(method, "SignatureMethod")?;
    algorithm(method, &SIGNATURE_METHODS)?;
    let has_properties = match more {
        [] => false,
        [properties] => check_properties(*properties, signature).map(|()| true)?,
        _ => return Err("it refers to more than the document and its own properties".to_owned()),
    };
    let (digest, prefixes) = of_document(reference, root)?;
    Ok(Shape { certificates: certificates(key)?, digest, prefixes, has_properties })
}

/// Exactly one, and a child of the root: elsewhere, it could sign a document that nobody reads.
fn the_signature<'a, 'i>(document: &'a Document<'i>) -> Result<Node<'a, 'i>, String> {
    let mut found = document.descendants().filter(|node| is(*node, "Signature"));
    let (Some(signature), None) = (found.next(), found.next()) else {
        return Err("there is more than one".to_owned());
    };
    if signature.parent() == Some(document.root_element()) {
        Ok(signature)
    } else {
        Err("it is not a child of the root".to_owned())
    }
}

/// The reference to the whole document: its digest, and the prefixes to be taken along.
fn of_document(reference: Node<'_, '_>, root: Node<'_, '_>) -> Result<(Vec<u8>, Vec<String>), String> {
    let uri = reference.attribute("URI").ok_or("its reference has no URI")?;
    let whole = uri.is_empty() || uri.strip_prefix('#').is_some_and(|id| root.attribute("Id") == Some(id));
    if !whole {
        return Err("it is not over the whole document".to_owned());
    }
    let (transforms, digest) = parts(reference)?;
    let [enveloped, canonicalization] = transforms[..] else {
        return Err("its transforms are not: enveloped, then exclusive canonicalization".to_owned());
    };
    algorithm(enveloped, &[ENVELOPED])?;
    Ok((digest, prefixes(canonicalization, &[EXCLUSIVE_C14N])?))
}

/// The reference to the `XAdES` properties, which must be those within this very signature.
fn check_properties(reference: Node<'_, '_>, signature: Node<'_, '_>) -> Result<(), String> {
    if reference.attribute("Type") != Some(SIGNED_PROPERTIES) {
        return Err("it refers to more than the document and its own properties".to_owned());
    }
    let id = reference.attribute("URI").and_then(|uri| uri.strip_prefix('#')).filter(|id| !id.is_empty());
    let mut properties = signature.descendants().filter(|node| node.has_tag_name((XADES, "SignedProperties")));
    match (properties.next(), properties.next()) {
        (Some(properties), None) if id.is_some() && properties.attribute("Id") == id => {}
        _ => return Err("it refers to properties that are not its own".to_owned()),
    }
    let (transforms, _) = parts(reference)?;
    let [canonicalization] = transforms[..] else {
        return Err("its properties are not canonicalized exclusively".to_owned());
    };
    prefixes(canonicalization, &[EXCLUSIVE_C14N]).map(drop)
}

/// The transforms of a reference and its digest.
fn parts<'a, 'i>(reference: Node<'a, 'i>) -> Result<(Vec<Node<'a, 'i>>, Vec<u8>), String> {
    expect(reference, "Reference")?;
    let [transforms, method, value] = elements(reference)[..] else {
        return Err("its reference is not: Transforms, DigestMethod, DigestValue".to_owned());
    };
    expect(transforms, "Transforms")?;
    expect(method, "DigestMethod")?;
    expect(value, "DigestValue")?;
    algorithm(method, &[SHA256])?;
    let transforms = elements(transforms);
    transforms.iter().try_for_each(|transform| expect(*transform, "Transform"))?;
    Ok((transforms, base64(text(value)?)?))
}

/// The certificates of the one `X509Data`. Anything by which a key could come from elsewhere is refused; what only names
/// a key is passed over.
fn certificates(key: Node<'_, '_>) -> Result<Vec<Vec<u8>>, String> {
    let known = |node: &Node<'_, '_>| ["X509Data", "KeyName", "KeyValue"].iter().any(|name| is(*node, name));
    let parts = elements(key);
    let data: Vec<_> = parts.iter().filter(|node| is(**node, "X509Data")).collect();
    let ([data], true) = (&data[..], parts.iter().all(known)) else {
        return Err("its KeyInfo is not one X509Data".to_owned());
    };
    let mut certificates = Vec::new();
    for certificate in elements(**data).into_iter().filter(|node| is(*node, "X509Certificate")) {
        let text = text(certificate)?;
        if certificates.len() == CERTIFICATES_MAX || text.len() > CERTIFICATE_CHARACTERS_MAX {
            return Err("it brings more certificates than any list, or larger ones".to_owned());
        }
        certificates.push(base64(text)?);
    }
    if certificates.is_empty() {
        return Err("it does not bring its signer's certificate".to_owned());
    }
    Ok(certificates)
}

/// An algorithm of the short list, without parameters.
fn algorithm(node: Node<'_, '_>, taken: &[&str]) -> Result<(), String> {
    let name = named(node, taken)?;
    if node.children().any(|child| child.is_element()) {
        return Err(format!("{name} has parameters"));
    }
    Ok(())
}

/// A canonicalization of the short list, whose only parameter may be a list of prefixes.
fn prefixes(node: Node<'_, '_>, taken: &[&str]) -> Result<Vec<String>, String> {
    named(node, taken)?;
    let list = match elements(node)[..] {
        [] => return Ok(Vec::new()),
        [parameter] if parameter.has_tag_name((EXCLUSIVE_C14N, "InclusiveNamespaces")) => parameter,
        _ => return Err("a canonicalization has parameters that are not taken".to_owned()),
    };
    let prefixes: Vec<String> =
        list.attribute("PrefixList").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
    if prefixes.len() > PREFIXES_MAX { Err("it names more prefixes than any list".to_owned()) } else { Ok(prefixes) }
}

fn named<'a>(node: Node<'a, '_>, taken: &[&str]) -> Result<&'a str, String> {
    match node.attribute("Algorithm") {
        Some(name) if taken.contains(&name) => Ok(name),
        Some(name) => Err(format!("the algorithm {} is not taken", name.chars().take(100).collect::<String>())),
        None => Err(format!("{} names no algorithm", node.tag_name().name())),
    }
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.has_tag_name((DSIG, name))
}

fn expect(node: Node<'_, '_>, name: &str) -> Result<(), String> {
    if is(node, name) { Ok(()) } else { Err(format!("{} stands where {name} should", node.tag_name().name())) }
}

fn elements<'a, 'i>(node: Node<'a, 'i>) -> Vec<Node<'a, 'i>> {
    node.children().filter(Node::is_element).collect()
}

/// One run of text and nothing else: with a comment in between, two readers would see two values.
fn text<'a>(node: Node<'a, '_>) -> Result<&'a str, String> {
    let mut children = node.children();
    match (children.next(), children.next()) {
        (Some(child), None) => child.text().filter(|_| child.is_text()),
        _ => None,
    }
    .ok_or_else(|| format!("{} is not a plain text", node.tag_name().name()))
}

fn base64(text: &str) -> Result<Vec<u8>, String> {
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).map_err(|error| format!("it is not base64: {error}"))
}
