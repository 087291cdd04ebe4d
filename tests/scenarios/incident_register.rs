//! The register of incidents, with the node running and without it: every version is kept, no person is named, and who is to
//! be told is told so by the clock.

use anyhow::{Context, ensure};
use e2e::command::said;
use e2e::{Outcome, Sandbox, Seed};
use serde_json::Value;

const OPERATOR: &str = "pro";
const MATRICULE: &str = "279035121518989";

pub(crate) fn an_incident_is_entered_changed_closed_and_handed_out() -> Outcome {
    let seed = Seed::testing()?;
    let clock = seed.dir().join("clock");
    std::fs::write(&clock, "+0s")?;
    let mut sandbox = seed.with_variable("PLI_CLOCK_FILE", &clock).start_only(OPERATOR)?;
    let facts = format!("Connexions depuis 192.0.2.7 sur l'espace de {MATRICULE}");
    let opened = register(&sandbox, &["open", "--title", "Boîte compromise", "--facts", &facts, "--mailboxes", "1"])?;
    ensure!(opened["outcome"] == "created" && opened["incident"] == 1 && opened["version"] == 1, "{opened}");
    ensure!(codes(&opened["warnings"]) == ["incident-ans-due", "incident-cnil-due"], "{opened}");
    let told = opened["detected_at"].as_str().context("no time")?.to_owned();
    let tried = register(&sandbox, &["update", "1", "--persons", "12", "--dry-run"])?;
    ensure!(tried["outcome"] == "would-be-changed", "{tried}");
    let changed = register(&sandbox, &["update", "1", "--persons", "12", "--ans-told-at", &told])?;
    ensure!(changed["version"] == 2 && codes(&changed["warnings"]) == ["incident-cnil-due"], "{changed}");
    let same = register(&sandbox, &["update", "1", "--persons", "12"])?;
    ensure!(same["outcome"] == "unchanged" && same["version"] == 2, "{same}");
    // The 72 hours are over.
    std::fs::write(&clock, "+73h")?;
    let shown = register(&sandbox, &["show", "1"])?;
    ensure!(codes(&shown["due"]) == ["incident-cnil-overdue"], "{shown}");

    sandbox.stop()?;
    let closed = register(&sandbox, &["close", "1", "--measures", "Sessions closes", "--cnil-told-at", &told])?;
    ensure!(closed["state"] == "closed" && closed["version"] == 3 && codes(&closed["warnings"]).is_empty(), "{closed}");
    let second = register(&sandbox, &["open", "--title", "Panne", "--persons", "0"])?;
    ensure!(second["incident"] == 2 && codes(&second["warnings"]) == ["incident-ans-due"], "{second}");
    sandbox.restart(OPERATOR)?;

    let open = register(&sandbox, &["list", "--open"])?;
    ensure!(open.as_array().is_some_and(|rows| rows.len() == 1 && rows[0]["incident"] == 2), "{open}");
    let all = register(&sandbox, &["export"])?;
    let versions = all.as_array().context("no list")?;
    let numbers: Vec<_> = versions.iter().map(|one| (one["incident"].as_u64(), one["version"].as_u64())).collect();
    ensure!(numbers == [(1, 1), (1, 2), (1, 3), (2, 1)].map(|(one, two)| (Some(one), Some(two))), "{all}");
    ensure!(versions[1]["state"] == "open" && versions[2]["persons"] == 12, "{all}");
    ensure!(!all.to_string().contains("27903") && all.to_string().contains("ins-hidden"), "{all}");
    let unknown = sandbox.try_pli(OPERATOR, &["report", "incidents", "show", "7"])?;
    ensure!(unknown.status.code() == Some(3) && said(&unknown).contains("incident-unknown"), "{}", said(&unknown));
    Ok(())
}

fn register(sandbox: &Sandbox, words: &[&str]) -> anyhow::Result<Value> {
    sandbox.pli(OPERATOR, &[&["report", "incidents"], words].concat())
}

fn codes(warnings: &Value) -> Vec<&str> {
    warnings.as_array().into_iter().flatten().filter_map(|warning| warning["code"].as_str()).collect()
}
