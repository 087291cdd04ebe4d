//! A deadline on the answer of the recipient's program: who does not hear in time is told, once, and so is his admin; who
//! hears in time is not disturbed. The half hour passes by the clock that a file sets.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use e2e::asking::{Letter, PATIENCE};
use e2e::description::Account;
use e2e::imap::{Imap, holds};
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, Seed, message, wait};

/// The operator whose users wait for answers.
const OPERATOR: &str = "elsewhere";
const PROCESSED: &str = "automatic-action/MDN-sent-automatically; processed";

struct Stand {
    sandbox: Sandbox,
    clock: PathBuf,
}

/// What is sent once more is merged with the first: its reader has one letter.
pub(crate) fn sender_and_admin_are_told_and_the_reader_has_one_letter() -> Outcome {
    let stand = Stand::start()?;
    let (doctor, pharmacy) = (stand.account(OPERATOR, "PER")?, stand.account("pro", "ORG")?);
    let late = Letter::send(&stand.sandbox, doctor, &pharmacy.address)?;
    let in_time = Letter::send(&stand.sandbox, doctor, &pharmacy.address)?;
    for letter in [&late, &in_time] {
        letter.arrives(pharmacy)?;
        letter.event("relayed")?;
    }
    in_time.answered(pharmacy, PROCESSED)?;
    in_time.event("integrated")?;
    stand.alarm(0.0)?;

    stand.set_clock("+31m")?;
    let overdue = late.event("overdue")?;
    let detail = overdue["detail"].as_str().unwrap_or_default();
    ensure!(detail.contains("not integrated within 30m: alert ") && detail.ends_with("sent once more"), "{overdue}");
    let [alert] = alerts(&late)?.try_into().map_err(|all| anyhow::anyhow!("{all:?}"))?;
    for told in [&late.message_id, &late.id, "Appelez votre correspondant", "seconde fois", "Call your correspondent"] {
        ensure!(alert.contains(told), "{told:?} is not in {alert}");
    }
    ensure!(!alert.contains(message::SECRET), "an alert holds the letter: {alert}");
    stand.alarm(1.0)?;
    let doctor_says = stand.sandbox.try_pli(OPERATOR, &["doctor"])?;
    let told = String::from_utf8_lossy(&doctor_says.stdout).into_owned();
    ensure!(told.contains("answers-overdue"), "{told}");
    let page = stand.sandbox.metrics(OPERATOR)?;
    let counted = page.lines().filter(|line| line.starts_with("pli_overdue_total{") && !line.ends_with(" 0"));
    let counted: Vec<&str> = counted.collect();
    ensure!(counted == ["pli_overdue_total{state=\"integrated\",resent=\"yes\"} 1"], "{counted:?}");

    // The second way.
    wait::until("the second way", PATIENCE, || Ok((late.events("relayed")?.len() == 2).then_some(())))?;
    ensure!(stand.letters(pharmacy, &late)? == 1, "the reader has it {} times", stand.letters(pharmacy, &late)?);
    let named = format!("<{}>", late.message_id);
    let theirs = stand.sandbox.pli("pro", &["message", "trace", "--message-id", &named])?;
    ensure!(theirs.as_array().is_some_and(|list| list.len() == 2), "it came twice: {theirs}");
    ensure!(late.state()? == "relayed", "{}", late.trace()?);

    // Better late than never: the alarm ends, and nothing more is said.
    late.answered(pharmacy, PROCESSED)?;
    late.event("integrated")?;
    stand.alarm(0.0)?;
    ensure!(late.state()? == "integrated", "{}", late.trace()?);
    ensure!((alerts(&late)?.len(), late.events("overdue")?.len()) == (1, 1), "{}", late.trace()?);
    ensure!(alerts(&in_time)?.is_empty() && in_time.events("overdue")?.is_empty(), "{}", in_time.trace()?);
    ensure!(in_time.events("relayed")?.len() == 1 && stand.letters(pharmacy, &in_time)? == 1);
    Ok(())
}

/// However far the watcher came: what he had not told he tells after the start, and what he had told he does not repeat.
pub(crate) fn a_node_killed_before_or_after_its_alert_sends_one() -> Outcome {
    let seed = Seed::testing()?;
    let [clock, points] = ["clock", "points"].map(|name| seed.dir().join(name));
    std::fs::write(&clock, "+0s")?;
    let seed = seed.with_variable("PLI_CLOCK_FILE", &clock).with_variable("PLI_FAILPOINTS_FILE", &points);
    seed.configure("pro", |config| deadline(config, "opened", false))?;
    let mut sandbox = seed.start_only("pro")?;
    let moments = ["watch.taken", "watch.settle.before", "store.watch.run", "watch.settle.after"];
    for (hours, point) in (1..).step_by(2).zip(moments) {
        // Nobody opens either. The second is sent later, so that its alert comes when nothing is left to be said of the first.
        let killed = to_himself(&sandbox)?;
        std::fs::write(&points, format!("{point}=1:abort\n"))?;
        std::fs::write(&clock, format!("+{hours}h"))?;
        wait::until(&format!("the end at {point}"), PATIENCE, || Ok(sandbox.has_ended()?.then_some(())))?;
        std::fs::remove_file(&points)?;
        sandbox.restart("pro")?;
        let later = to_himself(&sandbox)?;
        let told = wait::until("the alert", PATIENCE, || Ok(alerts_on(&sandbox, &killed)?.into_iter().next()))?;
        ensure!(told.contains("MAILER-DAEMON@"), "{told}");
        std::fs::write(&clock, format!("+{}h", hours + 1))?;
        wait::until("the later alert", PATIENCE, || Ok(alerts_on(&sandbox, &later)?.into_iter().next()))?;
        ensure!(alerts_on(&sandbox, &killed)?.len() == 1, "more than one alert after {point}");
        let trace = sandbox.trace("pro", &killed.1)?;
        let overdue =
            trace["events"].as_array().context("no events")?.iter().filter(|event| event["event"] == "overdue");
        ensure!(overdue.count() == 1, "{point}: {trace}");
    }
    Ok(())
}

/// A letter that somebody writes to himself: what its Message-ID holds, and its id.
fn to_himself(sandbox: &Sandbox) -> anyhow::Result<(String, String)> {
    let Account { address, password, .. } = sandbox.account("pro", "ORG")?;
    let marker = message::marker();
    let mut smtp = Smtp::signed_in(sandbox, "pro", address, password)?;
    let taken = smtp.send(address, &[address.as_str()], &message::letter(address, address, &marker))?.expect(250)?;
    Ok((marker, taken.id()?.to_owned()))
}

fn alerts_on(sandbox: &Sandbox, (marker, _): &(String, String)) -> anyhow::Result<Vec<String>> {
    let Account { address, password, .. } = sandbox.account("pro", "ORG")?;
    let mails = Imap::signed_in(sandbox, "pro", address, password)?.inbox()?;
    let mails = mails.into_iter().map(|mail| String::from_utf8_lossy(&mail).into_owned());
    Ok(mails.filter(|mail| mail.contains(&format!("In-Reply-To: <{marker}@"))).collect())
}

/// `[[deadline]]`: half an hour.
fn deadline(config: &mut toml::Table, state: &str, resend: bool) {
    let texts = [("state", state), ("within", "30m")].map(|(key, value)| (key.to_owned(), value.into()));
    let mut deadline = toml::Table::from_iter(texts);
    deadline.insert("resend".to_owned(), resend.into());
    config.insert("deadline".to_owned(), vec![toml::Value::from(deadline)].into());
}

impl Stand {
    fn start() -> anyhow::Result<Self> {
        let seed = Seed::testing()?;
        let clock = seed.dir().join("clock");
        std::fs::write(&clock, "+0s")?;
        let seed = seed.with_variable("PLI_CLOCK_FILE", &clock);
        seed.configure(OPERATOR, |config| deadline(config, "integrated", true))?;
        Ok(Self { sandbox: seed.start()?, clock })
    }

    fn account(&self, operator: &str, kind: &str) -> anyhow::Result<&Account> {
        self.sandbox.account(operator, kind)
    }

    /// So much time has passed since the beginning.
    fn set_clock(&self, span: &str) -> Outcome {
        Ok(std::fs::write(&self.clock, span)?)
    }

    /// How often the reader has it.
    fn letters(&self, reader: &Account, letter: &Letter<'_>) -> anyhow::Result<usize> {
        let mut imap = Imap::signed_in(&self.sandbox, &reader.operator, &reader.address, &reader.password)?;
        let named = format!("\r\nMessage-ID: <{}>\r\n", letter.message_id);
        Ok(imap.inbox()?.iter().filter(|mail| holds(mail, &named)).count())
    }

    /// Waits until the alarm is on, or off.
    fn alarm(&self, figure: f64) -> Outcome {
        wait::until(&format!("answers-overdue to be {figure}"), PATIENCE, || {
            let told = self.sandbox.metric(OPERATOR, "pli_alarm{code=\"answers-overdue\"}")?;
            Ok((told == Some(figure)).then_some(()))
        })
    }
}

/// The alerts on this letter that its sender has.
fn alerts(letter: &Letter<'_>) -> anyhow::Result<Vec<String>> {
    let mails = letter.senders_mail()?;
    let mails = mails.iter().map(|mail| String::from_utf8_lossy(mail).replace("=\r\n", ""));
    let thread = format!("In-Reply-To: <{}>\r\n", letter.message_id);
    Ok(mails.filter(|mail| mail.contains("MAILER-DAEMON@") && mail.contains(&thread)).collect())
}
