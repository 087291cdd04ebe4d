//! The end of step 1: what `pli message trace` tells of the letter, at the relay and at the two operators that it went to.

use std::fmt::Write;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::letter::Sent;
use super::{Story, Told};

/// How long the events of a letter that has arrived may take to be told.
const TOLD_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Exit code of a verb that finds nothing (contract, "The command line").
const NOT_FOUND: i32 = 3;

/// Of the verb's output, what is looked at.
#[derive(Debug, Deserialize)]
struct Trace {
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    event: String,
    #[serde(default)]
    detail: Option<String>,
}

impl Trace {
    fn count(&self, event: &str) -> usize {
        self.events.iter().filter(|row| row.event == event).count()
    }

    fn told(&self) -> String {
        self.events.iter().map(|row| row.event.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The ids under which the next servers took the message: `id=ID` in their words.
    fn next_ids(&self) -> Vec<String> {
        let details = self.events.iter().filter(|row| row.event == "relayed").filter_map(|row| row.detail.as_deref());
        details
            .filter_map(|detail| detail.rsplit_once("id="))
            .map(|(_, rest)| rest.chars().take_while(char::is_ascii_alphanumeric).collect())
            .collect()
    }
}

impl Story<'_> {
    /// The relay must have accepted the letter and relayed it twice; each next operator must have delivered it.
    pub(super) async fn trace(&self, sent: &Sent) -> anyhow::Result<Told> {
        let recipients = self.readers().len();
        let here = self.wait_for_trace("pro", &sent.id, "relayed", recipients).await?;
        if here.count("accepted") != 1 {
            bail!("not accepted once, but: {}", here.told());
        }
        let mut detail = format!("at {}: {}", self.operator("pro")?.server_name, here.told());
        let next = here.next_ids();
        if next.len() != recipients {
            bail!("the next servers' ids are not told: {here:?}");
        }
        // The two went out in no order, so each id is looked for at both.
        for operator in ["elsewhere", "patients"] {
            let there = self.first_known(operator, &next).await?;
            let _ = write!(detail, "; at {}: {}", self.operator(operator)?.server_name, there.told());
        }
        Ok(Told { decision: "trace", reason: None, detail })
    }

    async fn first_known(&self, operator: &str, ids: &[String]) -> anyhow::Result<Trace> {
        for id in ids {
            if let Some(trace) = self.run_trace(operator, id).await? {
                if trace.count("delivered") == 1 {
                    return Ok(trace);
                }
                bail!("not delivered once at {operator}, but: {}", trace.told());
            }
        }
        bail!("{operator} knows none of the ids {}", ids.join(", "))
    }

    async fn wait_for_trace(&self, operator: &str, id: &str, event: &str, count: usize) -> anyhow::Result<Trace> {
        let deadline = Instant::now() + TOLD_WITHIN;
        loop {
            let trace = self.run_trace(operator, id).await?.with_context(|| format!("message {id} is not known"))?;
            if trace.count(event) >= count {
                return Ok(trace);
            }
            if Instant::now() >= deadline {
                bail!("not {event} {count} times within {TOLD_WITHIN:?}, but: {}", trace.told());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Runs the verb as an admin would; none if the operator knows no such message.
    async fn run_trace(&self, operator: &str, id: &str) -> anyhow::Result<Option<Trace>> {
        let program = std::env::current_exe().context("cannot find the pli binary that is running")?;
        let output = Command::new(program)
            .args(["message", "trace", id, "-o", "json", "--config"])
            .arg(self.dir.join(&self.operator(operator)?.config))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        match output.status.code() {
            Some(0) => Ok(Some(serde_json::from_slice(&output.stdout).context("message trace gave no JSON")?)),
            Some(NOT_FOUND) => Ok(None),
            _ => bail!("message trace failed: {}", String::from_utf8_lossy(&output.stderr).trim()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_servers_ids_are_read_from_their_words() {
        let trace: Trace = serde_json::from_str(
            r#"{"message": "1", "events": [
                {"at": "2026-03-14T09:00:00Z", "event": "accepted", "reason": null, "detail": "id=no"},
                {"at": "2026-03-14T09:00:01Z", "event": "relayed", "detail": "127.0.0.1:25: 250 2.0.0 kept id=0af3."}]}"#,
        )
        .unwrap();
        assert_eq!(trace.next_ids(), ["0af3"]);
        assert_eq!((trace.count("accepted"), trace.told().as_str()), (1, "accepted, relayed"));
    }
}
