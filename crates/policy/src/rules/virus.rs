//! What the virus scanner finds is refused in the session, and what it has not seen is put off (spec §8.4; scenario 39).
//!
//! Nothing is dropped and nothing is let through for want of an answer: the sender always knows.

use crate::told::Told;
use crate::{Decision, Facts, Origin, Reason, Ruleset, ScanFacts, TooLarge};

pub(super) fn judge(facts: &Facts, ruleset: &Ruleset) -> Decision {
    let Some(rules) = ruleset.virus else { return Decision::Accept };
    if facts.origin == Origin::Relay {
        // Our own report: what it quotes of a message was scanned when that came.
        return Decision::Accept;
    }
    match &facts.scan {
        Some(ScanFacts::Clean) => Decision::Accept,
        Some(ScanFacts::Found(_)) => Decision::Refuse(Reason::VirusFound),
        Some(ScanFacts::TooLarge) => match rules.too_large {
            TooLarge::Refuse => Decision::Refuse(Reason::MessageTooBig),
            TooLarge::Defer => Decision::Defer(Reason::VirusScannerDown),
        },
        Some(ScanFacts::Unanswered(_)) | None => Decision::Defer(Reason::VirusScannerDown),
    }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    match &facts.scan {
        Some(scan) => told.word("scanner", scan),
        None => told.word("scanner", "not asked"),
    }
}
