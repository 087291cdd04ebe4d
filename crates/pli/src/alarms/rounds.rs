//! The rounds: every few seconds, what is known is gathered and judged, and what has changed is told.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pli_directory::{HistoryAction, HistoryRow, TrustHandle};
use pli_mailflow::Scanner;
use pli_mailflow::scanner::Standing;
use pli_net::{Pki, RevocationStatus, Shutdown};
use pli_store::Store;
use pli_types::{CertificateFault, CertificateUse, Clock, Domain};
use rustix::fs::statvfs;

use super::attention::Attention;
use super::ledger::{Change, Ledger};
use super::state::{
    CertificateState, HeldList, ListInForce, ListState, RefusedList, RevocationState, ScannerState, SealingState, State,
};
use super::{Alarm, Code, Stage, alarms};
use crate::annuaire::Backlog;
use crate::certificate_files::CertificateFiles;
use crate::config::Settings;
use crate::metrics as names;
use crate::{sealer, witness};

/// How often.
const EVERY: Duration = Duration::from_secs(5);

/// Where what is known comes from. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) trust: TrustHandle,
    pub(crate) pki: Pki,
    pub(crate) certificate: CertificateFiles,
    /// `[pki] server_auth_clients`: we take a certificate for servers from a client, and expect the same of others.
    pub(crate) server_auth_clients: bool,
    pub(crate) hosted: Arc<[Domain]>,
    /// `[trust] stale_after`.
    pub(crate) stale_after: Duration,
    /// What the state's directory is to be told.
    pub(crate) publications: Backlog,
    /// The virus scanner, if one is set and watched.
    pub(crate) scanner: Option<Scanner>,
    /// What of the mail waits for an admin.
    pub(crate) attention: Attention,
    /// Where the store lies.
    pub(crate) folder: Option<Arc<Path>>,
    /// The record's sealing; where no node runs, nothing is known of it.
    pub(crate) sealing: sealer::Standing,
    /// Where its checkpoints are taken.
    pub(crate) witnesses: witness::Standing,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Sources {
    /// Of a node with these settings.
    pub(crate) fn of(
        settings: &Settings,
        trust: TrustHandle,
        pki: Pki,
        certificate: CertificateFiles,
        publications: Backlog,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let config = &settings.config;
        let hosted = settings.hosted_domains().into();
        let (server_auth_clients, stale_after) = (config.pki.server_auth_clients, config.trust.stale_after.get());
        let (scanner, attention, sealing) = (None, Attention::default(), sealer::Standing::default());
        let witnesses = witness::Standing::default();
        Self {
            trust,
            pki,
            certificate,
            server_auth_clients,
            hosted,
            stale_after,
            publications,
            scanner,
            attention,
            folder: settings.store_folder().map(Arc::from),
            sealing,
            witnesses,
            clock,
        }
    }

    /// What is known now. Checks a few signatures; reads no file and touches no network.
    pub(crate) fn state(&self, now: Timestamp) -> State {
        let revocations = self.pki.revocation_lists().into_iter().map(revocation).collect();
        State {
            list: self.list(),
            revocations,
            certificate: self.certificate(now),
            publications: self.publications.get(),
            scanner: self.scanner.as_ref().map(scanner),
            waiting: self.attention.get(),
            free_bytes: self.folder.as_deref().and_then(free_bytes),
            sealing: SealingState {
                fault: self.sealing.fault(),
                unkept: self.sealing.unkept(),
                is_beginning: self.sealing.is_beginning(),
            },
            witnesses: self.witnesses.behind(),
        }
    }

    /// What an admin must look at now.
    pub(crate) fn alarms(&self) -> Vec<Alarm> {
        let now = self.clock.now();
        alarms(&self.state(now), now)
    }

    fn list(&self) -> ListState {
        let in_force = self.trust.in_force();
        let confirmed_at = in_force.as_ref().map(|in_force| in_force.confirmed_at);
        let in_force =
            in_force.map(|list| ListInForce { generated_at: list.generated_at, confirmed_at: list.confirmed_at });
        let held = self.trust.held().map(|held| HeldList {
            generated_at: held.generated_at,
            lost: held.lost,
            of: held.of,
            since: held.since,
        });
        let refused = refused(self.trust.history(), confirmed_at);
        ListState {
            in_force,
            stale_after: SignedDuration::try_from(self.stale_after).unwrap_or(SignedDuration::MAX),
            held,
            refused,
        }
    }

    fn certificate(&self, now: Timestamp) -> CertificateState {
        let ours = self.certificate.current();
        // Others meet it in both roles.
        let judge = |usage| self.pki.judge(&ours, usage, now);
        let lenient = |fault: &CertificateFault| self.server_auth_clients && *fault == CertificateFault::WrongUse;
        let as_client = judge(CertificateUse::Client).err().filter(|fault| !lenient(fault));
        let list = self.trust.current();
        let unlisted = |list: &pli_directory::TrustList| {
            let missing = self.hosted.iter().filter(|domain| !list.binds(domain, &ours.subject));
            missing.map(ToString::to_string).collect()
        };
        CertificateState {
            subject: ours.subject.to_string(),
            serial: ours.serial.clone(),
            not_before: ours.not_before,
            not_after: ours.not_after,
            fault: judge(CertificateUse::Server).err(),
            fault_as_client: as_client,
            unlisted: list.as_deref().map(unlisted).unwrap_or_default(),
            unfit: self.certificate.unfit(),
        }
    }
}

/// What is left on a folder's file system for those who are not root.
fn free_bytes(folder: &Path) -> Option<u64> {
    statvfs(folder).ok().map(|system| system.f_bavail.saturating_mul(system.f_frsize))
}

fn scanner(scanner: &Scanner) -> ScannerState {
    let Standing { failing, version } = scanner.standing();
    let signatures_made = version.and_then(|version| version.signatures_made);
    ScannerState { place: scanner.place().to_string(), failing, signatures_made }
}

fn revocation(list: RevocationStatus) -> RevocationState {
    RevocationState {
        authority: list.authority,
        source: list.source,
        validity: list.validity,
        in_force: list.in_force,
        failed: list.last_try.and_then(|(at, fault)| Some((at, fault?))),
    }
}

/// What the source last offered, if that was refused and the list in force was not confirmed since. A publisher that
/// gives nothing has offered nothing, so it takes nothing back either: a list grows stale by it, and that has an alarm
/// of its own. What an admin tried and was refused is no offer of the source.
fn refused(history: Vec<HistoryRow>, confirmed_at: Option<Timestamp>) -> Option<RefusedList> {
    const NOT_OFFERED: [&str; 3] = ["publisher-unreachable", "publisher-slow", "publisher-answer"];
    let tells = |row: &HistoryRow| match (&row.fault, &row.by) {
        (Some(code), None) => !NOT_OFFERED.iter().any(|word| code.ends_with(word)),
        (fault, _) => fault.is_none(),
    };
    let last = history.into_iter().rfind(tells)?;
    let code = last.fault.filter(|_| last.action == HistoryAction::Refused)?;
    let stands = confirmed_at.is_none_or(|confirmed_at| confirmed_at < last.last_at);
    stands.then(|| RefusedList { code, detail: last.detail.unwrap_or_default() })
}

/// Tells until the end.
pub(crate) async fn run(sources: Sources, store: Arc<dyn Store>, shutdown: Shutdown) {
    let mut ledger = Ledger::default();
    loop {
        sources.attention.look(&*store, sources.clock.now()).await;
        let round = sources.clone();
        // Signatures are checked: not among the threads that serve.
        let judged = tokio::task::spawn_blocking(move || {
            let now = round.clock.now();
            let state = round.state(now);
            (alarms(&state, now), state, now)
        });
        if let Ok((alarms, state, now)) = judged.await {
            ledger.turn(&alarms).iter().for_each(tell);
            gauges(&state, now);
            for (code, level) in levels(&ledger) {
                metrics::gauge!(names::ALARM, "code" => code).set(level);
            }
        }
        tokio::select! {
            () = shutdown.begun() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// What the gauge of each code shows.
pub(super) fn levels(ledger: &Ledger) -> impl Iterator<Item = (&'static str, u8)> {
    Code::ALL.into_iter().map(|code| (code.as_str(), u8::from(ledger.is_on(code))))
}

/// How much waits, when what is in force was confirmed, and when it ends. An authority with several lists has the first end
/// of them.
#[expect(clippy::cast_precision_loss, reason = "a gauge; seconds and rows are far below 2^52")]
fn gauges(state: &State, now: Timestamp) {
    if let Some(list) = &state.list.in_force {
        metrics::gauge!(names::TRUST_LIST_CONFIRMED_AT).set(list.confirmed_at.as_second() as f64);
    }
    names::queue(&state.waiting.queue, state.waiting.held.waiting, now);
    metrics::gauge!(names::UNSEALED).set(state.waiting.unsealed.waiting as f64);
    let mut ends: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for list in state.revocations.iter().filter(|list| list.in_force) {
        let Some((_, end)) = list.validity else { continue };
        ends.entry(&list.authority).and_modify(|first| *first = end.min(*first)).or_insert(end);
    }
    for (authority, end) in ends {
        metrics::gauge!(names::CRL_ENDS_AT, "authority" => authority.to_owned()).set(end.as_second() as f64);
    }
}

fn tell(change: &Change) {
    match change {
        Change::Began(alarm) | Change::Grew(alarm) => {
            let (code, subject, next) = (alarm.code.as_str(), &alarm.subject, &alarm.next);
            let stage = alarm.stage.map(Stage::as_str);
            if alarm.stops_mail {
                tracing::error!(alarm = code, subject, stage, next, "{}", alarm.what);
            } else {
                tracing::warn!(alarm = code, subject, stage, next, "{}", alarm.what);
            }
        }
        Change::Ended(code, subject) => {
            tracing::warn!(alarm = code.as_str(), subject, "this alarm has ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pli_directory::{ListFault, ListRules, NoSigner};

    use super::*;

    #[test]
    fn a_refused_list_stands_until_its_source_has_a_good_one() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let trust = TrustHandle::unkept(ListRules::default(), Arc::new(NoSigner));
        let stands = |confirmed| refused(trust.history(), confirmed).map(|refused| refused.code);
        trust.refused(&ListFault::PublisherSlow, "url", at(1));
        assert_eq!(stands(None), None, "nothing was offered");
        trust.refused(&ListFault::SignatureMissing, "url", at(2));
        trust.refused(&ListFault::PublisherSlow, "url", at(3));
        trust.refused(&ListFault::PublisherAnswer("503".to_owned()), "url", at(4));
        trust.install(Some(b"<a/>"), "anne", "why", at(5)).unwrap_err();
        assert_eq!(stands(Some(at(1))).as_deref(), Some("list-signature-missing"), "it was not taken back");
        assert_eq!(stands(Some(at(6))), None, "confirmed since");
    }
}
