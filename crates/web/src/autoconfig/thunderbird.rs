//! `clientConfig` 1.1, the format of Thunderbird, which other mail programs read too.

use std::fmt::Write as _;

use pli_types::Domain;

use super::{Autoconfig, MailDoor, MailProtocol, escaped};

/// What is told of a domain. Programs put the address in for `%EMAILADDRESS%` themselves.
pub(super) fn answer(known: &Autoconfig, domain: &Domain) -> String {
    let domain = escaped(domain.as_str());
    let servers: String = known.doors.iter().map(|door| server(known, *door)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <clientConfig version=\"1.1\">\n\
         \u{20} <emailProvider id=\"{domain}\">\n\
         \u{20}   <domain>{domain}</domain>\n\
         \u{20}   <displayName>{domain}</displayName>\n\
         \u{20}   <displayShortName>{domain}</displayShortName>\n\
         {servers}\
         \u{20} </emailProvider>\n\
         </clientConfig>\n"
    )
}

fn server(known: &Autoconfig, door: MailDoor) -> String {
    let (element, kind) = match door.protocol {
        MailProtocol::Imap => ("incomingServer", "imap"),
        MailProtocol::Submission => ("outgoingServer", "smtp"),
    };
    let socket = if door.starttls { "STARTTLS" } else { "SSL" };
    let (host, port) = (escaped(&known.host), door.port);
    let mut out = format!("    <{element} type=\"{kind}\">\n      <hostname>{host}</hostname>\n");
    write!(out, "      <port>{port}</port>\n      <socketType>{socket}</socketType>\n").ok();
    // The best first: a program takes the first that it knows. A password goes under TLS in either case.
    let ways: &[&str] = if known.tokens { &["OAuth2", "password-cleartext"] } else { &["password-cleartext"] };
    for way in ways {
        writeln!(out, "      <authentication>{way}</authentication>").ok();
    }
    write!(out, "      <username>%EMAILADDRESS%</username>\n    </{element}>\n").ok();
    out
}
