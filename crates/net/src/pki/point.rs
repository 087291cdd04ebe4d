//! [`Point`]: where the revocation list that answers for a certificate can be had.

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::certificate::{distribution_points, fingerprint};

/// Addresses of one certificate worth trying.
const ADDRESSES_MAX: usize = 4;
/// The longest address worth trying.
const ADDRESS_BYTES_MAX: usize = 1024;

/// The addresses that certificates of one authority name for its list, in their order.
///
/// Each distribution point that is taken answers for all reasons of revocation (RFC 5280 §4.2.1.13), so that the list of
/// any one of them is enough: the later are asked when the earlier fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Point {
    /// The authority's name: whose signature the list must bear.
    pub(super) authority: String,
    pub(super) addresses: Vec<String>,
}

impl Point {
    /// The name of the cached list's file, without its extension.
    pub(super) fn key(&self) -> String {
        fingerprint(format!("{}\n{}", self.authority, self.addresses.join("\n")).as_bytes())
    }
}

/// The addresses in a certificate from which lists are fetched: `http` ones (RFC 5280 §4.2.1.13 asks for `http` or
/// `ldap`). A list proves itself by its signature, so that TLS would add nothing but a circle: its server's certificate
/// would need a revocation list too.
pub(super) fn addresses(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, x509)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let (mut fit, unfit): (Vec<String>, Vec<String>) =
        distribution_points(&x509).into_iter().flatten().partition(|address| is_fit(address));
    for address in unfit {
        tracing::debug!(address = %address.escape_debug(), "a distribution point that is not asked: http only");
    }
    fit.truncate(ADDRESSES_MAX);
    fit
}

fn is_fit(address: &str) -> bool {
    let is_http = address.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    is_http && address.len() <= ADDRESS_BYTES_MAX && address.bytes().all(|byte| byte.is_ascii_graphic())
}
