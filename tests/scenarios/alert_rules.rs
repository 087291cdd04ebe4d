//! The alert rules and the dashboard of `deploy/` ask for metrics, labels and alarms that there are, and each alert leads to
//! a page that is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use e2e::command::succeed;
use e2e::metrics_page::{Families, documentation, documented, documented_alarms};
use e2e::{Outcome, need};
use serde_json::Value;

const RULES: &str = "deploy/prometheus/pli.rules.yml";
const TRIALS: &str = "deploy/prometheus/pli.rules.test.yml";
const DASHBOARD: &str = "deploy/grafana/pli.json";

/// Where the links of the rules begin; what follows is a file below `docs`.
const LINKS: &str = "https://example.org/pli/docs/";

/// Held against `docs/metrics.md`, which a running node is held against by `metrics_listed`.
pub(crate) fn each_rule_and_each_panel_asks_for_what_a_node_shows() -> Outcome {
    let page = documentation()?;
    let (listed, alarms) = (documented(&page)?, documented_alarms(&page));
    let rules = rules()?;
    ensure!(rules.len() > 20, "few rules were read: {}", rules.len());
    for rule in &rules {
        ensure!(["page", "ticket"].contains(&rule.severity.as_str()), "{}: {}", rule.name, rule.severity);
        asks_for_what_is_there(&rule.expression, &listed).with_context(|| rule.name.clone())?;
        leads_somewhere(&rule.runbook).with_context(|| rule.name.clone())?;
    }
    let told: BTreeSet<String> = rules.iter().flat_map(|rule| alarms_of(&rule.expression)).collect();
    ensure!(told == alarms, "alarms and rules differ: {:?}", told.symmetric_difference(&alarms));

    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)?)?;
    let expressions = expressions_of(&dashboard);
    ensure!(expressions.len() > 25, "few panels were read: {}", expressions.len());
    for expression in &expressions {
        asks_for_what_is_there(expression, &listed).context("a panel")?;
    }
    for wrong in ["rate(pli_nothing_total[5m])", "pli_alarm{nonsense=\"x\"} > 0", "sum by (mailbox) (pli_queue_rows)"] {
        ensure!(asks_for_what_is_there(wrong, &listed).is_err(), "this is let through: {wrong}");
    }
    ensure!(leads_somewhere(&format!("{LINKS}runbooks/nowhere.md")).is_err());
    ensure!(leads_somewhere(&format!("{LINKS}audit.md#nothing-of-this-name")).is_err());
    Ok(())
}

/// By Prometheus's own tool: the syntax, and what fires when.
pub(crate) fn prometheus_takes_the_rules_and_they_fire_as_they_should() -> Outcome {
    let promtool = need::program("promtool").context("no promtool")?;
    succeed(Command::new(&promtool).args(["check", "rules"]).arg(root().join(RULES)))?;
    succeed(Command::new(&promtool).args(["test", "rules"]).arg(root().join(TRIALS)))?;
    Ok(())
}

struct Rule {
    name: String,
    expression: String,
    severity: String,
    runbook: String,
}

/// A member a line, as the file is written; Prometheus's own reader is asked by the other scenario.
fn rules() -> Result<Vec<Rule>> {
    let text = read(RULES)?;
    let member = |rule: &str, key: &str| -> Result<String> {
        let value = rule.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(": "));
        Ok(value.with_context(|| format!("no {key}: {rule}"))?.trim_matches(['"', '\'']).to_owned())
    };
    let rules = text.split("      - alert: ").skip(1).map(|rule| {
        Ok(Rule {
            name: rule.lines().next().unwrap_or_default().to_owned(),
            expression: member(rule, "expr")?,
            severity: member(rule, "severity")?,
            runbook: member(rule, "runbook_url")?,
        })
    });
    rules.collect()
}

/// Every metric is listed, and has every label by which it is chosen or summed up.
fn asks_for_what_is_there(expression: &str, listed: &Families) -> Outcome {
    let mut labels_asked: BTreeSet<String> = BTreeSet::new();
    let mut labels_had: BTreeSet<String> = ["instance", "job", "le"].map(str::to_owned).into();
    for (at, _) in expression.match_indices("pli_") {
        let name: String = expression
            .get(at..)
            .unwrap_or_default()
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect();
        let family = ["", "_bucket"].iter().find_map(|part| listed.get(name.strip_suffix(part)?));
        let family = family.with_context(|| format!("{name} is not listed: {expression}"))?;
        labels_had.extend(family.labels.clone().unwrap_or_default());
    }
    for choice in expression.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        let names = choice.split('"').step_by(2).map(|part| part.trim_matches([' ', ',', '=', '~', '!']));
        labels_asked.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    for group in expression.split("by (").skip(1).filter_map(|rest| rest.split(')').next()) {
        labels_asked.extend(group.split(',').map(|name| name.trim().to_owned()));
    }
    let unknown: Vec<_> = labels_asked.difference(&labels_had).collect();
    ensure!(unknown.is_empty(), "no such labels {unknown:?}: {expression}");
    Ok(())
}

/// The values of `code` that a rule about alarms chooses.
fn alarms_of(expression: &str) -> Vec<String> {
    let Some((_, rest)) = expression.split_once("pli_alarm{code=") else { return Vec::new() };
    let codes = rest.trim_start_matches('~').split('"').nth(1).unwrap_or_default();
    codes.split('|').map(str::to_owned).collect()
}

/// The page is there, and the heading on it.
fn leads_somewhere(link: &str) -> Outcome {
    let below = link.strip_prefix(LINKS).with_context(|| format!("elsewhere: {link}"))?;
    let (file, heading) = below.split_once('#').unwrap_or((below, ""));
    let text = read(&format!("docs/{file}"))?;
    let mut headings = text.lines().filter(|line| line.starts_with('#')).map(anchor);
    ensure!(heading.is_empty() || headings.any(|found| found == heading), "no such heading: {link}");
    Ok(())
}

/// What a heading is called in links.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .collect::<String>()
        .replace(' ', "-")
}

/// Every `expr` of a dashboard.
fn expressions_of(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(expressions_of).collect(),
        Value::Object(members) => {
            let own = members.get("expr").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(expressions_of)).collect()
        }
        _ => Vec::new(),
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> Result<String> {
    std::fs::read_to_string(root().join(file)).with_context(|| file.to_owned())
}
