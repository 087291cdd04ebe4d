//! How the story is told: a line a step, for people or as JSON.

use std::io::Write;

use serde_json::json;

use super::Told;

/// Tells steps on standard output.
pub struct Printer {
    json: bool,
    out: Box<dyn Write + Send>,
}

impl Printer {
    /// To standard output.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self { json, out: Box::new(std::io::stdout()) }
    }

    /// Tells a step; true if it held.
    pub(super) fn tell(&mut self, step: u8, title: &str, outcome: &anyhow::Result<Told>) -> std::io::Result<bool> {
        let line = if self.json { as_json(step, title, outcome) } else { as_text(step, title, outcome) };
        self.line(&line)?;
        Ok(outcome.is_ok())
    }

    /// A line for people only.
    pub(super) fn remark(&mut self, text: &str) -> std::io::Result<()> {
        if self.json { Ok(()) } else { self.line(text) }
    }

    /// A line for programs only.
    pub(super) fn object(&mut self, value: &serde_json::Value) -> std::io::Result<()> {
        if self.json { self.line(&value.to_string()) } else { Ok(()) }
    }

    fn line(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }
}

fn as_text(step: u8, title: &str, outcome: &anyhow::Result<Told>) -> String {
    match outcome {
        Ok(told) => {
            let reason = told.reason.as_ref().map(|reason| format!(" [{reason}]")).unwrap_or_default();
            format!("{step}  {title}: {}{reason}. {}", told.decision, told.detail)
        }
        Err(error) => format!("{step}  {title}: DOES NOT HOLD. {error:#}"),
    }
}

fn as_json(step: u8, title: &str, outcome: &anyhow::Result<Told>) -> String {
    let (held, decision, reason, detail) = match outcome {
        Ok(told) => (true, Some(told.decision), told.reason.clone(), told.detail.clone()),
        Err(error) => (false, None, None, format!("{error:#}")),
    };
    json!({
        "schema_version": 1, "step": step, "title": title, "held": held,
        "decision": decision, "reason": reason, "detail": detail,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_tells_what_was_decided_and_why() {
        let refused = Ok(Told {
            decision: "refuse",
            reason: Some("certificate-missing".into()),
            detail: "550 5.7.1 [certificate-missing] …".into(),
        });
        assert_eq!(
            as_text(4, "A server without a certificate writes", &refused),
            "4  A server without a certificate writes: refuse [certificate-missing]. 550 5.7.1 [certificate-missing] …"
        );
        let line: serde_json::Value = serde_json::from_str(&as_json(4, "t", &refused)).unwrap();
        assert_eq!((line["held"].as_bool(), line["reason"].as_str()), (Some(true), Some("certificate-missing")));
    }

    #[test]
    fn a_step_that_does_not_hold_says_so() {
        let broken = Err(anyhow::anyhow!("no message came"));
        assert!(as_text(1, "The GP reads it", &broken).ends_with("DOES NOT HOLD. no message came"));
        let line: serde_json::Value = serde_json::from_str(&as_json(1, "t", &broken)).unwrap();
        assert_eq!(line["held"], false);
    }
}
