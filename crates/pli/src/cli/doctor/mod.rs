//! `pli doctor`: the whole node as a checklist, each line with what to do.
//!
//! It looks at files, clock, name servers and doors from outside, beside the node or without one, and changes nothing.
//! The lines about list, revocation lists and certificate are the node's own alarms ([`crate::alarms`]).

mod doors;
mod files;
mod machine;
mod srv;
mod trust;
mod virus;

use serde_json::json;

use super::{Globals, runtime};
use crate::exit::{Exit, Failure};
use crate::output::{self, Listing, SCHEMA_VERSION};
use crate::words::{Said, Value};

/// How one look ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    /// It goes on, but look at it.
    Warn,
    /// Mail does not flow as it should.
    Fail,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) outcome: Outcome,
    /// What was looked at: `store`, `listener.smtp`.
    pub(crate) check: String,
    /// Stable, where something is amiss.
    pub(crate) code: Option<String>,
    pub(crate) detail: Value,
    pub(crate) next: Option<Value>,
}

impl Finding {
    fn ok(check: impl Into<String>, detail: Said) -> Self {
        detail.check();
        Self { outcome: Outcome::Ok, check: check.into(), code: None, detail: Value::what(detail), next: None }
    }

    fn amiss(outcome: Outcome, check: impl Into<String>, failure: &Failure) -> Self {
        let (detail, next) = (failure.what_value(), Some(failure.next_value()));
        Self { outcome, check: check.into(), code: Some(failure.code.to_owned()), detail, next }
    }

    /// The code is the sentence's.
    fn warn(check: impl Into<String>, said: Said) -> Self {
        Self::amiss(Outcome::Warn, check, &Failure::saying(Exit::Refused, said.code(), said))
    }

    /// The code is the sentence's.
    fn fail(check: impl Into<String>, said: Said) -> Self {
        Self::amiss(Outcome::Fail, check, &Failure::saying(Exit::Refused, said.code(), said))
    }
}

/// Looks at everything. Ends with 1 if something fails; with 2 if there is no configuration to look at.
pub(crate) fn run(globals: &Globals) -> Result<(), Failure> {
    let settings = match globals.settings() {
        Ok(settings) => settings,
        Err(fault) => {
            let failure = Failure::from(fault);
            print(globals, &[Finding::amiss(Outcome::Fail, "config", &failure)])?;
            return Err(failure);
        }
    };
    let clock = crate::clock::clock();
    let mut findings = vec![Finding::ok("config", Said::new("doctor.config", &[("path", &globals.config.display())]))];
    let runtime = runtime::one_thread()?;
    let node = runtime.block_on(doors::node(&settings));
    let runs = node.outcome == Outcome::Ok;
    findings.extend(files::look(&settings, runs));
    findings.push(node);
    runtime.block_on(async {
        findings.extend(doors::look(&settings.config, runs).await);
        findings.extend(trust::look(&settings, runs, &clock).await);
        let known = findings.iter().any(|finding| finding.check == virus::CHECK);
        findings.extend(virus::look(&settings.config, known, clock.now()).await);
        let machine = machine::look(&settings, clock.now()).await;
        let dns_answers = machine.last().is_some_and(|dns| dns.outcome == Outcome::Ok);
        findings.extend(machine);
        if dns_answers {
            findings.extend(srv::look(&settings.config).await);
        }
    });
    print(globals, &findings)?;
    verdict(&findings)
}

fn print(globals: &Globals, findings: &[Finding]) -> Result<(), Failure> {
    let format = globals.format();
    // Programs read one language.
    let language = format.language();
    let row = |finding: &Finding| {
        let members = json!({
            "schema_version": SCHEMA_VERSION,
            "outcome": finding.outcome.as_str(),
            "check": finding.check,
            "code": finding.code,
            "detail": finding.detail.text(language),
            "next": finding.next.as_ref().map(|next| next.text(language)),
        });
        members.as_object().cloned().unwrap_or_default()
    };
    let rows = findings.iter().map(row).collect();
    output::print(&format.list(&Listing { columns: &["outcome", "check", "detail", "next"], rows }))
}

/// The first that fails, and how many there are.
fn verdict(findings: &[Finding]) -> Result<(), Failure> {
    let mut failing = findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
    let Some(first) = failing.next() else { return Ok(()) };
    let said = match failing.count() {
        0 => Said::new("about", &[("subject", &first.check)]),
        more => Said::new("about.and-more", &[("subject", &first.check), ("more", &more)]),
    };
    let advice = first.next.clone().unwrap_or(Value::Text(String::new()));
    let said = said.with("fault", first.detail.clone()).with("advice", advice);
    // One short word in a process that ends with it.
    let code = first.code.clone().map_or("doctor", |code| code.leak());
    Err(Failure::saying(Exit::Refused, code, said))
}

/// What is told of a node whose alarms are these, and whose store has so much room.
#[cfg(test)]
pub(crate) fn of_node(alarms: &[crate::alarms::Alarm], free_bytes: u64) -> Vec<Finding> {
    let told: Vec<_> = alarms.iter().map(crate::admin::protocol::AlarmTold::from).collect();
    let mut findings = trust::judged(&told, &[]);
    findings.push(files::judge("store.space", "/var/lib/pli".as_ref(), free_bytes, None));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_no_failure_and_the_first_failure_is_told_with_what_to_do() {
        let warn = Finding::warn("node", Said::new("node-stopped", &[]));
        let ok = Finding::ok("config", Said::new("doctor.config", &[("path", &"pli.toml")]));
        assert_eq!(verdict(&[ok, warn.clone()]), Ok(()));
        let fail = Finding::fail("store", Said::new("store-unavailable", &[("cause", &"gone")]));
        let failure = verdict(&[warn, fail.clone(), fail]).unwrap_err();
        assert_eq!((failure.exit as u8, failure.code), (1, "store-unavailable"));
        assert_eq!(failure.what, "store: the store is not available: gone (and 1 more)");
        assert_eq!(failure.next, "look at the cause, then try again");
    }
}
