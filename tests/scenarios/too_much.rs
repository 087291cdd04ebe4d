//! More comes in than may, or than the store keeps up with.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::imap::{Imap, holds};
use e2e::sandbox::Seed;
use e2e::smtp::Smtp;
use e2e::wire::Wire;
use e2e::{Outcome, Sandbox, message, wait};

/// Another process that holds the store's write lock: to the node, a disk that does not answer.
struct StoreHeld(Child);

impl StoreHeld {
    fn of(sandbox: &Sandbox, operator: &str) -> Result<Self> {
        let store = sandbox.config(operator)?.with_file_name("store").join("pli.db");
        let hold = "import sqlite3, sys\n\
                    held = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)\n\
                    held.execute('BEGIN IMMEDIATE')\n\
                    print('held', flush=True)\n\
                    sys.stdin.read()\n";
        let mut child = Command::new("python3")
            .args(["-c", hold])
            .arg(store)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("python3")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        ensure!(line == "held\n", "{line:?}");
        Ok(Self(child))
    }
}

impl Drop for StoreHeld {
    fn drop(&mut self) {
        // Its input ends with it, and so does the lock.
        drop(self.0.stdin.take());
        self.0.wait().ok();
    }
}

pub(crate) fn a_store_that_falls_behind_puts_off_what_is_new_and_recovers() -> Outcome {
    let sandbox = Seed::new()?.start_only("pro")?;
    let pharmacy = sandbox.account("pro", "ORG")?.clone();
    let from = format!("cabinet@{}", sandbox.peer("listed")?.domain);
    let mail = format!("MAIL FROM:<{from}>");
    let (first_marker, marker) = (message::marker(), message::marker());
    let mut waiting = Smtp::as_peer(&sandbox, "listed", "pro")?;
    waiting.begin(&from, &[&pharmacy.address])?;
    let mut other = Smtp::as_peer(&sandbox, "listed", "pro")?;
    other.command(&mail)?.expect(250)?;
    other.command("RSET")?.expect(250)?;

    let held = StoreHeld::of(&sandbox, "pro")?;
    // One message waits to be kept. Its age is what the store is judged by.
    waiting.data_unanswered(&message::letter(&from, &pharmacy.address, &first_marker))?;
    wait::until("new messages put off", Duration::from_mins(1), || {
        let reply = other.command(&mail)?;
        if reply.code == 250 {
            other.command("RSET")?.expect(250)?;
            return Ok(None);
        }
        reply.expect_reason(451, "store-unavailable").map(Some)
    })?;
    ensure!(sandbox.metric("pro", "pli_intake_overloaded_total")?.is_some_and(|put_off| put_off >= 1.0), "not counted");
    drop(held);

    // Whatever was said to the first, it is kept if it was 250 and not if it was put off; and all goes on by itself.
    let first = waiting.reply()?;
    wait::until("new messages taken", Duration::from_mins(1), || {
        let taken = other.command(&mail)?.code == 250;
        other.command("RSET")?.expect(250)?;
        Ok(taken.then_some(()))
    })?;
    other.send(&from, &[&pharmacy.address], &message::letter(&from, &pharmacy.address, &marker))?.expect(250)?;
    let mut reader = Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
    reader.await_message(&marker)?;
    let kept = reader.inbox()?.iter().filter(|message| holds(message, &first_marker)).count();
    ensure!(kept == usize::from(first.code == 250), "{kept} kept, and the reply was {} {}", first.code, first.text);
    ensure!(first.code == 250 || first.reason() == Some("store-unavailable"), "{} {}", first.code, first.text);
    Ok(())
}

pub(crate) fn a_listener_that_is_full_says_so_and_takes_the_next_once_somebody_leaves() -> Outcome {
    const PLACES: u8 = 4;
    let seed = Seed::new()?;
    seed.configure("pro", |config| {
        let limits = config.entry("limits").or_insert_with(|| toml::Table::new().into());
        if let Some(limits) = limits.as_table_mut() {
            limits.insert("connections".into(), i64::from(PLACES).into());
        }
    })?;
    let sandbox = seed.start_only("pro")?;
    let ports = &sandbox.operator("pro")?.ports;
    let mut held: Vec<Smtp> = (0..PLACES).map(|_| Smtp::as_peer(&sandbox, "listed", "pro")).collect::<Result<_>>()?;
    let told = Wire::connect(ports.smtp)?.to_end();
    ensure!(told.starts_with("421 4.3.2 Too many connections"), "{told:?}");
    // A listener has its own: the others are not full.
    let mut readers: Vec<Wire> = (0..PLACES).map(|_| Wire::connect(ports.imap)).collect::<Result<_>>()?;
    for reader in &mut readers {
        let greeting = reader.line()?;
        ensure!(greeting.starts_with("* OK"), "{greeting}");
    }
    let told = Wire::connect(ports.imap)?.to_end();
    ensure!(told.starts_with("* BYE [UNAVAILABLE] Too many connections"), "{told:?}");
    // Those who are in go on, and the first who leaves gives his place to another.
    held.last_mut().context("nobody")?.command("NOOP")?.expect(250)?;
    held.swap_remove(0).command("QUIT")?.expect(221)?;
    wait::until("a place given back", Duration::from_secs(30), || {
        let greeting = Wire::connect(ports.smtp)?.line()?;
        Ok(greeting.starts_with("220 ").then_some(()))
    })
}

pub(crate) fn a_peer_that_holds_all_it_may_leaves_the_others_room() -> Outcome {
    let seed = Seed::new()?;
    seed.configure("pro", |config| {
        let limits = config.entry("limits").or_insert_with(|| toml::Table::new().into());
        if let Some(limits) = limits.as_table_mut() {
            limits.insert("messages_at_once".into(), 8.into());
            limits.insert("messages_at_once_each".into(), 6.into());
        }
    })?;
    let sandbox = seed.start_only("pro")?;
    let pharmacy = sandbox.account("pro", "ORG")?.clone();
    let greedy = format!("cabinet@{}", sandbox.peer("listed")?.domain);
    let mut held = Vec::new();
    for _ in 0..6 {
        let mut peer = Smtp::as_peer(&sandbox, "listed", "pro")?;
        peer.begin(&greedy, &[&pharmacy.address])?;
        peer.command("DATA")?.expect(354)?;
        peer.wire.send(format!("From: <{greedy}>\r\nX-Slow: 1\r\n").as_bytes())?;
        held.push(peer);
    }
    let mail = format!("MAIL FROM:<{greedy}>");
    let mut seventh = Smtp::as_peer(&sandbox, "listed", "pro")?;
    seventh.command(&mail)?.expect_reason(450, "rate-exceeded")?;
    // The pharmacy's own programs go on.
    for _ in 0..3 {
        let marker = message::marker();
        let mut program = Smtp::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
        let letter = message::letter(&pharmacy.address, &pharmacy.address, &marker);
        program.send(&pharmacy.address, &[&pharmacy.address], &letter)?.expect(250)?;
        Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?.await_message(&marker)?;
    }
    seventh.command(&mail)?.expect_reason(450, "rate-exceeded")?;
    // A connection that ends gives its place back.
    held.pop().context("none held")?.wire.cut()?;
    wait::until("a place given back", Duration::from_secs(30), || {
        Ok((seventh.command(&mail)?.code == 250).then_some(()))
    })
}
