//! The names of metrics: as `docs/metrics.md` lists them, and as a page of a node has them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// What is known of one metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// The names of its labels; `None` where nothing shows them.
    pub labels: Option<BTreeSet<String>>,
    /// Does its row say that there may be no value?
    pub may_be_silent: bool,
}

/// By name.
pub type Families = BTreeMap<String, Family>;

/// The head of every table of `docs/metrics.md` that lists metrics.
const HEAD: &str = "| name | kind | labels | what |";

/// The page of the documentation.
pub fn documentation() -> Result<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    std::fs::read_to_string(&page).with_context(|| page.display().to_string())
}

/// What the documentation lists. Labels stand apart by `;`, each in front of its values.
pub fn documented(page: &str) -> Result<Families> {
    let mut families = Families::new();
    for table in page.split(HEAD).skip(1) {
        for row in table.lines().skip(2).take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [_, name, kind, labels, ..] = cells.as_slice() else { continue };
            let labels = labels.split(';').filter_map(quoted).map(str::to_owned).collect();
            let may_be_silent = row.contains("no value");
            let family = Family { kind: (*kind).to_owned(), labels: Some(labels), may_be_silent };
            let name = quoted(name).with_context(|| format!("no name: {row}"))?;
            ensure!(families.insert(name.to_owned(), family).is_none(), "{name} is listed twice");
        }
    }
    Ok(families)
}

/// The codes of alarms that the documentation lists.
pub fn documented_alarms(page: &str) -> BTreeSet<String> {
    let table = page.split("| `code` | on while |").nth(1).unwrap_or_default();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.filter_map(quoted).map(str::to_owned).collect()
}

/// The first word between backticks.
fn quoted(cell: &str) -> Option<&str> {
    cell.split('`').nth(1)
}

/// What a page in the text format of Prometheus has.
pub fn shown(page: &str) -> Result<Families> {
    let mut families = Families::new();
    for line in page.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let family = Family { kind: kind.to_owned(), labels: None, may_be_silent: false };
            ensure!(families.insert(name.to_owned(), family).is_none(), "{name} is on the page twice");
        } else if line.starts_with("pli_") {
            let (series, _) = line.rsplit_once(' ').with_context(|| format!("no value: {line}"))?;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|suffix| name.strip_suffix(suffix));
            let name = parts.chain([name]).find(|name| families.contains_key(*name));
            let family = name.and_then(|name| families.get_mut(name)).with_context(|| format!("no type: {line}"))?;
            family.labels.get_or_insert_default().extend(label_names(labels));
        }
    }
    Ok(families)
}

/// Of `a="1",b="2"}`. No value of ours holds a quotation mark.
fn label_names(labels: &str) -> impl Iterator<Item = String> {
    labels.split('"').step_by(2).filter_map(|before| before.strip_suffix('=')).filter_map(|name| {
        let name = name.trim_start_matches(',').trim();
        (name != "le").then(|| name.to_owned())
    })
}

/// What one has and the other lacks, a line each; empty if they agree. Where the page shows no value, the labels that are
/// listed cannot be held against anything: that is a difference too, unless none are listed or the row says that there may be
/// no value.
#[must_use]
pub fn differences(listed: &Families, page: &Families) -> Vec<String> {
    let mut found = Vec::new();
    for (name, family) in listed {
        match page.get(name) {
            None => found.push(format!("{name} is listed, and not on the page")),
            Some(shown) if shown.kind != family.kind => {
                found.push(format!("{name} is listed as a {}, and is a {}", family.kind, shown.kind));
            }
            Some(shown) if shown.labels.is_none() && family.may_be_silent => {}
            Some(shown) => {
                let (of_list, of_page) = (family.labels.clone().unwrap_or_default(), shown.labels.clone());
                if of_page.clone().unwrap_or_default() != of_list {
                    found.push(format!("{name} is listed with the labels {of_list:?}, and shows {of_page:?}"));
                }
            }
        }
    }
    let unlisted = page.keys().filter(|name| !listed.contains_key(*name));
    found.extend(unlisted.map(|name| format!("{name} is on the page, and not listed")));
    found
}
