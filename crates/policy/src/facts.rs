//! What is known when a decision is asked for: [`Facts`].

use pli_types::{CertificateFault, DistinguishedName, Domain, Ins, MailAddress, ReversePath};

use crate::patient::{LetterFacts, PatientRules, RelationFacts};
use crate::scan::{ScanFacts, VirusRules};

use crate::document::{DocumentFacts, DocumentRules};

/// At which point of a transaction a decision is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`; [`Facts::recipient`] is set.
    Recipient,
    /// The end of `DATA`; [`Facts::authorship`] and [`Facts::letter`] are set.
    Content,
    /// After [`Stage::Content`], which spares the scanner what is refused anyway; [`Facts::scan`] is set.
    Scan,
}

/// What a peer's certificate proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateFacts {
    /// It showed none.
    Missing,
    /// It showed one that is not believed.
    Faulty(CertificateFault),
    /// It showed one that holds, with this subject.
    Proven(DistinguishedName),
}

/// What the trust list says of a domain (R-SMTP-2..4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// There is no list in force: nothing can be said, so nothing is let through.
    Unavailable,
    /// In no entry.
    NotListed,
    /// Listed, but under none of the names that this peer can prove.
    OtherCertificate,
    /// Listed under the name that this peer proves; for a recipient's domain: listed.
    Listed,
}

/// What a hospital's own server may send as. In an envelope and in a header's `From` it is held to the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MaySendAs {
    /// Any address of these domains. A domain below one of them is another domain.
    pub domains: Vec<Domain>,
    /// These addresses of other domains.
    pub addresses: Vec<MailAddress>,
}

impl MaySendAs {
    /// May it send as this address, in whatever case it is written?
    #[must_use]
    pub fn allows(&self, address: &MailAddress) -> bool {
        let key = address.key();
        self.domains.contains(address.domain()) || self.addresses.iter().any(|own| own.key() == key)
    }

    /// May it send as some address of this domain, though not as all?
    #[must_use]
    pub fn has_address_in(&self, domain: &Domain) -> bool {
        self.addresses.iter().any(|own| own.domain() == domain)
    }
}

/// On whose behalf the message is brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Another server, on the operators' listener.
    Peer {
        /// What its certificate proves.
        certificate: CertificateFacts,
        /// Is the proven name in any entry of the list? (`Unavailable` without a list.)
        certificate_listing: Listing,
        /// If the name is a connector's: what it may send as.
        connector: Option<MaySendAs>,
    },
    /// Someone who signed in on a submission listener, with the addresses that he may write as.
    Account {
        /// The addresses of his mailboxes.
        addresses: Vec<MailAddress>,
    },
    /// Nobody signed in yet on a submission listener.
    Unauthenticated,
    /// Pli itself: a report.
    Relay,
}

/// What is known of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientFacts {
    /// To whom.
    pub address: MailAddress,
    /// Is the domain one of ours (a hosted domain, not a connector's)?
    pub hosted: bool,
    /// Is the domain one whose mail we hand to a connector when no mailbox here has the address?
    pub connector_domain: bool,
    /// What the list says of the domain, whatever the certificate.
    pub listing: Listing,
    /// The mailbox here, if there is one. A patient's open space is one, whether its mailbox was made already or not.
    pub mailbox: MailboxFacts,
    /// What lies between it and the patient of ours who writes, if one does ([`Facts::patient`]).
    pub relation: Option<RelationFacts>,
}

/// The recipient's mailbox here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxFacts {
    /// None has this address.
    None,
    /// There is one, and it takes mail.
    Open,
    /// There is one, suspended by an admin.
    Suspended,
    /// A patient's space that its owner has closed.
    Closed,
    /// There is one, and it is full.
    Full,
}

/// Whom the header names as those who wrote the message and who sent it (RFC 5322 §3.6.2 and §3.6.6).
///
/// `Reply-To` is not among them: it names nobody as the author, and may lead to any mailbox (R-WHO-6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorship {
    /// The one `From`.
    pub from: HeaderMailbox,
    /// Every other field that names a sender, in the order of the header.
    pub senders: Vec<HeaderSender>,
}

/// A field other than `From` that names a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderSender {
    /// Which.
    pub field: SenderField,
    /// Whom it names.
    pub mailbox: HeaderMailbox,
}

/// The fields that name a sender beside `From`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderField {
    /// `Sender`: who sent it for the author. At most one (RFC 5322 §3.6.2).
    Sender,
    /// `Resent-From`: who sent it again. One for each time (RFC 5322 §3.6.6).
    ResentFrom,
    /// `Resent-Sender`: who sent it again for another. One for each time.
    ResentSender,
}

/// The one mailbox that a field of the header must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderMailbox {
    /// No field, several where one may be, or one that does not hold one address that every program reads alike: not
    /// to be judged, so refused.
    Malformed,
    /// One address.
    Address {
        /// The address.
        address: MailAddress,
        /// What the list says of its domain for this peer's certificate.
        listing: Listing,
        /// What the name beside it shows.
        name: NameShows,
    },
}

/// What the name beside an address shows, decoded: many programs show the name and not the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameShows {
    /// No address.
    NoAddress,
    /// The address that it stands beside, and no other.
    ThisAddress,
    /// Another address.
    AnotherAddress,
}

/// All that a rule may look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The point of the transaction.
    pub stage: Stage,
    /// Is the connection under TLS?
    pub tls: bool,
    /// On whose behalf.
    pub origin: Origin,
    /// The path of `MAIL`.
    pub sender: ReversePath,
    /// What the list says of the sender's domain for this peer's certificate. `Listed` for the null path.
    pub sender_listing: Listing,
    /// The patient who writes, if his space is here: the rules on whom a patient may write to are kept by the operator
    /// of the patients, and by no other (spec §1.4). None for the null path.
    pub patient: Option<Ins>,
    /// At [`Stage::Recipient`].
    pub recipient: Option<RecipientFacts>,
    /// At [`Stage::Content`].
    pub authorship: Option<Authorship>,
    /// At [`Stage::Content`].
    pub letter: Option<LetterFacts>,
    /// At [`Stage::Content`]: what its documents are, if it has any.
    pub documents: DocumentFacts,
    /// At [`Stage::Scan`], if the scanner was asked.
    pub scan: Option<ScanFacts>,
}

/// What can be set. No setting switches TLS, the list or the audit off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ruleset {
    /// On patients.
    pub patient: PatientRules,
    /// On documents.
    pub documents: DocumentRules,
    /// Is a message looked at by a virus scanner? Then none is taken that was not.
    pub virus: Option<VirusRules>,
}
