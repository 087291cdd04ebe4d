//! The address in a query: `?emailaddress=jean%40example.fr`.

use axum::http::Uri;
use pli_types::MailAddress;

/// Does the query name an address, readable or not?
pub(super) fn names_address(uri: &Uri) -> bool {
    value(uri).is_some()
}

/// The address, if it is one.
pub(super) fn address(uri: &Uri) -> Option<MailAddress> {
    MailAddress::parse(&percent_decoded(value(uri)?)?).ok()
}

fn value(uri: &Uri) -> Option<&str> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.eq_ignore_ascii_case("emailaddress")).map(|(_, value)| value)
}

/// RFC 3986 §2.1. A plus stays one: an address may have it, and mail programs do not write spaces.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        if *byte == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            // `from_str_radix` would take a sign.
            let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}
