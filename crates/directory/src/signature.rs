//! The signature of a list: an enveloped XML Signature by somebody who is believed, or none.
//!
//! A library verifies it, and is called last: the [shape](crate::signature_shape) is checked against a short list of
//! what is taken, and the signer's certificate is judged by the rules of the trust space, before the library sees the
//! document; it then gets the key of exactly that certificate. What it digested is canonicalised and digested once more,
//! and the list is parsed from *these* bytes: no two parsers can see two documents.

use aws_lc_rs::digest::{SHA256, digest};
use bergshamra::c14n::{C14nMode, canonicalize_doc};
use bergshamra::keys::loader::load_x509_cert_der;
use bergshamra::xml::{NodeSet, uppsala};
use bergshamra::{DsigContext, KeysManager, VerifyResult, dsig};
use jiff::Timestamp;
use pli_types::DistinguishedName;
use roxmltree::Document;

use crate::check::{ListRules, Signature, SignatureRule, SignerJudge};
use crate::list_fault::ListFault;
use crate::signature_shape::{self, Shape};

/// What was found, and the bytes that were signed, if any were.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) signature: Signature,
    /// The canonical form of the whole document but its signature.
    pub(crate) signed: Option<Vec<u8>>,
}

impl Found {
    fn unsigned(signature: Signature) -> Self {
        Self { signature, signed: None }
    }
}

/// What is to be said of the document's signature under these rules.
pub(crate) fn check(
    document: &Document<'_>,
    rules: &ListRules,
    signers: &dyn SignerJudge,
    now: Timestamp,
) -> Result<Found, ListFault> {
    let present = signature_shape::is_signed(document);
    match rules.signature {
        SignatureRule::Off if present => return Ok(Found::unsigned(Signature::Unchecked)),
        SignatureRule::Required if !present => return Err(ListFault::SignatureMissing),
        _ if !present => return Ok(Found::unsigned(Signature::None)),
        _ => {}
    }
    let shape = signature_shape::of(document).map_err(ListFault::SignatureInvalid)?;
    let (certificate, signer) = believed(&shape, signers, now)?;
    rules.allow_signer(&signer)?;
    let bytes = verify(document.input_text(), &shape, certificate).map_err(ListFault::SignatureInvalid)?;
    Ok(Found { signature: Signature::Valid { signer }, signed: Some(bytes) })
}

/// The one certificate that the judge believes. The others, if any, are those of authorities: it has its own.
fn believed<'a>(
    shape: &'a Shape,
    signers: &dyn SignerJudge,
    now: Timestamp,
) -> Result<(&'a [u8], DistinguishedName), ListFault> {
    let mut told = Vec::new();
    for certificate in &shape.certificates {
        match signers.judge(certificate, now) {
            Ok(signer) => return Ok((certificate, signer)),
            Err(fault) => told.push(fault),
        }
    }
    told.dedup();
    Err(ListFault::SignerUntrusted(told.join("; ")))
}

/// Verifies with this certificate's key and no other, and gives the bytes that were signed.
fn verify(text: &str, shape: &Shape, certificate: &[u8]) -> Result<Vec<u8>, String> {
    let document = uppsala::parse(text).map_err(|error| error.to_string())?;
    let mut keys = KeysManager::new();
    keys.add_key(load_x509_cert_der(certificate).map_err(|error| error.to_string())?);
    // Strict: only the key above counts, and what is signed stands where it encloses the signature. The properties of an
    // XAdES signature stand within it, so their place has been checked with the shape.
    let context = DsigContext::new(keys).with_strict_verification(!shape.has_properties);
    match dsig::verify::verify_document_with_source(&context, &document, Some(text)) {
        Ok(VerifyResult::Valid { signature_node, references, .. }) => {
            let digested = references.iter().filter(|reference| reference.digest_verified).count();
            if digested != 1 + usize::from(shape.has_properties) || references.len() != digested {
                return Err("not all that it refers to was verified".to_owned());
            }
            signed_bytes(&document, signature_node, shape)
        }
        Ok(VerifyResult::Invalid { reason }) => Err(reason),
        Err(error) => Err(error.to_string()),
    }
}

/// The canonical form of all but the signature, whose digest must be the one that was signed.
fn signed_bytes(
    document: &uppsala::Document<'_>,
    signature: uppsala::NodeId,
    shape: &Shape,
) -> Result<Vec<u8>, String> {
    let mut nodes = NodeSet::all_without_comments(document);
    nodes.remove_id(signature);
    for node in document.descendants(signature) {
        nodes.remove_id(node);
    }
    let bytes = canonicalize_doc(document, C14nMode::Exclusive, Some(&nodes), &shape.prefixes)
        .map_err(|error| error.to_string())?;
    if digest(&SHA256, &bytes).as_ref() == shape.digest {
        Ok(bytes)
    } else {
        Err("the document is not the one that was signed".to_owned())
    }
}
