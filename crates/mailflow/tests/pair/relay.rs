//! The relay under test: a store in a folder, a trust list, an authority, and a clock in our hands.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, Face};
use pli_directory::{ConnectorConfig, ListRules, NoSigner, Offer, RouteConfig, Routes, RoutesHandle, TrustHandle};
use pli_mailflow::intake::{NoOrganisations, StoreHandle};
use pli_mailflow::{
    Client, Delivery, DeliveryConfig, Guesses, Intake, IntakeConfig, PeerBook, PeerOnWire, Probe, Refusal, Session,
    Strangers, Traffic, TrafficLimits, Transaction,
};
use pli_net::{ClientTls, OwnCertificate, Pki, Resolver, Shutdown, TlsConfig, TlsFacts};
use pli_policy::Ruleset;
use pli_store::{Account, Mailbox, MailboxKind, NewMailbox, Store, StoreError};
use pli_types::{
    AccountId, Clock, Domain, DsnNotify, EnvelopeParameters, MailAddress, ManualClock, Masker, MessageId,
    PresentedCertificate, Recipient, ReversePath,
};

use crate::peer::Peer;
use crate::pki::{Authority, subject};

/// The relay's domains, a connector's, another operator's.
pub(crate) const OURS: &str = "pharmacie.mssante.fr";
pub(crate) const PATIENTS: &str = "patient.mssante.fr";
pub(crate) const HOSPITAL: &str = "hopital.mssante.fr";
/// An address of ours that the connector may send as.
pub(crate) const LABORATORY: &str = "labo@pharmacie.mssante.fr";
pub(crate) const THEIRS: &str = "clinique.mssante.fr";

pub(crate) const OFFICINE: &str = "officine@pharmacie.mssante.fr";
/// The official test patient (spec §2.5).
pub(crate) const PATIENT: &str = "279035121518989@patient.mssante.fr";

const SERVER_NAME: &str = "mss.pro.test";

/// The relay, and the other two servers that it knows.
pub(crate) struct Relay {
    pub(crate) intake: Intake,
    pub(crate) authority: Authority,
    /// The server of [`THEIRS`].
    pub(crate) peer: Peer,
    /// The connector's server.
    pub(crate) hospital: Peer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    /// Has the way out look at the queue.
    pub(crate) hurry: Arc<tokio::sync::Notify>,
    folder: tempfile::TempDir,
    shutdown: Shutdown,
    lists: std::sync::atomic::AtomicU32,
}

impl Relay {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let shutdown = Shutdown::default();
        let authority = Authority::new(dir);
        let peer = Peer::start(&authority.leaf("mx.clinique.test", 11), &shutdown).await;
        let hospital = Peer::start(&authority.leaf("mta.hopital.test", 12), &shutdown).await;
        let clock = Arc::new(ManualClock::new("2026-06-01T08:00:00Z".parse().unwrap()));
        let store = open_store(dir, clock.clone()).await;
        let intake = Intake {
            config: Arc::new(IntakeConfig {
                server_name: SERVER_NAME.to_owned(),
                hosted_domains: [OURS, PATIENTS].map(|name| Domain::parse(name).unwrap()).to_vec(),
                postmaster: Some(address_of(OFFICINE)),
                message_bytes_max: 1_000_000,
                recipients_max: 100,
                queue_lifetime: Duration::from_hours(96),
                repeats_within: Duration::ZERO,
                delay_after: Duration::from_hours(4),
                traffic: TrafficLimits::default(),
                server_auth_clients: false,
                unknown_per_peer: 200,
                ruleset: Ruleset::default(),
                deadlines: Vec::new(),
            }),
            store: StoreHandle(store.clone()),
            trust: TrustHandle::unkept(ListRules { lost_domains_max: 100, ..ListRules::default() }, Arc::new(NoSigner)),
            pki: Pki::load(&authority.config(), &dir.join("state")).unwrap(),
            routes: RoutesHandle::new(Arc::new(routes(&peer, &hospital))),
            masker: Masker::new(&[7; 32]),
            clock: clock.clone(),
            peers: PeerBook::default(),
            guesses: Guesses::default(),
            strangers: Strangers::default(),
            traffic: Traffic::default(),
            organisations: Arc::new(NoOrganisations),
            scanner: None,
        };
        let hurry = Arc::default();
        let relay = Self { intake, authority, peer, hospital, clock, store, hurry, folder, shutdown, lists: 0.into() };
        relay.list(&[(OURS, "mss.pro.test"), (PATIENTS, "mss.pro.test"), (THEIRS, "mx.clinique.test")]);
        relay.add_mailbox(OFFICINE, MailboxKind::Org).await;
        relay.add_mailbox(PATIENT, MailboxKind::Patient).await;
        relay
    }

    /// Puts a list in force: domain and common name, one entry each.
    pub(crate) fn list(&self, entries: &[(&str, &str)]) {
        let number = self.lists.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let domains: String = entries.iter().map(|(domain, name)| list_entry(domain, &subject(name))).collect();
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">\n\
             <DateDeGeneration>2026-05-01T00:{number:02}:00Z</DateDeGeneration>\n\
             <ListeDomaines>\n{domains}</ListeDomaines>\n</ListeBlancheMSSante>\n"
        );
        let offered = self.intake.trust.offer(text.as_bytes(), "test", self.clock.now());
        assert!(matches!(offered, Ok(Offer::Installed(_))), "the list came into force: {offered:?}");
    }

    /// Puts a revocation list in force that names this serial number.
    pub(crate) fn revoke(&self, serial: u64) {
        self.authority.revoke(&[serial]);
        assert!(self.intake.pki.refresh().unwrap(), "the list came into force");
    }

    /// As with `[pki] server_auth_clients = true`.
    pub(crate) fn allow_server_auth_clients(&mut self) {
        let config = IntakeConfig { server_auth_clients: true, ..(*self.intake.config).clone() };
        self.intake.config = Arc::new(config);
    }

    /// As after a start without any revocation list.
    pub(crate) fn lose_revocation_lists(&mut self) {
        self.authority.withdraw_lists();
        self.forget_revocation_lists();
    }

    /// Knows those only that are published now.
    pub(crate) fn forget_revocation_lists(&mut self) {
        self.intake.pki = Pki::load(&self.authority.config(), &self.folder.path().join("state")).unwrap();
    }

    /// The peer shows a certificate of its name that differs in this.
    pub(crate) fn peer_shows(&self, change: impl FnOnce(&mut rcgen::CertificateParams)) {
        self.peer.shows(&self.authority.odd_leaf("mx.clinique.test", 13, change));
    }

    pub(crate) async fn add_mailbox(&self, address: &str, kind: MailboxKind) {
        let new = NewMailbox::new(address_of(address), kind);
        self.store.add_mailbox(new, Vec::new()).await.unwrap();
    }

    pub(crate) async fn mailbox(&self, address: &str) -> Mailbox {
        self.store.mailbox(&address_of(address)).await.unwrap().unwrap()
    }

    /// The messages in the INBOX of a mailbox, as text.
    pub(crate) async fn inbox(&self, address: &str) -> Vec<Vec<u8>> {
        let mailbox = self.mailbox(address).await;
        let folders = self.store.folders(mailbox.id).await.unwrap();
        let view = self.store.open_folder(folders[0].id, false).await.unwrap();
        let mut out = Vec::new();
        for entry in view.entries {
            out.push(self.store.body(entry.message).await.unwrap().to_vec());
        }
        out
    }

    /// Someone signed in to [`OFFICINE`].
    pub(crate) async fn submitter(&self) -> Session {
        self.signed_in_to(OFFICINE).await
    }

    /// Someone signed in to this mailbox.
    pub(crate) async fn signed_in_to(&self, address: &str) -> Session {
        let mailbox = self.mailbox(address).await;
        let writes_as = vec![mailbox.address.clone()];
        let account = Account {
            id: Some(AccountId(1)),
            name: address.to_owned(),
            credential: None,
            mailbox,
            writes_as,
            helps: Vec::new(),
        };
        session(Face::Submission, Client::Submitter { tls: Some(tls(None)), account: Some(account) })
    }

    /// A server that proved to be this one, or one whose certificate is not believed.
    pub(crate) fn server(&self, common_name: &str, serial: u64) -> Session {
        let certificate = presented(&self.authority.leaf(common_name, serial).certificate);
        session(Face::Smtp, Client::Peer(PeerOnWire::new(Some(tls(Some(certificate))))))
    }

    /// Sends a message through intake, to the end.
    pub(crate) async fn send(
        &self,
        session: &Session,
        sender: &str,
        to: &[&str],
        message: &[u8],
    ) -> Result<MessageId, Refusal> {
        let to: Vec<_> = to.iter().map(|address| recipient(address)).collect();
        self.send_to(session, sender, to, message).await
    }

    pub(crate) async fn send_to(
        &self,
        session: &Session,
        sender: &str,
        to: Vec<Recipient>,
        message: &[u8],
    ) -> Result<MessageId, Refusal> {
        self.send_with(session, sender, EnvelopeParameters::default(), to, message).await
    }

    pub(crate) async fn send_with(
        &self,
        session: &Session,
        sender: &str,
        parameters: EnvelopeParameters,
        to: Vec<Recipient>,
        message: &[u8],
    ) -> Result<MessageId, Refusal> {
        let mut transaction = self.intake.begin(session, path(sender), parameters).await?;
        for recipient in to {
            transaction.recipient(recipient).await?;
        }
        for piece in message.chunks(100) {
            transaction.write(piece).await?;
        }
        transaction.commit().await.map(|receipt| receipt.id)
    }

    pub(crate) async fn begin(&self, session: &Session, sender: &str) -> Result<Transaction, Refusal> {
        self.intake.begin(session, path(sender), EnvelopeParameters::default()).await
    }

    /// Starts the way out; it ends with [`Relay::stop`].
    pub(crate) fn deliver(&self) -> Shutdown {
        self.deliver_showing(&ClientTls::new(&self.authority.leaf("mss.pro.test", 10)).unwrap())
    }

    /// The same, our certificate being this one.
    pub(crate) fn deliver_showing(&self, tls: &ClientTls) -> Shutdown {
        let shutdown = Shutdown::default();
        let delivery = Delivery {
            intake: self.intake.clone(),
            tls: tls.clone(),
            resolver: Resolver::with_servers(&[]).unwrap(),
            config: DeliveryConfig::default(),
            hurry: Arc::clone(&self.hurry),
        };
        shutdown.spawn(delivery.run(shutdown.clone()));
        shutdown
    }

    /// The folder for what must survive a restart.
    pub(crate) fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    /// The root's certificate; its key is not to be had.
    pub(crate) fn root(&self) -> TlsConfig {
        TlsConfig { certificate: self.folder.path().join("root.pem"), key: self.folder.path().join("none") }
    }

    /// Walks the way to a domain's server, our certificate shown with its chain.
    pub(crate) fn probe(&self) -> Probe {
        let own = self.authority.leaf("mss.pro.test", 10);
        let chain = std::fs::read(self.folder.path().join("organisations.pem")).unwrap();
        let both = [std::fs::read(&own.certificate).unwrap(), chain].concat();
        std::fs::write(&own.certificate, both).unwrap();
        Probe {
            server_name: SERVER_NAME.to_owned(),
            hosted_domains: self.intake.config.hosted_domains.clone(),
            list: self.intake.trust.current(),
            pki: self.intake.pki.clone(),
            routes: self.intake.routes.current(),
            resolver: Resolver::with_servers(&[]).unwrap(),
            port: 25,
            own: OwnCertificate::load(&own).unwrap(),
            masker: self.intake.masker.clone(),
            clock: self.clock.clone(),
            patience: Duration::from_secs(20),
        }
    }

    /// What is on record about a message, as an admin sees it.
    pub(crate) async fn events_of(&self, message: MessageId) -> Vec<Event<String>> {
        let events = self.store.events_of(message).await.unwrap();
        events.into_iter().map(|event| event.map(|text| self.intake.masker.show(&text))).collect()
    }

    /// Waits until the last event of a message is of one of these kinds, and tells them all in order.
    pub(crate) async fn story(&self, message: MessageId, ends: &[&str]) -> Vec<Event<String>> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let events = self.events_of(message).await;
            if events.last().is_some_and(|last| ends.contains(&last.kind.as_str())) {
                return events;
            }
            assert!(tokio::time::Instant::now() < deadline, "none of {ends:?} in {events:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Moves the clock, and makes all that waits due.
    pub(crate) async fn later(&self, by: SignedDuration) {
        self.clock.advance(by);
        for row in self.store.queue_rows(1_000).await.unwrap() {
            match self.store.retry_now(row.id, self.clock.now(), Vec::new()).await {
                // It was due by the clock alone, and has come to its end meanwhile.
                Ok(()) | Err(StoreError::NotFound(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// As after a start: the store was closed.
    pub(crate) async fn open_store_again(&mut self) {
        self.store = open_store(self.folder.path(), self.clock.clone()).await;
        self.intake.store = StoreHandle(self.store.clone());
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Ends the other servers.
    pub(crate) async fn stop(self) {
        assert!(self.shutdown.finish(Duration::from_secs(10)).await);
    }
}

async fn open_store(dir: &Path, clock: Arc<ManualClock>) -> Arc<dyn Store> {
    let master_key = dir.join("master.key");
    std::fs::write(&master_key, "0123456789abcdef".repeat(4)).unwrap();
    std::fs::set_permissions(&master_key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let url = format!("sqlite://{}", dir.join("pli.db").display());
    pli_store::open(&pli_store::Config { url, master_key }, clock).await.unwrap()
}

fn routes(peer: &Peer, hospital: &Peer) -> Routes {
    let connector = ConnectorConfig {
        name: "hospital".to_owned(),
        certificate_name: subject("mta.hopital.test"),
        domains: vec![HOSPITAL.to_owned()],
        addresses: vec![LABORATORY.to_owned()],
        host: Some("127.0.0.1".to_owned()),
        port: Some(hospital.address.port()),
    };
    let route = RouteConfig { domain: THEIRS.to_owned(), host: "127.0.0.1".to_owned(), port: peer.address.port() };
    Routes::new(&[connector], &[route]).unwrap()
}

pub(crate) fn session(face: Face, client: Client) -> Session {
    Session { face, remote: "192.0.2.9:40000".parse().unwrap(), helo: "client.test".to_owned(), client }
}

fn list_entry(domain: &str, name: &str) -> String {
    format!(
        "<Domaine><Nom>{domain}</Nom><Description>d</Description>\
         <DNCertificatOperateur>{name}</DNCertificatOperateur>\
         <ResponsableContact>c</ResponsableContact><SupportContact>c</SupportContact>\
         <DateMAJ>2026-05-01T00:00:00Z</DateMAJ></Domaine>\n"
    )
}

fn path(sender: &str) -> ReversePath {
    if sender.is_empty() { ReversePath::Null } else { ReversePath::Address(address_of(sender)) }
}

pub(crate) fn address_of(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

pub(crate) fn recipient(address: &str) -> Recipient {
    Recipient { address: address_of(address), notify: DsnNotify::default(), orcpt: None }
}

/// What a handshake with this certificate would tell.
pub(crate) fn tls(certificate: Option<PresentedCertificate>) -> TlsFacts {
    TlsFacts { version: "TLSv1.3".to_owned(), cipher: "TLS13_AES_256_GCM_SHA384".to_owned(), certificate }
}

/// Reads a certificate of the authority's from its file.
pub(crate) fn presented(file: &Path) -> PresentedCertificate {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;

    let certificate = CertificateDer::from_pem_file(file).unwrap();
    pli_net::peer::presented(&[certificate]).unwrap()
}

/// A letter from this address, with a line that begins with a dot and an 8-bit byte.
pub(crate) fn letter(from: &str) -> Vec<u8> {
    format!(
        "From: <{from}>\r\nTo: undisclosed:;\r\nSubject: DUPONT Jean\r\nMessage-ID: <1@client.test>\r\n\
         Date: Mon, 1 Jun 2026 08:00:00 +0000\r\nX-MSS-NIL: DEV935997\r\n\r\n.\r\n..\r\ncaf\u{e9}\r\n"
    )
    .into_bytes()
}
