//! Certificate in DER → [`PresentedCertificate`]. Reads hostile bytes: everything odd has an answer, nothing panics.

use std::fmt::Write as _;

use jiff::Timestamp;
use pli_types::{DistinguishedName, PresentedCertificate};
use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{RelativeDistinguishedName, X509Name};

/// Parses what the other side presented, leaf first. `None` if the leaf cannot be read as X.509.
#[must_use]
pub fn presented(chain: &[CertificateDer<'_>]) -> Option<PresentedCertificate> {
    let (leaf, others) = chain.split_first()?;
    let (rest, parsed) = X509Certificate::from_der(leaf).ok()?;
    if !rest.is_empty() {
        return None;
    }
    Some(PresentedCertificate {
        leaf: leaf.to_vec(),
        chain: others.iter().map(|certificate| certificate.to_vec()).collect(),
        subject: name(parsed.subject())?,
        issuer: name(parsed.issuer())?,
        serial: serial(parsed.raw_serial()),
        not_before: instant(parsed.validity().not_before.timestamp()),
        not_after: instant(parsed.validity().not_after.timestamp()),
    })
}

/// May its key sign a handshake, or (`document`) a document? A certificate that limits its key's usage must list digital
/// signatures, for every suite we have (RFC 5246 §7.4.2, RFC 8446 §4.4.2.2): one for seals on documents only
/// (nonRepudiation) does not make a peer.
pub(crate) fn may_sign(leaf: &CertificateDer<'_>, document: bool) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(leaf) else { return false };
    match parsed.key_usage() {
        Ok(Some(usage)) => usage.value.digital_signature() || (document && usage.value.non_repudiation()),
        Ok(None) => true,
        // Twice, or broken.
        Err(_) => false,
    }
}

/// A name as RFC 4514 writes it.
pub(crate) fn name_in_words(name: &X509Name<'_>) -> String {
    self::name(name).map_or_else(|| "a name that cannot be read".to_owned(), |name| name.to_string())
}

/// Last RDN first, as RFC 4514 and the trust list write it: `CN=…` in front, `C=FR` at the end.
///
/// A name without any attribute (all of it in the SAN) becomes an empty CN, which no trust list can mean.
pub(crate) fn name(name: &X509Name<'_>) -> Option<DistinguishedName> {
    let rdns: Vec<_> = name.iter_rdn().collect();
    let mut attributes: Vec<(String, String)> = rdns
        .into_iter()
        .rev()
        .flat_map(RelativeDistinguishedName::iter)
        .map(|attribute| (attribute.attr_type().to_id_string(), text(attribute.attr_value())))
        .collect();
    if attributes.is_empty() {
        attributes.push(("CN".to_owned(), String::new()));
    }
    DistinguishedName::from_attributes(attributes).ok()
}

/// An attribute's value in Unicode. What is no text, or broken text, becomes `#` and its bytes (RFC 4514 §2.4):
/// replacing what cannot be read would let two different names compare equal.
fn text(value: &Any<'_>) -> String {
    let bytes = value.as_bytes();
    let decoded = match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::NumericString | Tag::Ia5String | Tag::VisibleString => {
            String::from_utf8(bytes.to_vec()).ok()
        }
        // Nobody writes real T.61: authorities that use this type put ISO 8859-1 in it.
        Tag::T61String => Some(bytes.iter().copied().map(char::from).collect()),
        Tag::BmpString => utf16(bytes),
        Tag::UniversalString => utf32(bytes),
        _ => None,
    };
    decoded.unwrap_or_else(|| format!("#{}", hex(bytes)))
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit))).collect::<Result<_, _>>().ok()
}

fn utf32(bytes: &[u8]) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit))).collect()
}

/// Without the zero byte that DER puts before a number whose first bit is set.
fn serial(raw: &[u8]) -> String {
    let significant = raw.iter().position(|byte| *byte != 0).and_then(|start| raw.get(start..));
    significant.map_or_else(|| "00".to_owned(), hex)
}

/// Hexadecimal, lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        write!(out, "{byte:02x}").ok();
        out
    })
}

/// The end of the year 9999 ("no end", RFC 5280 §4.1.2.5) is a few hours past what [`Timestamp`] holds.
pub(crate) fn instant(seconds: i64) -> Timestamp {
    let nearest = if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(seconds).unwrap_or(nearest)
}
