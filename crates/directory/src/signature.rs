//! The signature of a list (XML Signature, enveloped).

use jiff::Timestamp;
use roxmltree::Document;

use crate::check::{ListRules, Signature, SignatureRule, SignerJudge};
use crate::list_fault::ListFault;

/// XML Signature, §1.3.
const NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// What is to be said of the document's signature under these rules.
pub(crate) fn check(
    document: &Document<'_>,
    rules: &ListRules,
    _signers: &dyn SignerJudge,
    _now: Timestamp,
) -> Result<Signature, ListFault> {
    let present = document.descendants().any(|node| node.has_tag_name((NAMESPACE, "Signature")));
    match (rules.signature, present) {
        (SignatureRule::Off, true) => Ok(Signature::Unchecked),
        (SignatureRule::Required, false) => Err(ListFault::SignatureMissing),
        (_, false) => Ok(Signature::None),
        (_, true) => Err(ListFault::SignatureInvalid("it is not verified by this version".to_owned())),
    }
}
