//! Makes a sandbox in an empty folder: authorities, certificates, list, configuration, keys, mailboxes.
//!
//! `sandbox.json` is written last: a folder that has it is whole.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use pli_types::Clock;

use crate::cast::{self, OperatorRole, PeerRole, Spelling, Validity};
use crate::config::{self, ConfigFile, paths};
use crate::crl::{Lists, Revoked};
use crate::fault::Fault;
use crate::manifest::{Account, Connector, Manifest, Operator, Patient, Peer, Ports};
use crate::pki::{DEPARTMENT, LEAF_VALIDITY, Leaf, Purpose, Subject, TestPki, later};
use crate::ports::Reserved;
use crate::whitelist::{self, Entry};
use crate::{crl_server, earlier, files, mailboxes, secrets};

/// A sandbox ready to be started, its ports still held if they were chosen just now.
pub struct Seeded {
    /// What is in it.
    pub manifest: Manifest,
    /// Let go right before the operators start.
    pub ports: Reserved,
}

/// Makes a sandbox in DIR, or takes up the one that is there: its ports, passwords and mail stay.
pub async fn seed(dir: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<Seeded> {
    if let Some(manifest) = Manifest::load(dir)? {
        earlier::complete(dir, &manifest)?;
        renew_revocation_lists(dir, clock.now())?;
        return Ok(Seeded { manifest, ports: Reserved::default() });
    }
    refuse_other_peoples_folder(dir)?;
    let mut ports = Reserved::default();
    let manifest = Maker::new(dir, &mut ports, clock.now())?.make(&mut ports)?;
    mailboxes::seed(dir, &manifest, clock).await?;
    manifest.save(dir)?;
    Ok(Seeded { manifest, ports })
}

/// Puts nothing, not even the lock, into a folder of somebody else's. One with a lock is judged by who gets the lock:
/// another sandbox may be made there right now.
pub(crate) fn judge_before_lock(dir: &Path) -> anyhow::Result<()> {
    if !dir.exists() || dir.join(crate::lock::FILE).exists() || Manifest::load(dir)?.is_some() {
        return Ok(());
    }
    refuse_other_peoples_folder(dir)
}

/// Only a folder that holds nothing but the lock is made into a sandbox.
fn refuse_other_peoples_folder(dir: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        if entry?.file_name() != crate::lock::FILE {
            return Err(Fault::Taken(format!("{} is neither empty nor a whole sandbox", dir.display())).into());
        }
    }
    Ok(())
}

/// Signs the lists anew before they end, whatever was revoked meanwhile included.
fn renew_revocation_lists(dir: &Path, now: Timestamp) -> anyhow::Result<()> {
    let path = dir.join("pki/crl.pem");
    let lists = Lists::parse(&files::read(&path)?).with_context(|| format!("{} cannot be read", path.display()))?;
    if lists.need_renewal(now) {
        let pki = TestPki::load(&dir.join("pki"))?;
        files::write(&path, pki.revocation_lists(&lists.revoked, now)?)?;
    }
    Ok(())
}

/// Operators and peers, a connector, and a program.
const LEAVES: usize = cast::OPERATORS.len() + cast::PEERS.len() + 2;

struct Maker<'a> {
    dir: &'a Path,
    now: Timestamp,
    crl_url: String,
    pki: TestPki,
}

impl<'a> Maker<'a> {
    fn new(dir: &'a Path, ports: &mut Reserved, now: Timestamp) -> anyhow::Result<Self> {
        let crl_url = crl_server::url(ports.take()?);
        let pki = TestPki::generate_with_lists_at(&crl_url, now)?;
        Ok(Self { dir, now, crl_url, pki })
    }

    fn make(&self, ports: &mut Reserved) -> anyhow::Result<Manifest> {
        let mut manifest = Manifest { crl_url: Some(self.crl_url.clone()), ..Manifest::empty() };
        self.pki.write(&self.dir.join("pki"))?;
        self.pki.prepare(LEAVES)?;
        for role in &cast::OPERATORS {
            manifest.operators.push(self.operator(role, ports)?);
        }
        let mut revoked = Vec::new();
        for role in &cast::PEERS {
            let port = if role.name == "listed" { Some(ports.take()?) } else { None };
            manifest.peers.insert(role.name.to_owned(), self.peer(role, port, &mut revoked)?);
        }
        manifest.connectors.push(self.connector(ports.take()?)?);
        files::write(&self.dir.join(&manifest.crl), self.pki.revocation_lists(&revoked, self.now)?)?;
        files::write(&self.dir.join(&manifest.whitelist), whitelist::xml(&entries(), self.now))?;
        self.write_configurations(&manifest)?;
        self.accounts(&mut manifest)?;
        Ok(manifest)
    }

    fn operator(&self, role: &OperatorRole, ports: &mut Reserved) -> anyhow::Result<Operator> {
        let folder = self.dir.join(role.name);
        let (certificate, key) = (folder.join(paths::CERTIFICATE), folder.join(paths::KEY));
        self.pki.issue(&Leaf::now(&operator_subject(role), Purpose::Server, self.now))?.write(&certificate, &key)?;
        files::write_private(&folder.join(paths::MASKING_KEY), secrets::hex(&secrets::bytes::<32>()?))?;
        files::write_private(&folder.join(paths::MASTER_KEY), secrets::hex(&secrets::bytes::<32>()?))?;
        Ok(Operator {
            name: role.name.to_owned(),
            pid: None,
            config: format!("{}/{}", role.name, paths::CONFIG),
            server_name: role.server_name.to_owned(),
            domains: role.domains.iter().map(|&domain| domain.to_owned()).collect(),
            ports: Ports {
                smtp: ports.take()?,
                submission: ports.take()?,
                submissions: ports.take()?,
                imap: ports.take()?,
                imaps: ports.take()?,
                http: ports.take()?,
            },
            certificate: format!("{}/{}", role.name, paths::CERTIFICATE),
            key: format!("{}/{}", role.name, paths::KEY),
        })
    }

    fn peer(&self, role: &PeerRole, port: Option<u16>, revoked: &mut Vec<Revoked>) -> anyhow::Result<Peer> {
        let subject = peer_subject(role);
        let now = Leaf::now(&subject, role.purpose, self.now);
        let (not_before, not_after) = match role.validity {
            Validity::Now => (now.not_before, now.not_after),
            Validity::Past => (later(self.now, -LEAF_VALIDITY), later(self.now, SignedDuration::from_hours(-24))),
            Validity::Future => (later(self.now, LEAF_VALIDITY), later(self.now, LEAF_VALIDITY + LEAF_VALIDITY)),
        };
        let leaf = Leaf { branch: role.branch, not_before, not_after, names_list: role.names_list, ..now };
        let issued = self.pki.issue(&leaf)?;
        if role.revoked {
            revoked.push(Revoked {
                issuer: self.pki.organisations.name_der()?,
                serial: issued.serial.clone(),
                since: self.now,
            });
        }
        let (certificate, key) = (format!("peers/{}.pem", role.name), format!("peers/{}.key", role.name));
        issued.write(&self.dir.join(&certificate), &self.dir.join(&key))?;
        let (domain, domains) = match role.listed_for {
            several @ [first, _, ..] => (*first, several),
            _ => (cast::PEER_DOMAIN, [].as_slice()),
        };
        let domains = domains.iter().map(|&domain| domain.to_owned()).collect();
        Ok(Peer { domain: domain.to_owned(), domains, certificate, key, port })
    }

    fn connector(&self, port: u16) -> anyhow::Result<Connector> {
        let (certificate, key) = ("connectors/hospital-mta.pem", "connectors/hospital-mta.key");
        let subject = connector_subject();
        self.pki
            .issue(&Leaf::now(&subject, Purpose::Server, self.now))?
            .write(&self.dir.join(certificate), &self.dir.join(key))?;
        Ok(Connector {
            name: "hospital-mta".to_owned(),
            domain: cast::HOSPITAL_DOMAIN.to_owned(),
            operator: "pro".to_owned(),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            port,
        })
    }

    fn write_configurations(&self, manifest: &Manifest) -> anyhow::Result<()> {
        for operator in &manifest.operators {
            let connectors: Vec<config::Connector> = manifest
                .connectors
                .iter()
                .filter(|connector| connector.operator == operator.name)
                .map(|connector| config::Connector {
                    name: connector.name.clone(),
                    certificate_name: connector_subject().text(),
                    domains: vec![connector.domain.clone()],
                    host: LOOPBACK.to_owned(),
                    port: connector.port,
                })
                .collect();
            let file = ConfigFile::new(
                &operator.server_name,
                &operator.domains,
                cast::postmaster(&operator.name),
                operator.ports,
                &connectors,
                routes(manifest, &operator.name),
            );
            files::write(&self.dir.join(&operator.config), file.to_toml()?)?;
        }
        Ok(())
    }

    fn accounts(&self, manifest: &mut Manifest) -> anyhow::Result<()> {
        for role in &cast::ACCOUNTS {
            let mut account = Account {
                address: role.address.to_owned(),
                password: None,
                certificate: None,
                key: None,
                kind: role.kind,
                finess: role.finess.map(str::to_owned),
                rpps: role.rpps.map(str::to_owned),
                operator: role.operator.to_owned(),
            };
            if role.kind == pli_store::MailboxKind::App {
                let (certificate, key) = ("accounts/resultats.pem", "accounts/resultats.key");
                let subject = program_subject();
                self.pki
                    .issue(&Leaf::now(&subject, Purpose::Client, self.now))?
                    .write(&self.dir.join(certificate), &self.dir.join(key))?;
                (account.certificate, account.key) = (Some(certificate.to_owned()), Some(key.to_owned()));
            } else {
                account.password = Some(secrets::password()?);
            }
            manifest.accounts.push(account);
        }
        for role in &cast::PATIENTS {
            manifest.patients.push(Patient {
                ins: role.ins.to_owned(),
                address: format!("{}@{}", role.ins, pli_types::PATIENT_DOMAIN),
                password: secrets::password()?,
                operator: "patients".to_owned(),
                space: role.space,
                minor: role.minor,
            });
        }
        Ok(())
    }
}

const LOOPBACK: &str = "127.0.0.1";

/// Where an operator finds every domain of the list that is not its own.
fn routes(manifest: &Manifest, own: &str) -> impl Iterator<Item = config::Route> {
    let operators = manifest
        .operators
        .iter()
        .filter(move |operator| operator.name != own)
        .flat_map(|operator| operator.domains.iter().map(|domain| (domain.clone(), operator.ports.smtp)));
    let peer_port = manifest.peers.values().find_map(|peer| peer.port).unwrap_or(0);
    let peers = [cast::PEER_DOMAIN, cast::OTHER_DOMAIN].into_iter().chain(cast::TWO_DOMAINS);
    let peers = peers.map(move |domain| (domain.to_owned(), peer_port));
    operators.chain(peers).map(|(domain, port)| config::Route { domain, host: LOOPBACK.to_owned(), port })
}

/// The trust list's entries: each domain with the certificate that speaks for it.
fn entries() -> Vec<Entry> {
    let operators = cast::OPERATORS.iter().flat_map(|role| {
        role.domains.iter().map(|&domain| Entry {
            domain: domain.to_owned(),
            description: role.organisation.to_owned(),
            certificate_name: operator_subject(role).text(),
        })
    });
    let peers = cast::PEERS.iter().flat_map(|role| {
        role.listed_for.iter().map(|&domain| Entry {
            domain: domain.to_owned(),
            description: format!("PAIR {}", role.name.to_uppercase()),
            certificate_name: listed_name(role),
        })
    });
    operators.chain(peers).collect()
}

fn subject(common_name: &str, finess: &str, organisation: &str) -> Subject {
    Subject {
        common_name: common_name.to_owned(),
        structure: format!("1{finess}"),
        organisation: organisation.to_owned(),
        department: DEPARTMENT.to_owned(),
    }
}

fn operator_subject(role: &OperatorRole) -> Subject {
    subject(role.server_name, role.finess, role.organisation)
}

fn peer_subject(role: &PeerRole) -> Subject {
    let subject = subject(&format!("{}.peer.test", role.name), role.finess, "PAIR DU BAC A SABLE");
    match role.spelling {
        Spelling::Same => subject,
        Spelling::Other => Subject {
            organisation: "L'H\u{f4}pital d'\u{c0} C\u{f4}t\u{e9}".to_owned(),
            department: "Bouches-du-Rh\u{f4}ne (13)".to_owned(),
            ..subject
        },
    }
}

/// A peer's name as the list writes it.
fn listed_name(role: &PeerRole) -> String {
    match role.spelling {
        Spelling::Same => peer_subject(role).text(),
        Spelling::Other => format!(
            "C=fr,ST=BOUCHES-DU-RHONE (13),O=L\u{2019}HOPITAL D\u{2019}A COTE,OU=1{},CN={}.PEER.TEST",
            role.finess,
            role.name.to_uppercase()
        ),
    }
}

/// The hospital's server is in no entry of the list: it is known to its operator alone.
fn connector_subject() -> Subject {
    subject("mta.ch-exemple.test", cast::HOSPITAL_FINESS, cast::HOSPITAL)
}

/// The certificate that opens the hospital's APP mailbox.
#[must_use]
pub(crate) fn program_subject() -> Subject {
    subject("resultats.ch-exemple.test", cast::HOSPITAL_FINESS, cast::HOSPITAL)
}

#[cfg(test)]
#[path = "seed_tests.rs"]
mod tests;
