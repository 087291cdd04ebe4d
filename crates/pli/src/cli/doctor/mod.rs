//! `pli doctor`: the whole node as a checklist, each line with what to do.
//!
//! It looks at files, clock, name servers and doors from outside, beside the node or without one, and changes nothing.
//! The lines about list, revocation lists and certificate are the node's own alarms ([`crate::alarms`]).

mod doors;
mod files;
mod machine;
mod trust;

use serde_json::json;

use super::{Globals, runtime};
use crate::exit::{Exit, Failure};
use crate::output::{self, Listing, SCHEMA_VERSION};

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
    pub(crate) detail: String,
    pub(crate) next: Option<String>,
}

impl Finding {
    fn ok(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { outcome: Outcome::Ok, check: check.into(), code: None, detail: detail.into(), next: None }
    }

    fn amiss(outcome: Outcome, check: impl Into<String>, failure: Failure) -> Self {
        let (code, detail, next) = (Some(failure.code.to_owned()), failure.what, Some(failure.next));
        Self { outcome, check: check.into(), code, detail, next }
    }

    fn warn(check: impl Into<String>, code: &'static str, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::amiss(Outcome::Warn, check, Failure::new(Exit::Refused, code, what, next))
    }

    fn fail(check: impl Into<String>, code: &'static str, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::amiss(Outcome::Fail, check, Failure::new(Exit::Refused, code, what, next))
    }
}

/// Looks at everything. Ends with 1 if something fails; with 2 if there is no configuration to look at.
pub(crate) fn run(globals: &Globals) -> Result<(), Failure> {
    let settings = match globals.settings() {
        Ok(settings) => settings,
        Err(fault) => {
            let failure = Failure::from(fault);
            print(globals, &[Finding::amiss(Outcome::Fail, "config", failure.clone())])?;
            return Err(failure);
        }
    };
    let clock = crate::clock::clock();
    let mut findings = vec![Finding::ok("config", globals.config.display().to_string())];
    let runtime = runtime::one_thread()?;
    let node = runtime.block_on(doors::node(&settings));
    let runs = node.outcome == Outcome::Ok;
    findings.extend(files::look(&settings, runs));
    findings.push(node);
    runtime.block_on(async {
        findings.extend(doors::look(&settings.config, runs).await);
        findings.extend(trust::look(&settings, runs, &clock).await);
        findings.extend(machine::look(&settings, clock.now()).await);
    });
    print(globals, &findings)?;
    verdict(&findings)
}

fn print(globals: &Globals, findings: &[Finding]) -> Result<(), Failure> {
    let row = |finding: &Finding| {
        let members = json!({
            "schema_version": SCHEMA_VERSION,
            "outcome": finding.outcome.as_str(),
            "check": finding.check,
            "code": finding.code,
            "detail": finding.detail,
            "next": finding.next,
        });
        members.as_object().cloned().unwrap_or_default()
    };
    let rows = findings.iter().map(row).collect();
    output::print(&globals.format().list(&Listing { columns: &["outcome", "check", "detail", "next"], rows }))
}

/// The first that fails, and how many there are.
fn verdict(findings: &[Finding]) -> Result<(), Failure> {
    let mut failing = findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
    let Some(first) = failing.next() else { return Ok(()) };
    let others = match failing.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let next = first.next.clone().unwrap_or_default();
    let what = format!("{}: {}{others}", first.check, first.detail);
    // One short word in a process that ends with it.
    let code = first.code.clone().map_or("doctor", |code| code.leak());
    Err(Failure::new(Exit::Refused, code, what, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_no_failure_and_the_first_failure_is_told_with_what_to_do() {
        let warn = Finding::warn("list", "list-stale", "old", "fetch it");
        assert_eq!(verdict(&[Finding::ok("config", "pli.toml"), warn.clone()]), Ok(()));
        let fail = Finding::fail("store", "store-unavailable", "gone", "look at the disk");
        let failure = verdict(&[warn, fail.clone(), fail]).unwrap_err();
        assert_eq!((failure.exit as u8, failure.code), (1, "store-unavailable"));
        assert_eq!((failure.what.as_str(), failure.next.as_str()), ("store: gone (and 1 more)", "look at the disk"));
    }
}
