//! What is known when a decision is asked for: [`Facts`].

use pli_types::{CertificateFault, DistinguishedName, Domain, MailAddress, ReversePath};

/// At which point of a transaction a decision is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`; [`Facts::recipient`] is set.
    Recipient,
    /// The end of `DATA`; [`Facts::header_from`] is set.
    Content,
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
    /// The mailbox here, if there is one.
    pub mailbox: MailboxFacts,
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

/// Who the header says has written (RFC 5322 §3.6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderFrom {
    /// No `From`, several, or one that holds no address or several: not to be judged, so refused.
    Malformed,
    /// One address.
    Address {
        /// The address.
        address: MailAddress,
        /// What the list says of its domain for this peer's certificate.
        listing: Listing,
    },
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
    /// At [`Stage::Recipient`].
    pub recipient: Option<RecipientFacts>,
    /// At [`Stage::Content`].
    pub header_from: Option<HeaderFrom>,
}

/// What can be set. No setting switches TLS, the list or the audit off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ruleset {}
