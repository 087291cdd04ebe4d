//! Which authorities the listeners name when they ask for a certificate: none to operators, because a `GnuTLS` client
//! (Debian's Exim) sends nothing if its own is not among them; "organisations" alone to people's programs, so that
//! nobody is asked for his professional card.

use std::process::Command;

use anyhow::{Context, ensure};
use e2e::command::{fed, said};
use e2e::{Outcome, Sandbox};

pub(crate) fn a_gnutls_client_shows_its_certificate_to_operators() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let peer = sandbox.peer("listed")?;
    let mut command = Command::new("gnutls-cli");
    command.args(["--starttls-proto=smtp", "--verbose", "--port"]).arg(sandbox.operator("pro")?.ports.smtp.to_string());
    command.arg("--x509cafile").arg(sandbox.ca()).arg("--x509certfile").arg(sandbox.path(&peer.certificate));
    command.arg("--x509keyfile").arg(sandbox.path(&peer.key)).arg("localhost");
    let mail = format!("EHLO client.test\r\nMAIL FROM:<{}>\r\nQUIT\r\n", sandbox.peer_address()?);
    let text = said(&fed(&mut command, mail.as_bytes())?);
    ensure!(text.contains("did not send us any trusted authorities names"), "{text}");
    ensure!(text.contains("Successfully sent 2 certificate(s)"), "the leaf and its authority were not sent: {text}");
    ensure!(text.contains("250 2.1.0"), "MAIL was not accepted: {text}");
    Ok(())
}

pub(crate) fn operators_get_no_hints() -> Outcome {
    let text = seen_by_openssl("smtp")?;
    ensure!(text.contains("No client certificate CA names sent"), "{text}");
    // It is asked for all the same.
    ensure!(text.contains("Client Certificate Types") || text.contains("Requested Signature Algorithms"), "{text}");
    Ok(())
}

pub(crate) fn clients_are_asked_for_an_organisation_and_for_no_person() -> Outcome {
    for listener in ["submission", "submissions", "imap", "imaps"] {
        let text = seen_by_openssl(listener)?;
        if text.contains("No client certificate CA names sent") {
            let asked = text.contains("Requested Signature Algorithms");
            ensure!(!asked, "{listener} asks for a certificate without a hint: {text}");
            continue;
        }
        let (_, hints) = text.split_once("Acceptable client certificate CA names").context("no hints")?;
        let names: Vec<&str> = hints.lines().skip(1).take_while(|line| line.contains("CN = ")).collect();
        ensure!(names.len() == 1 && names[0].contains("ORGANISATIONS"), "{listener}: {names:?}");
    }
    let text = seen_by_openssl("submission")?;
    ensure!(text.contains("Acceptable client certificate CA names"), "an application could not sign in: {text}");
    Ok(())
}

fn seen_by_openssl(name: &str) -> anyhow::Result<String> {
    let sandbox = Sandbox::shared()?;
    let listeners = sandbox.operator("pro")?.ports.listeners();
    let listener = listeners.into_iter().find(|listener| listener.name == name).context("no such listener")?;
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{}", listener.port)]);
    command.args(listener.starttls.iter().flat_map(|protocol| ["-starttls", protocol]));
    Ok(said(&fed(&mut command, b"")?))
}
