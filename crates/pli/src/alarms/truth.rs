//! One truth: `pli doctor`, `/health/ready` and the gauges say the same of a node, whatever is the matter with it.

use std::collections::BTreeSet;

use pli_policy::ScanFault;
use pli_store::{HeldBacklog, OverdueBacklog, UnsealedLog};

use super::ledger::Ledger;
use super::rounds::levels;
use super::state::{HeldList, RefusedList};
use super::tests::{NOON, at, hours, sound};
use super::*;
use crate::cli::doctor;
use crate::health;
use crate::witness::{Behind, Trouble};

/// A change to a node with which nothing is amiss, and what it gives rise to.
type Case = (Code, fn(&mut State));

/// Each alarm once, and where the same alarm may or may not stop mail, each way.
const CASES: [Case; 28] = [
    (Code::ListMissing, |state| state.list.in_force = None),
    (Code::ListStale, |state| state.list.in_force.as_mut().unwrap().confirmed_at = at(NOON) - hours(25)),
    (Code::ListHeld, |state| {
        state.list.held = Some(HeldList { generated_at: at(NOON), lost: 300, of: 600, since: at(NOON) });
    }),
    (Code::ListRefused, |state| {
        state.list.refused = Some(RefusedList { code: "list-older".to_owned(), detail: String::new() });
    }),
    (Code::CrlExpired, |state| state.revocations[0].validity = Some((at(NOON) - hours(48), at(NOON)))),
    (Code::CrlExpired, |state| {
        state.revocations[0].validity = None;
        state.revocations[0].in_force = false;
        state.certificate.fault = Some(CertificateFault::RevocationUnknown);
    }),
    (Code::CrlExpiring, |state| {
        state.revocations[0].validity = Some((at(NOON) - hours(24 * 30), at(NOON) + hours(20)));
    }),
    (Code::CrlFetchFailing, |state| state.revocations[0].failed = Some((at(NOON), "refused".to_owned()))),
    (Code::CertificateExpired, |state| state.certificate.not_after = at(NOON) - hours(1)),
    (Code::CertificateExpiring, |state| state.certificate.not_after = at(NOON) + hours(24 * 20)),
    (Code::CertificateReloadFailing, |state| {
        state.certificate.unfit = Some((at(NOON) - hours(1), "no pair".to_owned()));
    }),
    (Code::OwnCertificateNotBelieved, |state| state.certificate.fault = Some(CertificateFault::Revoked)),
    (Code::OwnCertificateNotBelieved, |state| state.certificate.fault_as_client = Some(CertificateFault::WrongUse)),
    (Code::OwnCertificateNotListed, |state| state.certificate.unlisted = vec!["a.fr".to_owned()]),
    (Code::PublicationFailing, |state| {
        let (oldest_since, fault) = (Some(at(NOON) - hours(48)), Some("annuaire-unreachable".to_owned()));
        state.publications = PublicationBacklog { waiting: 1, oldest_since, fault };
    }),
    (Code::VirusScannerDown, |state| {
        state.scanner.as_mut().unwrap().failing = Some((at(NOON), ScanFault::Unreachable));
    }),
    (Code::VirusSignaturesOld, |state| {
        state.scanner.as_mut().unwrap().signatures_made = Some(at(NOON) - hours(24 * 8));
    }),
    (Code::MailHeld, |state| {
        state.waiting.held = HeldBacklog { waiting: 1, first_expires_at: Some(at(NOON) + hours(1)) };
    }),
    (Code::AnswersOverdue, |state| {
        state.waiting.overdue = OverdueBacklog { waiting: 1, first_due_at: Some(at(NOON) - hours(1)) };
    }),
    (Code::DiskFull, |state| state.free_bytes = Some(SPACE_FAIL_BYTES - 1)),
    (Code::DiskFull, |state| state.free_bytes = Some(SPACE_NONE_BYTES - 1)),
    (Code::StoreFailing, |state| state.waiting.store = Some(StoreFault::Failing)),
    (Code::RecordUnsealed, |state| {
        state.waiting.unsealed = UnsealedLog { waiting: 1, first_at: Some(at(NOON) - hours(1)) };
    }),
    (Code::RecordDamaged, |state| state.sealing.fault = Some(crate::sealer::Fault::Gap(7))),
    (Code::CheckpointsNotKept, |state| state.sealing.unkept = Some((at(NOON), "read-only".to_owned()))),
    (Code::StoreFailing, |state| state.waiting.store = Some(StoreFault::Silent)),
    (Code::WitnessBehind, |state| state.witnesses = vec![away(hours(1), Trouble::Garbage)]),
    (Code::WitnessContradicts, |state| state.witnesses = vec![away(hours(0), Trouble::Fork(7))]),
];

/// A witness who has not signed for so long.
fn away(passed: SignedDuration, trouble: Trouble) -> Behind {
    Behind { place: "witness.test/w1".to_owned(), since: at(NOON) - passed, trouble }
}

/// What each of the three says: the codes; is mail taken; does the doctor find a failure.
struct Told {
    alarms: BTreeSet<&'static str>,
    gauges: BTreeSet<&'static str>,
    doctor: BTreeSet<String>,
    ready: bool,
    not_ready_by: BTreeSet<&'static str>,
    stops_mail: bool,
    doctor_fails: bool,
}

fn told(state: &State) -> Told {
    let alarms = alarms(state, at(NOON));
    let mut ledger = Ledger::default();
    ledger.turn(&alarms);
    let findings = doctor::of_node(&alarms, state.free_bytes.unwrap());
    let checks = health::checks(&alarms, state.scanner.is_some());
    Told {
        alarms: alarms.iter().map(|alarm| alarm.code.as_str()).collect(),
        gauges: levels(&ledger).filter(|(_, level)| *level == 1).map(|(code, _)| code).collect(),
        doctor: findings.iter().filter_map(|finding| finding.code.clone()).collect(),
        ready: checks.iter().all(|check| check.fault.is_none()),
        not_ready_by: checks.iter().filter_map(|check| check.alarm).collect(),
        stops_mail: alarms.iter().any(|alarm| alarm.stops_mail),
        doctor_fails: findings.iter().any(|finding| finding.outcome == doctor::Outcome::Fail),
    }
}

#[test]
fn of_a_sound_node_nobody_says_anything() {
    let told = told(&sound());
    assert!(told.alarms.is_empty() && told.gauges.is_empty() && told.doctor.is_empty());
    assert!(told.ready && !told.doctor_fails);
}

#[test]
fn every_alarm_is_tried() {
    let tried: BTreeSet<Code> = CASES.iter().map(|(code, _)| *code).collect();
    assert_eq!(tried, BTreeSet::from(Code::ALL));
}

#[test]
fn doctor_health_and_gauges_say_the_same_of_every_alarm() {
    for (code, change) in CASES {
        let mut state = sound();
        change(&mut state);
        let told = told(&state);
        let code = code.as_str();
        assert!(told.alarms.contains(code), "{code}: {:?}", told.alarms);
        assert_eq!(told.gauges, told.alarms, "{code}: the gauges");
        let of_doctor: BTreeSet<&str> = told.doctor.iter().map(String::as_str).collect();
        assert_eq!(of_doctor, told.alarms, "{code}: the doctor");
        assert_eq!(told.ready, !told.stops_mail, "{code}: readiness");
        assert!(told.not_ready_by.is_subset(&told.alarms), "{code}: {:?}", told.not_ready_by);
        assert_eq!(told.not_ready_by.is_empty(), told.ready, "{code}: no alarm is named");
        assert!(told.ready || told.doctor_fails, "{code}: mail stops, and the doctor finds no failure");
    }
}
