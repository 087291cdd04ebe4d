//! The XML of Outlook's autodiscover, as published: request schema 2006, response schema 2006a.

use std::fmt::Write as _;

use pli_types::MailAddress;

use super::{Autoconfig, MailDoor, MailProtocol, escaped};

/// The only answer that we have.
const RESPONSE_SCHEMA: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
const ENVELOPE_SCHEMA: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";

/// The address that the document asks about, if it asks for an answer that we have. Documents with a DTD are refused.
pub(super) fn address_asked(body: &[u8]) -> Option<MailAddress> {
    let text = std::str::from_utf8(body).ok()?;
    let document = roxmltree::Document::parse(text.trim_start_matches('\u{feff}')).ok()?;
    let text_of = |name: &str| {
        let found = document.descendants().find(|node| node.tag_name().name() == name)?;
        found.text().map(str::trim)
    };
    if text_of("AcceptableResponseSchema")? != RESPONSE_SCHEMA {
        return None;
    }
    MailAddress::parse(text_of("EMailAddress")?).ok()
}

/// What is told, with the name to sign in with where it is known: Outlook would take the part before the `@`.
pub(super) fn answer(known: &Autoconfig, address: Option<&MailAddress>) -> String {
    let login = address.map(|address| format!("        <LoginName>{}</LoginName>\n", escaped(&address.reveal())));
    let login = login.unwrap_or_default();
    let protocols: String = known.doors.iter().map(|door| protocol(known, *door, &login)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Autodiscover xmlns=\"{ENVELOPE_SCHEMA}\">\n\
         \u{20} <Response xmlns=\"{RESPONSE_SCHEMA}\">\n\
         \u{20}   <Account>\n\
         \u{20}     <AccountType>email</AccountType>\n\
         \u{20}     <Action>settings</Action>\n\
         {protocols}\
         \u{20}   </Account>\n\
         \u{20} </Response>\n\
         </Autodiscover>\n"
    )
}

fn protocol(known: &Autoconfig, door: MailDoor, login: &str) -> String {
    let kind = match door.protocol {
        MailProtocol::Imap => "IMAP",
        MailProtocol::Submission => "SMTP",
    };
    let encryption = if door.starttls { "TLS" } else { "SSL" };
    let (host, port) = (escaped(&known.host), door.port);
    let mut out = format!("      <Protocol>\n        <Type>{kind}</Type>\n        <Server>{host}</Server>\n");
    write!(out, "        <Port>{port}</Port>\n{login}        <DomainRequired>off</DomainRequired>\n").ok();
    write!(out, "        <SPA>off</SPA>\n        <SSL>on</SSL>\n        <Encryption>{encryption}</Encryption>\n").ok();
    out.push_str("        <AuthRequired>on</AuthRequired>\n      </Protocol>\n");
    out
}
