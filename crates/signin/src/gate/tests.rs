//! The gate over a real store and a small PKI: who gets in where, what is kept of it, and when it ends.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::LazyLock;

use jiff::Timestamp;
use pli_audit::{EventKind, Face};
use pli_net::{PkiConfig, TlsFacts};
use pli_sandbox::crl::Revoked;
use pli_sandbox::pki::{DEPARTMENT, Leaf, Purpose, Subject, TestPki};
use pli_store::{
    AccountChange, AccountKind, Config, CredentialKind, MailboxChange, MailboxKind, NewAccount, NewCredential,
    NewMailbox,
};
use pli_types::{AccountId, MailboxId, ManualClock, Secret, StructureId};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tempfile::TempDir;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::*;
use crate::sasl::Mechanism;
use crate::sessions::Ending;

const WARD: &str = "urgences@ch.test";
const OWN: &str = "dr.martin@ch.test";
const PROGRAM: &str = "labo@ch.test";
/// The issuance takes RSA keys, so that all tests share it.
static TRUST: LazyLock<Trust> = LazyLock::new(Trust::make);

struct Trust {
    pki: TestPki,
    /// Of the structure that the program's mailbox is of, and of another.
    leaves: [(PresentedCertificate, Vec<u8>); 2],
}

fn start() -> Timestamp {
    "2026-03-07T08:05:09Z".parse().unwrap()
}

impl Trust {
    fn make() -> Self {
        let pki = TestPki::generate(start()).unwrap();
        let leaves = ["1750000001", "1990000000"].map(|structure| {
            let subject = Subject {
                common_name: format!("labo-{structure}.test"),
                structure: structure.to_owned(),
                organisation: "CH".to_owned(),
                department: DEPARTMENT.to_owned(),
            };
            let issued = pki.issue(&Leaf::now(&subject, Purpose::Client, start())).unwrap();
            let chain: Vec<_> =
                CertificateDer::pem_slice_iter(issued.chain_pem.as_bytes()).map(Result::unwrap).collect();
            (pli_net::peer::presented(&chain).unwrap(), issued.serial)
        });
        Self { pki, leaves }
    }
}

/// An emergency ward's mailbox that three people share, one of whom has a mailbox of his own; and a program's.
struct Stage {
    folder: TempDir,
    clock: Arc<ManualClock>,
    store: Arc<dyn Store>,
    gate: SignIn,
    shutdown: Shutdown,
    ward: MailboxId,
    program: MailboxId,
    people: Vec<AccountId>,
}

fn lists(folder: &Path, revoked: &[Revoked], now: Timestamp) {
    let file = folder.join("crl.pem");
    std::fs::write(file.with_extension("new"), TRUST.pki.revocation_lists(revoked, now).unwrap()).unwrap();
    std::fs::rename(file.with_extension("new"), file).unwrap();
}

impl Stage {
    async fn open(config: GateConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        TRUST.pki.write(folder.path()).unwrap();
        lists(folder.path(), &[], start());
        pli_sandbox::files::write_private(&at("master.key"), "5a".repeat(32)).unwrap();
        let clock = Arc::new(ManualClock::new(start()));
        let url = format!("sqlite://{}", at("pli.db").display());
        let store = pli_store::open(&Config { url, master_key: at("master.key") }, clock.clone()).await.unwrap();
        let pki_config = PkiConfig::new(at("root.pem"), at("organisations.pem")).with_crl(at("crl.pem"));
        let pki = Pki::load(&pki_config, &at("state")).unwrap();
        let masker = Masker::new(&[7; 32]);
        let parts = Parts { store: Arc::clone(&store), pki, tokens: None, masker, clock: clock.clone() };
        let gate = SignIn::new(parts, config);
        let shutdown = Shutdown::default();
        shutdown.spawn(gate.clone().keep_sessions(shutdown.clone()));
        let ward = mailbox_of(&*store, WARD, MailboxKind::Org, None).await;
        let own = mailbox_of(&*store, OWN, MailboxKind::Per, None).await;
        let program = mailbox_of(&*store, PROGRAM, MailboxKind::App, Some("1750000001")).await;
        let mut people = Vec::new();
        for name in ["martin", "durand", "petit"] {
            let account = account(&*store, name, AccountKind::Person).await;
            let password = NewCredential::Password(Secret::new(format!("secret of {name}")));
            store.add_credential(account, password, Vec::new()).await.unwrap();
            grant(&*store, account, ward, name != "martin").await;
            people.push(account);
        }
        grant(&*store, people[0], own, true).await;
        Self { folder, clock, store, gate, shutdown, ward, program, people }
    }

    async fn usual() -> Self {
        Self::open(GateConfig::default()).await
    }

    async fn show(&self, proof: &Proof, certificate: Option<&PresentedCertificate>) -> Result<Pass, Denied> {
        let tls = tls(certificate);
        self.gate.judge(proof, &caller(Some(&tls))).await
    }

    async fn password(&self, acts_for: &str, name: &str, password: &str) -> Result<Pass, Denied> {
        self.show(&plain(acts_for, name, password), None).await
    }

    async fn event(&self, proof: &Proof, pass: Option<&Pass>) -> pli_audit::Event<String> {
        let (tls, found) = (tls(None), pass.map(|pass| &pass.account));
        let tried = Try { proof, caller: &caller(Some(&tls)), found, why: None };
        record::event(&self.gate.parts, &tried).await.unwrap().map(|text| self.gate.parts.masker.show(&text))
    }

    async fn change(&self, account: AccountId, change: AccountChange) {
        self.store.change_account(account, change, Vec::new()).await.unwrap();
    }

    /// An account of a program with a certificate, which opens the program's mailbox.
    async fn application(&self, certificate: &PresentedCertificate) -> AccountId {
        let account = account(&*self.store, "labo", AccountKind::Program).await;
        let credential = NewCredential::Certificate(certificate.subject.clone());
        self.store.add_credential(account, credential, Vec::new()).await.unwrap();
        grant(&*self.store, account, self.program, true).await;
        account
    }
}

async fn mailbox_of(store: &dyn Store, address: &str, kind: MailboxKind, structure: Option<&str>) -> MailboxId {
    let structure = structure.map(|number| StructureId::parse(number).unwrap());
    let new = NewMailbox { structure, ..NewMailbox::new(MailAddress::parse(address).unwrap(), kind) };
    store.add_mailbox(new, Vec::new()).await.unwrap()
}

async fn account(store: &dyn Store, name: &str, kind: AccountKind) -> AccountId {
    let new = NewAccount { name: name.to_owned(), kind, rpps: None, display_name: None };
    store.add_account(new, Vec::new()).await.unwrap()
}

async fn grant(store: &dyn Store, account: AccountId, mailbox: MailboxId, default: bool) {
    store.change_account(account, AccountChange::Grant { mailbox, default }, Vec::new()).await.unwrap();
}

fn plain(acts_for: &str, name: &str, password: &str) -> Proof {
    Mechanism::Plain.read(format!("{acts_for}\0{name}\0{password}").as_bytes()).unwrap()
}

fn external(acts_for: &str) -> Proof {
    Proof::Certificate { acts_for: acts_for.to_owned() }
}

fn tls(certificate: Option<&PresentedCertificate>) -> TlsFacts {
    TlsFacts { version: "TLSv1.3".to_owned(), cipher: String::new(), certificate: certificate.cloned() }
}

fn caller(tls: Option<&TlsFacts>) -> Caller<'_> {
    Caller { face: Face::Imap, remote: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), tls }
}

/// Longer than sessions are looked at apart, and short of what is promised.
async fn ends(pass: &mut Pass) -> Option<Ending> {
    tokio::time::timeout(Duration::from_secs(5), pass.guard.ended()).await.ok()
}

#[tokio::test]
async fn several_people_work_in_one_mailbox_each_as_himself() {
    let stage = Stage::usual().await;
    for name in ["durand", "petit"] {
        let proof = plain(WARD, name, &format!("secret of {name}"));
        let pass = stage.show(&proof, None).await.unwrap();
        assert_eq!(pass.account.mailbox.id, stage.ward);
        let event = stage.event(&proof, Some(&pass)).await;
        assert_eq!((event.kind, event.actor.as_deref()), (EventKind::SignedIn, Some(name)));
        assert_eq!((event.mailbox.as_deref(), event.remote.as_deref()), (Some(WARD), Some("192.0.2.7")));
        assert_eq!((event.reason, event.detail.as_deref()), (None, Some("plain")));
    }
}

#[tokio::test]
async fn which_mailbox_opens_is_said_or_is_ones_own() {
    let stage = Stage::usual().await;
    let opened = async |acts_for: &str| {
        let pass = stage.password(acts_for, "martin", "secret of martin").await;
        pass.map(|pass| pass.account.mailbox.address.reveal())
    };
    assert_eq!(opened("").await.as_deref(), Ok(OWN));
    assert_eq!(opened("Martin").await.as_deref(), Ok(OWN), "to act for oneself is to ask for nothing");
    assert_eq!(opened("URGENCES@ch.test").await.as_deref(), Ok(WARD));
    assert_eq!(opened("labo@ch.test").await, Err(Denied::Failed), "not granted");
    assert_eq!(opened("no-such@ch.test").await, Err(Denied::Failed));
    assert_eq!(opened("no address").await, Err(Denied::Failed));
    let pass = stage.password("", "martin", "secret of martin").await.unwrap();
    assert_eq!(pass.account.writes_as.len(), 2, "whichever is open, he writes as both");
}

#[tokio::test]
async fn a_failure_names_who_was_meant_and_never_what_was_typed_by_mistake() {
    let stage = Stage::usual().await;
    let actor = async |proof: &Proof| {
        let event = stage.event(proof, None).await;
        assert_eq!(event.reason.as_deref(), Some("authentication-failed"));
        event.actor
    };
    assert_eq!(actor(&plain(WARD, "durand", "wrong")).await.as_deref(), Some("durand"));
    assert_eq!(actor(&plain("", "someone@ch.test", "wrong")).await.as_deref(), Some("someone@ch.test"));
    assert_eq!(actor(&plain("", "correct-horse", "durand")).await, None, "a password in the wrong field");
    let patient = actor(&plain("", "279035121518989@patient.mssante.fr", "wrong")).await.unwrap();
    assert!(patient.starts_with("ins-"), "{patient}");
    let asked = stage.event(&plain(WARD, "durand", "wrong"), None).await.mailbox;
    assert_eq!(asked.as_deref(), Some(WARD));
}

#[tokio::test]
async fn an_app_password_opens_its_one_mailbox_and_writes_as_nothing_else() {
    let stage = Stage::usual().await;
    let secret = pli_store::app_password::generate().unwrap();
    let credential = NewCredential::AppPassword {
        mailbox: stage.ward,
        label: "scanner".to_owned(),
        secret: Secret::new(secret.reveal().clone()),
        expires_at: None,
    };
    stage.store.add_credential(stage.people[0], credential, Vec::new()).await.unwrap();
    let pass = stage.password("", WARD, secret.reveal()).await.unwrap();
    assert_eq!((pass.account.mailbox.id, pass.account.name.as_str()), (stage.ward, "martin"));
    assert_eq!(pass.account.writes_as.len(), 1);
    assert!(matches!(stage.password(OWN, WARD, secret.reveal()).await, Err(Denied::Failed)));
    assert!(matches!(stage.password("", "martin", secret.reveal()).await, Err(Denied::Failed)));
}

/// Scenario 34.
#[tokio::test]
async fn an_applications_mailbox_opens_by_its_structures_certificate_only() {
    let stage = Stage::usual().await;
    let [(own, _), (foreign, _)] = &TRUST.leaves;
    let account = stage.application(own).await;
    assert_eq!(stage.show(&external(""), Some(own)).await.unwrap().account.mailbox.id, stage.program);
    assert!(stage.show(&external(PROGRAM), Some(own)).await.is_ok());
    assert!(matches!(stage.show(&external(WARD), Some(own)).await, Err(Denied::Failed)), "not granted");
    assert!(matches!(stage.show(&external(""), None).await, Err(Denied::Failed)), "no certificate");
    let password = NewCredential::Password(Secret::new("secret".to_owned()));
    stage.store.add_credential(account, password, Vec::new()).await.unwrap();
    assert!(matches!(stage.password(PROGRAM, "labo", "secret").await, Err(Denied::Failed)), "a password never");
    let other = NewCredential::Certificate(foreign.subject.clone());
    stage.store.add_credential(account, other, Vec::new()).await.unwrap();
    assert!(matches!(stage.show(&external(""), Some(foreign)).await, Err(Denied::Failed)), "of another structure");
}

#[tokio::test]
async fn nothing_is_looked_at_in_clear() {
    let stage = Stage::usual().await;
    let proof = plain("", "durand", "secret of durand");
    assert!(matches!(stage.gate.judge(&proof, &caller(None)).await, Err(Denied::Failed)));
}

#[tokio::test]
async fn a_suspended_mailbox_ends_the_sessions_in_it_and_no_others() {
    let stage = Stage::usual().await;
    let mut in_ward = stage.password(WARD, "petit", "secret of petit").await.unwrap();
    let mut elsewhere = stage.password(OWN, "durand", "secret of durand").await;
    assert!(elsewhere.is_err(), "not his");
    grant(&*stage.store, stage.people[1], stage.program, false).await;
    elsewhere = stage.password("", "durand", "secret of durand").await;
    stage.store.change_mailbox(stage.ward, MailboxChange::Suspend, Vec::new()).await.unwrap();
    assert_eq!(ends(&mut in_ward).await, Some(Ending::Withdrawn));
    assert_eq!(ends(&mut elsewhere.unwrap()).await, Some(Ending::Withdrawn), "the ward was his default");
    assert!(matches!(stage.password(WARD, "petit", "secret of petit").await, Err(Denied::Failed)));
}

#[tokio::test]
async fn who_reads_his_mailbox_stays_when_another_of_his_is_suspended() {
    let stage = Stage::usual().await;
    let proof = plain(OWN, "martin", "secret of martin");
    let mut reads = stage.show(&proof, None).await.unwrap();
    let tls = tls(None);
    let submits = Caller { face: Face::Submission, ..caller(Some(&tls)) };
    let mut writes = stage.gate.judge(&proof, &submits).await.unwrap();
    stage.store.change_mailbox(stage.ward, MailboxChange::Suspend, Vec::new()).await.unwrap();
    assert_eq!(ends(&mut writes).await, Some(Ending::Withdrawn), "it could write as the ward");
    assert_eq!(ends(&mut reads).await, None);
    assert_eq!(stage.password(OWN, "martin", "secret of martin").await.unwrap().account.writes_as.len(), 1);
}

#[tokio::test]
async fn what_is_taken_from_one_leaves_the_others_of_his_mailbox_signed_in() {
    let stage = Stage::usual().await;
    let sign_in = async |name: &str| stage.password(WARD, name, &format!("secret of {name}")).await.unwrap();
    let (mut martin, mut durand, mut petit) =
        (sign_in("martin").await, sign_in("durand").await, sign_in("petit").await);
    stage.change(stage.people[0], AccountChange::Revoke { mailbox: stage.ward }).await;
    stage.change(stage.people[1], AccountChange::Disable).await;
    assert_eq!(ends(&mut martin).await, Some(Ending::Withdrawn), "a grant");
    assert_eq!(ends(&mut durand).await, Some(Ending::Withdrawn), "an account");
    assert_eq!(petit.guard.has_ended(), None);
    let record = stage.store.account("petit").await.unwrap().unwrap();
    let password = record.credentials.iter().find(|credential| credential.kind == CredentialKind::Password).unwrap();
    stage.store.revoke_credential(password.id, Vec::new()).await.unwrap();
    assert_eq!(ends(&mut petit).await, Some(Ending::Withdrawn), "a credential");
}

/// Between what was read of someone and his session, the world may change.
#[tokio::test]
async fn a_change_while_someone_signs_in_is_not_missed() {
    let stage = Stage::usual().await;
    let as_of = stage.gate.sessions.changes();
    let mut pass = stage.password(WARD, "petit", "secret of petit").await.unwrap();
    stage.store.change_mailbox(stage.ward, MailboxChange::Suspend, Vec::new()).await.unwrap();
    assert_eq!(ends(&mut pass).await, Some(Ending::Withdrawn), "so everybody has been asked about it");
    let label = Label { account: "petit".to_owned(), remote: caller(None).remote, door: "imap" };
    let guard = stage.gate.sessions.begin(pass.account.clone(), label, None, as_of);
    assert_eq!(ends(&mut Pass { account: pass.account, guard }).await, Some(Ending::Withdrawn));
}

#[tokio::test]
async fn a_session_has_a_longest_life() {
    let stage = Stage::usual().await;
    let mut pass = stage.password("", "durand", "secret of durand").await.unwrap();
    stage.clock.advance(SignedDuration::from_hours(12) - SignedDuration::from_secs(1));
    assert_eq!(pass.guard.has_ended(), None);
    stage.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(ends(&mut pass).await, Some(Ending::TooLong));
}

#[tokio::test]
async fn a_certificate_taken_back_ends_the_sessions_that_hang_on_it() {
    let stage = Stage::usual().await;
    let (own, serial) = &TRUST.leaves[0];
    stage.application(own).await;
    let mut program = stage.show(&external(""), Some(own)).await.unwrap();
    let mut person = stage.password("", "durand", "secret of durand").await.unwrap();
    let (_, leaf) = X509Certificate::from_der(&own.leaf).unwrap();
    let since = start() + SignedDuration::from_mins(1);
    let revoked = Revoked { issuer: leaf.issuer().as_raw().to_vec(), serial: serial.clone(), since };
    lists(stage.folder.path(), &[revoked], since);
    assert!(stage.gate.parts.pki.refresh().unwrap());
    assert_eq!(program.guard.has_ended(), Some(Ending::Certificate), "at once, for one who asks");
    assert_eq!(ends(&mut program).await, Some(Ending::Certificate));
    assert_eq!(person.guard.has_ended(), None);
}

#[tokio::test]
async fn guessers_are_sent_away_and_the_holder_is_not() {
    let failures = Limits { undelayed: 4, address: 4 };
    let stage = Stage::open(GateConfig { failures, ..GateConfig::default() }).await;
    stage.password("", "durand", "secret of durand").await.unwrap();
    for guess in 0..4 {
        assert!(matches!(stage.password("", "petit", &format!("guess {guess}")).await, Err(Denied::Failed)));
    }
    assert!(matches!(stage.password("", "petit", "secret of petit").await, Err(Denied::TooMany)), "from here");
    assert!(stage.password("", "durand", "secret of durand").await.is_ok(), "he is known here");
    let tls = tls(None);
    let elsewhere = Caller { remote: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8)), ..caller(Some(&tls)) };
    let holder = stage.gate.judge(&plain("", "petit", "secret of petit"), &elsewhere).await;
    assert!(holder.is_ok(), "from elsewhere it takes a moment");
    stage.clock.advance(SignedDuration::from_mins(1));
    assert!(stage.password("", "petit", "secret of petit").await.is_ok(), "one try a minute is judged");
}

/// The addresses of professionals are public: this is how they are guessed.
#[tokio::test]
async fn one_password_tried_on_everybody_is_as_many_guesses() {
    let failures = Limits { undelayed: 4, address: 4 };
    let stage = Stage::open(GateConfig { failures, ..GateConfig::default() }).await;
    for name in ["martin", "durand", "petit", "nobody"] {
        assert!(matches!(stage.password("", name, "Ete2026!").await, Err(Denied::Failed)), "{name}");
    }
    assert!(matches!(stage.password("", "leroy", "Ete2026!").await, Err(Denied::TooMany)));
}

#[tokio::test]
async fn guards_that_are_dropped_leave_nothing_behind() {
    let stage = Stage::usual().await;
    let pass = stage.password("", "durand", "secret of durand").await.unwrap();
    assert_eq!(stage.gate.sessions.holders().len(), 1);
    drop(pass);
    assert_eq!(stage.gate.sessions.holders().len(), 0);
    assert!(stage.shutdown.finish(Duration::from_secs(5)).await, "the watch ends with the server");
}
