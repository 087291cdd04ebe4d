//! Trust list, revocation lists, our own certificate and the virus scanner: the alarms, and a line for what raises none.

use std::fmt::Display;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pli_directory::Signature;
use pli_types::Clock;

use super::{Finding, Outcome, virus};
use crate::admin::protocol::{AlarmTold, SealedTold, Standing};
use crate::admin::{self, Answer, Request};
use crate::alarms::alarms;
use crate::alarms::rounds::Sources;
use crate::alarms::state::State;
use crate::annuaire::Backlog;
use crate::certificate_files::CertificateFiles;
use crate::cli::looking;
use crate::config::Settings;
use crate::exit::Failure;
use crate::words::{Said, Value};

/// What an alarm of each code is a line of.
const LIST: &str = "trust.list";
const REVOCATION: &str = "pki.crl";
const CERTIFICATE: &str = "tls.certificate";
const LISTED: &str = "trust.listed";
const PUBLICATION: &str = "annuaire.publication";
const MAIL: &str = "mail.attention";
/// Does the store of a running node take what is written?
const STORE: &str = "store.answers";
/// Told by `files.rs`, of each folder, with a node and without.
const SPACE: &str = "store.space";
const RECORD: &str = "record";

/// A running node is asked: it alone knows how its last fetches went. Without one, what it has left is judged.
pub(super) async fn look(settings: &Settings, runs: bool, clock: &Arc<dyn Clock>) -> Vec<Finding> {
    let local = sources(settings, clock).map(|(sources, damage)| (sources.state(clock.now()), damage));
    let told = match &local {
        _ if runs => asked(settings, clock.now()).await,
        Ok((state, _)) => {
            let alarms = alarms(state, clock.now());
            Ok(Heard { alarms: alarms.iter().map(AlarmTold::from).collect(), of_node: Vec::new() })
        }
        Err(failure) => Err(failure.clone()),
    };
    let mut findings = Vec::new();
    match (&told, &local) {
        (Ok(told), Ok((state, damage))) => {
            let damaged = |what: &String| Finding::warn(LIST, Said::new("list-copy-damaged", &[("what", what)]));
            findings.extend(damage.iter().map(damaged));
            let mut sound = sound(state, standing(settings).await.as_ref());
            sound.extend(told.of_node.iter().cloned());
            findings.extend(judged(&told.alarms, &sound));
        }
        (Ok(told), Err(failure)) => {
            findings.extend(judged(&told.alarms, &told.of_node));
            // That is told of the check `tls` already, and what the node judges by is not of these files.
            if CertificateFiles::load(&settings.config.tls).is_err() {
                return findings;
            }
            findings.push(Finding::amiss(Outcome::Fail, "trust", failure));
        }
        (Err(failure), _) => findings.push(Finding::amiss(Outcome::Fail, "trust", failure)),
    }
    findings
}

/// What a node would judge by, from the files and from what it keeps in its state folder.
fn sources(settings: &Settings, clock: &Arc<dyn Clock>) -> Result<(Sources, Vec<String>), Failure> {
    let config = &settings.config;
    let pki = admin::pki(settings)?;
    let (trust, damage) = looking::trust(settings, &pki, clock.now());
    let certificate = CertificateFiles::load(&config.tls)?;
    let sources = Sources::of(settings, trust, pki, certificate, Backlog::default(), Arc::clone(clock));
    Ok((sources, damage))
}

/// What a running node says of itself, or what can be judged without one.
struct Heard {
    alarms: Vec<AlarmTold>,
    /// Lines of what is in order, that only a node can tell.
    of_node: Vec<Sound>,
}

async fn asked(settings: &Settings, now: Timestamp) -> Result<Heard, Failure> {
    match admin::ask(settings, Request::Alarms, None).await? {
        Answer::Alarms { rows, sealed } => Ok(Heard { alarms: rows, of_node: sound_of_node(sealed, now) }),
        _ => Err(Failure::defect("the node answers another question than was asked")),
    }
}

fn sound_of_node(sealed: Option<SealedTold>, now: Timestamp) -> Vec<Sound> {
    let record = sealed.map(|SealedTold { size, at }| match at {
        Some(at) => {
            let ago = SignedDuration::from_secs(now.duration_since(at).as_secs().max(0));
            Said::new("doctor.record", &[("size", &size), ("ago", &format!("{ago:#}"))])
        }
        None => Said::new("doctor.record-before", &[("size", &size)]),
    });
    let store = (STORE, String::new(), Said::new("doctor.in-order", &[]));
    record.map(|said| (RECORD, String::new(), said)).into_iter().chain([store]).collect()
}

async fn standing(settings: &Settings) -> Option<Standing> {
    match admin::ask(settings, Request::TrustShow, None).await {
        Ok(Answer::Standing(standing)) => Some(*standing),
        _ => None,
    }
}

/// A line of what is in order: which check, about what, and how it stands.
pub(super) type Sound = (&'static str, String, Said);

fn sound(state: &State, standing: Option<&Standing>) -> Vec<Sound> {
    let mut lines = Vec::new();
    lines.extend(standing.and_then(sound_list).map(|detail| (LIST, String::new(), detail)));
    for list in state.revocations.iter().filter(|list| list.in_force) {
        let Some((begun, ends)) = list.validity else { continue };
        let values: [(_, &dyn Display); 4] =
            [("authority", &list.authority), ("begun", &begun), ("ends", &ends), ("source", &list.source)];
        let detail = Said::new("doctor.crl", &values);
        lines.push((REVOCATION, list.authority.clone(), detail));
    }
    let ours = &state.certificate;
    let values: [(_, &dyn Display); 3] =
        [("subject", &ours.subject), ("serial", &ours.serial), ("ends", &ours.not_after)];
    let believed = Said::new("doctor.certificate", &values);
    lines.push((CERTIFICATE, String::new(), believed));
    if state.list.in_force.is_some() {
        lines.push((LISTED, String::new(), Said::new("doctor.listed", &[])));
    }
    lines
}

fn sound_list(standing: &Standing) -> Option<Said> {
    let list = standing.in_force.as_ref()?;
    let signature = match &list.signature {
        Signature::None => Said::new("doctor.list-not-signed", &[]),
        Signature::Unchecked => Said::new("doctor.list-unchecked", &[]),
        Signature::Valid { signer } => Said::new("doctor.list-signed", &[("signer", signer)]),
    };
    let confirmed = match standing.confirmed_at {
        Some(at) => Value::what(Said::new("doctor.list-confirmed", &[("at", &format!("{at:.0}"))])),
        None => Value::Text(String::new()),
    };
    let source = match &standing.source {
        Some(source) => Value::Text(source.clone()),
        None => Value::what(Said::new("doctor.list-source-unknown", &[])),
    };
    let said = Said::new("doctor.list", &[("made", &list.generated_at), ("domains", &list.domains)]);
    Some(said.with("confirmed", confirmed).with("source", source).with("signature", Value::what(signature)))
}

/// The alarms, each as a line; and the lines of what is in order where no alarm is about the same thing.
pub(super) fn judged(told: &[AlarmTold], sound: &[Sound]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for check in [LIST, REVOCATION, CERTIFICATE, LISTED, PUBLICATION, virus::CHECK, MAIL, STORE, RECORD] {
        let on: Vec<_> = told.iter().filter(|alarm| check_of(&alarm.code) == check).collect();
        findings.extend(on.iter().map(|alarm| finding(check, alarm)));
        let concerned = |about: &str| on.iter().any(|alarm| about.is_empty() || alarm.subject == about);
        let quiet = sound.iter().filter(|(of, about, _)| *of == check && !concerned(about));
        findings.extend(quiet.map(|(_, _, detail)| Finding::ok(check, detail.clone())));
    }
    findings
}

/// Codes are told apart by their first word; a node newer than this command may have others.
pub(super) fn check_of(code: &str) -> &'static str {
    match code.split('-').next() {
        Some("list") => LIST,
        Some("crl") => REVOCATION,
        Some("publication") => PUBLICATION,
        Some("virus") => virus::CHECK,
        Some("mail" | "answers") => MAIL,
        Some("disk") => SPACE,
        Some("store") => STORE,
        Some("record" | "checkpoints" | "witness") => RECORD,
        _ if code == "own-certificate-not-listed" => LISTED,
        _ => CERTIFICATE,
    }
}

/// Mail that is refused, for one domain or for all, is a failure; what is going to be so is a warning.
fn finding(check: &str, alarm: &AlarmTold) -> Finding {
    let fails = alarm.stops_mail || ["crl-expired", "own-certificate-not-listed"].contains(&alarm.code.as_str());
    // A node newer than this command may say what its catalogue lacks.
    let known = alarm.said.as_ref().filter(|said| said.is_known());
    let (detail, next) = match known {
        Some(said) => (Value::what(said.clone()), Value::next(said.clone())),
        None => (Value::Text(alarm.what.clone()), Value::Text(alarm.next.clone())),
    };
    Finding {
        outcome: if fails { Outcome::Fail } else { Outcome::Warn },
        check: check.to_owned(),
        code: Some(alarm.code.clone()),
        detail,
        next: Some(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str, subject: &str, stops_mail: bool) -> AlarmTold {
        AlarmTold {
            code: code.to_owned(),
            subject: subject.to_owned(),
            stage: None,
            stops_mail,
            what: "what".to_owned(),
            next: "next".to_owned(),
            said: None,
        }
    }

    #[test]
    fn how_far_the_record_is_sealed_is_told_and_since_when() {
        let now: Timestamp = "2026-03-14T12:00:00Z".parse().unwrap();
        let record = |sealed| {
            let lines = sound_of_node(sealed, now);
            let of = lines.into_iter().find(|(check, _, _)| *check == RECORD);
            of.map(|(_, _, said)| said.what(crate::words::Language::En))
        };
        let (size, at) = (1042, now.checked_sub(SignedDuration::from_secs(64)).ok());
        assert_eq!(record(Some(SealedTold { size, at })).unwrap(), "sealed up to 1042 entries, 1m 4s ago");
        let before = record(Some(SealedTold { size, at: None })).unwrap();
        assert_eq!(before, "sealed up to 1042 entries; nothing was recorded since the node's start");
        assert_eq!(record(None), None, "an older node does not say");
    }

    #[test]
    fn each_alarm_is_a_line_and_what_is_in_order_is_one_too() {
        let sound = [
            (LIST, String::new(), Said::new("doctor.in-order", &[])),
            (REVOCATION, "CN=a".to_owned(), Said::new("doctor.in-order", &[])),
            (REVOCATION, "CN=b".to_owned(), Said::new("doctor.in-order", &[])),
            (CERTIFICATE, String::new(), Said::new("doctor.in-order", &[])),
        ];
        let lines = |told: &[AlarmTold]| -> Vec<(String, &'static str)> {
            judged(told, &sound).into_iter().map(|finding| (finding.check, finding.outcome.as_str())).collect()
        };
        let expect = |lines: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
            lines.iter().map(|(check, outcome)| ((*check).to_owned(), *outcome)).collect()
        };
        assert_eq!(lines(&[]), expect(&[(LIST, "ok"), (REVOCATION, "ok"), (REVOCATION, "ok"), (CERTIFICATE, "ok")]));
        let on = [
            told("list-stale", "trust list", false),
            told("crl-expired", "CN=a", false),
            told("certificate-expired", "CN=us", true),
            told("own-certificate-not-listed", "a.mssante.fr", false),
        ];
        assert_eq!(
            lines(&on),
            expect(&[
                (LIST, "warn"),
                (REVOCATION, "fail"),
                (REVOCATION, "ok"),
                (CERTIFICATE, "fail"),
                (LISTED, "fail")
            ])
        );
    }
}
