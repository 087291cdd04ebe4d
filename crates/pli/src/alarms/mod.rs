//! [`alarms()`]: what an admin must look at, as a pure function of what is known and of the time.
//!
//! `state.rs` is what is known, `rounds.rs` gathers it every few seconds, and `ledger.rs` remembers what was already
//! told, so that each alarm is one line in the log when it begins, when it grows more urgent and when it ends.

mod ledger;
pub(crate) mod rounds;
pub(crate) mod state;

use jiff::{SignedDuration, Timestamp};
use pli_types::CertificateFault;

use self::state::{CertificateState, ListState, RevocationState, State};

/// How long new certificate files that do not fit together are taken for half written.
const PAIR_PATIENCE: SignedDuration = SignedDuration::from_mins(1);

/// What to do about files of our certificate that a running node does not take.
pub(crate) const PUT_PAIR_RIGHT: &str = "put certificate and key in [tls] right; do not restart the node before, for it \
     goes on with the old pair only as long as it runs; docs/runbooks/certificate-expiring.md";

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
}

impl Code {
    /// All of them: each has a gauge, also while it is silent.
    pub(crate) const ALL: [Self; 12] = [
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
    /// What is the matter, in a sentence.
    pub(crate) what: String,
    /// What to do.
    pub(crate) next: String,
    /// For what is going to end: how near that is.
    pub(crate) stage: Option<Stage>,
    /// Mail cannot flow until this is put right: `/health/ready` fails.
    pub(crate) stops_mail: bool,
}

impl Alarm {
    fn new(code: Code, subject: impl Into<String>, what: String, next: impl Into<String>) -> Self {
        Self { code, subject: subject.into(), what, next: next.into(), stage: None, stops_mail: false }
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
            let what = "no trust list is in force: all mail is put off with list-unavailable".to_owned();
            let next = "give it a list: `pli trust fetch`, then `pli trust show`";
            found.push(Alarm::new(Code::ListMissing, SUBJECT, what, next).stopping_mail(true));
        }
        Some(in_force) if now.duration_since(in_force.confirmed_at) > state.stale_after => {
            let what = format!(
                "since {:.0} no source has said that the trust list of {} is still the one in force",
                in_force.confirmed_at, in_force.generated_at
            );
            found.push(Alarm::new(Code::ListStale, SUBJECT, what, "`pli trust fetch` says what hinders it"));
        }
        Some(_) => {}
    }
    if let Some(held) = &state.held {
        let what = format!(
            "the trust list of {} has lost {} of {} domains and waits for an admin since {:.0}",
            held.generated_at, held.lost, held.of, held.since
        );
        let next = "compare with `pli trust diff`; if it is meant, `pli trust install --reason TEXT`";
        found.push(Alarm::new(Code::ListHeld, SUBJECT, what, next));
    }
    if let Some(refused) = &state.refused {
        let what = format!("the trust list that is offered is not put in force ({}): {}", refused.code, refused.detail);
        found.push(Alarm::new(Code::ListRefused, SUBJECT, what, "`pli trust history`; ask the list's publisher"));
    }
    found
}

/// `ours_unknown`: nobody can say whether our own certificate is revoked.
fn revocations(states: &[RevocationState], ours_unknown: bool, now: Timestamp) -> Vec<Alarm> {
    const NEXT: &str = "`pli certificate list` shows the last try; docs/runbooks/crl-unreachable.md";
    let answers = |authority: &str| states.iter().any(|list| list.in_force && list.authority == authority);
    let mut found = Vec::new();
    for list in states {
        let authority = list.authority.as_str();
        match list.validity.filter(|_| list.in_force) {
            None if answers(authority) => {}
            None => {
                let what = format!("there is no revocation list of {authority}: its certificates are refused");
                found.push(Alarm::new(Code::CrlExpired, authority, what, NEXT).stopping_mail(ours_unknown));
            }
            Some((_, ends)) if ends <= now => {
                let what = format!("the revocation list of {authority} ended at {ends}: its certificates are refused");
                found.push(Alarm::new(Code::CrlExpired, authority, what, NEXT).stopping_mail(ours_unknown));
            }
            Some((begun, ends)) => {
                if let Some(stage) = nearing(begun, ends, now, &[Stage::Week, Stage::Day, Stage::Hour]) {
                    let what =
                        format!("the revocation list of {authority} ends at {ends}; from then on all are refused");
                    found.push(Alarm::new(Code::CrlExpiring, authority, what, NEXT).at(stage));
                }
            }
        }
        if let Some((at, fault)) = &list.failed {
            let what = format!("{} gave no newer revocation list of {authority} at {at:.0}: {fault}", list.source);
            found.push(Alarm::new(Code::CrlFetchFailing, &list.source, what, NEXT));
        }
    }
    found
}

/// `explained`: an alarm already says that a revocation list is out.
fn certificate(state: &CertificateState, explained: bool, now: Timestamp) -> Vec<Alarm> {
    const RENEW: &str = "put a renewed pair in the place of the files in [tls]; docs/runbooks/certificate-expiring.md";
    let mut found = Vec::new();
    let named = format!("our own certificate, serial {},", state.serial);
    let (begins, ends) = (state.not_before, state.not_after);
    if ends < now {
        let what = format!("{named} expired at {ends}: nobody believes us");
        found.push(Alarm::new(Code::CertificateExpired, &state.subject, what, RENEW).stopping_mail(true));
    } else if let Some(stage) = nearing(begins, ends, now, &[Stage::Month, Stage::Week, Stage::Day]) {
        let what = format!("{named} ends at {ends}");
        found.push(Alarm::new(Code::CertificateExpiring, &state.subject, what, RENEW).at(stage));
    }
    let refused = |role: &str, fault: CertificateFault| {
        let what = format!("{named} is refused by other operators when we are the {role}: {fault}");
        let next = "`pli certificate check FILE` with the file in [tls]; ask its authority";
        Alarm::new(Code::OwnCertificateNotBelieved, &state.subject, what, next)
    };
    match (state.fault, state.fault_as_client) {
        (Some(CertificateFault::Expired), _) | (None, None) => {}
        (Some(CertificateFault::RevocationUnknown), _) if explained => {}
        (Some(fault), _) => found.push(refused("server", fault).stopping_mail(true)),
        // What differs between the roles is the use only. Others may be lenient there, and mail for us comes in.
        (None, Some(fault)) => found.push(refused("client", fault)),
    }
    if let Some((since, fault)) = &state.unfit
        && now.duration_since(*since) >= PAIR_PATIENCE
    {
        let what =
            format!("the new files of our certificate do not fit since {since:.0}, the old one goes on: {fault}");
        found.push(Alarm::new(Code::CertificateReloadFailing, &state.subject, what, PUT_PAIR_RIGHT));
    }
    found.extend(state.unlisted.iter().map(|domain| {
        let what = format!("{domain} is not on the trust list under our certificate's name: others refuse its mail");
        let next = "`pli certificate check FILE` with the file in [tls]; have the list's publisher enter its name";
        Alarm::new(Code::OwnCertificateNotListed, domain, what, next)
    }));
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
