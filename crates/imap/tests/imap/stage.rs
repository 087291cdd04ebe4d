//! A store in a temporary folder, a small PKI, and sessions over in-memory streams.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::SignedDuration;
use pli_audit::{Event, EventKind, Face};
use pli_imap::{Ended, ImapConfig, ImapContext, Peer, run_session, serve};
use pli_net::{LimitsConfig, Listener, Pki, PkiConfig, ServerTls, Shutdown, TlsConfig, TlsFacts};
use pli_sandbox::crl::Revoked;
use pli_sandbox::pki::{DEPARTMENT, Leaf, Purpose, Subject, TestPki};
use pli_signin::{DocumentSource, GateConfig, Parts, PscConfig, SignIn, TokenSignIn};
use pli_store::{
    AccountChange, AccountKind, Config, MailboxChange, MailboxKind, MailboxState, NewAccount, NewCredential,
    NewMailbox, NewMessage, Store,
};
use pli_types::{
    Clock, MailAddress, MailboxId, ManualClock, Masker, MessageId, PresentedCertificate, ReversePath, RppsId, Secret,
    StructureId,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::sync::oneshot;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

/// The structure of the certificates, as their OU has it.
const STRUCTURE: &str = "1750000001";

/// Longer than any answer takes; a test that waits as long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest message that APPEND takes here.
pub(crate) const MESSAGE_BYTES_MAX: u64 = 1024 * 1024;

/// How a session is protected.
pub(crate) enum Security {
    Clear,
    Tls,
    /// TLS, and the client shows the certificate of the program's mailbox.
    Certificate,
}

/// A server without a socket.
pub(crate) struct Stage {
    folder: TempDir,
    pki_config: PkiConfig,
    config: Arc<ImapConfig>,
    context: ImapContext,
    shutdown: Shutdown,
    mailbox: MailboxId,
    certificate: PresentedCertificate,
}

/// What takes time to make and is the same for all.
struct Trust {
    /// The files of a `[pki]`, and of a server's certificate.
    files: Vec<(&'static str, String)>,
    /// What the program shows.
    certificate: PresentedCertificate,
}

pub(crate) fn now() -> jiff::Timestamp {
    "2026-03-07T08:05:09Z".parse().expect("a date")
}

fn trust() -> &'static Trust {
    static TRUST: OnceLock<Trust> = OnceLock::new();
    TRUST.get_or_init(|| make_trust().expect("a small PKI"))
}

fn make_trust() -> anyhow::Result<Trust> {
    let pki = TestPki::generate(now())?;
    let subject = |name: &str| Subject {
        common_name: name.to_owned(),
        structure: STRUCTURE.to_owned(),
        organisation: "CH EXEMPLE".to_owned(),
        department: DEPARTMENT.to_owned(),
    };
    let program = pki.issue(&Leaf::now(&subject("logiciel.ch-exemple.test"), Purpose::Client, now()))?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(program.chain_pem.as_bytes()).collect::<Result<_, _>>()?;
    let certificate = pli_net::peer::presented(&chain).context("a certificate that cannot be read")?;
    let (_, leaf) = X509Certificate::from_der(&certificate.leaf)?;
    let later = now().checked_add(SignedDuration::from_mins(1))?;
    let revoked = Revoked { issuer: leaf.issuer().as_raw().to_vec(), serial: program.serial, since: later };
    let server = pki.issue(&Leaf::now(&subject("imap.pli.test"), Purpose::Server, now()))?;
    let folder = tempfile::tempdir()?;
    pki.write(folder.path())?;
    let mut files = vec![
        ("crl.pem", pki.revocation_lists(&[], now())?),
        ("crl-later.pem", pki.revocation_lists(&[revoked], later)?),
        ("server.pem", server.chain_pem),
        ("server.key", server.key_pem),
    ];
    for name in ["root.pem", "organisations.pem", "ca.pem"] {
        files.push((name, std::fs::read_to_string(folder.path().join(name))?));
    }
    Ok(Trust { files, certificate })
}

fn pki(folder: &Path) -> anyhow::Result<PkiConfig> {
    for (name, text) in &trust().files {
        pli_sandbox::files::write_private(&folder.join(name), text)?;
    }
    Ok(PkiConfig::new(folder.join("root.pem"), folder.join("organisations.pem")).with_crl(folder.join("crl.pem")))
}

impl Stage {
    pub(crate) async fn build() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let key = folder.path().join("master.key");
        pli_sandbox::files::write_private(&key, "5a".repeat(32))?;
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now()));
        let url = format!("sqlite://{}", folder.path().join("pli.db").display());
        let store = pli_store::open(&Config { url, master_key: key }, Arc::clone(&clock)).await?;
        let mailbox = people(&*store).await?;
        let pki_config = pki(folder.path())?;
        let pki = Pki::load(&pki_config, &folder.path().join("state"))?;
        let context = context(store, pki, None, clock);
        let config = Arc::new(ImapConfig {
            server_name: "imap.pli.test".to_owned(),
            idle: Duration::from_mins(30),
            message_bytes_max: MESSAGE_BYTES_MAX,
        });
        let certificate = trust().certificate.clone();
        Ok(Self { folder, pki_config, config, context, shutdown: Shutdown::default(), mailbox, certificate })
    }

    /// The same, where tokens are taken; `documents` are their issuer's.
    pub(crate) fn taking_tokens(mut self, config: &PscConfig, documents: Arc<dyn DocumentSource>) -> Self {
        let ImapContext { store, pki, clock, .. } = self.context;
        let tokens = TokenSignIn::with_source(config, documents, Arc::clone(&clock));
        self.context = context(store, pki, Some(tokens), clock);
        self
    }

    /// A professional's mailbox, which no password opens.
    pub(crate) async fn professional(&self, address: &str, rpps: &str, state: MailboxState) -> anyhow::Result<()> {
        let (address, rpps) = (MailAddress::parse(address)?, Some(RppsId::parse(rpps)?));
        let new = NewMailbox { rpps, state, ..NewMailbox::new(address, MailboxKind::Per) };
        self.context.store.add_mailbox(new, Vec::new()).await?;
        Ok(())
    }

    /// The same, where a silent client is borne for so long.
    pub(crate) fn with_idle(self, idle: Duration) -> Self {
        Self { config: Arc::new(ImapConfig { idle, ..ImapConfig::clone(&self.config) }), ..self }
    }

    /// Opens a session.
    pub(crate) fn open(&self, security: &Security) -> Client {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let facts = |certificate| {
            pli_imap::Security::Tls(Box::new(TlsFacts {
                version: "TLSv1.3".to_owned(),
                cipher: "TLS13_AES_256_GCM_SHA384".to_owned(),
                certificate,
            }))
        };
        let security = match security {
            Security::Clear => pli_imap::Security::Clear,
            Security::Tls => facts(None),
            Security::Certificate => facts(Some(self.certificate.clone())),
        };
        let peer = Peer { remote: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), security };
        let (config, context, shutdown) = (Arc::clone(&self.config), self.context.clone(), self.shutdown.clone());
        let (tell, ended) = oneshot::channel();
        self.shutdown.spawn(async move {
            let how = run_session(&mut theirs, &peer, &config, &context, &shutdown, true).await;
            // A script need not ask how its sessions ended.
            let _ = tell.send(how);
        });
        Client { stream: BufReader::new(ours), ended }
    }

    /// Ends sessions that must end, as a running server does.
    pub(crate) fn keep_sessions(&self) {
        self.shutdown.spawn(self.context.signin.clone().keep_sessions(self.shutdown.clone()));
    }

    /// Changes the pharmacy's mailbox.
    pub(crate) async fn change(&self, change: MailboxChange) -> anyhow::Result<()> {
        self.context.store.change_mailbox(self.mailbox, change, Vec::new()).await?;
        Ok(())
    }

    /// Takes back the program's certificate.
    pub(crate) fn revoke(&self) -> anyhow::Result<()> {
        std::fs::rename(self.folder.path().join("crl-later.pem"), self.folder.path().join("crl.pem"))?;
        ensure!(self.context.pki.refresh()?, "the lists were not taken");
        Ok(())
    }

    /// Serves on a real socket; gives its port and the file of whom to trust.
    pub(crate) async fn listen(&self, implicit: bool) -> anyhow::Result<(u16, PathBuf)> {
        let file = |name: &str| self.folder.path().join(name);
        let own = TlsConfig { certificate: file("server.pem"), key: file("server.key") };
        let tls = ServerTls::clients(&own, &self.pki_config)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind(address, LimitsConfig::default()).await?;
        let port = listener.local_address()?.port();
        let (config, context, shutdown) = (Arc::clone(&self.config), self.context.clone(), self.shutdown.clone());
        self.shutdown.spawn(serve(config, context, tls, implicit, listener, shutdown));
        Ok((port, file("ca.pem")))
    }

    /// Puts a message into INBOX.
    pub(crate) async fn deliver(&self, message: &[u8]) -> anyhow::Result<MessageId> {
        let id = MessageId::at(now());
        let mut body = self.context.store.stage(id)?;
        body.write(message).await?;
        let body = body.finish().await?;
        let event = Event { message: Some(id), ..Event::new(now(), EventKind::Delivered, Face::Smtp) };
        let message = NewMessage {
            deliveries: vec![self.mailbox],
            audit: vec![event],
            ..NewMessage::new(id, now(), ReversePath::Null, body)
        };
        self.context.store.accept(message).await?;
        Ok(id)
    }

    /// The record of a message.
    pub(crate) async fn trace(&self, id: MessageId) -> anyhow::Result<Vec<&'static str>> {
        let events = self.context.store.events_of(id).await?;
        Ok(events.iter().map(|event| event.kind.as_str()).collect())
    }

    /// Stops: sessions that are open end now.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        ensure!(self.shutdown.finish(PATIENCE).await, "a session did not end when the server stopped");
        Ok(())
    }
}

fn context(store: Arc<dyn Store>, pki: Pki, tokens: Option<TokenSignIn>, clock: Arc<dyn Clock>) -> ImapContext {
    let masker = Masker::new(&[7; 32]);
    let (held, known) = (Arc::clone(&store), Arc::clone(&clock));
    let parts = Parts { store: held, pki: pki.clone(), tokens, masker: masker.clone(), clock: known };
    ImapContext { store, pki, masker, signin: SignIn::new(parts, GateConfig::default()), clock }
}

/// A pharmacy with a password, a suspended colleague, a program with a certificate.
async fn people(store: &dyn Store) -> anyhow::Result<MailboxId> {
    let pharmacy = mailbox(store, "officine@pharmacie.test", MailboxKind::Org, MailboxState::Open).await?;
    let password = || NewCredential::Password(Secret::new("secret".to_owned()));
    account(store, "officine@pharmacie.test", pharmacy, password()).await?;
    let away = mailbox(store, "parti@pharmacie.test", MailboxKind::Per, MailboxState::Suspended).await?;
    account(store, "parti@pharmacie.test", away, password()).await?;
    let program = mailbox(store, "logiciel@ch-exemple.test", MailboxKind::App, MailboxState::Open).await?;
    let name = trust().certificate.subject.clone();
    account(store, "logiciel@ch-exemple.test", program, NewCredential::Certificate(name)).await?;
    Ok(pharmacy)
}

async fn mailbox(
    store: &dyn Store,
    address: &str,
    kind: MailboxKind,
    state: MailboxState,
) -> anyhow::Result<MailboxId> {
    let address = MailAddress::parse(address)?;
    // The program's certificate opens the mailbox of its own structure only.
    let structure = match kind {
        MailboxKind::App => Some(StructureId::parse(STRUCTURE)?),
        _ => None,
    };
    let quota_bytes = Some(4 * 1024 * 1024);
    let new = NewMailbox { structure, state, quota_bytes, ..NewMailbox::new(address, kind) };
    Ok(store.add_mailbox(new, Vec::new()).await?)
}

async fn account(store: &dyn Store, name: &str, mailbox: MailboxId, credential: NewCredential) -> anyhow::Result<()> {
    let new = NewAccount { name: name.to_owned(), kind: AccountKind::Person, rpps: None, display_name: None };
    let account = store.add_account(new, Vec::new()).await?;
    store.add_credential(account, credential, Vec::new()).await?;
    store.change_account(account, AccountChange::Grant { mailbox, default: true }, Vec::new()).await?;
    Ok(())
}

/// The client's end of a session.
pub(crate) struct Client {
    stream: BufReader<DuplexStream>,
    ended: oneshot::Receiver<Ended>,
}

impl Client {
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        // A server that has hung up is noticed by what is not heard.
        drop(tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await?);
        Ok(())
    }

    /// Hears one line, which must fit.
    pub(crate) async fn hear(&mut self, expected: &str) -> anyhow::Result<()> {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n', &mut line);
        tokio::time::timeout(PATIENCE, read).await.context("nothing was said")??;
        let line = String::from_utf8_lossy(&line);
        let line = line.strip_suffix("\r\n").with_context(|| format!("no whole line was said: {line:?}"))?;
        ensure!(fits(line, expected), "this was said: {line}");
        Ok(())
    }

    /// Hears lines up to one that begins with one of these.
    pub(crate) async fn hear_to(&mut self, beginnings: &[&[u8]]) -> anyhow::Result<()> {
        loop {
            let mut line = Vec::new();
            let read = self.stream.read_until(b'\n', &mut line);
            ensure!(
                tokio::time::timeout(PATIENCE, read).await.context("nothing was said")?? > 0,
                "nothing more is said"
            );
            if beginnings.iter().any(|beginning| line.starts_with(beginning)) {
                return Ok(());
            }
        }
    }

    /// Hears so many bytes, whatever they are.
    pub(crate) async fn hear_bytes(&mut self, count: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        let read = self.stream.read_exact(&mut bytes);
        tokio::time::timeout(PATIENCE, read).await.context("too little was said")??;
        Ok(bytes)
    }

    /// Waits for the end: nothing more may be said.
    pub(crate) async fn end(mut self) -> anyhow::Result<Ended> {
        let ended = tokio::time::timeout(PATIENCE, self.ended).await.context("the session goes on")??;
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).await?;
        ensure!(line.is_empty(), "before the end this was said: {}", String::from_utf8_lossy(&line));
        Ok(ended)
    }
}

/// `<any>` stands for any run of characters.
fn fits(line: &str, expected: &str) -> bool {
    let mut pieces = expected.split("<any>");
    let Some(mut rest) = line.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}
