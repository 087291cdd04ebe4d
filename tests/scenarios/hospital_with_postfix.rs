//! A hospital's own Postfix: it relays a letter through Pli with its client certificate, and receives one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::imap::{Imap, holds};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, message, wait};

/// A Postfix of the test's own: its configuration, queue and mail below a temporary folder.
struct Postfix {
    folder: tempfile::TempDir,
}

impl Postfix {
    /// Listens where the sandbox hands the hospital's mail, with the hospital's certificate; sends everything to Pli.
    fn start(sandbox: &Sandbox) -> Result<Self> {
        let connector = sandbox.connector()?;
        let folder = tempfile::Builder::new().prefix("pli-e2e-postfix-").tempdir()?;
        let at = folder.path();
        std::fs::set_permissions(at, std::fs::Permissions::from_mode(0o755))?;
        for (name, owner) in [("config", "root"), ("queue", "root"), ("data", "postfix"), ("mail", "nobody")] {
            std::fs::create_dir(at.join(name))?;
            run(Command::new("chown").arg(owner).arg(at.join(name)))?;
        }
        for (from, to) in [(&connector.certificate, "cert.pem"), (&connector.key, "key.pem")] {
            std::fs::copy(sandbox.path(from), at.join("config").join(to))?;
        }
        std::fs::copy(sandbox.ca(), at.join("config/ca.pem"))?;
        std::fs::write(at.join("config/main.cf"), main_cf(sandbox, at)?)?;
        std::fs::write(at.join("config/master.cf"), master_cf(connector.port))?;
        let postfix = Self { folder };
        postfix.run("start")?;
        wait::until("Postfix to listen", Duration::from_secs(20), || Ok(Smtp::connect(connector.port).ok()))?;
        Ok(postfix)
    }

    fn run(&self, verb: &str) -> Outcome {
        run(Command::new("postfix").arg("-c").arg(self.folder.path().join("config")).arg(verb))
    }

    /// The mails that it has put into the hospital's mailboxes.
    fn delivered(&self) -> Result<Vec<Vec<u8>>> {
        let new = self.folder.path().join("mail/all/new");
        if !new.exists() {
            return Ok(Vec::new());
        }
        std::fs::read_dir(new)?.map(|entry| Ok(std::fs::read(entry?.path())?)).collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("data/maillog")).unwrap_or_default()
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if let Err(error) = self.run("stop") {
            eprintln!("Postfix did not stop: {error:#}");
        }
    }
}

fn run(command: &mut Command) -> Outcome {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn main_cf(sandbox: &Sandbox, at: &Path) -> Result<String> {
    let connector = sandbox.connector()?;
    let pli = sandbox.operator(&connector.operator)?.ports.smtp;
    let at = at.display();
    let nobody = std::fs::read_to_string("/etc/passwd")?
        .lines()
        .find_map(|line| {
            line.strip_prefix("nobody:")
                .map(|rest| rest.split(':').skip(1).take(2).map(str::to_owned).collect::<Vec<_>>())
        })
        .context("no user nobody")?;
    let (uid, gid) = (nobody.first().context("no uid")?, nobody.get(1).context("no gid")?);
    Ok(format!(
        "compatibility_level = 3.6\nmyhostname = mta.{domain}\nmydestination =\nmynetworks = 127.0.0.0/8\ninet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\nqueue_directory = {at}/queue\ndata_directory = {at}/data\nmaillog_file = {at}/data/maillog\n\
         maillog_file_prefixes = {at}\nrelayhost = [127.0.0.1]:{pli}\nvirtual_mailbox_domains = {domain}\nvirtual_mailbox_base = {at}/mail\n\
         virtual_mailbox_maps = static:all/\nvirtual_uid_maps = static:{uid}\nvirtual_gid_maps = static:{gid}\nvirtual_minimum_uid = 1\n\
         virtual_mailbox_limit = 0\nmessage_size_limit = 30000000\nalias_maps =\nalias_database =\nlocal_recipient_maps =\n\
         smtp_tls_security_level = secure\nsmtp_tls_secure_cert_match = {server}\nsmtp_tls_CAfile = {at}/config/ca.pem\n\
         smtp_tls_cert_file = {at}/config/cert.pem\nsmtp_tls_key_file = {at}/config/key.pem\n\
         smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {at}/config/cert.pem\nsmtpd_tls_key_file = {at}/config/key.pem\n\
         smtpd_tls_CAfile = {at}/config/ca.pem\nsmtpd_tls_ask_ccert = yes\nsmtpd_relay_restrictions = permit_mynetworks, reject\n",
        domain = connector.domain,
        server = sandbox.operator(&connector.operator)?.server_name,
    ))
}

fn master_cf(port: u16) -> String {
    let mut out = format!("127.0.0.1:{port} inet n - n - - smtpd\n");
    for (service, kind, wakeup, limit, program) in [
        ("pickup", "unix", "60", "1", "pickup"),
        ("cleanup", "unix", "-", "0", "cleanup"),
        ("qmgr", "unix", "300", "1", "qmgr"),
        ("tlsmgr", "unix", "1000?", "1", "tlsmgr"),
        ("rewrite", "unix", "-", "-", "trivial-rewrite"),
        ("bounce", "unix", "-", "0", "bounce"),
        ("defer", "unix", "-", "0", "bounce"),
        ("trace", "unix", "-", "0", "bounce"),
        ("flush", "unix", "1000?", "0", "flush"),
        ("proxymap", "unix", "-", "-", "proxymap"),
        ("smtp", "unix", "-", "-", "smtp"),
        ("relay", "unix", "-", "-", "smtp"),
        ("virtual", "unix", "-", "-", "virtual"),
        ("error", "unix", "-", "-", "error"),
        ("retry", "unix", "-", "-", "error"),
        ("scache", "unix", "-", "1", "scache"),
        ("anvil", "unix", "-", "1", "anvil"),
        ("postlog", "unix-dgram", "-", "1", "postlogd"),
    ] {
        // Programs of Debian's own speak to these; all other sockets lie in the folder that only Postfix may enter.
        let private = if matches!(service, "pickup" | "cleanup" | "qmgr" | "flush" | "postlog") { "n" } else { "-" };
        let unprivileged = if program == "virtual" { "n" } else { "-" };
        out += &format!("{service} {kind} {private} {unprivileged} n {wakeup} {limit} {program}\n");
    }
    out
}

pub(crate) fn relays_and_receives() -> Outcome {
    let sandbox = Sandbox::start()?;
    let postfix = Postfix::start(&sandbox)?;
    let connector = sandbox.connector()?;
    let doctor = sandbox.account("elsewhere", "PER")?;
    let from = format!("cardiologie@{}", connector.domain);

    // Out: a program of the hospital's hands a letter to Postfix; the doctor elsewhere reads it.
    let marker = message::marker();
    let letter = message::letter(&from, &doctor.address, &marker);
    let mut inside = Smtp::connect(connector.port)?;
    inside.command("EHLO program.test")?.expect(250)?;
    inside.send(&from, &[&doctor.address], &letter)?.expect(250)?;
    let mut imap = Imap::signed_in(&sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    let received = imap.await_message(&marker).with_context(|| postfix.log())?;
    ensure!(holds(&received, "by mta."), "it did not pass through Postfix");

    // In: the doctor answers; Postfix puts it into the hospital's mailbox.
    let marker = message::marker();
    let answer = message::letter(&doctor.address, &from, &marker);
    let mut submission = Smtp::signed_in(&sandbox, "elsewhere", &doctor.address, &doctor.password)?;
    submission.send(&doctor.address, &[&from], &answer)?.expect(250)?;
    wait::until("the answer in the hospital's mailbox", Duration::from_secs(30), || {
        Ok(postfix.delivered()?.into_iter().find(|mail| holds(mail, &marker)))
    })
    .with_context(|| postfix.log())?;
    Ok(())
}
