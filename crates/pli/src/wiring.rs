//! The relay, put together: read it from top to bottom.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use pli_directory::TrustHandle;
use pli_imap::ImapConfig;
use pli_imap::server::ImapContext;
use pli_mailflow::intake::StoreHandle;
use pli_mailflow::{Delivery, Guesses, Herald, Intake, IntakeConfig, PeerBook, Receiptor, Strangers, Traffic, Watcher};
use pli_net::{ClientTls, LimitsConfig, Listener, NetError, OwnCertificate, Pki, Resolver, ServerTls, Shutdown};
use pli_policy::Ruleset;
use pli_signin::{GateConfig, Parts, PscConfig, SignIn, TokenSignIn};
use pli_smtp::SmtpConfig;
use pli_store::Store;
use pli_types::{Clock, Masker};
use pli_web::{ApiDoor, Metrics, OwnMessages, WebConfig, WebContext};
use tokio::sync::{Mutex, Notify};

use crate::admin::{self, Desk, House, Office};
use crate::alarms::rounds::{self, Sources};
use crate::annuaire::{self, Teller};
use crate::api::{Programs, Senders};
use crate::certificate_files::CertificateFiles;
use crate::config::{self, Config, Door, Settings, VirusConfig};
use crate::connectors::ConnectorBook;
use crate::counting::Counting;
use crate::descriptors;
use crate::exit::Failure;
use crate::health::NodeHealth;
use crate::life::{Attendant, Forgetting};
use crate::lifecycle::{self, Keeper, Reload, Signals};
use crate::organisations::OrganisationBook;
use crate::peer_file::PeerFile;
use crate::ready::{self, Ports};
use crate::sealer::{self, Sealer};
use crate::state::StateFolder;
use crate::telemetry::{self, Exporter};
use crate::trust::{self, Author, Custodian, Lookout, Signers};
use crate::watch::Watch;
use crate::witness::{self, Envoy};

/// Runs a node until it is told to end. `path` is the file that the settings came from.
pub(crate) async fn run(settings: Settings, path: PathBuf, ready_file: Option<&Path>) -> Result<(), Failure> {
    let signals = Signals::listen()?;
    tracing::info!(version = crate::clock::VERSION, config = %path.display(), "starting");
    let page = metrics()?;

    // What is known: time, identity, whom we believe, who is listed.
    let config = &settings.config;
    descriptors::raise(config);
    let clock = crate::clock::clock();
    let masker = Masker::new(config::read_key(&config.server.masking_key)?.reveal());
    check_secrets(config)?;
    let state = StateFolder::take(&config.server.state)?;
    let certificate = CertificateFiles::load(&config.tls)?;
    let tls = Tls::showing(certificate.own(), config)?;
    let pki = Pki::load(&config.pki, &config.server.state)?;
    let watch = Watch::new(pki.clone()).look().await;
    let signers = Arc::new(Signers(pki.clone()));
    let trust = trust_kept(&state, config, signers, clock.now())?;

    // Where messages live, and who keeps the list.
    let store = pli_store::open(&config.store, Arc::clone(&clock)).await?;
    let custodian = Custodian {
        trust: trust.clone(),
        store: Arc::clone(&store),
        masker: masker.clone(),
        clock: Arc::clone(&clock),
    };
    custodian.measure();
    let mut lookout = Lookout::new(&settings, state.path(), custodian.clone())?;
    if lookout.is_at_hand() {
        lookout.look(false, &Author::Node).await.ok();
    }

    // What is recorded is signed from now on.
    let (sealer, envoys, witnesses) = sealing(&settings, &store, &clock).await?;

    // Who was seen, hospitals' own servers, the way in and the way out.
    let (peers, peer_file) = (PeerBook::default(), PeerFile::in_state(state.path()));
    peer_file.restore(&peers);
    let connectors = ConnectorBook::open(&settings, &*store).await?;
    let intake = Intake {
        config: Arc::new(intake_config(&settings)),
        store: StoreHandle(Arc::clone(&store)),
        trust: trust.clone(),
        pki: pki.clone(),
        routes: connectors.in_force().clone(),
        masker,
        clock: Arc::clone(&clock),
        peers: peers.clone(),
        guesses: Guesses::default(),
        strangers: Strangers::default(),
        traffic: Traffic::default(),
        organisations: Arc::new(OrganisationBook::new(Arc::clone(&store), config.server.state.clone())),
        scanner: config.virus.as_ref().map(VirusConfig::scanner),
    };
    let delivery = delivery(&intake, &tls, config)?;
    let (teller, publications) =
        annuaire::teller(config.annuaire.as_ref(), state.path(), &store, &intake.masker, &clock)?;

    // The doors. All are bound before the first one opens.
    let imap = imap_context(&intake, gate(config, &intake)?);
    let sources = Sources::of(&settings, trust, pki, certificate.clone(), publications, Arc::clone(&clock));
    let sources = Sources { scanner: intake.scanner.clone(), sealing: sealer.standing(), witnesses, ..sources };
    let health = Arc::new(NodeHealth { store: Arc::clone(&store), sources: sources.clone() });
    let (bound, ports) = bind(config).await?;
    let autoconfig = Arc::new(config::told_to_programs(config, |door| port_of(&ports, door)));
    let (api, messages) = (programs(config, &intake)?, senders(config, &intake, &imap.signin));
    let web = WebContext { health, metrics: page.clone(), autoconfig, api, messages };
    let admins = admin::bind(&state)?;
    let office = Office { custodian, lookout: Arc::new(Mutex::new(lookout)) };
    let desk = Desk {
        trust: sources.trust.clone(),
        clock: Arc::clone(&clock),
        state: config.server.state.clone(),
        store: Some(Arc::clone(&store)),
        house: Some(House::new(&settings)?),
        office: Some(office.clone()),
        alarms: Some(sources.clone()),
        peers: Some(peers.clone()),
        connectors: connectors.clone(),
        intake: Some(Box::new(intake.clone())),
    };

    // Everything turns.
    let keeper = Keeper::new(Shutdown::default());
    let (list, revocations, renewed) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let counting = Counting::of_node(&settings, &store, &clock, &connectors);
    keep_the_record(sealer, counting.clone(), &keeper);
    keeper.spawn("trust-list", trust::watch(office.lookout, Arc::clone(&list), keeper.shutdown.clone()));
    keeper.spawn("watch", watch.run(Arc::clone(&revocations), page, keeper.shutdown.clone()));
    let renewing = certificate.watch(Arc::clone(&renewed), intake.pki.clone(), clock, keeper.shutdown.clone());
    keeper.spawn("certificate", renewing);
    keeper.spawn("alarms", rounds::run(sources, Arc::clone(&store), keeper.shutdown.clone()));
    ask_others(&intake, teller, (envoys, telemetry::begin(config, &intake.clock)?), &keeper);
    keeper.spawn("admin", admin::serve(admins, desk, keeper.shutdown.clone()));
    keeper.spawn("life", Attendant::new(config, &intake, counting).run(keeper.shutdown.clone()));
    serve_patients(&settings, &intake, &keeper)?;
    keeper.spawn("peers", peer_file.clone().keep(peers.clone(), keeper.shutdown.clone()));
    keeper.spawn("sessions", imap.signin.clone().keep_sessions(keeper.shutdown.clone()));
    let queue = Arc::clone(&delivery.hurry);
    keeper.spawn("delivery", delivery.run(keeper.shutdown.clone()));
    let smtp = smtp_config(config, imap.signin.clone());
    let doors = Doors { smtp, imap_config: imap_config(config), tls, intake, imap, web };
    for (door, listener) in bound {
        doors.open(door, listener, &keeper);
    }
    ready::announce(&ports, ready_file)?;
    let reload = Reload { path, running: settings.config, hurry: vec![list, revocations, renewed, queue] };
    let ended = lifecycle::until_the_end(signals, &keeper, reload, &*store).await;
    // What the last connections brought.
    peer_file.save(&peers);
    ended
}

/// The keys that are read by others than us: are they kept from everyone but their owner?
fn check_secrets(config: &Config) -> Result<(), Failure> {
    config::check_secret_file(&config.tls.key)?;
    Ok(config::check_secret_file(&config.store.master_key)?)
}

/// What is counted from now on.
fn metrics() -> Result<Metrics, Failure> {
    let page = Metrics::install().map_err(|fault| Failure::defect(fault.to_string()))?;
    crate::metrics::describe();
    pli_mailflow::metrics::describe();
    Ok(page)
}

/// What is recorded is signed, and counted.
fn keep_the_record(sealer: Sealer, counting: Counting, keeper: &Keeper) {
    keeper.spawn("sealer", sealer.run(keeper.shutdown.clone()));
    keeper.spawn("counting", counting.run(keeper.shutdown.clone()));
}

/// The list that was in force, and a word in the log for each copy that is damaged.
fn trust_kept(
    state: &StateFolder,
    config: &Config,
    signers: Arc<Signers>,
    now: Timestamp,
) -> Result<TrustHandle, Failure> {
    let (trust, warnings) = TrustHandle::open(&state.trust(), config.trust.rules(), signers, now)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(trust)
}

/// Who signs the record, who takes its checkpoints further, and how those stand.
async fn sealing(
    settings: &Settings,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
) -> Result<(Sealer, Vec<Envoy>, witness::Standing), Failure> {
    let sealer = sealer::of_node(settings, store, clock).await?;
    let (envoys, witnesses) = witness::of_node(settings, store, clock, &sealer.latest())?;
    Ok((sealer, envoys, witnesses))
}

/// What others are asked and told all the time: authorities, the virus scanner, the state's directory, witnesses, a
/// collector of traces, and senders of what is late.
fn ask_others(
    intake: &Intake,
    teller: Option<Teller>,
    (envoys, telemetry): (Vec<Envoy>, Option<Exporter>),
    keeper: &Keeper,
) {
    let fetching = intake.pki.clone().keep_fresh(Arc::clone(&intake.clock), keeper.shutdown.clone());
    keeper.spawn("revocation-lists", fetching);
    keeper.spawn("store", intake.clone().watch_store(keeper.shutdown.clone()));
    keeper.spawn("strangers", intake.clone().keep_strangers(keeper.shutdown.clone()));
    if let Some(scanner) = intake.scanner.clone() {
        keeper.spawn("virus-scanner", scanner.watch(Arc::clone(&intake.clock), keeper.shutdown.clone()));
    }
    keeper.spawn("deadlines", Watcher::new(intake.clone()).run(keeper.shutdown.clone()));
    if let Some(exporter) = telemetry {
        keeper.spawn("telemetry", exporter.run(keeper.shutdown.clone()));
    }
    if let Some(teller) = teller {
        keeper.spawn("publication", teller.run(keeper.shutdown.clone()));
    }
    for envoy in envoys {
        keeper.spawn("witness", envoy.run(keeper.shutdown.clone()));
    }
}

/// What a node does by itself that has the patients' spaces.
fn serve_patients(settings: &Settings, intake: &Intake, keeper: &Keeper) -> Result<(), Failure> {
    if !settings.hosts_patients() {
        return Ok(());
    }
    keeper.spawn("dispensings", forgetting(&settings.config, intake).run(keeper.shutdown.clone()));
    let receiptor = Receiptor::new(intake.clone(), settings.config.patient.read_receipts);
    keeper.spawn("receipts", receiptor.run(keeper.shutdown.clone()));
    let herald = Herald::new(intake.clone(), settings.config.patient.service_address()?);
    keeper.spawn("notices", herald.run(keeper.shutdown.clone()));
    Ok(())
}

/// What stands behind the doors.
struct Doors {
    smtp: Arc<SmtpConfig>,
    imap_config: Arc<ImapConfig>,
    tls: Tls,
    intake: Intake,
    imap: ImapContext,
    web: WebContext,
}

impl Doors {
    /// Begins to accept.
    fn open(&self, door: Door, listener: Listener, keeper: &Keeper) {
        let (name, shutdown) = (door.name(), keeper.shutdown.clone());
        let (smtp, imap, clients) = (Arc::clone(&self.smtp), Arc::clone(&self.imap_config), self.tls.clients.clone());
        let (intake, context) = (self.intake.clone(), self.imap.clone());
        let (starttls, implicit) = (false, true);
        match door {
            Door::Smtp => {
                let operators = self.tls.operators.clone();
                keeper.spawn(name, pli_smtp::operators(smtp, operators, intake, listener, shutdown));
            }
            Door::Submission => {
                keeper.spawn(name, pli_smtp::submission(smtp, clients, starttls, intake, listener, shutdown));
            }
            Door::Submissions => {
                keeper.spawn(name, pli_smtp::submission(smtp, clients, implicit, intake, listener, shutdown));
            }
            Door::Imap => {
                keeper.spawn(name, pli_imap::serve(imap, context, clients, starttls, listener, shutdown));
            }
            Door::Imaps => {
                keeper.spawn(name, pli_imap::serve(imap, context, clients, implicit, listener, shutdown));
            }
            Door::Http => {
                let (config, web) = (WebConfig::default(), self.web.clone());
                keeper.spawn(name, pli_web::serve(config, web, clients, listener, shutdown));
            }
        }
    }
}

/// Our certificate in its three roles.
struct Tls {
    operators: ServerTls,
    clients: ServerTls,
    towards_servers: ClientTls,
}

impl Tls {
    fn showing(own: &OwnCertificate, config: &Config) -> Result<Self, NetError> {
        Ok(Self {
            operators: ServerTls::for_operators(own)?,
            clients: ServerTls::for_clients(own, &config.pki)?,
            towards_servers: ClientTls::showing(own)?,
        })
    }
}

/// The name servers of the configuration, or else those of the system.
pub(crate) fn resolver(servers: &[SocketAddr]) -> Result<Resolver, NetError> {
    if servers.is_empty() { Resolver::system() } else { Resolver::with_servers(servers) }
}

/// The way out.
fn delivery(intake: &Intake, tls: &Tls, config: &Config) -> Result<Delivery, NetError> {
    let resolver = resolver(&config.dns.servers)?;
    let (tls, config) = (tls.towards_servers.clone(), config.delivery.clone());
    Ok(Delivery { intake: intake.clone(), tls, resolver, config, hurry: Arc::default() })
}

/// Who answers programs that call over HTTPS, if any may.
fn programs(config: &Config, intake: &Intake) -> Result<Option<ApiDoor>, Failure> {
    Ok(Programs::of(config, intake)?.map(|programs| ApiDoor::new(Arc::new(programs))))
}

/// Who answers senders over HTTPS, if they may ask.
fn senders(config: &Config, intake: &Intake, signin: &SignIn) -> Option<Arc<dyn OwnMessages>> {
    config.api.messages.then(|| Arc::new(Senders::new(intake, signin.clone())) as Arc<dyn OwnMessages>)
}

/// Who forgets what was dispensed.
fn forgetting(config: &Config, intake: &Intake) -> Forgetting {
    Forgetting::new(Arc::clone(&intake.store.0), Arc::clone(&intake.clock), config.patient.dispensings_kept)
}

/// What intake needs to know of this operator.
pub(crate) fn intake_config(settings: &Settings) -> IntakeConfig {
    let limits = &settings.config.limits;
    IntakeConfig {
        server_name: settings.config.server.name.0.to_string(),
        hosted_domains: settings.hosted_domains(),
        postmaster: settings.config.server.postmaster.as_ref().map(|address| address.0.clone()),
        message_bytes_max: limits.message_size.bytes(),
        recipients_max: limits.recipients,
        queue_lifetime: limits.queue_lifetime.get(),
        repeats_within: limits.repeats_within.get(),
        delay_after: settings.config.report.delay_after.get(),
        server_auth_clients: settings.config.pki.server_auth_clients,
        ruleset: Ruleset {
            patient: settings.config.patient.rules(),
            documents: settings.config.document.rules(),
            virus: settings.config.virus.as_ref().map(VirusConfig::rules),
        },
        deadlines: settings.config.deadline.clone(),
        unknown_per_peer: settings.config.patient.unknown_per_peer,
        traffic: limits.traffic(),
    }
}

/// Who lets people in, through every door.
fn gate(config: &Config, intake: &Intake) -> Result<SignIn, Failure> {
    let settings = &config.signin;
    let (store, clock) = (Arc::clone(&intake.store.0), Arc::clone(&intake.clock));
    let tokens = settings.psc.as_ref().map(|psc| tokens(psc, &clock)).transpose()?;
    let parts = Parts { store, pki: intake.pki.clone(), tokens, masker: intake.masker.clone(), clock };
    Ok(SignIn::new(parts, GateConfig { session_life: settings.session_life.get(), failures: settings.failures() }))
}

/// Who judges the tokens of Pro Santé Connect.
fn tokens(psc: &PscConfig, clock: &Arc<dyn Clock>) -> Result<TokenSignIn, Failure> {
    let asked = psc.introspection.as_ref();
    let secret = asked.map(|asked| config::read_text_secret(&asked.client_secret)).transpose()?;
    Ok(TokenSignIn::new(psc, secret.as_ref(), Arc::clone(clock))?)
}

fn smtp_config(config: &Config, signin: SignIn) -> Arc<SmtpConfig> {
    let (server_name, idle) = (config.server.name.0.to_string(), config.limits.smtp_idle.get());
    Arc::new(SmtpConfig { server_name, idle, signin })
}

fn imap_context(intake: &Intake, signin: SignIn) -> ImapContext {
    let (store, clock) = (Arc::clone(&intake.store.0), Arc::clone(&intake.clock));
    ImapContext { store, pki: intake.pki.clone(), masker: intake.masker.clone(), signin, clock }
}

fn imap_config(config: &Config) -> Arc<ImapConfig> {
    Arc::new(ImapConfig {
        server_name: config.server.name.0.to_string(),
        idle: config.limits.imap_idle.get(),
        message_bytes_max: config.limits.message_size.bytes(),
    })
}

/// Binds every listener of the configuration.
async fn bind(config: &Config) -> Result<(Vec<(Door, Listener)>, Ports), Failure> {
    let limits = LimitsConfig {
        connections: config.limits.connections,
        connections_per_address: config.limits.connections_per_address,
        ..LimitsConfig::default()
    };
    let mut bound = Vec::new();
    for (door, listener) in config.listener.each() {
        bound.push((door, Listener::bind(listener.address, limits).await?));
    }
    let ports = ports(&bound)?;
    Ok((bound, ports))
}

fn port_of(ports: &Ports, door: Door) -> Option<u16> {
    ports.get(door.name()).copied()
}

fn ports(bound: &[(Door, Listener)]) -> Result<Ports, Failure> {
    bound.iter().map(|(door, listener)| Ok((door.name(), listener.local_address()?.port()))).collect()
}
