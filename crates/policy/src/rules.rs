//! The rules, in the order in which they are asked. One file a rule; each names the requirement that it comes from.
//!
//! The order is the order of trust: the wire, the peer, the sender, the recipient, the content, and
//! last what costs most to know. What a peer is told
//! never depends on facts that only a proven peer may learn, such as whether a mailbox exists. A rule that misses the
//! facts of its stage refuses: nothing goes through unjudged.

mod answerable;
mod attachments;
mod authentication;
mod certificate_listed;
mod client_certificate;
mod document_addressee;
mod document_headers;
mod document_patients;
mod document_readable;
mod header_from;
mod header_name;
mod header_sender;
mod patient_address;
mod patient_sender;
mod patient_to_patient;
mod recipient_domain;
mod recipient_known;
mod relation;
mod relay;
mod report;
mod sender_domain;
mod sender_owned;
mod tls;
mod virus;

use pli_types::Masker;
pub use relation::may_write;

use crate::document::HeaderFault;
use crate::told::Told;
use crate::{Decision, Facts, RuleOutcome, Ruleset, Stage, Trace};

/// A rule: its stable name, from which point of a transaction it can be asked, how it judges, and what it looks at.
struct Rule {
    name: &'static str,
    asked: Asked,
    judge: fn(&Facts, &Ruleset) -> Decision,
    tell: fn(&Facts, &mut Told<'_>),
}

/// When a rule is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// At every stage: what held at `MAIL` may hold no more when the recipient is named.
    Always,
    /// At this stage only.
    At(Stage),
}

/// The rule of this file, under its stable name.
macro_rules! rule {
    ($file:ident = $name:literal, $asked:expr) => {
        Rule { name: $name, asked: $asked, judge: $file::judge, tell: $file::tell }
    };
}

const RULES: &[Rule] = &[
    rule!(tls = "tls", Asked::Always),
    rule!(client_certificate = "client-certificate", Asked::Always),
    rule!(authentication = "authentication", Asked::Always),
    rule!(certificate_listed = "certificate-listed", Asked::Always),
    rule!(sender_domain = "sender-domain", Asked::Always),
    rule!(sender_owned = "sender-owned", Asked::Always),
    rule!(patient_sender = "patient-sender", Asked::At(Stage::Mail)),
    rule!(patient_address = "patient-address", Asked::At(Stage::Recipient)),
    rule!(patient_to_patient = "patient-to-patient", Asked::At(Stage::Recipient)),
    rule!(relay = "relay", Asked::At(Stage::Recipient)),
    rule!(recipient_domain = "recipient-domain", Asked::At(Stage::Recipient)),
    rule!(recipient_known = "recipient-known", Asked::At(Stage::Recipient)),
    rule!(relation = "relation", Asked::At(Stage::Recipient)),
    rule!(header_from = "header-from", Asked::At(Stage::Content)),
    rule!(header_sender = "header-sender", Asked::At(Stage::Content)),
    rule!(header_name = "header-name", Asked::At(Stage::Content)),
    rule!(report = "report", Asked::At(Stage::Content)),
    rule!(answerable = "answerable", Asked::At(Stage::Content)),
    rule!(attachments = "attachments", Asked::At(Stage::Content)),
    rule!(document_readable = "document-readable", Asked::At(Stage::Content)),
    rule!(document_patients = "document-patients", Asked::At(Stage::Content)),
    rule!(document_addressee = "document-addressee", Asked::At(Stage::Content)),
    rule!(document_headers = "document-headers", Asked::At(Stage::Content)),
    rule!(virus = "virus", Asked::At(Stage::Scan)),
];

/// Decides: the first rule that refuses or puts off wins. Where none does, the first that returns or holds
/// does.
#[must_use]
pub fn decide(facts: &Facts, ruleset: &Ruleset) -> Decision {
    decide_by_rule(facts, ruleset).0
}

/// As [`decide`], with the name of the rule that did not accept.
#[must_use]
pub fn decide_by_rule(facts: &Facts, ruleset: &Ruleset) -> (Decision, Option<&'static str>) {
    let mut decided = (Decision::Accept, None);
    for rule in asked_at(facts.stage) {
        let decision = (rule.judge)(facts, ruleset);
        if !decision.takes() {
            return (decision, Some(rule.name));
        }
        if decided.0.accepts() && !decision.accepts() {
            decided = (decision, Some(rule.name));
        }
    }
    decided
}

/// As [`decide`], with every rule that was asked and what it looked at. Health identifiers are masked.
#[must_use]
pub fn explain(facts: &Facts, ruleset: &Ruleset, masker: &Masker) -> (Decision, Trace) {
    let (mut decided, mut trace) = (Decision::Accept, Trace::new());
    for rule in asked_at(facts.stage) {
        let decision = (rule.judge)(facts, ruleset);
        let mut told = Told::new(masker);
        (rule.tell)(facts, &mut told);
        trace.push(RuleOutcome { rule: rule.name, decision, facts: told.into_facts() });
        if !decision.takes() {
            return (decision, trace);
        }
        if decided.accepts() {
            decided = decision;
        }
    }
    (decided, trace)
}

/// How a message's header differs from its documents, where that is only to be told ([`crate::document::HeaderCheck::Warn`]).
#[must_use]
pub fn document_warnings(facts: &Facts, ruleset: &Ruleset) -> Vec<HeaderFault> {
    document_headers::warnings(facts, ruleset)
}

fn asked_at(stage: Stage) -> impl Iterator<Item = &'static Rule> {
    RULES.iter().filter(move |rule| rule.asked == Asked::Always || rule.asked == Asked::At(stage))
}
