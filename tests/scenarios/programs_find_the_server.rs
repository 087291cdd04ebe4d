//! A mail program that knows nothing but its user's address finds the server and signs in (spec §4.1, scenario 35). It
//! reads what it is told with an XML parser, as the programs do, and tries every door that it is told of.

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::imap::Imap;
use e2e::smtp::Smtp;
use e2e::wire::{Identity, Wire};
use e2e::{Outcome, Sandbox};
use roxmltree::{Document, Node};

/// A door, as a program understands it.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    protocol: &'static str,
    host: String,
    port: u16,
    starttls: bool,
}

pub(crate) fn thunderbird_signs_in_where_it_is_told() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    let path = format!("/mail/config-v1.1.xml?emailaddress={}", pharmacy.address.replace('@', "%40"));
    for path in [path.clone(), format!("/.well-known/autoconfig{path}")] {
        let (status, body) = http(&sandbox, "pro", &format!("GET {path} HTTP/1.1"), "")?;
        ensure!(status == 200, "{status}: {body}");
        let document = Document::parse(&body)?;
        let mut doors = Vec::new();
        for (element, protocol) in [("incomingServer", "imap"), ("outgoingServer", "smtp")] {
            for server in document.descendants().filter(|node| node.has_tag_name(element)) {
                ensure!(server.attribute("type") == Some(protocol), "{body}");
                ensure!(child(server, "username")? == "%EMAILADDRESS%", "{body}");
                ensure!(child(server, "authentication")? == "password-cleartext", "{body}");
                let starttls = child(server, "socketType")? == "STARTTLS";
                let (host, port) = (child(server, "hostname")?.to_owned(), child(server, "port")?.parse()?);
                doors.push(Told { protocol, host, port, starttls });
            }
        }
        each_door_lets_in(&sandbox, &doors, &pharmacy.address, &pharmacy.password)?;
    }
    Ok(())
}

pub(crate) fn outlook_signs_in_where_it_is_told() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    for path in ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"] {
        let (status, body) = outlook(&sandbox, path, &pharmacy.address)?;
        ensure!(status == 200, "{status}: {body}");
        let document = Document::parse(&body)?;
        let mut doors = Vec::new();
        for protocol in document.descendants().filter(|node| node.tag_name().name() == "Protocol") {
            ensure!(child(protocol, "LoginName")? == pharmacy.address, "{body}");
            ensure!(child(protocol, "SSL")? == "on" && child(protocol, "SPA")? == "off", "{body}");
            doors.push(Told {
                protocol: if child(protocol, "Type")? == "IMAP" { "imap" } else { "smtp" },
                host: child(protocol, "Server")?.to_owned(),
                port: child(protocol, "Port")?.parse()?,
                starttls: child(protocol, "Encryption")? == "TLS",
            });
        }
        each_door_lets_in(&sandbox, &doors, &pharmacy.address, &pharmacy.password)?;
    }
    Ok(())
}

/// Whether a mailbox exists is told to nobody: the answer depends on the domain alone.
pub(crate) fn of_no_other_domain_is_anything_told() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let pharmacy = &sandbox.account("pro", "ORG")?.address;
    let nobody = format!("personne@{}", pharmacy.split('@').next_back().unwrap_or_default());
    let ask = |address: &str| {
        let address = address.replace('@', "%40").replace('<', "%3C").replace('>', "%3E");
        let path = format!("/mail/config-v1.1.xml?emailaddress={address}");
        http(&sandbox, "pro", &format!("GET {path} HTTP/1.1"), "")
    };
    ensure!(ask(pharmacy)? == ask(&nobody)?, "the answer tells whether the mailbox exists");
    let elsewhere = &sandbox.account("elsewhere", "PER")?.address;
    for address in [elsewhere.as_str(), "x@gmail.com", "<script>@x.fr", ""] {
        let (status, body) = ask(address)?;
        ensure!(status == 404, "{address}: {status} {body}");
        let (status, body) = outlook(&sandbox, "/autodiscover/autodiscover.xml", address)?;
        ensure!(status == 404 || status == 400, "{address}: {status} {body}");
        ensure!(address.is_empty() || !body.contains(address), "it is repeated: {body}");
    }
    Ok(())
}

/// Both protocols, under TLS from the first byte and by STARTTLS, with the server's own name.
fn each_door_lets_in(sandbox: &Sandbox, doors: &[Told], name: &str, password: &str) -> Outcome {
    let kinds: Vec<_> = doors.iter().map(|door| (door.protocol, door.starttls)).collect();
    ensure!(kinds == [("imap", false), ("imap", true), ("smtp", false), ("smtp", true)], "{doors:?}");
    let (server_name, ca) = (&sandbox.operator("pro")?.server_name, sandbox.ca());
    let identity = Identity { ca: &ca, client: None };
    for Told { protocol, host, port, starttls } in doors {
        ensure!(host == server_name, "{host} is not {server_name}");
        if *protocol == "imap" {
            let mut imap = if *starttls { Imap::connect_starttls(*port, &ca) } else { Imap::connect_tls(*port, &ca) }?;
            imap.command(&format!("LOGIN {name} \"{password}\""))?;
        } else {
            let mut smtp =
                if *starttls { Smtp::connect_starttls(*port, identity) } else { Smtp::connect_tls(*port, identity) }?;
            let token = BASE64_STANDARD.encode(format!("\0{name}\0{password}"));
            smtp.command(&format!("AUTH PLAIN {token}"))?.expect(235)?;
        }
    }
    Ok(())
}

fn outlook(sandbox: &Sandbox, path: &str, address: &str) -> anyhow::Result<(u16, String)> {
    let address = address.replace('<', "&lt;").replace('>', "&gt;");
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n\
         <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\">\
         <Request><EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>\
         http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\
         </AcceptableResponseSchema></Request></Autodiscover>"
    );
    http(sandbox, "pro", &format!("POST {path} HTTP/1.1"), &body)
}

/// One request over HTTPS: its status and body.
fn http(sandbox: &Sandbox, operator: &str, request: &str, body: &str) -> anyhow::Result<(u16, String)> {
    let mut wire = Wire::connect(sandbox.operator(operator)?.ports.http)?;
    wire.start_tls(Identity { ca: &sandbox.ca(), client: None })?;
    let head = format!(
        "{request}\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    wire.send(format!("{head}{body}").as_bytes())?;
    let reply = wire.to_end();
    let (head, body) = reply.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}

fn child<'a>(node: Node<'a, 'a>, name: &str) -> anyhow::Result<&'a str> {
    let found = node.children().find(|child| child.tag_name().name() == name);
    found.and_then(|child| child.text()).with_context(|| format!("no {name}"))
}
