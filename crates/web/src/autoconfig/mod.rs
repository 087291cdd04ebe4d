//! Tells mail programs where the doors are: [`Autoconfig`].
//!
//! | path | for | answer |
//! | --- | --- | --- |
//! | `GET /mail/config-v1.1.xml`, `GET /.well-known/autoconfig/mail/config-v1.1.xml` | Thunderbird and its kin | `clientConfig` 1.1 |
//! | `POST`, `GET /autodiscover/autodiscover.xml`, in any case | Outlook | the response schema 2006a |
//!
//! What is told depends on the domain alone, never on whether the mailbox exists. Addresses are neither logged nor kept.

mod outlook;
mod request;
mod thunderbird;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use pli_types::{Domain, MailAddress};

use crate::routes;
use crate::server::WebContext;

/// The path that Outlook asks for, in whatever case.
pub(crate) const OUTLOOK_PATH: &str = "/autodiscover/autodiscover.xml";

/// What mail programs are told.
#[derive(Debug, Clone, Default)]
pub struct Autoconfig {
    /// The host that programs connect to.
    pub host: String,
    /// The domains whose mailboxes are here. For no other is there an answer.
    pub domains: Vec<Domain>,
    /// The doors for mail programs, the best of each protocol first (RFC 8314 §3.3: TLS from the first byte).
    pub doors: Vec<MailDoor>,
    /// Are tokens taken beside passwords?
    pub tokens: bool,
}

/// A door for mail programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailDoor {
    /// What is spoken behind it.
    pub protocol: MailProtocol,
    /// As programs see it.
    pub port: u16,
    /// Does TLS begin by STARTTLS, rather than with the first byte?
    pub starttls: bool,
}

/// What a mail program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailProtocol {
    /// Reading.
    Imap,
    /// Sending.
    Submission,
}

impl Autoconfig {
    /// Is this a domain that programs are told about?
    fn serves(&self, domain: &Domain) -> bool {
        !self.doors.is_empty() && self.domains.contains(domain)
    }
}

/// `config-v1.1.xml`.
pub(crate) async fn thunderbird(State(context): State<WebContext>, uri: Uri, headers: HeaderMap) -> Response {
    match domain_asked(&uri, &headers, "autoconfig.") {
        Some(domain) if context.autoconfig.serves(&domain) => xml(thunderbird::answer(&context.autoconfig, &domain)),
        _ => routes::not_found(),
    }
}

/// `autodiscover.xml`, asked with a document.
pub(crate) fn outlook_post(context: &WebContext, body: &Bytes) -> Response {
    match outlook::address_asked(body) {
        None => routes::bad_request("send an Autodiscover request for the response schema 2006a of Outlook"),
        Some(address) if context.autoconfig.serves(address.domain()) => {
            xml(outlook::answer(&context.autoconfig, Some(&address)))
        }
        Some(_) => routes::not_found(),
    }
}

/// `autodiscover.xml`, asked without a document: without an address, the name to sign in with is left out.
pub(crate) fn outlook_get(context: &WebContext, uri: &Uri, headers: &HeaderMap) -> Response {
    match domain_asked(uri, headers, "autodiscover.") {
        Some(domain) if context.autoconfig.serves(&domain) => {
            xml(outlook::answer(&context.autoconfig, request::address(uri).as_ref()))
        }
        _ => routes::not_found(),
    }
}

/// The domain of the address in the query; without one, the domain that the program asked at.
fn domain_asked(uri: &Uri, headers: &HeaderMap, prefix: &str) -> Option<Domain> {
    if request::names_address(uri) {
        return request::address(uri).map(|address: MailAddress| address.domain().clone());
    }
    let host = headers.get(HOST)?.to_str().ok()?;
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
    Domain::parse(host.strip_prefix(prefix).unwrap_or(&host)).ok()
}

fn xml(document: String) -> Response {
    ([(CONTENT_TYPE, "application/xml; charset=utf-8"), (CACHE_CONTROL, "no-store")], document).into_response()
}

/// Text as it stands in an element or an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
