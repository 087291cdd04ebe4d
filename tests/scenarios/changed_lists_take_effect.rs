//! A changed trust list or revocation list is in force within two seconds, also on a connection that is open.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, wait};

fn await_refusal(smtp: &mut Smtp, from: &str, reason: &str) -> Outcome {
    wait::until(reason, Duration::from_secs(10), || {
        let reply = smtp.command(&format!("MAIL FROM:<{from}>"))?;
        if reply.code == 250 {
            smtp.command("RSET")?.expect(250)?;
            return Ok(None);
        }
        reply.expect_reason(550, reason).map(Some)
    })?;
    Ok(())
}

pub(crate) fn a_domain_that_leaves_the_list_is_refused() -> Outcome {
    let sandbox = Sandbox::start()?;
    let from = format!("cabinet@{}", sandbox.peer("listed")?.domain);
    let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
    smtp.command(&format!("MAIL FROM:<{from}>"))?.expect(250)?;
    smtp.command("RSET")?.expect(250)?;
    let file = sandbox.path(&sandbox.description().whitelist);
    let list = std::fs::read_to_string(&file)?;
    let date = between(&list, "<DateDeGeneration>", "</DateDeGeneration>").context("no date")?;
    let changed = list
        .replace(&format!("<DateDeGeneration>{date}"), "<DateDeGeneration>2099-01-01T00:00:00Z")
        .replace(&format!("<Nom>{}</Nom>", sandbox.peer("listed")?.domain), "<Nom>parti.mssante.fr</Nom>");
    ensure!(changed != list, "the list was not changed");
    let next = file.with_extension("next");
    std::fs::write(&next, changed)?;
    std::fs::rename(&next, &file)?;
    await_refusal(&mut smtp, &from, "sender-domain-not-listed")
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(inside, _)| inside)
}

/// The certificate of the listed peer is revoked with the sandbox's own authority, by OpenSSL.
pub(crate) fn a_certificate_revoked_while_running_is_refused() -> Outcome {
    let sandbox = Sandbox::start()?;
    let from = format!("cabinet@{}", sandbox.peer("listed")?.domain);
    let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
    smtp.command(&format!("MAIL FROM:<{from}>"))?.expect(250)?;
    smtp.command("RSET")?.expect(250)?;
    revoke(&sandbox)?;
    await_refusal(&mut smtp, &from, "certificate-revoked")
}

fn revoke(sandbox: &Sandbox) -> Outcome {
    let folder = sandbox.dir().join("revoke");
    std::fs::create_dir(&folder)?;
    std::fs::write(folder.join("index.txt"), "")?;
    std::fs::write(folder.join("crlnumber"), "1000\n")?;
    let config = "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=7\n\
                  crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n";
    std::fs::write(folder.join("ca.cnf"), config)?;
    let authority = sandbox.dir().join("pki/organisations.pem");
    let key = sandbox.dir().join("pki/organisations.key");
    let peer = sandbox.path(&sandbox.peer("listed")?.certificate);
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .args(["ca", "-config", "ca.cnf", "-cert"])
            .arg(&authority)
            .arg("-keyfile")
            .arg(&key)
            .args(arguments)
            .current_dir(&folder)
            .output()?;
        ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    openssl(&["-revoke", &peer.to_string_lossy()])?;
    openssl(&["-gencrl", "-out", "new.pem"])?;
    // The new list of "organisations" takes the place of the old ones; the others' stay behind it.
    let file = sandbox.path(&sandbox.description().crl);
    let fresh = std::fs::read_to_string(folder.join("new.pem"))?;
    let ours = issuer(&fresh)?;
    let mut lists = vec![fresh];
    for list in std::fs::read_to_string(&file)?.split_inclusive("-----END X509 CRL-----\n") {
        if list.contains("BEGIN") && issuer(list)? != ours {
            lists.push(list.to_owned());
        }
    }
    let next = file.with_extension("next");
    std::fs::write(&next, lists.concat())?;
    std::fs::rename(&next, &file)?;
    Ok(())
}

fn issuer(crl: &str) -> anyhow::Result<String> {
    use std::io::Write as _;
    let mut child = Command::new("openssl")
        .args(["crl", "-noout", "-issuer"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    child.stdin.take().context("no input")?.write_all(crl.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "openssl crl: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}
