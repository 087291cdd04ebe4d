//! [`Reason`]: every refusal's stable code, the same word in the reply, the audit, the metrics and the documentation.

macro_rules! reasons {
    ($($(#[doc = $meaning:literal])* $name:ident = $code:literal, $action:literal;)*) => {
        /// Why something was refused or put off. Codes are never changed and never taken away.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $meaning])* $name,)*
        }

        impl Reason {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The reason of this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.code() == code)
            }

            /// What it means, with the requirement that it comes from.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($meaning),*).trim_ascii(),)* }
            }

            /// What the reader of the refusal can do next.
            #[must_use]
            pub fn advice(self) -> &'static str {
                match self { $(Self::$name => $action,)* }
            }
        }
    };
}

reasons! {
    // TLS and certificate
    /// The transaction began before STARTTLS (spec §3.4 point 1).
    TlsRequired = "tls-required", "Issue STARTTLS first.";
    /// The peer showed no certificate (R-SMTP-2).
    CertificateMissing = "certificate-missing", "Configure your server to present its organisation certificate.";
    /// The certificate is not chained to the trust space's authority for organisations (R-SMTP-5).
    CertificateUntrusted = "certificate-untrusted", "Present a certificate of the authority for organisations, with its chain.";
    /// The certificate's validity has ended (R-SMTP-8).
    CertificateExpired = "certificate-expired", "Renew the certificate.";
    /// The certificate's validity has not begun (R-SMTP-8).
    CertificateNotYetValid = "certificate-not-yet-valid", "Check the certificate's dates and your clock.";
    /// The certificate is on its authority's revocation list (R-SMTP-8).
    CertificateRevoked = "certificate-revoked", "Ask the authority for a new certificate.";
    /// The certificate is not meant for this role (spec §3.2).
    CertificateUsage = "certificate-usage", "Present a certificate meant for client authentication.";
    /// No valid revocation list says whether the certificate holds, and what is not known to hold does not (R-SMTP-8).
    RevocationUnknown = "revocation-unknown", "Try again later; the operator has been told that a revocation list is missing.";
    // Trust list
    /// The certificate's name is in no entry of the trust list (spec §3.4 point 3).
    CertificateNotListed = "certificate-not-listed", "Have the certificate's name entered in the trust list, or present the listed one.";
    /// The sender's domain is in no entry of the trust list (R-WHO-1).
    SenderDomainNotListed = "sender-domain-not-listed", "Write from a domain of the trust space.";
    /// The sender's domain is listed under other names than the one proven (R-SMTP-2).
    SenderDomainOtherCertificate = "sender-domain-other-certificate", "Send through the operator that the trust list names for this domain.";
    /// The recipient's domain is in no entry of the trust list (R-WHO-1).
    RecipientDomainNotListed = "recipient-domain-not-listed", "Write to an address of the trust space.";
    /// No trust list is in force here, so nobody can be judged (spec §3.4 point 7).
    ListUnavailable = "list-unavailable", "Try again later; the operator has been told.";
    // Envelope and header
    /// Neither the sender nor the recipient is of this operator (spec §3.4 point 5).
    RelayDenied = "relay-denied", "Send to the operator that the recipient's domain belongs to.";
    /// Whoever signed in, or this connector, may not write as this address (scenario 33).
    SenderNotOwned = "sender-not-owned", "Write from an address of your own.";
    /// The header's From is not of the envelope's domain, its Sender, Resent-From or Resent-Sender is of a domain that was not proven, one of them cannot be judged, or its name shows another address (spec §3.4 point 6; scenario 33).
    HeaderFromMismatch = "header-from-mismatch", "Write one From address, of the same domain as the envelope's sender, show no other address in its name, and name no Sender but yourself. Pass a letter on as an attachment.";
    /// The message is over the size limit (spec §3.5).
    MessageTooBig = "message-too-big", "Send less, or in several messages.";
    /// A line of the message does not end in CR LF (RFC 5321 §2.3.8).
    LineEnding = "line-ending", "End every line with CR LF, and use neither alone.";
    /// The message holds bytes that none may hold, or a line that is too long (RFC 5322 §2.1.1).
    MessageMalformed = "message-malformed", "Send a message that follows RFC 5322: no NUL, no line over 998 bytes.";
    /// The message has been here before, or has come through too many servers (RFC 5321 §6.3).
    MailLoop = "mail-loop", "Look for a forwarding that leads back here.";
    /// The message has more recipients than one may have (RFC 5321 §4.5.3.1.10).
    TooManyRecipients = "too-many-recipients", "Send the message again to the remaining recipients.";
    // Recipient
    /// No mailbox here has this address (spec §3.4 point 7).
    RecipientUnknown = "recipient-unknown", "Check the address.";
    /// An admin has suspended the mailbox (spec §3.4 point 7).
    RecipientSuspended = "recipient-suspended", "Reach the recipient another way.";
    /// The mailbox's quota is used up (spec §3.4 point 7).
    MailboxFull = "mailbox-full", "Try again later, or reach the recipient another way.";
    // Patient
    /// The address is at the patients' domain and has not the shape of a patient's (spec §2.1).
    PatientAddressSyntax = "patient-address-syntax", "A patient's address is the 15 characters of the INS, with its key, then @patient.mssante.fr.";
    /// The key of the patient's identifier does not fit its number (spec §2.2).
    PatientAddressKey = "patient-address-key", "The key does not fit the number: check what was typed.";
    /// No patient here has this identifier (scenario 29).
    PatientUnknown = "patient-unknown", "Check the patient's identifier.";
    /// The patient has closed his space (spec §1.6).
    PatientClosed = "patient-closed", "Reach the patient another way.";
    /// A patient writes to a patient (R-WHO-10).
    PatientToPatient = "patient-to-patient", "Write to a professional who has written to you.";
    /// The patient writes to somebody who has never written to him so that he may answer (R-WHO-3).
    RelationNone = "relation-none", "Wait until this professional writes to you. To open an exchange is the professional's part.";
    /// The professional has ended the exchange with this patient (spec §1.5).
    RelationClosed = "relation-closed", "Reach the professional another way. His next message lets you write again.";
    /// The answered message was sent as one that cannot be answered, by X-MSS-MES: FIN (spec §1.5).
    MessageNotAnswerable = "message-not-answerable", "Reach the professional another way. What he wrote to you without ending the exchange can still be answered.";
    /// The pharmacy has dispensed no reimbursed medicine to this patient within a year, and has not written to him (R-WHO-4).
    PharmacyNoDispensing = "pharmacy-no-dispensing", "Write to a pharmacy that has dispensed to you within a year, or wait until this one writes to you.";
    /// An account sends with the empty path what is no report, or a report on no message that it received (spec §1.5).
    ReportUnsolicited = "report-unsolicited", "Send reports on messages that you have received, to those who wrote them. Anything else has a sender.";
    /// The patient attaches a file of a type that this operator does not take from patients (spec §1.6).
    AttachmentType = "attachment-type", "Attach a file of another type, such as a photo or a PDF: the operator tells which it takes.";
    // Document
    /// The documents of the message are about more than one patient (R-WHO-9, REF2 ECO.2.1.1).
    DocumentSeveralPatients = "document-several-patients", "Send the documents of each patient in a message of their own.";
    /// A document is about another patient than the one that the message is addressed to.
    DocumentOtherPatient = "document-other-patient", "Check the address and the document: one of them is the wrong one.";
    /// The archive of documents cannot be read, and this operator takes none that cannot (spec §6.4).
    DocumentUnreadable = "document-unreadable", "Make the archive IHE_XDM.zip anew, without encryption, and send it again.";
    /// X-MSS-CODECDA, X-MSS-INS or X-MSS-NIL does not say what the documents are, and this operator takes no such message (REF2 ECO.2.4).
    DocumentHeaders = "document-headers", "Have the program that made the message write these headers after its documents.";
    // Scanner
    /// The virus scanner found something in the message (spec §8.4).
    VirusFound = "virus-found", "Remove what your own scanner finds in it, then send it again. If you believe this to be a mistake, ask the operator, who has the name of what was found.";
    /// The virus scanner did not answer, and what was not scanned is not taken (spec §8.4).
    VirusScannerDown = "virus-scanner-down", "Try again later; the operator has been told.";
    // Service
    /// A message was brought to a submission listener before sign-in (RFC 6409 §4.3).
    AuthenticationRequired = "authentication-required", "Sign in first.";
    /// The name or the password is wrong, or the account may not sign in this way.
    AuthenticationFailed = "authentication-failed", "Check the name and the password.";
    /// The sender brings too much in too short a time.
    RateExceeded = "rate-exceeded", "Wait, then try again.";
    /// The store did not answer, so the message could not be kept.
    StoreUnavailable = "store-unavailable", "Try again later; the operator has been told.";
    /// There is no room left where messages are kept (RFC 5321 §4.2.3: `452`).
    StoreFull = "store-full", "Try again later; the operator has been told.";
    /// The next server cannot be reached.
    PeerUnreachable = "peer-unreachable", "Nothing to do yet: it is tried again.";
    /// The next server offers no TLS, or none that holds (R-SMTP-6).
    PeerTls = "peer-tls", "The other operator must offer STARTTLS with TLS 1.2 or 1.3.";
    /// The next server's certificate is not the one listed for the recipient's domain (scenario 7).
    PeerCertificateNotListed = "peer-certificate-not-listed", "The other operator must present the certificate that the trust list names for the domain.";
    /// The next server refused.
    PeerRefused = "peer-refused", "Read the other server's words.";
    /// The message was not delivered before the queue's limit (scenario 42).
    ExpiredInQueue = "expired-in-queue", "Send again, or reach the recipient another way.";
    /// An admin of this operator has stopped the message on its way.
    StoppedByAdmin = "stopped-by-admin", "Ask the operator, or reach the recipient another way.";
}

impl Reason {
    /// Is a certificate not believed, whoever shows it? Each [`pli_types::CertificateFault`] has its reason here.
    #[must_use]
    pub fn is_certificate_fault(self) -> bool {
        matches!(
            self,
            Self::CertificateUntrusted
                | Self::CertificateExpired
                | Self::CertificateNotYetValid
                | Self::CertificateRevoked
                | Self::CertificateUsage
                | Self::RevocationUnknown
        )
    }

    /// Does it say that nobody can tell who the sending server is? Then it is about that server, whatever it brings.
    #[must_use]
    pub fn is_about_the_server(self) -> bool {
        let unknown = matches!(self, Self::CertificateMissing | Self::CertificateNotListed | Self::ListUnavailable);
        unknown || self.is_certificate_fault()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_words_joined_by_hyphens() {
        let codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for code in codes {
            let kebab = code.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()));
            assert!(kebab, "{code}");
        }
    }

    #[test]
    fn a_code_is_read_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(Reason::from_code("no-such-reason"), None);
    }

    #[test]
    fn every_reason_says_what_it_means_and_what_to_do() {
        for reason in Reason::ALL {
            for text in [reason.meaning(), reason.advice()] {
                assert!(text.ends_with('.') && text.starts_with(char::is_uppercase), "{reason:?}: {text}");
            }
        }
    }
}
