//! The rules, in the order in which they are asked. One file a rule; each names the requirement that it comes from.
//!
//! The order is the order of trust: the wire, the peer, the sender, the recipient, the content. What a peer is told
//! never depends on facts that only a proven peer may learn, such as whether a mailbox exists. A rule that misses the
//! facts of its stage refuses: nothing goes through unjudged.

mod authentication;
mod certificate_listed;
mod client_certificate;
mod header_from;
mod patient_address;
mod recipient_domain;
mod recipient_known;
mod relay;
mod sender_domain;
mod sender_owned;
mod tls;

use crate::{Decision, Facts, RuleOutcome, Ruleset, Stage, Trace};

/// A rule: its stable name, from which point of a transaction it can be asked, and how it judges.
struct Rule {
    name: &'static str,
    asked: Asked,
    judge: fn(&Facts, &Ruleset) -> Decision,
}

/// When a rule is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// At every stage: what held at `MAIL` may hold no more when the recipient is named.
    Always,
    /// At this stage only.
    At(Stage),
}

const fn rule(name: &'static str, asked: Asked, judge: fn(&Facts, &Ruleset) -> Decision) -> Rule {
    Rule { name, asked, judge }
}

const RULES: &[Rule] = &[
    rule("tls", Asked::Always, tls::judge),
    rule("client-certificate", Asked::Always, client_certificate::judge),
    rule("authentication", Asked::Always, authentication::judge),
    rule("certificate-listed", Asked::Always, certificate_listed::judge),
    rule("sender-domain", Asked::Always, sender_domain::judge),
    rule("sender-owned", Asked::Always, sender_owned::judge),
    rule("patient-address", Asked::At(Stage::Recipient), patient_address::judge),
    rule("relay", Asked::At(Stage::Recipient), relay::judge),
    rule("recipient-domain", Asked::At(Stage::Recipient), recipient_domain::judge),
    rule("recipient-known", Asked::At(Stage::Recipient), recipient_known::judge),
    rule("header-from", Asked::At(Stage::Content), header_from::judge),
];

/// Decides: the first rule that does not accept wins.
#[must_use]
pub fn decide(facts: &Facts, ruleset: &Ruleset) -> Decision {
    outcomes(facts, ruleset).map(|outcome| outcome.decision).find(|decision| !decision.accepts()).unwrap_or_default()
}

/// As [`decide`], with every rule that was asked.
#[must_use]
pub fn explain(facts: &Facts, ruleset: &Ruleset) -> (Decision, Trace) {
    let mut trace = Trace::new();
    for outcome in outcomes(facts, ruleset) {
        trace.push(outcome);
        if !outcome.decision.accepts() {
            return (outcome.decision, trace);
        }
    }
    (Decision::Accept, trace)
}

fn outcomes<'a>(facts: &'a Facts, ruleset: &'a Ruleset) -> impl Iterator<Item = RuleOutcome> + 'a {
    RULES
        .iter()
        .filter(|rule| rule.asked == Asked::Always || rule.asked == Asked::At(facts.stage))
        .map(|rule| RuleOutcome { rule: rule.name, decision: (rule.judge)(facts, ruleset) })
}
