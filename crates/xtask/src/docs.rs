//! `cargo xtask docs`: the pages that are made from the code.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, ensure};
use pli_policy::Reason;

use crate::root;

const PAGE: &str = "docs/reasons.md";

/// The catalogue that the tests of `pli-smtp` hold to the code. Read rather than linked, so that this tool builds in
/// seconds.
const REPLIES: &str = "crates/smtp/tests/snapshots/replies.txt";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Writes nothing; fails if a page is not what the code says.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.check {
        return check();
    }
    fs::write(root().join(PAGE), reasons(&replies()?)).with_context(|| format!("{PAGE} cannot be written"))
}

/// Fails if a page is not what the code says.
pub(crate) fn check() -> anyhow::Result<()> {
    let page = fs::read_to_string(root().join(PAGE)).with_context(|| format!("{PAGE} cannot be read"))?;
    ensure!(page == reasons(&replies()?), "{PAGE} is not what the code says: run `cargo xtask docs`");
    Ok(())
}

fn replies() -> anyhow::Result<HashMap<String, String>> {
    let catalogue = fs::read_to_string(root().join(REPLIES)).with_context(|| format!("{REPLIES} cannot be read"))?;
    Ok(codes(&catalogue))
}

/// From `# name`, then `550 5.7.1 text`: the codes by name.
fn codes(catalogue: &str) -> HashMap<String, String> {
    let mut out = HashMap::new();
    let mut lines = catalogue.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("# ") else { continue };
        let codes: Vec<&str> = lines.next().unwrap_or_default().splitn(3, ' ').take(2).collect();
        out.insert(name.to_owned(), codes.join(" "));
    }
    out
}

const HEAD: &str = "\
<!-- Made by `cargo xtask docs` from crates/policy/src/reason.rs and the reply catalogue: change those, not this page. -->

# Reasons

Every refusal has one of these codes. It is the same word in the SMTP reply (`550 5.7.1 [relay-denied] …`), in the record,
in the metrics, in `pli message trace` and on this page. Codes are added; none is ever changed or taken away.

Of the two replies, the first is given when trying again is of no use, the second when it may be. The `peer-…` codes and
`expired-in-queue` are said of another server: they stand in queues and reports. So may the `certificate-…` codes,
`revocation-unknown` and `list-unavailable`, of the next server's certificate or of our own: the detail says whose it is.

| Code | What it means | What the sender can do | Reply |
| --- | --- | --- | --- |
";

fn reasons(replies: &HashMap<String, String>) -> String {
    let mut out = HEAD.to_owned();
    for reason in Reason::ALL {
        let code = reason.code();
        let reply = |name: &str| replies.get(name).map_or("–".to_owned(), |codes| format!("`{codes}`"));
        let (for_good, for_now) = (reply(code), reply(&format!("{code}, for now")));
        let (meaning, advice) = (reason.meaning(), reason.advice());
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| `{code}` | {meaning} | {advice} | {for_good}, {for_now} |");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_reasons_is_what_the_code_says() {
        check().unwrap();
    }

    #[test]
    fn every_reason_has_its_line_and_its_replies() {
        let page = reasons(&replies().unwrap());
        for reason in Reason::ALL {
            let line = page.lines().find(|line| line.starts_with(&format!("| `{}` |", reason.code()))).unwrap();
            assert_eq!(line.matches('|').count(), 5, "{line}");
            assert!(!line.contains('–'), "the catalogue has no reply: {line}");
        }
    }

    #[test]
    fn the_codes_of_a_reply_are_found() {
        let found = codes("# a\n550 5.7.1 [a] No.\n\n# a, for now\n450 4.7.1 [a] No.\n");
        assert_eq!((found["a"].as_str(), found["a, for now"].as_str()), ("550 5.7.1", "450 4.7.1"));
    }
}
