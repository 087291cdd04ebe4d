//! `docs/metrics.md` lists what a node counts, and nothing else is on its page.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::ensure;
use e2e::imap::Imap;
use e2e::metrics_page::{Families, Family, differences, documentation, documented, documented_alarms, shown};
use e2e::peer_server::{Manner, PeerServer};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, Seed, message, wait};

/// After some of everything: names, kinds and labels are those that are listed, and every alarm has its gauge.
pub(crate) fn the_page_of_a_node_and_the_list_of_names_are_one() -> Outcome {
    let sandbox = Seed::new()?.start_only("pro")?;
    let listed = documented(&documentation()?)?;
    let names: BTreeSet<String> = shown(&sandbox.metrics("pro")?)?.into_keys().collect();
    ensure!(names == listed.keys().cloned().collect(), "not all names are there from the start: {names:?}");

    let _server = PeerServer::on(sandbox.peer("listed")?.port, Manner::Stripped)?;
    some_of_everything(&sandbox)?;
    let mut last = Vec::new();
    let page = wait::until("a page that shows what is listed", Duration::from_secs(30), || {
        let page = sandbox.metrics("pro")?;
        last = differences(&listed, &shown(&page)?);
        Ok(last.is_empty().then_some(page))
    });
    let page = page.map_err(|error| error.context(last.join("\n")))?;

    let alarms: BTreeSet<String> = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("pli_alarm{code=\"")?.split_once('"')?.0.to_owned()))
        .collect();
    let of_list = documented_alarms(&documentation()?);
    ensure!(alarms == of_list, "{:?}", alarms.symmetric_difference(&of_list));
    finds_what_differs(&listed)
}

/// Signs in, fails to, sends here, elsewhere and nowhere, and offers a list that is none.
fn some_of_everything(sandbox: &Sandbox) -> Outcome {
    let pharmacy = sandbox.account("pro", "ORG")?;
    let marker = message::marker();
    ensure!(Smtp::signed_in(sandbox, "pro", &pharmacy.address, "a guess").is_err(), "a guess signs in");
    let mut smtp = Smtp::signed_in(sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    for to in [&pharmacy.address, &sandbox.peer_address()?] {
        smtp.send(&pharmacy.address, &[to], &message::letter(&pharmacy.address, to, &marker))?.expect(250)?;
    }
    let nobody = "nobody@nowhere.example.org";
    ensure!(smtp.send(&pharmacy.address, &[nobody], &message::letter(&pharmacy.address, nobody, &marker)).is_err());
    Imap::signed_in(sandbox, "pro", &pharmacy.address, &pharmacy.password)?.await_message(&marker)?;
    let beside = sandbox.dir().join("whitelist.tmp");
    std::fs::write(&beside, "<a/>")?;
    std::fs::rename(beside, sandbox.whitelist())?;
    Ok(())
}

/// The comparison itself: what is on one side only, of another kind or with another label is found.
fn finds_what_differs(listed: &Families) -> Outcome {
    ensure!(differences(listed, listed).is_empty());
    for (name, family) in listed {
        let (mut without, mut other, mut labelled) = (listed.clone(), listed.clone(), listed.clone());
        without.remove(name);
        let kind = "summary".to_owned();
        other.insert(name.clone(), Family { kind, ..family.clone() });
        let labels = Some(BTreeSet::from(["mailbox".to_owned()]));
        labelled.insert(name.clone(), Family { labels, ..family.clone() });
        for (a, b) in [(&without, listed), (listed, &without), (listed, &other), (listed, &labelled)] {
            let found = differences(a, b);
            ensure!(found.len() == 1 && found.iter().all(|line| line.starts_with(name)), "{found:?}");
        }
    }
    Ok(())
}
