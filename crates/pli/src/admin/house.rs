//! [`House`]: what the rules about mailboxes are judged by, beside the store.

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind};
use pli_policy::PatientRules;
use pli_types::{Domain, LocalPart, MailAddress, Marked, Masker};

use super::Sight;
use crate::config::{AuditConfig, Settings, Span, ZoneName, read_key};
use crate::exit::{Exit, Failure};
use crate::trust::Author;

/// What this operator's configuration says of mailboxes.
#[derive(Debug, Clone)]
pub(crate) struct House {
    /// The domains whose mailboxes are here.
    pub(crate) hosted: Vec<Domain>,
    /// The mailbox that takes the postmasters' mail.
    pub(crate) postmaster: Option<MailAddress>,
    /// The local part from which the patients' domain writes to its patients.
    pub(crate) service: Option<LocalPart>,
    /// How health identifiers are shown.
    pub(crate) masker: Masker,
    /// How long before its deletion a holder is told of it.
    pub(crate) notice: Span,
    /// How long the address of a deleted mailbox is nobody else's.
    pub(crate) address_kept: Span,
    /// The rules on patients.
    pub(crate) patient: PatientRules,
    /// The most bytes of one message.
    pub(crate) message_bytes_max: u64,
    /// By whose clocks months are counted.
    pub(crate) zone: ZoneName,
    /// How long the record is kept.
    pub(crate) audit: AuditConfig,
}

impl House {
    /// Reads the masking key; the rest is in the settings.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Failure> {
        let config = &settings.config;
        Ok(Self {
            hosted: settings.hosted_domains(),
            postmaster: config.server.postmaster.as_ref().map(|address| address.0.clone()),
            service: config.patient.rules().service,
            masker: Masker::new(read_key(&config.server.masking_key)?.reveal()),
            notice: config.mailbox.notice,
            address_kept: config.mailbox.address_kept,
            patient: crate::wiring::intake_config(settings).ruleset.patient,
            message_bytes_max: config.limits.message_size.bytes(),
            zone: config.indicators.time_zone.clone(),
            audit: config.audit.clone(),
        })
    }

    /// Refuses what only the operator of the patients' spaces is asked.
    pub(crate) fn check_hosts_patients(&self) -> Result<(), Failure> {
        if self.hosts_patients() {
            return Ok(());
        }
        Err(Failure::told(Exit::Usage, "patients-not-hosted", &[("domain", &pli_types::PATIENT_DOMAIN)]))
    }

    /// May there be a mailbox of this address that is no patient's? At the patients' domain there are two.
    pub(crate) fn is_of_a_service(&self, address: &MailAddress) -> bool {
        !address.domain().is_patient_domain()
            || address.is_postmaster()
            || self
                .service
                .as_ref()
                .is_some_and(|service| service.reveal().eq_ignore_ascii_case(address.local().reveal()))
    }

    /// Are the patients' spaces here?
    pub(crate) fn hosts_patients(&self) -> bool {
        self.hosted.iter().any(Domain::is_patient_domain)
    }

    /// Does the postmasters' mail of our domains come to this mailbox (RFC 5321 §4.5.1)?
    pub(crate) fn is_postmaster(&self, address: &MailAddress) -> bool {
        self.postmaster.as_ref().is_some_and(|postmaster| postmaster.key() == address.key())
    }

    /// A row of the record about a mailbox or an account: what was done, and why, if a reason was given.
    pub(crate) fn event(
        now: Timestamp,
        actor: &str,
        mailbox: Option<&MailAddress>,
        what: impl Into<Marked>,
        reason: Option<&str>,
    ) -> Event {
        let what = what.into();
        let detail = match reason {
            Some(reason) => what.and(": ").then(Marked::text(reason)),
            None => what,
        };
        Event {
            mailbox: mailbox.map(Marked::address),
            detail: Some(detail),
            ..Author::Admin(actor.to_owned()).event(EventKind::Changed, now)
        }
    }

    /// A name that an account signs in with, which may be a patient's address.
    pub(crate) fn account_name(&self, name: &str) -> String {
        self.sight().account_name(name)
    }

    /// How identifiers are shown to who has put nothing on record.
    pub(crate) fn sight(&self) -> Sight {
        Sight::masked(self.masker.clone())
    }
}

/// This long after that instant; the end of time if there is no such.
pub(crate) fn after(instant: Timestamp, span: Span) -> Timestamp {
    let span = SignedDuration::try_from(span.get()).unwrap_or(SignedDuration::MAX);
    instant.checked_add(span).unwrap_or(Timestamp::MAX)
}
