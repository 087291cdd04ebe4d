//! An Exim of the test's own, linked with GnuTLS as Debian's is: its configuration, its spool and its mail below a
//! temporary folder. Needs root, to become the user whose name is compiled in.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command::succeed;
use crate::faults::{COME_AGAIN, Fault, FaultyServer, SLOW_SECONDS, Stage, UNKNOWN};
use crate::page::connector_settings;
use crate::smtp::Smtp;
use crate::{need, wait};

/// The user that Debian's Exim works as.
const USER: &str = "Debian-exim";

/// What an Exim is for: a hospital's own server, beside Pli.
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
    /// The port of the Pli that gets all other mail, at `localhost`.
    pub relay: u16,
}

/// A running Exim, stopped when dropped.
#[derive(Debug)]
pub struct Exim {
    daemon: Child,
    folder: tempfile::TempDir,
}

impl Exim {
    /// Starts it and waits until it answers.
    pub fn start(role: Role<'_>) -> Result<Self> {
        Self::start_with(role, exim_conf)
    }

    /// One that can be told to do wrong.
    pub fn start_faulty(role: Role<'_>) -> Result<Self> {
        Self::start_with(role, |role, at| Ok(with_faults(&exim_conf(role, at)?, at)))
    }

    fn start_with(role: Role<'_>, conf: impl FnOnce(Role<'_>, &Path) -> Result<String>) -> Result<Self> {
        let program = need::program("exim4").context("no exim4: tests/scripts/exim unpacks it")?;
        let folder = tempfile::Builder::new().prefix("pli-exim-").tempdir()?;
        let at = folder.path();
        let conf = conf(role, at)?;
        for name in ["spool", "log", "mail", "faults"] {
            std::fs::create_dir(at.join(name))?;
        }
        for (from, to) in [(role.ca, "ca.pem"), (role.certificate, "mssante.pem"), (role.key, "mssante.key")] {
            std::fs::copy(from, at.join(to))?;
        }
        succeed(Command::new("chown").arg("-R").arg(format!("{USER}:{USER}")).arg(at))?;
        let configuration = at.join("exim.conf");
        std::fs::write(&configuration, conf)?;
        let daemon = Command::new(program)
            .arg("-C")
            .arg(&configuration)
            .args(["-bdf", "-q5s"])
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(at.join("stderr"))?)
            .spawn()
            .context("starting Exim")?;
        let exim = Self { daemon, folder };
        wait::until("Exim to answer", Duration::from_secs(20), || Ok(Smtp::connect(role.port).ok()))
            .with_context(|| exim.log())?;
        Ok(exim)
    }

    /// The mails in its maildir.
    pub fn delivered(&self) -> Result<Vec<Vec<u8>>> {
        let new = self.folder.path().join("mail/new");
        if !new.exists() {
            return Ok(Vec::new());
        }
        std::fs::read_dir(new)?.map(|entry| Ok(std::fs::read(entry?.path())?)).collect()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        ["log/main", "log/reject", "log/panic", "stderr"]
            .map(|name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .concat()
    }
}

impl FaultyServer for Exim {
    fn set(&self, stage: Stage, fault: Fault) -> Result<()> {
        std::fs::write(self.folder.path().join("faults").join(flag(stage, fault)), "")?;
        Ok(())
    }

    fn clear(&self) -> Result<()> {
        for entry in std::fs::read_dir(self.folder.path().join("faults"))? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    fn delivered(&self) -> Result<Vec<Vec<u8>>> {
        Self::delivered(self)
    }

    fn log(&self) -> String {
        Self::log(self)
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        self.daemon.kill().ok();
        self.daemon.wait().ok();
    }
}

/// The settings that `docs/connectors.md` shows, with what a test needs around them.
fn exim_conf(role: Role<'_>, at: &Path) -> Result<String> {
    let Role { port, domain, relay, .. } = role;
    let folder = at.display().to_string();
    let shown = |kind: &str| -> Result<String> {
        Ok(connector_settings(kind)?
            .replace("ch-exemple.mssante.fr", domain)
            .replace("/etc/exim4/igc-sante.pem", &format!("{folder}/ca.pem"))
            .replace("/etc/exim4/mssante.", &format!("{folder}/mssante."))
            // A name that is its own machine's, and a port, which no hospital has.
            .replace("* mss.operateur.example", &format!("* localhost::{relay} byname\n  self = send")))
    };
    let (main, acl) = (shown("exim-main")?, shown("exim-acl")?);
    let (routers, transports) = (shown("exim-routers")?, shown("exim-transports")?);
    Ok(format!(
        "primary_hostname = mta.{domain}
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
disable_ipv6 = true
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
log_selector = +tls_peerdn +tls_certificate_verified
pid_file_path = {folder}/spool/daemon.pid
keep_environment =
deliver_drop_privilege = true
message_size_limit = 30M
{main}
begin acl
{acl}
begin routers
{routers}
mailboxes:
  driver = accept
  transport = maildir

begin transports
{transports}
maildir:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  user = {USER}

begin retry
*  *  F,1h,5s
"
    ))
}

/// The file that says that this goes wrong, while it is there.
fn flag(stage: Stage, fault: Fault) -> String {
    format!("{}.{fault:?}", stage.name())
}

/// The same configuration with an ACL at each stage that looks for the flags, and one unknown recipient.
fn with_faults(conf: &str, at: &Path) -> String {
    let (unknown, reply) = UNKNOWN;
    let others = || Stage::ALL.into_iter().filter(|stage| *stage != Stage::Rcpt);
    let main: Vec<String> = others().map(|stage| format!("{} = fault_{}\n", option(stage), stage.name())).collect();
    let acl = |stage: Stage| format!("fault_{}:\n{}  accept\n\n", stage.name(), statements(stage, at));
    let acls: Vec<String> = others().map(acl).collect();
    // Those of RCPT come before what its own ACL decides.
    let of_rcpt = statements(Stage::Rcpt, at);
    let recipient = format!("recipient:\n{of_rcpt}  deny local_parts = {unknown}\n       message = {reply}\n");
    conf.replacen("begin acl\n", &format!("{}begin acl\n", main.concat()), 1).replacen(
        "recipient:\n",
        &(acls.concat() + &recipient),
        1,
    )
}

fn option(stage: Stage) -> &'static str {
    match stage {
        Stage::Connect => "acl_smtp_connect",
        Stage::Helo => "acl_smtp_helo",
        Stage::Mail => "acl_smtp_mail",
        Stage::Rcpt => "acl_smtp_rcpt",
        Stage::Data => "acl_smtp_predata",
        Stage::Content => "acl_smtp_data",
    }
}

fn statements(stage: Stage, at: &Path) -> String {
    let set = |fault| format!("condition = ${{if exists{{{}/faults/{}}}}}", at.display(), flag(stage, fault));
    let reply = COME_AGAIN.join(" ");
    let (put_off, cut, slow) = (set(Fault::PutOff), set(Fault::Cut), set(Fault::Slow));
    format!(
        "  defer {put_off}
        message = {reply}
  warn  {cut}
        set acl_m_cut = ${{run{{/bin/kill -9 $pid}}}}
  warn  {slow}
        delay = {SLOW_SECONDS}s
"
    )
}
