//! The mail programs that people have, each by each method of signing in that it knows (spec §4.1): by password, by token
//! (XOAUTH2, OAUTHBEARER), by certificate (EXTERNAL, spec scenario 34).

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::command::{fed, said, succeed};
use e2e::imap::Imap;
use e2e::{Outcome, Sandbox, message, need};

use crate::token_stage::{self, DOCTOR, OPERATOR, Stage};

/// A file that holds a secret: programs refuse one that others can read.
fn secret_file(folder: &Path, name: &str, content: &str) -> Result<PathBuf> {
    let file = folder.join(name);
    std::fs::write(&file, content)?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// The doctor at his desk, with his password and a fresh token in files.
struct Desk {
    folder: tempfile::TempDir,
    address: String,
    password: PathBuf,
    token: PathBuf,
}

impl Desk {
    fn of(stage: &Stage) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let account = stage.sandbox.account(OPERATOR, "PER")?;
        let password = secret_file(folder.path(), "password", &account.password)?;
        let token = secret_file(folder.path(), "token", &stage.issuer.token(DOCTOR)?)?;
        Ok(Self { folder, address: stage.doctor.clone(), password, token })
    }

    /// What a method shows: the token, or else the password.
    fn secret(&self, method: &str) -> &Path {
        if method.to_ascii_lowercase().contains("oauth") { &self.token } else { &self.password }
    }

    /// A letter to himself.
    fn letter(&self, marker: &str) -> Vec<u8> {
        message::letter(&self.address, &self.address, marker)
    }
}

/// What was sent has come.
fn arrived(stage: &Stage, marker: &str) -> Outcome {
    let account = stage.sandbox.account(OPERATOR, "PER")?;
    Imap::signed_in(&stage.sandbox, OPERATOR, &account.address, &account.password)?.await_message(marker).map(drop)
}

/// The program of the hospital's APP mailbox: its address, certificate and key.
fn application(sandbox: &Sandbox) -> Result<(String, PathBuf, PathBuf)> {
    let account = sandbox.account("pro", "APP")?;
    let file = |file: &Option<PathBuf>| Ok::<_, anyhow::Error>(sandbox.path(file.as_deref().context("no file")?));
    Ok((account.address.clone(), file(&account.certificate)?, file(&account.key)?))
}

/// A message that a program can fetch, and its marker.
fn waiting_letter(stage: &Stage, desk: &Desk) -> Result<String> {
    let account = stage.sandbox.account(OPERATOR, "PER")?;
    let marker = message::marker();
    let mut smtp = e2e::smtp::Smtp::signed_in(&stage.sandbox, OPERATOR, &account.address, &account.password)?;
    smtp.send(&desk.address, &[&desk.address], &desk.letter(&marker))?.expect(250)?;
    arrived(stage, &marker)?;
    Ok(marker)
}

pub(crate) fn msmtp_by_each_method() -> Outcome {
    let stage = token_stage::shared()?;
    let desk = Desk::of(&stage)?;
    let ports = &stage.sandbox.operator(OPERATOR)?.ports;
    let ca = stage.sandbox.ca();
    let send = |settings: &str, from: &str, to: &str, letter: &[u8]| -> Outcome {
        let file =
            secret_file(desk.folder.path(), "msmtprc", &format!("account a\nhost localhost\ntls on\n{settings}"))?;
        let output = fed(Command::new("msmtp").arg("-C").arg(file).args(["-a", "a", "-f", from, to]), letter)?;
        ensure!(output.status.success(), "msmtp with {settings}: {}", said(&output));
        Ok(())
    };
    for method in ["plain", "login", "xoauth2", "oauthbearer"] {
        for (port, starttls) in [(ports.submission, "on"), (ports.submissions, "off")] {
            let marker = message::marker();
            let settings = format!(
                "port {port}\ntls_starttls {starttls}\ntls_trust_file {}\nuser {}\nauth {method}\npasswordeval \"cat {}\"\n",
                ca.display(),
                desk.address,
                desk.secret(method).display(),
            );
            send(&settings, &desk.address, &desk.address, &desk.letter(&marker))?;
            arrived(&stage, &marker)?;
        }
    }
    let (address, certificate, key) = application(&stage.sandbox)?;
    let marker = message::marker();
    let settings = format!(
        "port {}\ntls_starttls on\ntls_trust_file {}\ntls_cert_file {}\ntls_key_file {}\nuser {address}\nauth external\n",
        stage.sandbox.operator("pro")?.ports.submission,
        ca.display(),
        certificate.display(),
        key.display(),
    );
    send(&settings, &address, &desk.address, &message::letter(&address, &desk.address, &marker))?;
    arrived(&stage, &marker)
}

pub(crate) fn getmail_by_each_method() -> Outcome {
    let stage = token_stage::shared()?;
    let desk = Desk::of(&stage)?;
    let marker = waiting_letter(&stage, &desk)?;
    let account = stage.sandbox.account(OPERATOR, "PER")?;
    let password = format!("password = {}", account.password);
    let token = format!("use_xoauth2 = true\npassword_command = (\"cat\", \"{}\")", desk.token.display());
    for (method, proof) in [("password", password), ("xoauth2", token)] {
        let folder = desk.folder.path().join(format!("by-{method}"));
        for part in ["", "state", "mail", "mail/new", "mail/cur", "mail/tmp"] {
            std::fs::create_dir(folder.join(part))?;
        }
        // It delivers nothing as root.
        let mut user = "";
        if need::is_root() {
            user = "user = nobody";
            let mut chown = Command::new("chown");
            succeed(chown.args(["-R", "nobody"]).arg(folder.join("mail")))?;
            std::fs::set_permissions(desk.folder.path(), std::fs::Permissions::from_mode(0o755))?;
        }
        let settings = format!(
            "[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = localhost\nport = {}\nusername = {}\n{proof}\n\
             ca_certs = {}\nmailboxes = (\"INBOX\",)\n[destination]\ntype = Maildir\npath = {}/\n{user}\n\
             [options]\nread_all = true\ndelete = false\ndelivered_to = false\nreceived = false\n",
            stage.sandbox.operator(OPERATOR)?.ports.imaps,
            desk.address,
            stage.sandbox.ca().display(),
            folder.join("mail").display(),
        );
        let own = folder.join("state");
        secret_file(&own, "rc", &settings)?;
        let output = Command::new("getmail").arg("--getmaildir").arg(&own).args(["--rcfile", "rc"]).output()?;
        ensure!(output.status.success(), "getmail by {method}: {}", said(&output));
        let found = std::fs::read_dir(folder.join("mail/new"))?
            .map(|entry| Ok(std::fs::read(entry?.path())?))
            .collect::<Result<Vec<_>>>()?;
        ensure!(
            found.iter().any(|letter| e2e::imap::holds(letter, &marker)),
            "getmail by {method} brought {} messages, without the one: {}",
            found.len(),
            said(&output)
        );
    }
    Ok(())
}

pub(crate) fn mutt_by_each_method() -> Outcome {
    let stage = token_stage::shared()?;
    let desk = Desk::of(&stage)?;
    let ports = &stage.sandbox.operator(OPERATOR)?.ports;
    let (home, address, ca) = (desk.folder.path(), &desk.address, stage.sandbox.ca().display().to_string());
    let (token, password) = (desk.token.display(), std::fs::read_to_string(&desk.password)?);
    for method in ["plain", "login", "xoauth2", "oauthbearer"] {
        let settings = format!(
            "set from=\"{address}\" use_from=yes envelope_from_address=\"{address}\" use_envelope_from=yes\n\
             set certificate_file=\"{ca}\" ssl_ca_certificates_file=\"{ca}\" ssl_force_tls=yes ssl_starttls=yes\n\
             set smtp_url=\"smtp://{address}@localhost:{}/\" imap_user=\"{address}\"\n\
             set smtp_authenticators=\"{method}\" imap_authenticators=\"{method}\"\n\
             set smtp_pass=\"{password}\" imap_pass=\"{password}\"\n\
             set smtp_oauth_refresh_command=\"cat {token}\" imap_oauth_refresh_command=\"cat {token}\"\n\
             set hostname=\"desk.test\" copy=no quit=yes delete=no wait_key=no mbox_type=mbox\n\
             set confirmcreate=no confirmappend=no\n",
            ports.submission,
        );
        let file = secret_file(home, "muttrc", &settings)?;
        let marker = message::marker();
        let mut send = Command::new("mutt");
        send.env("HOME", home).arg("-F").arg(&file).args(["-s", &marker, "--", address]);
        let output = fed(&mut send, b"Courrier.\n")?;
        ensure!(output.status.success(), "mutt by {method}: {}", said(&output));
        arrived(&stage, &marker)?;
        // Reading wants a terminal; `script` is one.
        let saved = home.join(format!("saved-{method}"));
        let keys = format!("<limit>~s {marker}<enter><copy-message>{}<enter><quit>", saved.display());
        for (scheme, port) in [("imap", ports.imap), ("imaps", ports.imaps)] {
            let read = format!("mutt -F {} -f {scheme}://localhost:{port}/INBOX -e 'push \"{keys}\"'", file.display());
            // Other programs use the mailbox meanwhile: mail that comes in while mutt looks moves its cursor.
            e2e::wait::until(&format!("mutt by {method} over {scheme}"), Duration::from_mins(1), || {
                std::fs::remove_file(&saved).ok();
                let mut terminal = Command::new("timeout");
                terminal.env("HOME", home).env("TERM", "xterm");
                terminal.args(["60", "script", "--quiet", "--return", "--command"]);
                let output = terminal.arg(&read).arg("/dev/null").output()?;
                let kept = std::fs::read_to_string(&saved)
                    .with_context(|| format!("mutt by {method} over {scheme} saved nothing: {}", said(&output)))?;
                Ok(kept.contains(&marker).then_some(()))
            })?;
        }
    }
    Ok(())
}

pub(crate) fn curl_by_each_method() -> Outcome {
    let stage = token_stage::shared()?;
    let desk = Desk::of(&stage)?;
    let (ports, token) = (&stage.sandbox.operator(OPERATOR)?.ports, std::fs::read_to_string(&desk.token)?);
    let curl = |arguments: &[&str], url: String| -> Result<Vec<u8>> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--ssl-reqd", "--max-time", "30", "--cacert"]);
        succeed(curl.arg(stage.sandbox.ca()).args(arguments).arg(url))
    };
    for method in ["XOAUTH2", "OAUTHBEARER"] {
        let marker = message::marker();
        let letter = secret_file(desk.folder.path(), "letter.eml", &String::from_utf8(desk.letter(&marker))?)?;
        let (options, user) = (format!("AUTH={method}"), format!("{}:", desk.address));
        let proof = ["--login-options", &options, "--user", &user, "--oauth2-bearer", &token];
        let envelope = ["--mail-from", &desk.address, "--mail-rcpt", &desk.address, "--upload-file"];
        let file = letter.display().to_string();
        let arguments = [&proof[..], &envelope, &[file.as_str()]].concat();
        curl(&arguments, format!("smtps://localhost:{}", ports.submissions))?;
        arrived(&stage, &marker)?;
        let found = curl(&proof, format!("imap://localhost:{}/INBOX?TEXT%20{marker}", ports.imap))?;
        let found = String::from_utf8_lossy(&found).into_owned();
        ensure!(found.trim_end().strip_prefix("* SEARCH ").is_some_and(|numbers| !numbers.is_empty()), "{found}");
    }
    let (address, certificate, key) = application(&stage.sandbox)?;
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let (user, port) = (format!("{address}:"), stage.sandbox.operator("pro")?.ports.imaps);
    let arguments = ["--login-options", "AUTH=EXTERNAL", "--user", &user, "--cert", &certificate, "--key", &key];
    curl(&arguments, format!("imaps://localhost:{port}/INBOX?ALL")).map(drop)
}

pub(crate) fn python_by_each_method() -> Outcome {
    let stage = token_stage::shared()?;
    let desk = Desk::of(&stage)?;
    let (application, certificate, key) = application(&stage.sandbox)?;
    let (doctors, hospital) = (&stage.sandbox.operator(OPERATOR)?.ports, &stage.sandbox.operator("pro")?.ports);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/each_method.py");
    let mut python = Command::new("python3");
    python.arg(script).arg(stage.sandbox.ca()).arg(&desk.address).args([&desk.password, &desk.token]);
    python.args([doctors.submission, doctors.submissions, doctors.imap, doctors.imaps].map(|port| port.to_string()));
    python.arg(&application).args([&certificate, &key]);
    python.args([hospital.submission, hospital.imaps].map(|port| port.to_string()));
    succeed(&mut python).map(drop)
}

pub(crate) fn mbsync_by_certificate() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let (address, certificate, key) = application(&sandbox)?;
    let folder = tempfile::tempdir()?;
    let mail = folder.path().join("mail");
    std::fs::create_dir(&mail)?;
    let settings = format!(
        "IMAPStore far\nHost localhost\nPort {}\nUser {address}\nAuthMechs EXTERNAL\nSSLType IMAPS\n\
         CertificateFile {}\nClientCertificate {}\nClientKey {}\n\nMaildirStore near\nPath {mail}/\nInbox {mail}/INBOX\n\
         SubFolders Verbatim\n\nChannel all\nFar :far:\nNear :near:\nPatterns *\nCreate Near\nSyncState *\n",
        sandbox.operator("pro")?.ports.imaps,
        sandbox.ca().display(),
        certificate.display(),
        key.display(),
        mail = mail.display(),
    );
    let file = secret_file(folder.path(), "mbsyncrc", &settings)?;
    succeed(Command::new("mbsync").arg("-c").arg(file).arg("all"))?;
    ensure!(mail.join("Sent").is_dir(), "nothing was mirrored");
    Ok(())
}

/// What Thunderbird asks of a server, in its order: signing in, folders, a new letter, its headers and body, a flag, the
/// copy in "Sent", a folder of its own, a letter moved there and thrown away, waiting for mail.
pub(crate) fn a_thunderbird_works_through_a_day() -> Outcome {
    const FIELDS: &str = "From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To \
                          Content-Type Reply-To";
    let stage = token_stage::shared()?;
    let desk = Desk::of(&stage)?;
    let account = stage.sandbox.account(OPERATOR, "PER")?;
    let password = base64_plain(&account.address, &account.password);
    let token = token_stage::response("XOAUTH2", &desk.address, &std::fs::read_to_string(&desk.token)?);
    for (way, sign_in) in [("PLAIN", password), ("XOAUTH2", token)] {
        let marker = waiting_letter(&stage, &desk)?;
        let mut imap = Imap::connect_tls(stage.sandbox.operator(OPERATOR)?.ports.imaps, &stage.sandbox.ca())?;
        imap.command("CAPABILITY")?;
        imap.command(&format!("AUTHENTICATE {way} {sign_in}"))?;
        imap.command(r#"ID ("name" "Thunderbird" "version" "128.5.0")"#)?;
        imap.command("NAMESPACE")?;
        imap.command(r#"LSUB "" "*""#)?;
        imap.command(r#"LIST "" "*" RETURN (SPECIAL-USE)"#)?;
        imap.command(r#"LIST "" "INBOX""#)?;
        imap.command(r#"SELECT "INBOX""#)?;
        imap.command("UID FETCH 1:* (FLAGS)")?;
        let found = imap.command(&format!("UID SEARCH TEXT {marker}"))?.lines.join(" ");
        let uid = found.split_whitespace().last().context("no UID")?.to_owned();
        imap.command(&format!("UID FETCH {uid} (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ({FIELDS})])"))?;
        let whole = imap.command(&format!("UID FETCH {uid} (UID RFC822.SIZE BODY.PEEK[])"))?.literals;
        ensure!(whole.iter().any(|letter| e2e::imap::holds(letter, &marker)), "the letter was not read by {way}");
        imap.command(&format!(r"UID STORE {uid} +FLAGS (\Seen)"))?;
        let copy = desk.letter(&marker);
        imap.append("Sent", r"(\Seen)", &copy)?;
        let folder = format!("Classés/{way}");
        let encoded = format!("Class&AOk-s/{way}");
        imap.command(&format!(r#"CREATE "{encoded}""#)).with_context(|| folder.clone())?;
        imap.command(&format!(r#"SUBSCRIBE "{encoded}""#))?;
        imap.command(&format!(r#"UID MOVE {uid} "{encoded}""#))?;
        let listed = imap.command(&format!(r#"STATUS "{encoded}" (UIDNEXT MESSAGES UNSEEN RECENT)"#))?.lines.join(" ");
        ensure!(listed.contains("MESSAGES 1") && listed.contains("UNSEEN 0"), "{listed}");
        imap.command("NOOP")?;
        imap.command("CHECK")?;
        imap.wire.send(b"idle IDLE\r\n")?;
        ensure!(imap.wire.line()?.starts_with('+'), "no IDLE");
        let news = waiting_letter(&stage, &desk)?;
        ensure!(imap.wire.line()?.ends_with("EXISTS"), "the new letter {news} was not told");
        imap.wire.send(b"DONE\r\n")?;
        while !imap.wire.line()?.starts_with("idle OK") {}
        imap.command("LOGOUT")?;
    }
    Ok(())
}

fn base64_plain(name: &str, password: &str) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(format!("\0{name}\0{password}"))
}
