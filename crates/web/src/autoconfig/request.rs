//! The address in a query: `?emailaddress=jean%40example.fr`.

use axum::http::Uri;
use pli_types::MailAddress;

use crate::query;

/// Does the query name an address, readable or not?
pub(super) fn names_address(uri: &Uri) -> bool {
    values(uri).next().is_some()
}

/// The address, if it is one.
pub(super) fn address(uri: &Uri) -> Option<MailAddress> {
    MailAddress::parse(&values(uri).next()??).ok()
}

fn values(uri: &Uri) -> impl Iterator<Item = Option<String>> {
    query::pairs(uri).filter(|(name, _)| name.eq_ignore_ascii_case("emailaddress")).map(|(_, value)| value)
}
