//! Every point of the source at which the process can be ended.

use std::path::Path;

use anyhow::Result;

/// Reached when a node starts, or soon after; under load not at all, or seldom.
const AT_START: &[&str] = &[
    "store.open.before",
    "store.sweep.before",
    "store.sweep.remove.before",
    "count.before",
    "store.count.run",
    "count.after",
];

/// Reached once a second at most, however much is recorded.
const EACH_SECOND: &[&str] = &["audit.seal.before", "store.seal.run", "audit.sealed"];

/// A point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// `store.commit.before`
    pub name: String,
    /// Can the step fail, too?
    pub can_fail: bool,
}

impl Point {
    /// Is it reached when a node starts?
    #[must_use]
    pub fn is_at_start(&self) -> bool {
        AT_START.contains(&self.name.as_str())
    }

    /// Is it passed several times within a load?
    #[must_use]
    pub fn is_frequent(&self) -> bool {
        !self.is_at_start() && !EACH_SECOND.contains(&self.name.as_str())
    }
}

/// All of them, by name, as they stand in `crates/*/src`.
pub fn of_the_source() -> Result<Vec<Point>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut points = Vec::new();
    for package in std::fs::read_dir(crates)? {
        let source = package?.path().join("src");
        if source.is_dir() && !source.ends_with("failpoint/src") {
            read(&source, &mut points)?;
        }
    }
    points.sort();
    Ok(points)
}

fn read(folder: &Path, points: &mut Vec<Point>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, points)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            for rest in std::fs::read_to_string(&path)?.split("failpoint!(\"").skip(1) {
                let Some((name, rest)) = rest.split_once('"') else { continue };
                points.push(Point { name: name.to_owned(), can_fail: rest.starts_with(',') });
            }
        }
    }
    Ok(())
}
