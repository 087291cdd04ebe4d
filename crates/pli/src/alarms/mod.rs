//! [`alarms()`]: what an admin must look at, as a pure function of what is known and of the time.
//!
//! `state.rs` is what is known, `rounds.rs` gathers it every few seconds, and `ledger.rs` remembers what was already
//! told, so that each alarm is one line in the log when it begins, when it grows more urgent and when it ends.

pub(crate) mod attention;
mod ledger;
pub(crate) mod rounds;
pub(crate) mod state;

use std::fmt::Display;

use jiff::{SignedDuration, Timestamp};
use pli_store::PublicationBacklog;
use pli_types::CertificateFault;

use self::attention::{StoreFault, Waiting};
use self::state::{CertificateState, ListState, RevocationState, ScannerState, State};
use crate::annuaire::is_overdue;
use crate::words::{Language, Said, Value, certificate_fault};

/// How long new certificate files that do not fit together are taken for half written.
const PAIR_PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// freshclam brings signatures every day: after a week without, it does not work.
pub(crate) const SIGNATURES_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Below this, a few large messages fill the disk.
pub(crate) const SPACE_FAIL_BYTES: u64 = 256 << 20;
/// Below this it is full: the database grows by more at a time.
const SPACE_NONE_BYTES: u64 = 4 << 20;

/// How old what is recorded may grow before it is sealed.
const SEAL_PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// How long a witness may be away: others' servers are restarted now and then.
const WITNESS_PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// What to do about files of our certificate that a running node does not take.
pub(crate) fn put_pair_right() -> Value {
    Value::what(Said::new("put-pair-right", &[]))
}

/// What an alarm is about. The words are stable: log, metrics, `/health/ready`, `pli doctor` and the runbooks use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Code {
    ListMissing,
    ListStale,
    ListHeld,
    ListRefused,
    CrlExpired,
    CrlExpiring,
    CrlFetchFailing,
    CertificateExpired,
    CertificateExpiring,
    CertificateReloadFailing,
    OwnCertificateNotBelieved,
    OwnCertificateNotListed,
    PublicationFailing,
    VirusScannerDown,
    VirusSignaturesOld,
    MailHeld,
    AnswersOverdue,
    DiskFull,
    StoreFailing,
    RecordUnsealed,
    RecordDamaged,
    CheckpointsNotKept,
    WitnessBehind,
    WitnessContradicts,
}

impl Code {
    /// All of them: each has a gauge, also while it is silent.
    pub(crate) const ALL: [Self; 24] = [
        Self::ListMissing,
        Self::ListStale,
        Self::ListHeld,
        Self::ListRefused,
        Self::CrlExpired,
        Self::CrlExpiring,
        Self::CrlFetchFailing,
        Self::CertificateExpired,
        Self::CertificateExpiring,
        Self::CertificateReloadFailing,
        Self::OwnCertificateNotBelieved,
        Self::OwnCertificateNotListed,
        Self::PublicationFailing,
        Self::VirusScannerDown,
        Self::VirusSignaturesOld,
        Self::MailHeld,
        Self::AnswersOverdue,
        Self::DiskFull,
        Self::StoreFailing,
        Self::RecordUnsealed,
        Self::RecordDamaged,
        Self::CheckpointsNotKept,
        Self::WitnessBehind,
        Self::WitnessContradicts,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ListMissing => "list-missing",
            Self::ListStale => "list-stale",
            Self::ListHeld => "list-held",
            Self::ListRefused => "list-refused",
            Self::CrlExpired => "crl-expired",
            Self::CrlExpiring => "crl-expiring",
            Self::CrlFetchFailing => "crl-fetch-failing",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateExpiring => "certificate-expiring",
            Self::CertificateReloadFailing => "certificate-reload-failing",
            Self::OwnCertificateNotBelieved => "own-certificate-not-believed",
            Self::OwnCertificateNotListed => "own-certificate-not-listed",
            Self::PublicationFailing => "publication-failing",
            Self::VirusScannerDown => "virus-scanner-down",
            Self::VirusSignaturesOld => "virus-signatures-old",
            Self::MailHeld => "mail-held",
            Self::AnswersOverdue => "answers-overdue",
            Self::DiskFull => "disk-full",
            Self::StoreFailing => "store-failing",
            Self::RecordUnsealed => "record-unsealed",
            Self::RecordDamaged => "record-damaged",
            Self::CheckpointsNotKept => "checkpoints-not-kept",
            Self::WitnessBehind => "witness-behind",
            Self::WitnessContradicts => "witness-contradicts",
        }
    }
}

/// How near an end is. Later ones are more urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Month,
    Week,
    Day,
    Hour,
}

impl Stage {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Month => "30d",
            Self::Week => "7d",
            Self::Day => "24h",
            Self::Hour => "1h",
        }
    }

    /// From so long before the end on.
    fn span(self) -> SignedDuration {
        SignedDuration::from_hours(match self {
            Self::Month => 30 * 24,
            Self::Week => 7 * 24,
            Self::Day => 24,
            Self::Hour => 1,
        })
    }
}

/// Something that an admin must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alarm {
    pub(crate) code: Code,
    /// Which list, authority, certificate or domain. With the code, it tells one alarm from another.
    pub(crate) subject: String,
    /// What is the matter, in a sentence; in English, for logs and programs.
    pub(crate) what: String,
    /// What to do; in English.
    pub(crate) next: String,
    /// The sentence of the catalogue that says both, in every language.
    pub(crate) said: Said,
    /// For what is going to end: how near that is.
    pub(crate) stage: Option<Stage>,
    /// Mail cannot flow until this is put right: `/health/ready` fails.
    pub(crate) stops_mail: bool,
}

impl Alarm {
    fn new(code: Code, subject: impl Into<String>, said: Said) -> Self {
        said.check();
        let (what, next) = (said.what(Language::En), said.next(Language::En));
        Self { code, subject: subject.into(), what, next, said, stage: None, stops_mail: false }
    }

    fn at(mut self, stage: Stage) -> Self {
        self.stage = Some(stage);
        self
    }

    fn stopping_mail(mut self, stops: bool) -> Self {
        self.stops_mail = stops;
        self
    }
}

/// All that an admin must look at now, in the order of [`Code`].
pub(crate) fn alarms(state: &State, now: Timestamp) -> Vec<Alarm> {
    let mut found = list(&state.list, now);
    // Whose list is out answers for nobody; whether we ourselves are among those tells whether mail stops.
    let unknown = state.certificate.fault == Some(CertificateFault::RevocationUnknown);
    found.extend(revocations(&state.revocations, unknown, now));
    let explained = found.iter().any(|alarm| alarm.code == Code::CrlExpired);
    found.extend(certificate(&state.certificate, explained, now));
    found.extend(publication(&state.publications, now));
    found.extend(state.scanner.iter().filter_map(|state| scanner(state, now)));
    found.extend(attention(&state.waiting));
    found.extend(state.free_bytes.and_then(disk));
    found.extend(state.waiting.store.map(store));
    found.extend(record(state, now));
    // The most urgent first, and each thing once: an authority may have several lists.
    found.sort_by(|a, b| (a.code, &a.subject, b.stage).cmp(&(b.code, &b.subject, a.stage)));
    found.dedup_by(|a, b| (a.code, &a.subject) == (b.code, &b.subject));
    found
}

fn list(state: &ListState, now: Timestamp) -> Vec<Alarm> {
    const SUBJECT: &str = "trust list";
    let mut found = Vec::new();
    match &state.in_force {
        None => {
            found
                .push(Alarm::new(Code::ListMissing, SUBJECT, Said::new("alarm.list-missing", &[])).stopping_mail(true));
        }
        Some(in_force) if now.duration_since(in_force.confirmed_at) > state.stale_after => {
            let since = format!("{:.0}", in_force.confirmed_at);
            let said = Said::new("alarm.list-stale", &[("since", &since), ("made", &in_force.generated_at)]);
            found.push(Alarm::new(Code::ListStale, SUBJECT, said));
        }
        Some(_) => {}
    }
    if let Some(held) = &state.held {
        let since = format!("{:.0}", held.since);
        let values: [(_, &dyn Display); 4] =
            [("made", &held.generated_at), ("lost", &held.lost), ("of", &held.of), ("since", &since)];
        found.push(Alarm::new(Code::ListHeld, SUBJECT, Said::new("alarm.list-held", &values)));
    }
    if let Some(refused) = &state.refused {
        let said = Said::new("alarm.list-refused", &[("code", &refused.code), ("detail", &refused.detail)]);
        found.push(Alarm::new(Code::ListRefused, SUBJECT, said));
    }
    found
}

/// `ours_unknown`: nobody can say whether our own certificate is revoked.
fn revocations(states: &[RevocationState], ours_unknown: bool, now: Timestamp) -> Vec<Alarm> {
    let answers = |authority: &str| states.iter().any(|list| list.in_force && list.authority == authority);
    let mut found = Vec::new();
    for list in states {
        let authority = list.authority.as_str();
        match list.validity.filter(|_| list.in_force) {
            None if answers(authority) => {}
            None => {
                let said = Said::new("alarm.crl-missing", &[("authority", &authority)]);
                found.push(Alarm::new(Code::CrlExpired, authority, said).stopping_mail(ours_unknown));
            }
            Some((_, ends)) if ends <= now => {
                let said = Said::new("alarm.crl-expired", &[("authority", &authority), ("ends", &ends)]);
                found.push(Alarm::new(Code::CrlExpired, authority, said).stopping_mail(ours_unknown));
            }
            Some((begun, ends)) => {
                if let Some(stage) = nearing(begun, ends, now, &[Stage::Week, Stage::Day, Stage::Hour]) {
                    let said = Said::new("alarm.crl-expiring", &[("authority", &authority), ("ends", &ends)]);
                    found.push(Alarm::new(Code::CrlExpiring, authority, said).at(stage));
                }
            }
        }
        if let Some((at, fault)) = &list.failed {
            let at = format!("{at:.0}");
            let values: [(_, &dyn Display); 4] =
                [("source", &list.source), ("authority", &authority), ("at", &at), ("fault", fault)];
            found.push(Alarm::new(Code::CrlFetchFailing, &list.source, Said::new("alarm.crl-fetch-failing", &values)));
        }
    }
    found
}

/// `explained`: an alarm already says that a revocation list is out.
fn certificate(state: &CertificateState, explained: bool, now: Timestamp) -> Vec<Alarm> {
    let mut found = Vec::new();
    let serial = &state.serial;
    let (begins, ends) = (state.not_before, state.not_after);
    if ends < now {
        let said = Said::new("alarm.certificate-expired", &[("serial", serial), ("ends", &ends)]);
        found.push(Alarm::new(Code::CertificateExpired, &state.subject, said).stopping_mail(true));
    } else if let Some(stage) = nearing(begins, ends, now, &[Stage::Month, Stage::Week, Stage::Day]) {
        let said = Said::new("alarm.certificate-expiring", &[("serial", serial), ("ends", &ends)]);
        found.push(Alarm::new(Code::CertificateExpiring, &state.subject, said).at(stage));
    }
    let refused = |key: &'static str, fault: CertificateFault| {
        let said = Said::new(key, &[("serial", serial)]).with("fault", certificate_fault(fault));
        Alarm::new(Code::OwnCertificateNotBelieved, &state.subject, said)
    };
    match (state.fault, state.fault_as_client) {
        (Some(CertificateFault::Expired), _) | (None, None) => {}
        (Some(CertificateFault::RevocationUnknown), _) if explained => {}
        (Some(fault), _) => found.push(refused("alarm.own-certificate-not-believed.server", fault).stopping_mail(true)),
        // What differs between the roles is the use only. Others may be lenient there, and mail for us comes in.
        (None, Some(fault)) => found.push(refused("alarm.own-certificate-not-believed.client", fault)),
    }
    if let Some((since, fault)) = &state.unfit
        && now.duration_since(*since) >= PAIR_PATIENCE
    {
        let since = format!("{since:.0}");
        let said = Said::new("alarm.certificate-reload-failing", &[("since", &since), ("fault", fault)]);
        found.push(Alarm::new(Code::CertificateReloadFailing, &state.subject, said.with("advice", put_pair_right())));
    }
    found.extend(state.unlisted.iter().map(|domain| {
        Alarm::new(
            Code::OwnCertificateNotListed,
            domain,
            Said::new("alarm.own-certificate-not-listed", &[("domain", domain)]),
        )
    }));
    found
}

fn publication(backlog: &PublicationBacklog, now: Timestamp) -> Option<Alarm> {
    let (since, fault) = backlog.oldest_since.zip(backlog.fault.as_ref()).filter(|_| is_overdue(backlog, now))?;
    let since = format!("{since:.0}");
    let values: [(_, &dyn Display); 3] = [("waiting", &backlog.waiting), ("since", &since), ("code", fault)];
    Some(Alarm::new(Code::PublicationFailing, "state's directory", Said::new("alarm.publication-failing", &values)))
}

/// Signatures that a scanner still there has had for too long find nothing that is new.
fn scanner(state: &ScannerState, now: Timestamp) -> Option<Alarm> {
    let place = &state.place;
    if let Some((since, fault)) = state.failing {
        let since = format!("{since:.0}");
        let said = Said::new("alarm.virus-scanner-down", &[("place", place), ("since", &since)]);
        let said = said.with("fault", Value::phrase(fault.told()));
        return Some(Alarm::new(Code::VirusScannerDown, place, said).stopping_mail(true));
    }
    let made = state.signatures_made.filter(|made| now.duration_since(*made) > SIGNATURES_LIFE)?;
    let made = format!("{made:.0}");
    let said = Said::new("alarm.virus-signatures-old", &[("place", place), ("made", &made)]);
    Some(Alarm::new(Code::VirusSignaturesOld, place, said))
}

/// What the mail waits for an admin for.
fn attention(waiting: &Waiting) -> Vec<Alarm> {
    let mut found = Vec::new();
    if let Some(first) = waiting.held.first_expires_at {
        let first = format!("{first:.0}");
        let said = Said::new("alarm.mail-held", &[("waiting", &waiting.held.waiting), ("first", &first)]);
        found.push(Alarm::new(Code::MailHeld, "queue", said));
    }
    if let Some(first) = waiting.overdue.first_due_at {
        let first = format!("{first:.0}");
        let said = Said::new("alarm.answers-overdue", &[("waiting", &waiting.overdue.waiting), ("first", &first)]);
        found.push(Alarm::new(Code::AnswersOverdue, "deadlines", said));
    }
    found
}

/// Where there is no room for one message of a usual size left, none is taken.
fn disk(free_bytes: u64) -> Option<Alarm> {
    let free = free_bytes >> 20;
    let said = Said::new("alarm.disk-full", &[("free", &free)]);
    let full = Alarm::new(Code::DiskFull, "store", said).stopping_mail(free_bytes < SPACE_NONE_BYTES);
    (free_bytes < SPACE_FAIL_BYTES).then_some(full)
}

/// What cannot be kept is not taken.
fn store(fault: StoreFault) -> Alarm {
    let key = match fault {
        StoreFault::Full => "alarm.store-failing.full",
        StoreFault::Failing => "alarm.store-failing.error",
        StoreFault::Silent => "alarm.store-failing.silent",
    };
    Alarm::new(Code::StoreFailing, "store", Said::new(key, &[])).stopping_mail(true)
}

/// What is recorded must be signed within a moment, and what is signed must leave the node.
fn record(state: &State, now: Timestamp) -> Vec<Alarm> {
    const SUBJECT: &str = "record";
    let mut found = Vec::new();
    let unsealed = &state.waiting.unsealed;
    if let Some(fault) = &state.sealing.fault {
        found.push(Alarm::new(Code::RecordDamaged, SUBJECT, fault.said()));
    } else if let Some(first) = unsealed.first_at
        && !state.sealing.is_beginning
        && now.duration_since(first) > SEAL_PATIENCE
    {
        let first = format!("{first:.0}");
        let said = Said::new("alarm.record-unsealed", &[("waiting", &unsealed.waiting), ("first", &first)]);
        found.push(Alarm::new(Code::RecordUnsealed, SUBJECT, said));
    }
    if let Some((since, cause)) = &state.sealing.unkept {
        let since = format!("{since:.0}");
        let said = Said::new("alarm.checkpoints-not-kept", &[("since", &since), ("cause", cause)]);
        found.push(Alarm::new(Code::CheckpointsNotKept, SUBJECT, said));
    }
    for behind in &state.witnesses {
        let contradicts = behind.trouble.is_contradiction();
        let code = if contradicts { Code::WitnessContradicts } else { Code::WitnessBehind };
        if contradicts || now.duration_since(behind.since) > WITNESS_PATIENCE {
            found.push(Alarm::new(code, &behind.place, behind.said()));
        }
    }
    found
}

/// The most urgent stage that has come. A stage that would last more than half of a life is none: what lives for a
/// day would always be near its end.
fn nearing(begins: Timestamp, ends: Timestamp, now: Timestamp, stages: &[Stage]) -> Option<Stage> {
    let (life, left) = (ends.duration_since(begins), ends.duration_since(now));
    stages.iter().copied().filter(|stage| left <= stage.span() && stage.span() <= life / 2).max()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
#[cfg(test)]
mod truth;
