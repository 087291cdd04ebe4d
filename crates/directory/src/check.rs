//! [`check`]: everything that can be said of a list without knowing which one is in force.

use std::fmt::{Debug, Write as _};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use pli_types::{DistinguishedName, DnError};
use serde::{Deserialize, Serialize};

use crate::list_fault::ListFault;
use crate::signature;
use crate::trust_list::TrustList;
use crate::trust_xml;

/// What a list must meet (`[trust]` in the configuration).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRules {
    /// Whether it must be signed.
    pub signature: SignatureRule,
    /// The CN that its signer must have, if one is set.
    pub signer_cn: Option<String>,
    /// The OU that its signer must have among its own, if one is set.
    pub signer_ou: Option<String>,
    /// How many of each hundred domains in force it may lack, 0 to 100, before it is held for an admin.
    pub lost_domains_max: u8,
}

impl Default for ListRules {
    fn default() -> Self {
        Self { signature: SignatureRule::default(), signer_cn: None, signer_ou: None, lost_domains_max: 10 }
    }
}

/// Whether a list must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureRule {
    /// A list without a signature is refused.
    Required,
    /// A signature that is there must hold.
    #[default]
    IfPresent,
    /// Signatures are not looked at.
    Off,
}

/// Judges the certificate of a list's signer: its chain through "organisations", its dates, its revocation lists.
pub trait SignerJudge: Send + Sync + Debug {
    /// The subject of this certificate (DER) if it is believed at `now`, else why not, for people.
    fn judge(&self, der: &[u8], now: Timestamp) -> Result<DistinguishedName, String>;
}

/// Believes nobody: where no list can be signed.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSigner;

impl SignerJudge for NoSigner {
    fn judge(&self, _: &[u8], _: Timestamp) -> Result<DistinguishedName, String> {
        Err("no signer is believed here".to_owned())
    }
}

impl ListRules {
    /// Is a list with this signature taken?
    pub(crate) fn allow(&self, signature: &Signature) -> Result<(), ListFault> {
        match (self.signature, signature) {
            (SignatureRule::Off, _) | (SignatureRule::IfPresent, Signature::None) => Ok(()),
            (SignatureRule::Required, Signature::None) => Err(ListFault::SignatureMissing),
            (_, Signature::Unchecked) => Err(ListFault::SignatureInvalid("it was not looked at".to_owned())),
            (_, Signature::Valid { signer }) => self.allow_signer(signer),
        }
    }

    /// Has the signer the CN and the OU that are asked for? Compared as names are: case and accents apart.
    pub(crate) fn allow_signer(&self, signer: &DistinguishedName) -> Result<(), ListFault> {
        for (kind, wanted) in [("CN", &self.signer_cn), ("OU", &self.signer_ou)] {
            let Some(wanted) = wanted else { continue };
            if !signer.has(kind, wanted) {
                return Err(ListFault::SignerUntrusted(format!("{signer} is not of {kind} {wanted}")));
            }
        }
        Ok(())
    }
}

/// What was found of a signature.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "SignatureText", into = "SignatureText")]
pub enum Signature {
    /// There is none.
    None,
    /// There is one, and it holds.
    Valid {
        /// The subject of the certificate that it was verified with.
        signer: DistinguishedName,
    },
    /// There is one, and the rule is not to look at it.
    Unchecked,
}

/// A [`Signature`] as it is written: `{"state": "valid", "signer": "CN=…"}`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
enum SignatureText {
    None,
    Valid { signer: String },
    Unchecked,
}

impl From<Signature> for SignatureText {
    fn from(signature: Signature) -> Self {
        match signature {
            Signature::None => Self::None,
            Signature::Valid { signer } => Self::Valid { signer: signer.to_string() },
            Signature::Unchecked => Self::Unchecked,
        }
    }
}

impl TryFrom<SignatureText> for Signature {
    type Error = DnError;

    fn try_from(text: SignatureText) -> Result<Self, DnError> {
        Ok(match text {
            SignatureText::None => Self::None,
            SignatureText::Valid { signer } => Self::Valid { signer: DistinguishedName::parse(&signer)? },
            SignatureText::Unchecked => Self::Unchecked,
        })
    }
}

/// A list that is fit by itself.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The list.
    pub list: TrustList,
    /// What was found of its signature.
    pub signature: Signature,
    /// SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
}

/// Checks a list by itself: its size, its XML, its schema, its signature. Some 20 ms for the whole country's.
pub fn check(bytes: &[u8], rules: &ListRules, signers: &dyn SignerJudge, now: Timestamp) -> Result<Checked, ListFault> {
    let document = trust_xml::parse(bytes)?;
    let found = signature::check(&document, rules, signers, now)?;
    let list = match found.signed {
        // What was signed is what is read.
        Some(signed) => TrustList::of_document(&trust_xml::parse_canonical(&signed)?)?,
        None => TrustList::of_document(&document)?,
    };
    Ok(Checked { list, signature: found.signature, digest: digest_of(bytes) })
}

/// SHA-256 in hexadecimal.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}
