//! Debian's Postfix as the peer to compare with: required client certificates, local maildir, its default sync.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The domain that it delivers.
pub(crate) const DOMAIN: &str = "bench.mssante.fr";

/// A Postfix of the bench's own, below a folder.
#[derive(Debug)]
pub(crate) struct Postfix {
    folder: PathBuf,
    /// Where it listens.
    pub port: u16,
}

impl Postfix {
    /// Starts it. Needs root.
    pub(crate) fn start(folder: &Path, ca: &Path, certificate: &Path, key: &Path) -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        for (name, owner) in [("config", "root"), ("queue", "root"), ("data", "postfix"), ("mail", "nobody")] {
            std::fs::create_dir_all(folder.join(name))?;
            run(Command::new("chown").arg(owner).arg(folder.join(name)))?;
        }
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
        for (from, to) in [(ca, "ca.pem"), (certificate, "cert.pem"), (key, "key.pem")] {
            std::fs::copy(from, folder.join("config").join(to))?;
        }
        std::fs::write(folder.join("config/main.cf"), main_cf(folder)?)?;
        std::fs::write(folder.join("config/master.cf"), master_cf(port))?;
        let postfix = Self { folder: folder.to_owned(), port };
        postfix.run("start")?;
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(postfix);
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        anyhow::bail!("Postfix does not listen; see {}", folder.join("data/maillog").display())
    }

    fn run(&self, verb: &str) -> Result<()> {
        run(Command::new("postfix").arg("-c").arg(self.folder.join("config")).arg(verb))
    }

    /// The master's process: all the others are its children.
    pub(crate) fn pid(&self) -> Result<u32> {
        let text = std::fs::read_to_string(self.folder.join("queue/pid/master.pid"))?;
        text.trim().parse().context("master.pid")
    }

    /// How many messages lie in the mailbox.
    pub(crate) fn delivered(&self) -> usize {
        std::fs::read_dir(self.folder.join("mail/all/new")).map_or(0, Iterator::count)
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if let Err(error) = self.run("stop") {
            eprintln!("Postfix did not stop: {error:#}");
        }
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn main_cf(folder: &Path) -> Result<String> {
    let passwd = std::fs::read_to_string("/etc/passwd")?;
    let nobody = passwd.lines().find(|line| line.starts_with("nobody:")).context("no user nobody")?;
    let mut fields = nobody.split(':').skip(2);
    let (uid, gid) = (fields.next().context("no uid")?, fields.next().context("no gid")?);
    let at = folder.display();
    Ok(format!(
        "compatibility_level = 3.6\nmyhostname = bench.test\nmydestination =\nmynetworks = 127.0.0.0/8\ninet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\nqueue_directory = {at}/queue\ndata_directory = {at}/data\nmaillog_file = {at}/data/maillog\n\
         maillog_file_prefixes = {at}\nvirtual_mailbox_domains = {DOMAIN}\nvirtual_mailbox_base = {at}/mail\n\
         virtual_mailbox_maps = static:all/\nvirtual_uid_maps = static:{uid}\nvirtual_gid_maps = static:{gid}\nvirtual_minimum_uid = 1\n\
         virtual_mailbox_limit = 0\nalias_maps =\nalias_database =\nlocal_recipient_maps =\n\
         smtpd_tls_security_level = encrypt\nsmtpd_tls_req_ccert = yes\nsmtpd_tls_cert_file = {at}/config/cert.pem\n\
         smtpd_tls_key_file = {at}/config/key.pem\nsmtpd_tls_CAfile = {at}/config/ca.pem\nsmtpd_relay_restrictions = permit_mynetworks, reject\n"
    ))
}

fn master_cf(port: u16) -> String {
    let mut out = format!("127.0.0.1:{port} inet n - n - - smtpd\n");
    for (service, wakeup, limit, program) in [
        ("pickup", "60", "1", "pickup"),
        ("cleanup", "-", "0", "cleanup"),
        ("qmgr", "300", "1", "qmgr"),
        ("tlsmgr", "1000?", "1", "tlsmgr"),
        ("rewrite", "-", "-", "trivial-rewrite"),
        ("bounce", "-", "0", "bounce"),
        ("defer", "-", "0", "bounce"),
        ("trace", "-", "0", "bounce"),
        ("flush", "1000?", "0", "flush"),
        ("proxymap", "-", "-", "proxymap"),
        ("smtp", "-", "-", "smtp"),
        ("virtual", "-", "-", "virtual"),
        ("error", "-", "-", "error"),
        ("retry", "-", "-", "error"),
        ("scache", "-", "1", "scache"),
        ("anvil", "-", "1", "anvil"),
    ] {
        // Programs of Debian's own speak to these; all other sockets lie in the folder that only Postfix may enter.
        let private = if matches!(service, "pickup" | "cleanup" | "qmgr" | "flush") { "n" } else { "-" };
        let unprivileged = if program == "virtual" { "n" } else { "-" };
        out += &format!("{service} unix {private} {unprivileged} n {wakeup} {limit} {program}\n");
    }
    out.push_str("postlog unix-dgram n - n - 1 postlogd\n");
    out
}
