//! Short words for the tests.

use pli_directory::{Checked, ListFault, ListRules, SignatureRule, check};

use crate::lists::{at, list};
use crate::signer::{Believed, Signer, Template};

pub(crate) const REQUIRED: SignatureRule = SignatureRule::Required;

pub(crate) fn rules(signature: SignatureRule) -> ListRules {
    ListRules { signature, ..ListRules::default() }
}

/// A small list.
pub(crate) fn plain() -> String {
    list(8, 0..5)
}

/// Judged by who believes this signer only.
pub(crate) fn judged(text: &str, believed: &Signer) -> Result<Checked, ListFault> {
    check(text.as_bytes(), &rules(REQUIRED), &Believed::only(believed), at(0))
}

#[track_caller]
pub(crate) fn believed(text: &str, signer: &Signer) -> Checked {
    judged(text, signer).unwrap()
}

/// Why the signature does not hold.
#[track_caller]
pub(crate) fn invalid(text: &str, signer: &Signer) -> String {
    match judged(text, signer) {
        Err(ListFault::SignatureInvalid(why)) => why,
        other => unreachable!("{:?}", other.map(|checked| checked.signature)),
    }
}

/// The small list with a signature that was spoilt before it was made: the signer is willing, the shape is not taken.
pub(crate) fn signed_as(signer: &Signer, change: impl FnOnce(&mut Template)) -> String {
    let mut template = Template::new(signer);
    change(&mut template);
    signer.fill(&template.enclosed_by(&plain()))
}
