//! Where a collector of traces is named, it is told what the node does with a message: by the message's id, and with nothing
//! of its people. One that hangs or is away slows no mail.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::collector::Collector;
use e2e::peer_server::{Manner, PeerServer};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, Seed, message, wait};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(1);

/// All that a span may be labelled with; `docs/telemetry.md` lists them.
const ATTRIBUTES: [&str; 7] =
    ["pli.message.id", "pli.outcome", "pli.reason", "pli.face", "pli.recipients", "pli.bytes", "pli.attempt"];

/// One letter, to a neighbour and to a server that proves nothing.
pub(crate) fn a_collector_gets_each_step_of_a_message_and_nothing_of_its_people() -> Outcome {
    let collector = Collector::start(false)?;
    let seed = Seed::new()?;
    let secret = seed.dir().join("collector");
    std::fs::write(&secret, "of-the-collector\n")?;
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600))?;
    let sandbox = told(seed, &collector.url(), Some(secret.to_str().context("a path")?))?;
    let _server = PeerServer::on(sandbox.peer("listed")?.port, Manner::Stripped)?;
    let (pharmacy, peer) = (sandbox.account("pro", "ORG")?, sandbox.peer_address()?);
    let marker = message::marker();
    let id = send(&sandbox, &[&pharmacy.address, &peer], &marker)?;

    let spans = wait::until("the steps of the message", PATIENCE, || {
        let spans = collector.spans_of(&id)?;
        let names: BTreeSet<&str> = spans.iter().filter_map(|span| span["name"].as_str()).collect();
        let all = ["accept", "decide", "keep", "deliver", "settle"].into();
        Ok((names == all).then_some(spans))
    })?;
    let first = spans.iter().find(|span| span["name"] == "accept").context("no first")?;
    ensure!(first["parentSpanId"].is_null() && first["kind"] == 2, "{first}");
    for span in &spans {
        ensure!(span["name"] == "accept" || span["parentSpanId"] == first["spanId"], "{span} is not below {first}");
        let lasts = |key: &str| span[key].as_str().and_then(|nanos| nanos.parse::<u128>().ok()).unwrap_or(0);
        let (begun, ended) = (lasts("startTimeUnixNano"), lasts("endTimeUnixNano"));
        ensure!(begun > 1_700_000_000_000_000_000 && begun <= ended, "{span}");
        for attribute in span["attributes"].as_array().context("no attributes")? {
            let key = attribute["key"].as_str().unwrap_or_default();
            ensure!(ATTRIBUTES.contains(&key), "{key} is in no list");
        }
    }
    let tried = spans.iter().find(|span| span["name"] == "deliver").context("no try")?;
    ensure!(attribute(tried, "pli.reason") == "peer-tls" && attribute(tried, "pli.outcome") == "deferred", "{tried}");
    ensure!(attribute(first, "pli.recipients") == "2" && attribute(first, "pli.face") == "submission", "{first}");

    let brought = collector.brought();
    ensure!(brought.authorizations.iter().all(|told| told == "Bearer of-the-collector"), "{brought:?}");
    ensure!(!brought.authorizations.is_empty(), "the collector's secret was not shown");
    let local = |address: &str| address.split('@').next().unwrap_or_default().to_owned();
    let domain = |address: &str| address.split('@').nth(1).unwrap_or_default().to_owned();
    let people = [local(&pharmacy.address), local(&peer), domain(&pharmacy.address), domain(&peer), marker];
    for word in people.iter().map(String::as_str).chain([message::SECRET, "127.0.0.1", "ins-"]) {
        ensure!(brought.bodies.iter().all(|body| !body.contains(word)), "the collector was told {word}");
    }
    wait::until("the count of what was sent", PATIENCE, || {
        let sent = sandbox.metric("pro", "pli_telemetry_spans_total{outcome=\"sent\"}")?;
        Ok((sent >= Some(5.0)).then_some(()))
    })
}

/// One takes connections and says nothing, the other's port is closed: every letter is taken all the same, before the
/// collector is given up and after.
pub(crate) fn a_collector_that_hangs_or_is_away_slows_no_mail() -> Outcome {
    let (hanging, gone) = (Collector::start(true)?, Collector::start(false)?.url());
    for url in [hanging.url(), gone] {
        let sandbox = told(Seed::new()?, &url, None)?;
        let address = sandbox.account("pro", "ORG")?.address.clone();
        for _ in 0..10 {
            send(&sandbox, &[&address], &message::marker())?;
        }
        wait::until("what is dropped, counted", PATIENCE, || {
            let dropped = sandbox.metric("pro", "pli_telemetry_spans_total{outcome=\"dropped\"}")?;
            Ok((dropped >= Some(30.0)).then_some(()))
        })?;
        send(&sandbox, &[&address], &message::marker())?;
        let sent = sandbox.metric("pro", "pli_telemetry_spans_total{outcome=\"sent\"}")?;
        ensure!(sent == Some(0.0), "{url}: {sent:?} were taken by nobody");
    }
    Ok(())
}

/// The operator "pro", with this collector.
fn told(seed: Seed, url: &str, token: Option<&str>) -> anyhow::Result<Sandbox> {
    seed.configure("pro", |config| {
        let mut telemetry = toml::Table::from_iter([("traces".to_owned(), url.into())]);
        telemetry.extend(token.map(|file| ("token".to_owned(), file.into())));
        config.insert("telemetry".to_owned(), telemetry.into());
    })?;
    seed.start_only("pro")
}

/// The id of the `250`.
fn send(sandbox: &Sandbox, to: &[&str], marker: &str) -> anyhow::Result<String> {
    let pharmacy = sandbox.account("pro", "ORG")?;
    let mut smtp = Smtp::signed_in(sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    let letter = message::letter(&pharmacy.address, to.first().context("nobody")?, marker);
    Ok(smtp.send(&pharmacy.address, to, &letter)?.expect(250)?.id()?.to_owned())
}

fn attribute<'s>(span: &'s Value, key: &str) -> &'s str {
    let attributes = span["attributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let value = attributes.iter().find(|attribute| attribute["key"] == key).map(|attribute| &attribute["value"]);
    let text = value.and_then(|value| value["stringValue"].as_str().or(value["intValue"].as_str()));
    text.unwrap_or_default()
}
