//! TLS as R-SMTP-6 and R-SMTP-7 want it, on each of the five listeners (spec scenario 6).

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use e2e::client_hello::{Answer, ask};
use e2e::command::{said, succeed};
use e2e::description::Listener;
use e2e::wire::Wire;
use e2e::{Outcome, Sandbox};

const TLS_1_2: u16 = 0x0303;
/// The two suites of R-SMTP-7 that Pli offers.
const OFFERED: [u16; 2] = [0xc030, 0xc02f];

/// Scenario 6.
pub(crate) fn tls_1_1_and_older_are_refused() -> Outcome {
    each_listener(|listener| {
        for version in [0x0302, 0x0301, 0x0300] {
            // Suites of every age beside, so that the version alone is the fault.
            let suites = [OFFERED.as_slice(), &[0xc014, 0xc013, 0x0035, 0x002f]].concat();
            let answer = ask(in_tls(listener)?, version, &suites)?;
            ensure!(answer == Answer::Alert(70), "version {version:#06x}: {answer:?}");
        }
        Ok(())
    })
}

/// Scenario 6: `TLS_RSA_WITH_AES_*`, GCM among them.
pub(crate) fn rsa_key_exchange_is_refused() -> Outcome {
    refused(&[0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f])
}

/// Scenario 6, with and without forward secrecy.
pub(crate) fn triple_des_is_refused() -> Outcome {
    refused(&[0xc012, 0x0016, 0x000a])
}

/// Scenario 6, with and without forward secrecy.
pub(crate) fn rc4_is_refused() -> Outcome {
    refused(&[0xc011, 0x0005, 0x0004])
}

/// The two CBC suites of R-SMTP-7, which no client needs.
pub(crate) fn cbc_is_refused() -> Outcome {
    refused(&[0xc028, 0xc027, 0xc014, 0xc013])
}

fn refused(suites: &[u16]) -> Outcome {
    each_listener(|listener| {
        let answer = ask(in_tls(listener)?, TLS_1_2, suites)?;
        ensure!(answer == Answer::Alert(40), "{suites:04x?}: {answer:?}");
        // The same hello with one suite that is offered: what was refused above is the suites.
        let answer = ask(in_tls(listener)?, TLS_1_2, &[suites, &[0xc02f]].concat())?;
        ensure!(answer == Answer::Suite(0xc02f), "{suites:04x?} and 0xc02f: {answer:?}");
        Ok(())
    })
}

/// Scenario 6: whole handshakes, by OpenSSL.
pub(crate) fn either_suite_of_tls_1_2_is_enough() -> Outcome {
    each_listener(|listener| {
        for suite in ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"] {
            let mut command = Command::new("openssl");
            command.args(["s_client", "-brief", "-tls1_2", "-cipher", suite, "-connect"]);
            command.arg(format!("127.0.0.1:{}", listener.port));
            command.args(listener.starttls.iter().flat_map(|protocol| ["-starttls", protocol]));
            let output = command.stdin(Stdio::null()).output()?;
            ensure!(output.status.success() && said(&output).contains(suite), "{suite}: {}", said(&output));
        }
        Ok(())
    })
}

/// Every finding of testssl.sh that the promises are about, by name; a finding that is missing is a failure too.
pub(crate) fn testssl_finds_nothing_old() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let folder = tempfile::tempdir()?;
    let listeners = sandbox.operator("pro")?.ports.listeners();
    // Two at a time: each waits for timeouts more than it computes.
    let (first, second) = listeners.split_at(3);
    std::thread::scope(|scope| {
        let others = scope.spawn(|| second.iter().try_for_each(|listener| judged_by_testssl(*listener, folder.path())));
        first.iter().try_for_each(|listener| judged_by_testssl(*listener, folder.path()))?;
        others.join().map_err(|_| anyhow::anyhow!("a thread ended early"))?
    })
}

fn judged_by_testssl(listener: Listener, folder: &Path) -> Outcome {
    // Where a finding has two names, the second is that of testssl.sh 3.2.
    const WANTED: [(&[&str], &str); 17] = [
        (&["SSLv2"], "not offered"),
        (&["SSLv3"], "not offered"),
        (&["TLS1"], "not offered"),
        (&["TLS1_1"], "not offered"),
        (&["TLS1_2"], "offered"),
        (&["TLS1_3"], "offered with final"),
        (&["cipherlist_NULL"], "not offered"),
        (&["cipherlist_aNULL"], "not offered"),
        (&["cipherlist_EXPORT"], "not offered"),
        (&["cipherlist_LOW"], "not offered"),
        (&["cipherlist_3DES_IDEA"], "not offered"),
        // Every CBC suite that testssl.sh knows.
        (&["cipherlist_AVERAGE", "cipherlist_OBSOLETED"], "not offered"),
        (&["cipherlist_STRONG", "cipherlist_STRONG_FS"], "offered"),
        (&["LUCKY13"], "not vulnerable"),
        (&["ROBOT"], "not vulnerable, no RSA key transport cipher"),
        // It adds that it looked at no HTTP server.
        (&["CRIME_TLS"], "not vulnerable"),
        (&["secure_renego"], "supported"),
    ];
    let report = folder.join(format!("{}.json", listener.name));
    let mut command = Command::new("testssl");
    command.args(["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1"]);
    // Protocols, suites by kind, then one check each.
    command.args(["--openssl-timeout", "60", "-p", "-s", "-L", "-BB", "-C", "-R", "--jsonfile"]).arg(&report);
    command.args(listener.starttls.iter().flat_map(|protocol| ["-t", protocol]));
    succeed(command.arg(format!("localhost:{}", listener.port)).stdin(Stdio::null()))?;
    let findings: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(&report)?)?;
    let finding = |ids: &[&str]| {
        let named = |finding: &&serde_json::Value| ids.iter().any(|id| finding["id"] == *id);
        let found = findings.iter().find(named).and_then(|finding| finding["finding"].as_str());
        found.with_context(|| format!("{}: no finding {ids:?} in {findings:?}", listener.name))
    };
    for (ids, wanted) in WANTED {
        let found = finding(ids)?;
        ensure!(found.starts_with(wanted), "{}: {ids:?}: {found}", listener.name);
    }
    let renegotiation = finding(&["secure_client_renego"])?;
    ensure!(renegotiation.contains("not vulnerable"), "{}: {renegotiation}", listener.name);
    Ok(())
}

fn each_listener(check: impl Fn(Listener) -> Outcome) -> Outcome {
    let sandbox = Sandbox::shared()?;
    for listener in sandbox.operator("pro")?.ports.listeners() {
        check(listener).with_context(|| listener.name)?;
    }
    Ok(())
}

/// A connection on which the next byte is TLS.
fn in_tls(listener: Listener) -> anyhow::Result<Wire> {
    let mut wire = Wire::connect(listener.port)?;
    match listener.starttls {
        None => {}
        Some("smtp") => {
            wire.line()?;
            wire.send(b"EHLO client.test\r\n")?;
            while wire.line()?.starts_with("250-") {}
            wire.send(b"STARTTLS\r\n")?;
            ensure!(wire.line()?.starts_with("220"), "no TLS");
        }
        Some(_) => {
            wire.line()?;
            wire.send(b"a STARTTLS\r\n")?;
            ensure!(wire.line()?.starts_with("a OK"), "no TLS");
        }
    }
    Ok(wire)
}
