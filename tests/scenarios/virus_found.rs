//! A virus is refused in the session, by whatever door and in whatever wrapping it comes; what was not scanned is put off,
//! never taken and never lost (spec §8.4; scenario 39).

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::clamav::{self, Clamav};
use e2e::imap::{Imap, below_trace_headers, holds};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, Seed, kept, message, wait};

/// A sandbox whose professional operator has its messages scanned, with these further settings.
fn scanned(clamav: &Clamav, settings: &str) -> Result<Sandbox> {
    let seed = Seed::new()?;
    let mut virus: toml::Table = settings.parse()?;
    virus.insert("scanner".to_owned(), clamav.place().into());
    seed.configure("pro", |table| {
        table.insert("virus".to_owned(), virus.into());
    })?;
    seed.start()
}

/// Who may bring something to the professional operator.
#[derive(Debug, Clone, Copy)]
enum Door {
    Operator,
    Hospital,
    Submission,
}

impl Door {
    const ALL: [Self; 3] = [Self::Operator, Self::Hospital, Self::Submission];

    fn sender(self, sandbox: &Sandbox) -> Result<String> {
        Ok(match self {
            Self::Operator => sandbox.peer_address()?,
            Self::Hospital => format!("urgences@{}", sandbox.connector()?.domain),
            Self::Submission => sandbox.account("pro", "ORG")?.address.clone(),
        })
    }

    fn connect(self, sandbox: &Sandbox) -> Result<Smtp> {
        match self {
            Self::Operator => Smtp::as_peer(sandbox, "listed", "pro"),
            Self::Hospital => Smtp::as_hospital(sandbox),
            Self::Submission => {
                let pharmacy = sandbox.account("pro", "ORG")?;
                Smtp::signed_in(sandbox, "pro", &pharmacy.address, &pharmacy.password)
            }
        }
    }
}

/// A letter with this attached.
fn with_attachment(from: &str, to: &str, kind: &str, attached: &[u8]) -> Vec<u8> {
    let encoded = BASE64_STANDARD.encode(attached);
    let lines: Vec<&str> = encoded.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: Courrier\r\nDate: Mon, 23 Nov 2026 08:30:00 +0100\r\n\
         Message-ID: <{}@client.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_1\"\r\n\r\n\
         --=_1\r\nContent-Type: text/plain\r\n\r\nBonjour.\r\n--=_1\r\n{kind}\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--=_1--\r\n",
        message::marker(),
        lines.join("\r\n")
    )
    .into_bytes()
}

/// The test file in every wrapping that a letter of this field has.
fn infected(from: &str, to: &str) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let virus = clamav::test_file();
    let zip = |content: &[u8]| {
        let readme: (&str, &[u8]) = ("README.TXT", b"Bonjour\r\n");
        clamav::archive(&[readme, ("IHE_XDM/SUBSET01/DOC00001.PDF", content)])
    };
    let kind = "Content-Type: application/octet-stream; name=\"resultat.com\"";
    let archive = "Content-Type: application/zip; name=\"IHE_XDM.zip\"";
    let eml = "Content-Type: application/octet-stream; name=\"lettre.eml\"";
    let inner = with_attachment(from, to, kind, &virus);
    Ok(vec![
        ("alone", with_attachment(from, to, kind, &virus)),
        ("in an archive", with_attachment(from, to, archive, &zip(&virus)?)),
        ("in an archive within an archive", with_attachment(from, to, archive, &zip(&zip(&virus)?)?)),
        ("in a letter within a letter", with_attachment(from, to, eml, &inner)),
        ("in an archive in a letter within a letter", {
            let inner = with_attachment(from, to, archive, &zip(&virus)?);
            with_attachment(from, to, eml, &inner)
        }),
    ])
}

/// Scenario 39.
pub(crate) fn nothing_infected_comes_in_by_any_door() -> Outcome {
    let clamav = Clamav::start("StreamMaxLength 30M\nAlertExceedsMax yes")?;
    let sandbox = scanned(&clamav, "timeout = \"1m\"")?;
    let pharmacy = sandbox.account("pro", "ORG")?;
    kept::nothing_by(&sandbox, "pro", || {
        for door in Door::ALL {
            let from = door.sender(&sandbox)?;
            for (wrapping, letter) in infected(&from, &pharmacy.address)? {
                let reply = door.connect(&sandbox)?.send(&from, &[&pharmacy.address], &letter)?;
                reply.expect_reason(554, "virus-found").with_context(|| format!("{door:?}, {wrapping}"))?;
            }
        }
        Ok(())
    })?;
    let log = std::fs::read_to_string(sandbox.config("pro")?.with_file_name("pli.log"))?;
    ensure!(log.contains(clamav::NAME), "the admin can find out what it was");
    let found = sandbox.metric("pro", "pli_virus_scans_total{outcome=\"found\"}")?;
    ensure!(found == Some(15.0), "three doors, five wrappings: {found:?}");

    let clean = clamav::archive(&[("IHE_XDM/SUBSET01/DOC00001.PDF", &b"%PDF-1.4 ".repeat(100_000))])?;
    for door in Door::ALL {
        let from = door.sender(&sandbox)?;
        let marker = message::marker();
        let body = with_attachment(&from, &pharmacy.address, "Content-Type: application/zip", &clean);
        let letter = [format!("X-Marker: {marker}\r\n").as_bytes(), &body].concat();
        door.connect(&sandbox)?.send(&from, &[&pharmacy.address], &letter)?.expect(250)?;
        let mut imap = Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
        let received = imap.await_message(&marker)?;
        ensure!(below_trace_headers(&received, &letter)? == letter, "{door:?}: not what was sent");
    }
    explained(&sandbox, &pharmacy.address)
}

/// `pli explain` asks the scanner too.
fn explained(sandbox: &Sandbox, to: &str) -> Outcome {
    let from = sandbox.peer_address()?;
    let certificate = sandbox.path(&sandbox.peer("listed")?.certificate);
    let letter = sandbox.dir().join("letter.eml");
    let explain = |content: &[u8]| -> Result<serde_json::Value> {
        std::fs::write(&letter, content)?;
        let paths = [certificate.to_string_lossy(), letter.to_string_lossy()];
        let [certificate, letter] = &paths;
        let words = ["explain", "--from", &from, "--to", to, "--peer-cert", certificate, "--eml", letter];
        Ok(serde_json::from_slice(&sandbox.try_pli("pro", &words)?.stdout)?)
    };
    let told = explain(&infected(&from, to)?.remove(1).1)?;
    ensure!(told["decision"] == "refuse" && told["reason"] == "virus-found", "{told}");
    let rule = told["rules"].as_array().and_then(|rules| rules.last().cloned()).context("no rule")?;
    ensure!(rule["rule"] == "virus" && rule.to_string().contains(clamav::NAME), "{rule}");
    let told = explain(&message::letter(&from, to, "x"))?;
    ensure!(told["decision"] == "accept" && told.to_string().contains("nothing was found"), "{told}");
    Ok(())
}

/// Dead, then back; hanging, then going on. What was put off arrives once when it is sent again.
pub(crate) fn without_its_scanner_nothing_comes_in_and_nothing_is_lost() -> Outcome {
    let mut clamav = Clamav::start("")?;
    let sandbox = scanned(&clamav, "timeout = \"2s\"")?;
    let (pharmacy, from) = (sandbox.account("pro", "ORG")?, sandbox.peer_address()?);
    let marker = message::marker();
    let letter = message::letter(&from, &pharmacy.address, &marker);
    let send = || Smtp::as_peer(&sandbox, "listed", "pro")?.send(&from, &[&pharmacy.address], &letter);
    let put_off = || kept::nothing_by(&sandbox, "pro", || send()?.expect_reason(451, "virus-scanner-down").map(drop));
    let alarm = |on: f64| {
        wait::until("the alarm to change", Duration::from_secs(30), || {
            let told = sandbox.metric("pro", "pli_alarm{code=\"virus-scanner-down\"}")?;
            Ok((told == Some(on)).then_some(()))
        })
    };

    clamav.hang()?;
    put_off()?;
    clamav.go_on()?;
    clamav.kill()?;
    put_off()?;
    alarm(1.0)?;
    let doctor = sandbox.try_pli("pro", &["doctor"])?;
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    ensure!(!doctor.status.success() && told.contains("virus-scanner-down"), "{told}");
    clamav.restart()?;
    send()?.expect(250)?;
    alarm(0.0)?;
    let mut imap = Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    imap.await_message(&marker)?;
    let arrived = imap.inbox()?.iter().filter(|received| holds(received, &marker)).count();
    ensure!(arrived == 1, "it arrived {arrived} times");
    Ok(())
}

/// Whether clamd breaks off, says that it did not look at all of it, or is not asked.
pub(crate) fn what_is_too_large_to_be_scanned_is_never_taken() -> Outcome {
    let clamav = Clamav::start("StreamMaxLength 2M\nMaxFileSize 1M\nMaxScanSize 1M\nAlertExceedsMax yes")?;
    for (settings, code, reason) in [
        ("", 552, "message-too-big"),
        ("size_max = \"64KiB\"", 552, "message-too-big"),
        ("too_large = \"defer\"", 451, "virus-scanner-down"),
    ] {
        let sandbox = scanned(&clamav, settings)?;
        let (pharmacy, from) = (sandbox.account("pro", "ORG")?, sandbox.peer_address()?);
        kept::nothing_by(&sandbox, "pro", || {
            for bytes in [1_200_000, 10_000_000] {
                let letter =
                    with_attachment(&from, &pharmacy.address, "Content-Type: application/pdf", &vec![b'a'; bytes]);
                let reply = Smtp::as_peer(&sandbox, "listed", "pro")?.send(&from, &[&pharmacy.address], &letter)?;
                reply.expect_reason(code, reason).with_context(|| format!("{settings}: {bytes}"))?;
            }
            Ok(())
        })?;
        let marker = message::marker();
        let small = message::letter(&from, &pharmacy.address, &marker);
        Smtp::as_peer(&sandbox, "listed", "pro")?.send(&from, &[&pharmacy.address], &small)?.expect(250)?;
    }
    Ok(())
}
