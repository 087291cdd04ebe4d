//! Each alarm at its thresholds.

use jiff::ToSpan;
use pli_store::{HeldBacklog, OverdueBacklog, UnsealedLog};

use super::state::{HeldList, ListInForce, RefusedList};
use super::*;

pub(super) const NOON: &str = "2026-03-14T12:00:00Z";

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

/// A node with which nothing is amiss at noon.
pub(super) fn sound() -> State {
    let now = at(NOON);
    State {
        list: ListState {
            in_force: Some(ListInForce { generated_at: now - hours(5), confirmed_at: now - hours(1) }),
            stale_after: hours(24),
            held: None,
            refused: None,
        },
        revocations: vec![RevocationState {
            authority: "CN=ORGANISATIONS".to_owned(),
            source: "http://crl.a.fr/a.crl".to_owned(),
            in_force: true,
            validity: Some((now - hours(24), now + hours(24 * 15))),
            failed: None,
        }],
        certificate: CertificateState {
            subject: "CN=mss.a.fr".to_owned(),
            serial: "01".to_owned(),
            not_before: now - hours(24 * 365),
            not_after: now + hours(24 * 365),
            fault: None,
            fault_as_client: None,
            unlisted: Vec::new(),
            unfit: None,
        },
        publications: PublicationBacklog::default(),
        free_bytes: Some(100 << 30),
        scanner: Some(ScannerState {
            place: "unix:/run/clamav/clamd.ctl".to_owned(),
            failing: None,
            signatures_made: None,
        }),
        waiting: Waiting::default(),
        sealing: state::SealingState::default(),
        witnesses: Vec::new(),
    }
}

/// Codes and stages of what is on after so long.
fn after(state: &State, passed: SignedDuration) -> Vec<(&'static str, Option<&'static str>)> {
    let told = alarms(state, at(NOON) + passed);
    for alarm in &told {
        assert!(!alarm.what.is_empty() && !alarm.next.is_empty() && !alarm.subject.is_empty(), "{alarm:?}");
    }
    told.iter().map(|alarm| (alarm.code.as_str(), alarm.stage.map(Stage::as_str))).collect()
}

fn stops_mail(state: &State) -> Vec<&'static str> {
    let told = alarms(state, at(NOON));
    told.iter().filter(|alarm| alarm.stops_mail).map(|alarm| alarm.code.as_str()).collect()
}

#[test]
fn a_sound_node_is_silent() {
    assert_eq!(alarms(&sound(), at(NOON)), []);
}

#[test]
fn every_code_is_one_word_and_each_has_its_own() {
    let mut words: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Code::ALL.len());
}

#[test]
fn a_list_is_stale_when_no_source_has_confirmed_it_for_longer_than_allowed() {
    let state = sound();
    assert_eq!(after(&state, hours(23)), []);
    assert_eq!(after(&state, hours(23) + SignedDuration::from_secs(1)), [("list-stale", None)]);
    // However old the list itself is: a publisher that says every hour that nothing has changed is at work.
    let mut old = sound();
    old.list.in_force.as_mut().unwrap().generated_at = at("2026-01-01T00:00:00Z");
    assert_eq!(after(&old, hours(0)), []);
}

#[test]
fn without_a_list_mail_stops() {
    let mut state = sound();
    state.list.in_force = None;
    assert_eq!(after(&state, hours(0)), [("list-missing", None)]);
    assert_eq!(stops_mail(&state), ["list-missing"]);
}

#[test]
fn a_held_and_a_refused_list_are_told_and_stop_nothing() {
    let mut state = sound();
    let now = at(NOON);
    state.list.held = Some(HeldList { generated_at: now, lost: 300, of: 600, since: now });
    state.list.refused = Some(RefusedList { code: "list-older".to_owned(), detail: "made before".to_owned() });
    assert_eq!(after(&state, hours(0)), [("list-held", None), ("list-refused", None)]);
    assert!(stops_mail(&state).is_empty());
    assert!(alarms(&state, now)[1].what.contains("list-older"), "the fault's code is told");
}

#[test]
fn a_revocation_list_warns_a_week_a_day_and_an_hour_before_it_ends_then_is_expired() {
    let state = sound();
    let ends = hours(24 * 15);
    let minute = SignedDuration::from_mins(1);
    let mut state = State { list: ListState { stale_after: hours(24 * 365), ..state.list.clone() }, ..state };
    state.certificate.not_after =
        at(NOON) + 3650.days().to_duration(jiff::SpanRelativeTo::days_are_24_hours()).unwrap();
    for (passed, told) in [
        (ends - hours(24 * 7) - minute, None),
        (ends - hours(24 * 7), Some(("crl-expiring", Some("7d")))),
        (ends - hours(24), Some(("crl-expiring", Some("24h")))),
        (ends - hours(1), Some(("crl-expiring", Some("1h")))),
        (ends - minute, Some(("crl-expiring", Some("1h")))),
        (ends, Some(("crl-expired", None))),
    ] {
        assert_eq!(after(&state, passed), Vec::from_iter(told), "{passed}");
    }
}

#[test]
fn a_stage_longer_than_half_of_a_lists_life_is_none() {
    let mut state = sound();
    // Three days: the week is skipped, the day is not.
    state.revocations[0].validity = Some((at(NOON), at(NOON) + hours(72)));
    assert_eq!(after(&state, hours(0)), []);
    assert_eq!(after(&state, hours(47)), [("list-stale", None)]);
    assert_eq!(after(&state, hours(48)), [("list-stale", None), ("crl-expiring", Some("24h"))]);
    // A day: only the hour.
    state.revocations[0].validity = Some((at(NOON), at(NOON) + hours(24)));
    assert_eq!(after(&state, hours(22)), []);
    assert_eq!(after(&state, hours(23)), [("crl-expiring", Some("1h"))]);
}

#[test]
fn an_expired_revocation_list_stops_mail_only_if_it_is_the_one_that_answers_for_us() {
    let mut state = sound();
    state.revocations[0].validity = Some((at(NOON) - hours(48), at(NOON)));
    assert_eq!(after(&state, hours(0)), [("crl-expired", None)]);
    assert!(stops_mail(&state).is_empty());
    state.certificate.fault = Some(CertificateFault::RevocationUnknown);
    assert_eq!(after(&state, hours(0)), [("crl-expired", None)], "one cause, one alarm");
    assert_eq!(stops_mail(&state), ["crl-expired"]);
    (state.revocations[0].validity, state.revocations[0].in_force) = (None, false);
    assert_eq!(stops_mail(&state), ["crl-expired"], "no list at all is as bad");
    // Unknown though all lists are in order: a list that nobody has yet.
    let mut state = sound();
    state.certificate.fault = Some(CertificateFault::RevocationUnknown);
    assert_eq!(stops_mail(&state), ["own-certificate-not-believed"]);
}

#[test]
fn a_fetch_that_fails_is_told_while_the_list_in_force_serves_on() {
    let mut state = sound();
    state.revocations[0].failed = Some((at(NOON), "connection refused".to_owned()));
    assert_eq!(after(&state, hours(0)), [("crl-fetch-failing", None)]);
    assert!(stops_mail(&state).is_empty());
}

#[test]
fn an_authority_needs_one_list_in_force_whatever_its_other_sources_give() {
    let mut state = sound();
    let old = RevocationState {
        source: "crl.pem".to_owned(),
        validity: Some((at(NOON) - hours(100), at(NOON) - hours(50))),
        in_force: false,
        ..state.revocations[0].clone()
    };
    state.revocations.push(old);
    state.revocations.push(RevocationState {
        validity: None,
        source: "new".to_owned(),
        ..state.revocations[1].clone()
    });
    assert_eq!(after(&state, hours(0)), [], "a newer one is in force");
    state.revocations.remove(0);
    assert_eq!(after(&state, hours(0)), [("crl-expired", None)], "one alarm for one authority");
}

#[test]
fn our_certificate_warns_a_month_a_week_and_a_day_before_it_ends_then_is_expired() {
    let mut state = sound();
    state.list.stale_after = hours(24 * 3650);
    state.revocations.clear();
    let ends = hours(24 * 365);
    let minute = SignedDuration::from_mins(1);
    for (passed, told) in [
        (ends - hours(24 * 30) - minute, None),
        (ends - hours(24 * 30), Some(("certificate-expiring", Some("30d")))),
        (ends - hours(24 * 7), Some(("certificate-expiring", Some("7d")))),
        (ends - hours(24), Some(("certificate-expiring", Some("24h")))),
        (ends, Some(("certificate-expiring", Some("24h")))),
        (ends + minute, Some(("certificate-expired", None))),
    ] {
        assert_eq!(after(&state, passed), Vec::from_iter(told), "{passed}");
    }
}

#[test]
fn what_others_would_refuse_is_told_once() {
    let mut state = sound();
    state.certificate.fault = Some(CertificateFault::Revoked);
    assert_eq!(stops_mail(&state), ["own-certificate-not-believed"]);
    state.certificate.not_after = at(NOON) - hours(1);
    state.certificate.fault = Some(CertificateFault::Expired);
    assert_eq!(stops_mail(&state), ["certificate-expired"], "an expired one is not also called unbelieved");
}

#[test]
fn a_certificate_for_servers_only_is_told_and_mail_still_comes_in() {
    let mut state = sound();
    state.certificate.fault_as_client = Some(CertificateFault::WrongUse);
    assert_eq!(after(&state, hours(0)), [("own-certificate-not-believed", None)]);
    assert!(stops_mail(&state).is_empty());
}

#[test]
fn a_pair_that_does_not_fit_is_taken_for_half_written_for_a_minute() {
    let mut state = sound();
    state.certificate.unfit = Some((at(NOON), "the key does not fit".to_owned()));
    assert_eq!(after(&state, SignedDuration::from_secs(59)), []);
    assert_eq!(after(&state, SignedDuration::from_secs(60)), [("certificate-reload-failing", None)]);
}

#[test]
fn each_hosted_domain_that_is_not_listed_under_our_name_is_told_by_itself() {
    let mut state = sound();
    state.certificate.unlisted = vec!["a.mssante.fr".to_owned(), "b.mssante.fr".to_owned()];
    let told = alarms(&state, at(NOON));
    let subjects: Vec<_> = told.iter().map(|alarm| (alarm.code, alarm.subject.as_str())).collect();
    let code = Code::OwnCertificateNotListed;
    assert_eq!(subjects, [(code, "a.mssante.fr"), (code, "b.mssante.fr")]);
    assert!(stops_mail(&state).is_empty(), "mail of the other domains flows");
}

#[test]
fn a_directory_that_is_not_told_is_an_alarm_after_a_day_of_failing() {
    let since = Some(at(NOON));
    let waits = PublicationBacklog { waiting: 3, oldest_since: since, fault: None };
    let never_tried = State { publications: waits.clone(), ..sound() };
    assert_eq!(after(&never_tried, hours(23)), []);
    let failing = PublicationBacklog { fault: Some("annuaire-key".to_owned()), ..waits };
    let failing = State { publications: failing, ..sound() };
    assert_eq!(after(&failing, hours(22)), []);
    assert!(alarms(&failing, at(NOON) + hours(24)).iter().any(|alarm| alarm.code == Code::PublicationFailing));
    assert!(alarms(&never_tried, at(NOON) + hours(24)).iter().all(|alarm| alarm.code != Code::PublicationFailing));
}

#[test]
fn a_scanner_that_does_not_answer_stops_mail_and_old_signatures_are_told() {
    let mut state = sound();
    let scanner = state.scanner.clone().unwrap();
    let signatures_of = |made| Some(ScannerState { signatures_made: Some(made), ..scanner.clone() });
    state.scanner = signatures_of(at(NOON) - hours(7 * 24));
    assert_eq!(after(&state, SignedDuration::ZERO), [], "a week");
    state.scanner = signatures_of(at(NOON) - hours(7 * 24 + 1));
    assert_eq!(after(&state, SignedDuration::ZERO), [("virus-signatures-old", None)]);
    assert_eq!(stops_mail(&state), [""; 0]);
    state.scanner.as_mut().unwrap().failing = Some((at(NOON), pli_policy::ScanFault::Unreachable));
    assert_eq!(stops_mail(&state), ["virus-scanner-down"]);
    assert_eq!(after(&state, SignedDuration::ZERO), [("virus-scanner-down", None)]);
    state.scanner = None;
    assert_eq!(after(&state, SignedDuration::ZERO), [], "none is set");
}

#[test]
fn a_disk_that_fills_is_told_of_and_a_full_one_stops_mail() {
    let on = |free_bytes: Option<u64>| {
        let state = State { free_bytes, ..sound() };
        alarms(&state, at(NOON)).iter().map(|alarm| (alarm.code.as_str(), alarm.stops_mail)).collect::<Vec<_>>()
    };
    assert_eq!(on(None), []);
    assert_eq!(on(Some(SPACE_FAIL_BYTES)), []);
    assert_eq!(on(Some(SPACE_FAIL_BYTES - 1)), [("disk-full", false)]);
    assert_eq!(on(Some(0)), [("disk-full", true)]);
}

#[test]
fn what_waits_for_an_admin_is_told_with_how_much_and_since_when() {
    let mut state = sound();
    state.waiting.held = HeldBacklog { waiting: 2, first_expires_at: Some(at(NOON) + hours(48)) };
    state.waiting.overdue = OverdueBacklog { waiting: 1, first_due_at: Some(at(NOON)) };
    assert_eq!(after(&state, SignedDuration::ZERO), [("mail-held", None), ("answers-overdue", None)]);
    assert_eq!(stops_mail(&state), [""; 0]);
    let told = alarms(&state, at(NOON));
    assert!(told[0].what.contains("2 recipients") && told[1].what.contains("1 messages"), "{told:?}");
}

#[test]
fn a_record_that_is_not_sealed_within_a_minute_is_told() {
    let mut state = sound();
    state.waiting.unsealed = UnsealedLog { waiting: 7, first_at: Some(at(NOON) - hours(0)) };
    assert_eq!(after(&state, SignedDuration::from_secs(60)), []);
    assert_eq!(after(&state, SignedDuration::from_secs(61)), [("record-unsealed", None)]);
    assert_eq!(stops_mail(&state), [""; 0]);
    // A node that was away for a night has not looked at it yet.
    state.sealing.is_beginning = true;
    assert_eq!(after(&state, SignedDuration::from_secs(61)), []);
}

#[test]
fn why_nothing_more_is_signed_is_told() {
    use crate::sealer::Fault;
    let mut state = sound();
    for (fault, word) in [
        (Fault::Gap(4), "4"),
        (Fault::Entry(5), "5"),
        (Fault::Tiles, "tiles"),
        (Fault::Checkpoint(pli_audit::CheckpointError::Form), "checkpoint"),
        (Fault::Behind { handed_out: 90, sealed: 80 }, "90"),
        (Fault::Fork(70), "70"),
    ] {
        state.sealing.fault = Some(fault);
        assert_eq!(after(&state, SignedDuration::ZERO), [("record-damaged", None)]);
        assert!(alarms(&state, at(NOON))[0].what.contains(word), "{fault}");
    }
    state.sealing = state::SealingState { unkept: Some((at(NOON), "disk full".to_owned())), ..Default::default() };
    assert_eq!(after(&state, SignedDuration::ZERO), [("checkpoints-not-kept", None)]);
}

#[test]
fn a_witness_may_be_away_for_a_while_and_is_heard_at_once() {
    use crate::witness::{Behind, Trouble};
    let mut state = sound();
    let away = |trouble: Trouble| vec![Behind { place: "witness.test/w1".to_owned(), since: at(NOON), trouble }];
    let troubles = [
        Trouble::Unheard("refused".to_owned()),
        Trouble::Unconfirmed,
        Trouble::Garbage,
        Trouble::Forged,
        Trouble::Refused(404),
        Trouble::Unread("a tile is missing".to_owned()),
        Trouble::Unkept("disk full".to_owned()),
    ];
    for trouble in troubles {
        state.witnesses = away(trouble);
        assert_eq!(after(&state, SignedDuration::from_mins(15)), []);
        assert_eq!(after(&state, SignedDuration::from_mins(16)), [("witness-behind", None)]);
    }
    for trouble in [Trouble::Fork(7), Trouble::Ahead { seen: 9, size: 7 }] {
        state.witnesses = away(trouble);
        assert_eq!(after(&state, SignedDuration::ZERO), [("witness-contradicts", None)]);
        assert!(alarms(&state, at(NOON))[0].what.contains("witness.test/w1"));
    }
}
