//! No TLS session is resumed, so that no check is ever skipped: who he is, and whether he is still listed and not
//! revoked, is asked of every connection anew.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::authority::{Authority, Issued};
use e2e::command::{fed, said};
use e2e::description::Listener;
use e2e::{Outcome, Sandbox, wait};

/// Six connections with what the first one left behind, then one with a session kept in a file.
pub(crate) fn no_listener_resumes_a_session() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let peer = sandbox.peer("listed")?;
    let identity = Issued { certificate: sandbox.path(&peer.certificate), key: sandbox.path(&peer.key) };
    let folder = tempfile::tempdir()?;
    for listener in sandbox.operator("pro")?.ports.listeners() {
        for version in ["-tls1_2", "-tls1_3"] {
            let text = s_client(listener, &identity, &[version, "-reconnect"], b"")?;
            ensure!(text.matches("New, TLSv1").count() >= 5, "{} {version}: {text}", listener.name);
            ensure!(!text.contains("Reused, "), "{} {version} resumed: {text}", listener.name);

            let file = folder.path().join(format!("{}{version}", listener.name));
            let kept = file.display().to_string();
            s_client(listener, &identity, &[version, "-sess_out", &kept], goodbye(listener))?;
            // With TLS 1.3 a session is a ticket, and a server that sends none leaves nothing to keep.
            if file.exists() {
                let text = s_client(listener, &identity, &[version, "-sess_in", &kept], goodbye(listener))?;
                ensure!(text.contains("New, TLSv1"), "{} {version}: {text}", listener.name);
            }
        }
    }
    Ok(())
}

/// What the two tests above and below would see, were a session resumed: OpenSSL's own server does it.
pub(crate) fn the_client_would_resume_if_it_could() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let peer = sandbox.peer("listed")?;
    let identity = Issued { certificate: sandbox.path(&peer.certificate), key: sandbox.path(&peer.key) };
    let port = pli_port()?;
    let mut server = Command::new("openssl")
        .args(["s_server", "-quiet", "-accept", &port.to_string(), "-cert"])
        .arg(&identity.certificate)
        .arg("-key")
        .arg(&identity.key)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let listener = Listener { name: "openssl", port, starttls: None };
    let seen = wait::until("OpenSSL's server", Duration::from_secs(10), || {
        let text = s_client(listener, &identity, &["-tls1_2", "-reconnect"], b"")?;
        Ok(text.contains("New, TLSv1").then_some(text))
    });
    server.kill()?;
    server.wait()?;
    let text = seen?;
    ensure!(text.contains("Reused, TLSv1"), "OpenSSL's own server resumed nothing: {text}");
    Ok(())
}

/// A peer that kept its session from before it was revoked.
pub(crate) fn a_revoked_peer_with_a_kept_session_is_refused() -> Outcome {
    let sandbox = Sandbox::start()?;
    let peer = sandbox.peer("listed")?;
    let identity = Issued { certificate: sandbox.path(&peer.certificate), key: sandbox.path(&peer.key) };
    let listener = sandbox.operator("pro")?.ports.listeners()[0];
    let mail = format!("EHLO client.test\r\nMAIL FROM:<{}>\r\nQUIT\r\n", sandbox.peer_address()?);
    let kept = |version: &str| sandbox.dir().join(format!("session{version}"));
    for version in ["-tls1_2", "-tls1_3"] {
        let file = kept(version).display().to_string();
        let text = s_client(listener, &identity, &[version, "-sess_out", &file], mail.as_bytes())?;
        ensure!(text.contains("250 2.1.0"), "not accepted before: {text}");
    }
    let list =
        Authority::of(sandbox.dir(), "organisations")?.revocation_list(&[&identity.certificate], 7 * 24 * 3600)?;
    Authority::publish(&list, &sandbox.path(&sandbox.description().crl))?;
    for version in ["-tls1_2", "-tls1_3"] {
        let file = kept(version).display().to_string();
        let session = if Path::new(&file).exists() { vec!["-sess_in", &*file] } else { Vec::new() };
        wait::until("the refusal", Duration::from_secs(10), || {
            let arguments = [&[version], session.as_slice()].concat();
            let text = s_client(listener, &identity, &arguments, mail.as_bytes())?;
            ensure!(!text.contains("Reused, "), "resumed: {text}");
            Ok(text.contains("[certificate-revoked]").then_some(()))
        })?;
    }
    Ok(())
}

fn goodbye(listener: Listener) -> &'static [u8] {
    if listener.name.starts_with("imap") { b"a LOGOUT\r\n" } else { b"QUIT\r\n" }
}

/// Everything that `openssl s_client` prints. It goes on until the server closes, or ends with its input if that is empty.
fn s_client(listener: Listener, identity: &Issued, arguments: &[&str], input: &[u8]) -> anyhow::Result<String> {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{}", listener.port), "-cert_chain"]);
    command.arg(&identity.certificate).arg("-cert").arg(&identity.certificate).arg("-key").arg(&identity.key);
    command.args(listener.starttls.iter().flat_map(|protocol| ["-starttls", protocol])).args(arguments);
    if !input.is_empty() {
        command.arg("-ign_eof");
    }
    let output = fed(&mut command, input).context("openssl s_client")?;
    Ok(said(&output))
}

/// A port that was free a moment ago.
fn pli_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
