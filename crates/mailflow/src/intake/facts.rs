//! Fills [`pli_policy::Facts`]: what is on the wire, in the trust list, in the store. Asks, and decides nothing.

use pli_directory::{Connector, TrustList};
use pli_policy::facts::MailboxFacts;
use pli_policy::{
    Authorship, CertificateFacts, DocumentFacts, Facts, HeaderMailbox, HeaderSender, Listing, MaySendAs, Origin,
    Reason, RecipientFacts, Stage,
};
use pli_store::{Mailbox, MailboxState, Space, SpaceState, StoreError};
use pli_types::{
    CertificateFault, CertificateUse, DistinguishedName, Domain, Ins, MailAddress, MailboxId, ReversePath,
};

use super::content::{HeaderFacts, NamedMailbox};
use super::{Client, Intake, PeerOnWire, relation};

/// The way that a recipient's copy goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Into a mailbox here.
    Mailbox(MailboxId),
    /// Into the space of a patient here, whose mailbox is made for it.
    Space(Ins),
    /// To another server.
    Elsewhere,
    /// Back to the sender.
    Back(Reason),
    /// Nowhere, until an admin decides.
    Held(Reason),
}

/// The facts of `MAIL`; those of the later stages are added as they come.
pub(crate) fn at_mail(intake: &Intake, list: Option<&TrustList>, client: &Client, sender: ReversePath) -> Facts {
    let (tls, origin) = match client {
        Client::Peer(peer) => (peer.tls.is_some(), peer_origin(intake, list, peer)),
        Client::Submitter { tls, account: Some(account) } => {
            (tls.is_some(), Origin::Account { addresses: account.writes_as.clone() })
        }
        Client::Submitter { tls, account: None } => (tls.is_some(), Origin::Unauthenticated),
    };
    let patient = patient_of(intake, &origin, &sender);
    Facts { patient, ..of_origin(list, origin, tls, sender) }
}

/// The patient of ours whose mail an account or a connector brings.
fn patient_of(intake: &Intake, origin: &Origin, sender: &ReversePath) -> Option<Ins> {
    let of_ours = matches!(origin, Origin::Account { .. } | Origin::Peer { connector: Some(_), .. });
    sender.address().filter(|sender| of_ours && is_hosted(intake, sender.domain()))?.ins()
}

/// The facts of a message that Pli writes itself.
pub(crate) fn of_report(list: Option<&TrustList>) -> Facts {
    of_origin(list, Origin::Relay, true, ReversePath::Null)
}

/// The facts of a notice to a patient, which Pli writes in the name of the patients' service.
pub(crate) fn of_notice(list: Option<&TrustList>, sender: MailAddress) -> Facts {
    of_origin(list, Origin::Relay, true, ReversePath::Address(sender))
}

fn of_origin(list: Option<&TrustList>, origin: Origin, tls: bool, sender: ReversePath) -> Facts {
    let sender_listing = match sender.address() {
        None => Listing::Listed,
        Some(address) => listing_under(list, &origin, address.domain()),
    };
    Facts {
        stage: Stage::Mail,
        tls,
        origin,
        sender,
        sender_listing,
        patient: None,
        recipient: None,
        authorship: None,
        letter: None,
        documents: DocumentFacts::default(),
        scan: None,
    }
}

/// Connectors are recognised before the list is asked, by the name that their certificate proves.
fn peer_origin(intake: &Intake, list: Option<&TrustList>, peer: &PeerOnWire) -> Origin {
    let certificate = certificate_facts(intake, list, peer);
    let (certificate_listing, connector) = match &certificate {
        CertificateFacts::Proven(name) => {
            let listing = list.map_or(Listing::Unavailable, |list| listed(list.lists_name(name)));
            (listing, intake.routes.current().connector(name).map(may_send_as))
        }
        CertificateFacts::Missing | CertificateFacts::Faulty(_) => (Listing::NotListed, None),
    };
    Origin::Peer { certificate, certificate_listing, connector }
}

fn may_send_as(connector: &Connector) -> MaySendAs {
    MaySendAs { domains: connector.domains.clone(), addresses: connector.addresses.clone() }
}

fn certificate_facts(intake: &Intake, list: Option<&TrustList>, peer: &PeerOnWire) -> CertificateFacts {
    let Some(certificate) = peer.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) else {
        return CertificateFacts::Missing;
    };
    let judged = |usage| intake.pki.judge_lately(certificate, usage, intake.clock.now());
    let verdict = match judged(CertificateUse::Client) {
        Err(CertificateFault::WrongUse) if may_use_server_certificate(intake, list, &certificate.subject) => {
            judged(CertificateUse::Server)
        }
        verdict => verdict,
    };
    match verdict {
        Ok(()) => CertificateFacts::Proven(certificate.subject.clone()),
        Err(fault) => CertificateFacts::Faulty(fault),
    }
}

/// Operators that have one certificate for everything may have one for servers only (spec §3.2). Where the setting
/// allows it, a name of the list may connect with it. A connector's name never may: the hospital can be told.
fn may_use_server_certificate(intake: &Intake, list: Option<&TrustList>, name: &DistinguishedName) -> bool {
    intake.config.server_auth_clients
        && list.is_some_and(|list| list.lists_name(name))
        && intake.routes.current().connector(name).is_none()
}

/// What the list says of a domain for what this origin can prove.
pub(super) fn listing_under(list: Option<&TrustList>, origin: &Origin, domain: &Domain) -> Listing {
    let Some(list) = list else { return Listing::Unavailable };
    match origin {
        Origin::Peer { certificate: CertificateFacts::Proven(name), .. } if list.binds(domain, name) => Listing::Listed,
        Origin::Peer { .. } if list.lists_domain(domain) => Listing::OtherCertificate,
        Origin::Peer { .. } => Listing::NotListed,
        Origin::Account { .. } | Origin::Unauthenticated | Origin::Relay => listed(list.lists_domain(domain)),
    }
}

fn listed(yes: bool) -> Listing {
    if yes { Listing::Listed } else { Listing::NotListed }
}

/// Are the mailboxes of this domain here, and no connector's business?
pub(crate) fn is_hosted(intake: &Intake, domain: &Domain) -> bool {
    intake.config.hosted_domains.contains(domain) && !intake.routes.current().is_connector_domain(domain)
}

/// What is known of a recipient, and the way that its copy goes. If a patient of ours writes, what lies between the two
/// is asked too.
pub(crate) async fn of_recipient(
    intake: &Intake,
    list: Option<&TrustList>,
    address: &MailAddress,
    patient: Option<&Ins>,
) -> Result<(RecipientFacts, Way), StoreError> {
    let domain = address.domain();
    let hosted = is_hosted(intake, domain);
    let connector_domain = intake.routes.current().is_connector_domain(domain);
    let (mailbox, way) = match address.ins() {
        Some(ins) if hosted => of_space(intake, address, ins).await?,
        _ if hosted || connector_domain => of_mailbox(intake, address, hosted).await?,
        _ => (MailboxFacts::None, Way::Elsewhere),
    };
    let relation = match patient {
        // A patient who is written to by another is no contact: that is judged by the addresses alone.
        Some(patient) if address.ins().is_none() => Some(relation::between(intake, patient, address).await?),
        _ => None,
    };
    let listing = list.map_or(Listing::Unavailable, |list| listed(list.lists_domain(domain)));
    let facts = RecipientFacts { address: address.clone(), hosted, connector_domain, listing, mailbox, relation };
    Ok((facts, way))
}

/// Most spaces have no mailbox yet; those that have are judged as mailboxes are, by what they hold and who suspended them.
async fn of_space(intake: &Intake, address: &MailAddress, ins: Ins) -> Result<(MailboxFacts, Way), StoreError> {
    match intake.store.0.space(&ins).await? {
        Some(Space { state: SpaceState::Closed, .. }) => Ok((MailboxFacts::Closed, Way::Elsewhere)),
        Some(Space { state: SpaceState::Open, mailbox: None, .. }) => Ok((MailboxFacts::Open, Way::Space(ins))),
        Some(Space { state: SpaceState::Open, mailbox: Some(_), .. }) | None => of_mailbox(intake, address, true).await,
    }
}

async fn of_mailbox(intake: &Intake, address: &MailAddress, hosted: bool) -> Result<(MailboxFacts, Way), StoreError> {
    let mut mailbox = intake.store.0.mailbox(address).await?;
    if let (None, true, Some(postmaster)) = (&mailbox, hosted && address.is_postmaster(), &intake.config.postmaster) {
        mailbox = intake.store.0.mailbox(postmaster).await?;
    }
    Ok(mailbox
        .map_or((MailboxFacts::None, Way::Elsewhere), |mailbox| (mailbox_facts(&mailbox), Way::Mailbox(mailbox.id))))
}

fn mailbox_facts(mailbox: &Mailbox) -> MailboxFacts {
    match mailbox.state {
        MailboxState::Suspended => MailboxFacts::Suspended,
        MailboxState::Closed => MailboxFacts::Closed,
        MailboxState::Open if mailbox.quota_bytes.is_some_and(|quota| mailbox.used_bytes >= quota) => {
            MailboxFacts::Full
        }
        MailboxState::Open => MailboxFacts::Open,
    }
}

/// Whom the header names, under the list that the transaction began with.
pub(crate) fn of_header(list: Option<&TrustList>, origin: &Origin, header: &HeaderFacts) -> Authorship {
    let mailbox = |read: Option<&NamedMailbox>| match read {
        None => HeaderMailbox::Malformed,
        Some(NamedMailbox { address, name }) => {
            let listing = listing_under(list, origin, address.domain());
            HeaderMailbox::Address { address: address.clone(), listing, name: *name }
        }
    };
    let senders = header.senders.iter();
    Authorship {
        from: mailbox(header.from.as_ref()),
        senders: senders.map(|(field, read)| HeaderSender { field: *field, mailbox: mailbox(read.as_ref()) }).collect(),
    }
}

/// Is this one of those whom we have reason to let in, so that a refusal is worth waiting for its record?
pub(crate) fn is_proven(origin: &Origin) -> bool {
    match origin {
        Origin::Peer { certificate: CertificateFacts::Proven(_), certificate_listing, connector } => {
            connector.is_some() || *certificate_listing == Listing::Listed
        }
        Origin::Peer { .. } | Origin::Unauthenticated => false,
        Origin::Account { .. } | Origin::Relay => true,
    }
}
