//! [`Answer`]: what `pli explain` prints.

use std::fmt::{Display, Write as _};

use jiff::Timestamp;
use pli_mailflow::Explanation;
use pli_policy::{Decision, Reason, RuleOutcome};
use pli_smtp::replies;
use serde_json::{Map, Value, json};

use crate::exit::Failure;
use crate::output::{Format, Listing, SCHEMA_VERSION};
use crate::words::{self, Said, language};

/// An explanation and what it is about. Addresses are masked.
pub(super) struct Answer {
    pub(super) from: String,
    pub(super) to: String,
    /// Dates were judged at this instant.
    pub(super) at: Timestamp,
    pub(super) explanation: Explanation,
    /// Was the content judged too?
    pub(super) with_letter: bool,
}

impl Answer {
    /// The page, or the object.
    pub(super) fn print(&self, format: Format) -> String {
        match format {
            Format::Table => self.page(),
            Format::Json | Format::Jsonl => format.object(&self.members()),
            Format::Csv => {
                let rows = self.explanation.rules.iter().map(|outcome| {
                    let members = json!({
                        "rule": outcome.rule,
                        "outcome": word(outcome.decision),
                        "reason": outcome.decision.reason().map(Reason::code),
                        "facts": facts(outcome),
                    });
                    members.as_object().cloned().unwrap_or_default()
                });
                format.list(&Listing { columns: &["rule", "outcome", "reason", "facts"], rows: rows.collect() })
            }
        }
    }

    /// A message that would not be taken is a failure, for scripts; what is wrong with it ends on standard error.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let (reason, key) = match self.explanation.decision {
            Decision::Accept | Decision::Return(_) | Decision::Hold(_) => return Ok(()),
            Decision::Defer(reason) => (reason, "would-be-put-off"),
            Decision::Refuse(reason) => (reason, "would-be-refused"),
        };
        Err(Failure::refused(reason, Said::new(key, &[])))
    }

    fn members(&self) -> Map<String, Value> {
        let Explanation { decision, rules } = &self.explanation;
        let rules: Vec<Value> = rules
            .iter()
            .map(|outcome| {
                let mut told =
                    json!({"rule": outcome.rule, "outcome": word(outcome.decision), "facts": facts(outcome)});
                if let (Some(members), Some(reason)) = (told.as_object_mut(), outcome.decision.reason()) {
                    members.insert("reason".to_owned(), reason.code().into());
                }
                told
            })
            .collect();
        // Whoever sends it reads that it was taken: what becomes of it then is told apart.
        let (decision, returned, held) = match decision {
            Decision::Return(reason) => (Decision::Accept, Some(reason.code()), None),
            Decision::Hold(reason) => (Decision::Accept, None, Some(reason.code())),
            decision => (*decision, None, None),
        };
        let members = json!({
            "schema_version": SCHEMA_VERSION,
            "from": self.from,
            "to": self.to,
            "at": self.at.to_string(),
            "decision": word(decision),
            "reason": decision.reason().map(Reason::code),
            "returned": returned,
            "held": held,
            "reply": self.reply(),
            "rules": rules,
        });
        members.as_object().cloned().unwrap_or_default()
    }

    /// The last reply that the sender would get.
    fn reply(&self) -> String {
        match self.explanation.decision {
            Decision::Accept | Decision::Return(_) | Decision::Hold(_) if self.with_letter => replies::would_accept(),
            Decision::Accept | Decision::Return(_) | Decision::Hold(_) => replies::recipient_accepted(),
            Decision::Defer(reason) => replies::for_refusal(reason, true),
            Decision::Refuse(reason) => replies::for_refusal(reason, false),
        }
        .to_string()
    }

    /// From the first rule asked to the one that decided, each with what it looked at; the verdict at the end, where
    /// the eye is.
    fn page(&self) -> String {
        let language = language();
        let values: [(_, &dyn Display); 3] = [("from", &self.from), ("to", &self.to), ("at", &self.at)];
        let mut out = Said::new("explain-heading", &values).what(language) + "\n\n";
        let word = |decision| words::Value::phrase(word(decision)).text(language).into_owned();
        let width = self.explanation.rules.iter().map(|outcome| word(outcome.decision).chars().count());
        let aligned = width.max().unwrap_or(0).max(6);
        for outcome in &self.explanation.rules {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{:aligned$}  {}", word(outcome.decision), outcome.rule);
            let width = outcome.facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            for (name, told) in &outcome.facts {
                let _ = writeln!(out, "          {name:width$}  {}", shown(told));
            }
        }
        let decided = match self.explanation.decision {
            Decision::Return(_) => Said::new("taken-and-returned", &[]).what(language),
            Decision::Hold(_) => Said::new("taken-and-held", &[]).what(language),
            decision => word(decision),
        };
        let _ = write!(out, "\n{decided}");
        if let Some(reason) = self.explanation.decision.reason() {
            let _ = write!(out, ": {}\n{}", reason.code(), words::Value::phrase(reason.meaning()).text(language));
        }
        let _ = writeln!(out, "\n{}", self.reply());
        out
    }
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Accept => "accept",
        Decision::Return(_) => "return",
        Decision::Hold(_) => "hold",
        Decision::Defer(_) => "defer",
        Decision::Refuse(_) => "refuse",
    }
}

fn facts(outcome: &RuleOutcome) -> Value {
    Value::Object(outcome.facts.iter().map(|(name, told)| ((*name).to_owned(), json!(told))).collect())
}

/// A certificate's name must not move the terminal's cursor.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(decision: Decision, with_letter: bool) -> Answer {
        let passed = RuleOutcome { rule: "tls", decision: Decision::Accept, facts: vec![("tls", "yes".to_owned())] };
        let facts = vec![("origin", "another operator".to_owned()), ("certificate", "a\u{1b}[2J".to_owned())];
        let decided = RuleOutcome { rule: "client-certificate", decision, facts };
        Answer {
            from: "dr@clinique.mssante.fr".to_owned(),
            to: "ins-00c0ffee@patient.mssante.fr".to_owned(),
            at: "2026-11-22T12:00:00Z".parse().unwrap(),
            explanation: Explanation { decision, rules: vec![passed, decided] },
            with_letter,
        }
    }

    #[test]
    fn the_object_has_the_shape_of_the_contract() {
        let refused = answer(Decision::Refuse(Reason::CertificateExpired), false);
        let parsed: Value = serde_json::from_str(&refused.print(Format::Json)).unwrap();
        assert_eq!(parsed["schema_version"], 1);
        assert_eq!((&parsed["decision"], &parsed["reason"]), (&json!("refuse"), &json!("certificate-expired")));
        let reply = parsed["reply"].as_str().unwrap();
        assert!(reply.starts_with("550 5.7.1 [certificate-expired] Your certificate has expired. "), "{reply}");
        assert_eq!(parsed["rules"][0], json!({"rule": "tls", "outcome": "accept", "facts": {"tls": "yes"}}));
        assert_eq!(parsed["rules"][1]["facts"]["origin"], "another operator");
        let accepted: Value = serde_json::from_str(&answer(Decision::Accept, false).print(Format::Json)).unwrap();
        assert_eq!((&accepted["decision"], &accepted["reason"]), (&json!("accept"), &Value::Null));
        assert_eq!(accepted["returned"], Value::Null);
        assert_eq!(accepted["reply"], "250 2.1.5 Recipient accepted.");
    }

    #[test]
    fn a_page_ends_with_what_the_sender_would_read() {
        let deferred = answer(Decision::Defer(Reason::ListUnavailable), true).print(Format::Table);
        let lines: Vec<&str> = deferred.lines().collect();
        assert_eq!(
            lines[..6],
            [
                "from <dr@clinique.mssante.fr> to <ins-00c0ffee@patient.mssante.fr>, judged at 2026-11-22T12:00:00Z",
                "",
                "accept  tls",
                "          tls  yes",
                "defer   client-certificate",
                "          origin       another operator",
            ]
        );
        assert!(lines[6].ends_with("certificate  a\\u{1b}[2J"), "{deferred}");
        assert_eq!(lines[8], "defer: list-unavailable");
        assert!(lines[10].starts_with("451 4.3.0 [list-unavailable] "), "{deferred}");
        let accepted = answer(Decision::Accept, true).print(Format::Table);
        assert!(accepted.ends_with("\naccept\n250 2.0.0 Kept under seal id=…\n"), "{accepted}");
    }

    #[test]
    fn what_is_taken_and_returned_is_an_acceptance_that_names_its_reason_apart() {
        let returned = answer(Decision::Return(Reason::PatientClosed), false);
        assert_eq!(returned.verdict(), Ok(()));
        let parsed: Value = serde_json::from_str(&returned.print(Format::Json)).unwrap();
        assert_eq!((&parsed["decision"], &parsed["reason"]), (&json!("accept"), &Value::Null));
        assert_eq!(
            (&parsed["returned"], &parsed["reply"]),
            (&json!("patient-closed"), &json!("250 2.1.5 Recipient accepted."))
        );
        let rule = &parsed["rules"][1];
        assert_eq!((&rule["outcome"], &rule["reason"]), (&json!("return"), &json!("patient-closed")));
        let page = returned.print(Format::Table);
        assert!(page.contains("\nreturn  client-certificate\n"), "{page}");
        assert!(page.contains("\ntaken, and returned to its sender: patient-closed\nThe patient has closed"), "{page}");
        assert!(page.ends_with("\n250 2.1.5 Recipient accepted.\n"), "{page}");
    }

    #[test]
    fn what_would_not_be_taken_ends_with_one() {
        assert_eq!(answer(Decision::Accept, false).verdict(), Ok(()));
        for decision in [Decision::Refuse(Reason::RelayDenied), Decision::Defer(Reason::MailboxFull)] {
            let failure = answer(decision, false).verdict().unwrap_err();
            assert_eq!((failure.exit as u8, Some(failure.code)), (1, decision.reason().map(Reason::code)));
        }
    }
}
