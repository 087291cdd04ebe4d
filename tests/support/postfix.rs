//! A Postfix of the test's own: its configuration, its queue and its mail below a temporary folder. Needs root.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::succeed;
use crate::faults::{Fault, FaultyServer, Stage};
use crate::policy_server::PolicyServer;
use crate::smtp::Smtp;
use crate::{Outcome, wait};

/// Each service that a message passes. Programs of Debian's own speak to `pickup`, `cleanup`, `qmgr`, `flush` and
/// `postlog`; all other sockets lie in the folder that only Postfix may enter.
const SERVICES: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
scache unix - - n - 1 scache
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";

/// What a Postfix is for.
#[derive(Debug, Clone, Copy)]
pub struct Role<'a> {
    /// Where it listens, on loopback.
    pub port: u16,
    /// The domain whose mail it puts into one maildir.
    pub domain: &'a str,
    /// PEM file with its anchors.
    pub ca: &'a Path,
    /// PEM file with its certificate and chain.
    pub certificate: &'a Path,
    /// PEM file with its key.
    pub key: &'a Path,
    /// Further lines of `main.cf`; `{config}` stands for the folder with `ca.pem`, `cert.pem` and `key.pem`.
    pub settings: &'a str,
}

/// A running Postfix, stopped when dropped.
#[derive(Debug)]
pub struct Postfix {
    folder: tempfile::TempDir,
    policy: Option<PolicyServer>,
}

impl Postfix {
    /// One that can be told to do wrong.
    pub fn start_faulty(role: Role<'_>) -> Result<Self> {
        let policy = PolicyServer::start()?;
        let settings = format!("{}{}", role.settings, policy.settings());
        let mut postfix = Self::start(Role { settings: &settings, ..role })?;
        policy.serves_under(postfix.pid()?);
        postfix.policy = Some(policy);
        Ok(postfix)
    }

    /// Starts it and waits until it answers.
    pub fn start(role: Role<'_>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("pli-postfix-").tempdir()?;
        let at = folder.path();
        std::fs::set_permissions(at, std::fs::Permissions::from_mode(0o755))?;
        for (name, owner) in [("config", "root"), ("queue", "root"), ("data", "postfix"), ("mail", "nobody")] {
            std::fs::create_dir(at.join(name))?;
            succeed(Command::new("chown").arg(owner).arg(at.join(name)))?;
        }
        for (from, to) in [(role.ca, "ca.pem"), (role.certificate, "cert.pem"), (role.key, "key.pem")] {
            std::fs::copy(from, at.join("config").join(to))?;
        }
        std::fs::write(at.join("config/main.cf"), main_cf(role, at)?)?;
        std::fs::write(
            at.join("config/master.cf"),
            format!("127.0.0.1:{} inet n - n - - smtpd\n{SERVICES}", role.port),
        )?;
        let postfix = Self { folder, policy: None };
        postfix.run("start")?;
        wait::until("Postfix to answer", Duration::from_secs(20), || Ok(Smtp::connect(role.port).ok()))?;
        Ok(postfix)
    }

    /// The mails in its maildir.
    pub fn delivered(&self) -> Result<Vec<Vec<u8>>> {
        let new = self.maildir();
        if !new.exists() {
            return Ok(Vec::new());
        }
        std::fs::read_dir(new)?.map(|entry| Ok(std::fs::read(entry?.path())?)).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn delivered_count(&self) -> usize {
        std::fs::read_dir(self.maildir()).map_or(0, Iterator::count)
    }

    /// The process that all of its others descend from.
    pub fn pid(&self) -> Result<u32> {
        let text = std::fs::read_to_string(self.folder.path().join("queue/pid/master.pid"))?;
        text.trim().parse().context("master.pid")
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("data/maillog")).unwrap_or_default()
    }

    fn maildir(&self) -> std::path::PathBuf {
        self.folder.path().join("mail/all/new")
    }

    fn run(&self, verb: &str) -> Outcome {
        succeed(Command::new("postfix").arg("-c").arg(self.folder.path().join("config")).arg(verb)).map(drop)
    }
}

impl FaultyServer for Postfix {
    fn set(&self, stage: Stage, fault: Fault) -> Result<()> {
        self.policy.as_ref().context("this Postfix does no wrong")?.set(stage, fault);
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        self.policy.as_ref().context("this Postfix does no wrong")?.clear();
        Ok(())
    }

    fn delivered(&self) -> Result<Vec<Vec<u8>>> {
        Self::delivered(self)
    }

    fn log(&self) -> String {
        Self::log(self)
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if let Err(error) = self.run("stop") {
            eprintln!("Postfix did not stop: {error:#}");
        }
    }
}

fn main_cf(role: Role<'_>, at: &Path) -> Result<String> {
    let (uid, gid) = nobody()?;
    let config = at.join("config").display().to_string();
    let (at, domain, settings) = (at.display(), role.domain, role.settings.replace("{config}", &config));
    Ok(format!(
        "compatibility_level = 3.6
myhostname = mta.{domain}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = {at}/queue
data_directory = {at}/data
maillog_file = {at}/data/maillog
maillog_file_prefixes = {at}
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {at}/mail
virtual_mailbox_maps = static:all/
virtual_mailbox_limit = 0
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
message_size_limit = 30000000
alias_maps =
alias_database =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_cert_file = {config}/cert.pem
smtpd_tls_key_file = {config}/key.pem
smtpd_tls_CAfile = {config}/ca.pem
{settings}
"
    ))
}

/// The numbers of the user who owns the maildir.
fn nobody() -> Result<(String, String)> {
    let passwd = std::fs::read_to_string("/etc/passwd")?;
    let line = passwd.lines().find(|line| line.starts_with("nobody:")).context("no user nobody")?;
    let mut fields = line.split(':').skip(2).map(str::to_owned);
    Ok((fields.next().context("no uid")?, fields.next().context("no gid")?))
}
