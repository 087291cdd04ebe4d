//! [`Fault`]: everything that a probe may find wrong. What it means, whose it is, what to do.

use pli_policy::Reason;
use pli_types::CertificateFault;

/// Who can mend something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// The other operator.
    They,
    /// Us.
    We,
}

impl Party {
    /// Its stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::They => "they",
            Self::We => "we",
        }
    }
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No trust list is in force here.
    NoList,
    /// The domain is in no entry of it.
    NotListed,
    /// The DNS is certain that the domain has no mail server, or that none of them has an address.
    NoMailHost,
    /// The DNS does not answer.
    DnsSilent,
    /// No server takes a connection.
    NoConnection,
    /// No greeting, or one that sends us away.
    NoGreeting,
    /// No STARTTLS.
    NoStarttls,
    /// No handshake.
    NoHandshake,
    /// The server's certificate is not believed.
    Certificate(CertificateFault),
    /// The server's certificate is believed, and is not one of those that may take this domain's mail.
    OtherName,
    /// Another connection to the same server met another certificate.
    OtherCertificate,
    /// The server ended TLS when it saw our certificate.
    OursNotTaken,
    /// The server does not answer under TLS.
    NoAnswer,
    /// The server refuses MAIL, and may have named a reason of this relay's kind.
    MailRefused(Option<Reason>),
    /// The server asks for no certificate.
    NotAsked,
    /// The server hints at authorities, and ours is not among them.
    HintsWithoutOurs,
    /// The server offers no TLS 1.2.
    NoTls12,
    /// The server takes our certificate in one form or version of TLS and not in this one.
    FormNotTaken,
    /// The server says yes to a sender that shows no certificate.
    LetsAnybodyIn,
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::NoList => Reason::ListUnavailable,
            Self::NotListed => Reason::RecipientDomainNotListed,
            Self::NoMailHost | Self::DnsSilent | Self::NoConnection | Self::NoGreeting | Self::NoAnswer => {
                Reason::PeerUnreachable
            }
            Self::NoStarttls
            | Self::NoHandshake
            | Self::OursNotTaken
            | Self::NotAsked
            | Self::HintsWithoutOurs
            | Self::NoTls12
            | Self::FormNotTaken
            | Self::LetsAnybodyIn => Reason::PeerTls,
            Self::Certificate(fault) => Reason::from(fault),
            Self::OtherName | Self::OtherCertificate => Reason::PeerCertificateNotListed,
            Self::MailRefused(named) => named.unwrap_or(Reason::PeerRefused),
        }
    }

    /// Who can mend it.
    #[must_use]
    pub fn who(self) -> Party {
        match self {
            Self::NoList
            | Self::DnsSilent
            | Self::OursNotTaken
            | Self::FormNotTaken
            | Self::Certificate(CertificateFault::RevocationUnknown) => Party::We,
            Self::MailRefused(Some(named)) if is_about_us(named) => Party::We,
            _ => Party::They,
        }
    }

    /// What it means.
    #[must_use]
    pub fn means(self) -> &'static str {
        match self {
            Self::NoList => "No trust list is in force here, so that nobody can be judged and all mail is put off.",
            Self::NotListed => {
                "The domain is not of the trust space, or has left it: mail for it is returned to its senders."
            }
            Self::NoMailHost => "The DNS knows no server that takes the domain's mail.",
            Self::DnsSilent => "The name servers gave no answer: nothing is known of the other side yet.",
            Self::NoConnection => "The name is known, but none of its addresses takes a connection.",
            Self::NoGreeting => "Something answers, but not a mail server that is ready for mail.",
            Self::NoStarttls => {
                "The server offers no TLS, or somebody in between hides that it does. Nothing is ever sent in clear."
            }
            Self::NoHandshake => "The server offers TLS, but no handshake with it succeeds.",
            Self::Certificate(fault) => certificate_means(fault),
            Self::OtherName => {
                "The server's certificate is genuine, but it is not one under which the trust list has this domain."
            }
            Self::OtherCertificate => {
                "Behind one address are servers with different certificates: what passes through one is refused at \
                 another."
            }
            Self::OursNotTaken => {
                "The handshake succeeded on our side, and the server then ended it over our certificate."
            }
            Self::NoAnswer => "TLS stands and the server is who it should be, but it does not speak SMTP under it.",
            Self::MailRefused(Some(named)) => named.meaning(),
            Self::MailRefused(None) => "The server knows who we are, and does not take mail from us.",
            Self::NotAsked => "The server asks for no certificate, so that it cannot know who brings mail (R-SMTP-2).",
            Self::HintsWithoutOurs => {
                "The server says that it wants certificates of other authorities only. This relay shows its own all \
                 the same; other programs show none then."
            }
            Self::NoTls12 => "The server offers no TLS 1.2, which every server of the trust space must (R-SMTP-6).",
            Self::FormNotTaken => {
                "The server takes our certificate as a delivery shows it, and not in this form: should ours change, \
                 mail would stop."
            }
            Self::LetsAnybodyIn => {
                "The server says yes to a sender that shows no certificate. It may refuse at RCPT, which a probe does \
                 not say."
            }
        }
    }

    /// What to do, said to us.
    #[must_use]
    pub fn next(self) -> &'static str {
        match self {
            Self::NoList => "Look at `pli trust show` and `pli trust history`.",
            Self::NotListed => {
                "Check the domain's spelling. If it should be there, ask the other operator to have it entered."
            }
            Self::NoMailHost => {
                "Ask the other operator for its MX record. Until it is mended, a [[route]] can name the server."
            }
            Self::DnsSilent => "Look at [dns] servers or /etc/resolv.conf, and whether this machine reaches them.",
            Self::NoConnection => {
                "Check that our firewall lets port 25 out; if it does, ask the other operator whether its server runs \
                 and lets us in."
            }
            Self::NoGreeting | Self::NoAnswer => "Send the other operator what was seen, with the time.",
            Self::NoStarttls => "Ask the other operator to offer STARTTLS; make sure that no firewall filters SMTP.",
            Self::NoHandshake => {
                "Ask the other operator for TLS 1.2 or 1.3 with ECDHE and AES-GCM, and a certificate whose key it holds."
            }
            Self::Certificate(fault) => certificate_next(fault),
            Self::OtherName => {
                "Ask the other operator which certificate is right: it presents the listed one, or has the list \
                 changed. If the domain has just moved, look whether our list is of today."
            }
            Self::OtherCertificate => "Ask the other operator to give all its servers a listed certificate.",
            Self::OursNotTaken => {
                "Look at `pli certificate list`: ours must be valid and sent with its chain. If it is, ask the other \
                 operator which authorities its server accepts."
            }
            Self::MailRefused(Some(named)) => named.advice(),
            Self::MailRefused(None) => "Read the server's words; ask the other operator what it lacks.",
            Self::NotAsked => "Tell the other operator: its server must ask for a certificate at the operators' port.",
            Self::HintsWithoutOurs => {
                "Tell the other operator: an empty list of hints is right, or one with \"organisations\" in it."
            }
            Self::NoTls12 => "Tell the other operator: TLS 1.2 must be offered, TLS 1.3 besides.",
            Self::FormNotTaken => {
                "Keep the certificate's file complete, our certificate first and then its chain, and tell the other \
                 operator."
            }
            Self::LetsAnybodyIn => "Tell the other operator: mail must be refused without a certificate.",
        }
    }
}

fn certificate_means(fault: CertificateFault) -> &'static str {
    match fault {
        CertificateFault::Untrusted => {
            "The server's certificate was not issued by the trust space's authority for organisations."
        }
        CertificateFault::Expired => "The server's certificate was right, and has ended.",
        CertificateFault::NotYetValid => "The server's certificate begins later, or one of the two clocks is wrong.",
        CertificateFault::Revoked => {
            "The authority has revoked the server's certificate: whoever holds it is not to be trusted."
        }
        CertificateFault::WrongUse => "The server's certificate is not meant for servers.",
        CertificateFault::RevocationUnknown => {
            "No valid revocation list says here whether the server's certificate still holds, and what is not known to \
             hold does not."
        }
    }
}

fn certificate_next(fault: CertificateFault) -> &'static str {
    match fault {
        CertificateFault::Untrusted => "Ask the other operator to present its certificate of that authority.",
        CertificateFault::Expired | CertificateFault::Revoked => "Ask the other operator to renew its certificate.",
        CertificateFault::NotYetValid => "Compare our clock with the time; then ask the other operator.",
        CertificateFault::WrongUse => {
            "Ask the other operator for a certificate meant for server authentication on this port."
        }
        CertificateFault::RevocationUnknown => {
            "Look at `pli doctor` for the age of our revocation lists, and whether this machine reaches where they are \
             published."
        }
    }
}

/// Is it something of ours that the other side finds wrong?
fn is_about_us(named: Reason) -> bool {
    matches!(
        named,
        Reason::TlsRequired
            | Reason::CertificateMissing
            | Reason::CertificateUntrusted
            | Reason::CertificateExpired
            | Reason::CertificateNotYetValid
            | Reason::CertificateRevoked
            | Reason::CertificateUsage
            | Reason::CertificateNotListed
            | Reason::SenderDomainNotListed
            | Reason::SenderDomainOtherCertificate
    )
}
