//! A relay in this process: real sockets, real TLS, a real store, in a folder that goes with it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::SignedDuration;
use pli_directory::{RoutesHandle, TrustHandle, TrustList};
use pli_mailflow::intake::{NoOrganisations, StoreHandle};
use pli_mailflow::{Intake, IntakeConfig, PeerBook, Traffic, TrafficLimits};
use pli_net::{LimitsConfig, Listener, Pki, PkiConfig, ServerTls, Shutdown, TlsConfig};
use pli_sandbox::pki::{DEPARTMENT, Issued, Leaf, Purpose, Subject, TestPki};
use pli_sandbox::whitelist::{self, Entry};
use pli_signin::{GateConfig, Parts, SignIn, TokenSignIn};
use pli_smtp::SmtpConfig;
use pli_store::{AccountChange, AccountKind, Config, MailboxKind, NewAccount, NewCredential, NewMailbox, Store};
use pli_types::{Clock, Domain, MailAddress, Masker, RppsId, Secret, SystemClock};
use tempfile::TempDir;

pub(crate) const BOB: &str = "bob@example.test";
pub(crate) const PASSWORD: &str = "correct horse";

/// Which listener to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Operators,
    Submissions,
}

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) store: Arc<dyn Store>,
    folder: TempDir,
}

impl Relay {
    pub(crate) async fn start(kind: Kind, idle: Duration) -> Self {
        Self::start_taking(None, kind, idle).await
    }

    /// The same, with someone who judges tokens.
    pub(crate) async fn start_taking(tokens: Option<TokenSignIn>, kind: Kind, idle: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_trust_space(folder.path());
        let store = open_store(folder.path()).await;
        let intake = intake(folder.path(), Arc::clone(&store));
        let limits = LimitsConfig::default();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
        let address = listener.local_address().unwrap();
        let (masker, clock) = (intake.masker.clone(), Arc::clone(&intake.clock));
        let parts = Parts { store: Arc::clone(&store), pki: intake.pki.clone(), tokens, masker, clock };
        let signin = SignIn::new(parts, GateConfig::default());
        let shutdown = Shutdown::default();
        shutdown.spawn(signin.clone().keep_sessions(shutdown.clone()));
        let config = Arc::new(SmtpConfig { server_name: "mss.example.test".to_owned(), idle, signin });
        let own = tls(folder.path(), "server");
        match kind {
            Kind::Operators => {
                let tls = ServerTls::operators(&own).unwrap();
                shutdown.spawn(pli_smtp::operators(config, tls, intake, listener, shutdown.clone()));
            }
            Kind::Submissions => {
                let tls = ServerTls::clients(&own, &pki_config(folder.path())).unwrap();
                shutdown.spawn(pli_smtp::submission(config, tls, true, intake, listener, shutdown.clone()));
            }
        }
        Self { address, shutdown, store, folder }
    }

    /// The certificate of the listed peer.
    pub(crate) fn peer(&self) -> TlsConfig {
        tls(self.folder.path(), "peer")
    }

    /// The certificate of somebody of the same authority whom no list names.
    pub(crate) fn stranger(&self) -> TlsConfig {
        tls(self.folder.path(), "stranger")
    }

    /// Makes a professional's mailbox, which no password opens.
    pub(crate) async fn professional(&self, address: &str, rpps: &str) {
        let new = NewMailbox {
            rpps: Some(RppsId::parse(rpps).unwrap()),
            ..NewMailbox::new(MailAddress::parse(address).unwrap(), MailboxKind::Per)
        };
        self.store.add_mailbox(new, Vec::new()).await.unwrap();
    }

    /// How many messages lie in Bob's INBOX.
    pub(crate) async fn inbox(&self) -> usize {
        let mailbox = self.store.mailbox(&MailAddress::parse(BOB).unwrap()).await.unwrap().unwrap();
        let folders = self.store.folders(mailbox.id).await.unwrap();
        self.store.open_folder(folders[0].id, false).await.unwrap().entries.len()
    }

    /// The body of the only message in Bob's INBOX.
    pub(crate) async fn only_body(&self) -> Vec<u8> {
        let mailbox = self.store.mailbox(&MailAddress::parse(BOB).unwrap()).await.unwrap().unwrap();
        let folders = self.store.folders(mailbox.id).await.unwrap();
        let entries = self.store.open_folder(folders[0].id, false).await.unwrap().entries;
        assert_eq!(entries.len(), 1);
        self.store.body(entries[0].message).await.unwrap().to_vec()
    }
}

fn tls(folder: &Path, who: &str) -> TlsConfig {
    TlsConfig { certificate: folder.join(format!("{who}.pem")), key: folder.join(format!("{who}.key")) }
}

fn pki_config(folder: &Path) -> PkiConfig {
    PkiConfig::new(folder.join("root.pem"), folder.join("organisations.pem")).with_crl(folder.join("crl.pem"))
}

fn subject(name: &str) -> Subject {
    Subject {
        common_name: format!("{name}.test"),
        structure: "1990000000".to_owned(),
        organisation: "ESSAI".to_owned(),
        department: DEPARTMENT.to_owned(),
    }
}

/// Authorities and three leaves: RSA keys take their time, so all tests share them.
struct TrustSpace {
    pki: TestPki,
    leaves: Vec<(&'static str, Issued)>,
}

static TRUST_SPACE: LazyLock<TrustSpace> = LazyLock::new(|| {
    let now = SystemClock.now();
    let pki = TestPki::generate(now).unwrap();
    let leaf = |who| (who, pki.issue(&Leaf::now(&subject(who), Purpose::Server, now)).unwrap());
    let leaves = vec![leaf("server"), leaf("peer"), leaf("stranger")];
    TrustSpace { pki, leaves }
});

/// Certificates, revocation lists and a trust list that names the server and the peer.
fn write_trust_space(folder: &Path) {
    let now = SystemClock.now();
    TRUST_SPACE.pki.write(folder).unwrap();
    std::fs::write(folder.join("crl.pem"), TRUST_SPACE.pki.revocation_lists(&[], now).unwrap()).unwrap();
    for (who, issued) in &TRUST_SPACE.leaves {
        let files = tls(folder, who);
        issued.write(&files.certificate, &files.key).unwrap();
    }
    let entry = |domain: &str, who: &str| Entry {
        domain: domain.to_owned(),
        description: who.to_owned(),
        certificate_name: subject(who).text(),
    };
    let list = whitelist::xml(&[entry("example.test", "server"), entry("peer.test", "peer")], now);
    std::fs::write(folder.join("whitelist.xml"), list).unwrap();
}

async fn open_store(folder: &Path) -> Arc<dyn Store> {
    let master_key: PathBuf = folder.join("master.key");
    pli_sandbox::files::write_private(&master_key, "2a".repeat(32)).unwrap();
    let url = format!("sqlite://{}", folder.join("pli.db").display());
    let store = pli_store::open(&Config { url, master_key }, Arc::new(SystemClock)).await.unwrap();
    let new = NewMailbox::new(MailAddress::parse(BOB).unwrap(), MailboxKind::Org);
    let mailbox = store.add_mailbox(new, Vec::new()).await.unwrap();
    let credential = NewCredential::Password(Secret::new(PASSWORD.to_owned()));
    let new = NewAccount { name: BOB.to_owned(), kind: AccountKind::Person, rpps: None, display_name: None };
    let account = store.add_account(new, Vec::new()).await.unwrap();
    store.add_credential(account, credential, Vec::new()).await.unwrap();
    store.change_account(account, AccountChange::Grant { mailbox, default: true }, Vec::new()).await.unwrap();
    store
}

fn intake(folder: &Path, store: Arc<dyn Store>) -> Intake {
    let list = std::fs::read(folder.join("whitelist.xml")).unwrap();
    let trust = TrustHandle::fixed(TrustList::parse(&list).unwrap());
    let config = IntakeConfig {
        server_name: "mss.example.test".to_owned(),
        hosted_domains: vec![Domain::parse("example.test").unwrap()],
        postmaster: Some(MailAddress::parse(BOB).unwrap()),
        message_bytes_max: 100_000,
        recipients_max: 100,
        queue_lifetime: SignedDuration::from_hours(24).unsigned_abs(),
        repeats_within: Duration::ZERO,
        delay_after: SignedDuration::from_hours(4).unsigned_abs(),
        traffic: TrafficLimits::default(),
        server_auth_clients: false,
        unknown_per_peer: 200,
        ruleset: pli_policy::Ruleset::default(),
        deadlines: Vec::new(),
    };
    Intake {
        config: Arc::new(config),
        store: StoreHandle(store),
        trust,
        pki: Pki::load(&pki_config(folder), &folder.join("state")).unwrap(),
        routes: RoutesHandle::default(),
        masker: Masker::new(&[7; 32]),
        clock: Arc::new(SystemClock),
        peers: PeerBook::default(),
        guesses: pli_mailflow::Guesses::default(),
        strangers: pli_mailflow::Strangers::default(),

        traffic: Traffic::default(),
        organisations: Arc::new(NoOrganisations),
        scanner: None,
    }
}
