//! A day in an admin's life, by the command line only: a pharmacy opens with three mailboxes and four people, the
//! directory is imported, mailboxes are published, suspended, opened again, a certificate is rotated, a hospital's server
//! plugged in, a mailbox deleted with its export. The second time nothing changes, and every step says so.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use e2e::{Outcome, Sandbox, Seed, command, pli};
use serde_json::{Value, json};

const DOMAIN: &str = "pharmacie-du-pont.mssante.fr";
const TEAM: &[&str] = &["--type", "ORG", "--finess", "990000044", "--responsible", "Mme Pont"];

pub(crate) fn run_twice_it_changes_nothing_the_second_time() -> Outcome {
    let sandbox = Seed::new()?.start_only("pro")?;
    let folder = tempfile::tempdir()?;
    yesterday(&sandbox, folder.path())?;

    let first = day(&sandbox, folder.path())?;
    ensure!(first.len() == 21, "{first:#?}");
    for step in &first {
        ensure!(step["outcome"] != "unchanged", "nothing came of it: {step}");
    }
    let letters = std::fs::read_dir(folder.path().join("ancien/cur"))?.count();
    ensure!(letters == 2, "{letters} letters were exported");
    let (state, record) = (state(&sandbox)?, record(&sandbox)?);
    ensure!(record > 0, "nothing is on record");

    let second = day(&sandbox, folder.path())?;
    ensure!(second.len() == first.len(), "{second:#?}");
    for step in &second {
        ensure!(step["outcome"] == "unchanged", "{step}");
    }
    let after = self::state(&sandbox)?;
    ensure!(after == state, "{after:#?}\ninstead of {state:#?}");
    let recorded = self::record(&sandbox)?;
    ensure!(recorded == record, "{recorded} changes are on record instead of {record}");
    Ok(())
}

/// A mailbox that is suspended, and one that is to go, with two letters in it.
fn yesterday(sandbox: &Sandbox, folder: &Path) -> Outcome {
    let (away, old) = (format!("vacances@{DOMAIN}"), format!("ancien@{DOMAIN}"));
    for address in [&away, &old] {
        sandbox.pli("pro", &[&["mailbox", "add", address], TEAM].concat())?;
    }
    sandbox.pli("pro", &["mailbox", "suspend", &away, "--reason", "holidays"])?;
    let letters = folder.join("letters");
    std::fs::create_dir_all(letters.join("cur"))?;
    for number in 0..2 {
        let letter = format!("From: a@b.fr\r\nSubject: {number}\r\n\r\nA letter.\r\n");
        std::fs::write(letters.join(format!("cur/{number}.host:2,S")), letter)?;
    }
    let letters = letters.to_str().context("a path that is text")?;
    sandbox.pli("pro", &["mailbox", "import", &old, "--in", letters]).map(drop)
}

/// Works through the day; a line a step.
fn day(sandbox: &Sandbox, folder: &Path) -> anyhow::Result<Vec<Value>> {
    let program = sandbox.account("pro", "APP")?.address.clone();
    let structure =
        sandbox.pli("pro", &["mailbox", "show", &program])?["finess"].as_str().unwrap_or_default().to_owned();
    let certificates = sandbox.pli("pro", &["account", "certificate", "list", &program])?;
    let old = certificates[0]["certificate"].as_str().context("the program has a certificate")?.to_owned();
    let output = command::succeed(
        Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/an_admins_day.py"))
            .args([pli::binary(), &sandbox.config("pro")?, folder])
            .args([&program, &old])
            .arg(format!("CN=resultats-2027,OU=1{structure},O=CH Exemple,C=FR"))
            .arg("CN=mta.laboratoire.fr,OU=1990000085,O=Laboratoire,C=FR"),
    )?;
    let lines = String::from_utf8(output)?;
    lines.lines().map(|line| serde_json::from_str(line).context("a step")).collect()
}

/// All that the commands show: mailboxes, accounts with their credentials, connectors, the directory.
fn state(sandbox: &Sandbox) -> anyhow::Result<Value> {
    let ask = |words: &[&str]| sandbox.pli("pro", words);
    let mailboxes = [ask(&["mailbox", "list"])?, ask(&["mailbox", "list", "--state", "deleted"])?];
    Ok(json!([mailboxes, ask(&["account", "list"])?, ask(&["connector", "list"])?, ask(&["directory", "export"])?]))
}

/// How many changes by admins are on record.
fn record(sandbox: &Sandbox) -> anyhow::Result<u64> {
    let store = sandbox.config("pro")?.with_file_name("store").join("pli.db");
    let count = "import sqlite3, sys\n\
                 store = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n\
                 sql = \"SELECT count(*) FROM audit WHERE CAST(event AS TEXT) LIKE '%\\\"kind\\\":\\\"changed\\\"%'\"\n\
                 print(store.execute(sql).fetchone()[0])";
    let output = command::succeed(Command::new("python3").args(["-c", count]).arg(store))?;
    Ok(String::from_utf8(output)?.trim().parse()?)
}
