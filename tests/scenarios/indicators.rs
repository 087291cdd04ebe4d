//! Scenario 47: a month of traffic with known counts. The indicators show exactly these, whatever was killed in between and
//! however often they are asked for; no file of theirs holds a matricule.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use e2e::command::said;
use e2e::imap::Imap;
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, Seed, message};
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pli_sandbox::letter::discharge::DISCHARGE;
use serde_json::Value;

const OPERATOR: &str = "patients";
const PATIENT_DOMAIN: &str = "patient.mssante.fr";

struct Stand {
    sandbox: Sandbox,
    clock: PathBuf,
    /// The first day of the month that is counted.
    month: Date,
    /// How often somebody has signed in in it.
    connections: u64,
    /// Letters that the patient has and has not answered.
    letters: Vec<String>,
}

pub(crate) fn a_month_of_known_traffic_is_counted_exactly_and_names_nobody() -> Outcome {
    let mut stand = Stand::start()?;
    stand.day(10, "12:00:00")?;
    for _ in 0..3 {
        stand.peer_writes(None)?;
    }
    ensure!(stand.counted("received", "")? == Some(3), "{}", stand.indicators()?);
    stand.peer_writes(Some(DISCHARGE.cda(jiff::Timestamp::UNIX_EPOCH)))?;
    stand.refusals()?;
    // What is recorded and not counted yet is counted after the start; what is counted is not counted again.
    stand.sandbox.kill_nine(OPERATOR)?;
    stand.sandbox.restart(OPERATOR)?;
    stand.patient_answers()?;
    stand.patient_answers()?;
    let before = stand.indicators()?;
    stand.sandbox.kill_nine(OPERATOR)?;
    stand.sandbox.restart(OPERATOR)?;
    ensure!(before == stand.indicators()?, "{before}\nand after a kill {}", stand.indicators()?);
    // The last second of the month in Paris, and the first one of the next.
    stand.last_second()?;
    stand.peer_writes(None)?;
    stand.next_month()?;
    stand.peer_writes(None)?;

    stand.check_numbers()?;
    stand.check_files()?;
    stand.check_files()?;
    // The node need not run.
    stand.sandbox.stop()?;
    stand.check_numbers()?;
    stand.check_files()
}

impl Stand {
    fn start() -> anyhow::Result<Self> {
        let seed = Seed::testing()?;
        let clock = seed.dir().join("clock");
        std::fs::write(&clock, "+0s")?;
        let seed = seed.with_variable("PLI_CLOCK_FILE", &clock);
        // What was made before the month, counting has to have begun before it too.
        let sandbox = seed.start_only(OPERATOR)?;
        let today = jiff::Timestamp::try_from(std::fs::metadata(&clock)?.modified()?)?.to_zoned(paris()?).date();
        let month = today.last_of_month().tomorrow()?;
        Ok(Self { sandbox, clock, month, connections: 0, letters: Vec::new() })
    }

    /// It is this time in Paris.
    fn set_clock(&self, day: Date, time: &str) -> Outcome {
        let at = day.to_datetime(time.parse()?).to_zoned(paris()?)?;
        Ok(std::fs::write(&self.clock, at.timestamp().to_string())?)
    }

    fn day(&self, day: i8, time: &str) -> Outcome {
        self.set_clock(self.month.checked_add((i32::from(day) - 1).days())?, time)
    }

    fn last_second(&self) -> Outcome {
        // Ten minutes, for a machine that is slow.
        self.set_clock(self.month.last_of_month(), "23:50:00")
    }

    fn next_month(&self) -> Outcome {
        self.set_clock(self.month.last_of_month().tomorrow()?, "00:00:00")
    }

    fn month(&self) -> String {
        self.month.strftime("%Y-%m").to_string()
    }

    fn peer_writes(&mut self, cda: Option<Vec<u8>>) -> Outcome {
        let (peer, patient) = (self.sandbox.peer_address()?, &self.sandbox.patient("open")?.address);
        let letter = if let Some(cda) = cda {
            message::letter_with_document(&peer, patient, &cda)?.0
        } else {
            let marker = message::marker();
            let letter = message::letter(&peer, patient, &marker);
            self.letters.push(marker);
            letter
        };
        Smtp::as_peer(&self.sandbox, "listed", OPERATOR)?.send(&peer, &[patient.as_str()], &letter)?.expect(250)?;
        Ok(())
    }

    /// One by what is in the message, one by the certificate.
    fn refusals(&self) -> Outcome {
        let peer = self.sandbox.peer_address()?;
        let patients = &self.sandbox.description().patients;
        let other =
            &patients.iter().find(|patient| patient.address.contains(['A', 'B'])).context("a Corsican")?.address;
        let cda = DISCHARGE.cda(jiff::Timestamp::UNIX_EPOCH);
        let (letter, _) = message::letter_with_document(&peer, other, &cda)?;
        let mut smtp = Smtp::as_peer(&self.sandbox, "listed", OPERATOR)?;
        smtp.send(&peer, &[other], &letter)?.expect_reason(550, "document-other-patient")?;
        let patient = &self.sandbox.patient("open")?.address;
        let mut smtp = Smtp::as_peer(&self.sandbox, "listed", OPERATOR)?;
        let local = patient.split('@').next().unwrap_or_default();
        let reply = smtp.command(&format!("MAIL FROM:<{local}@autre-domaine.mssante.fr>"))?;
        reply.expect_reason(550, "sender-domain-other-certificate")?;
        Ok(())
    }

    /// The patient reads, answers the peer, and has a receipt sent.
    fn patient_answers(&mut self) -> Outcome {
        let answered = self.letters.pop().context("nothing to answer")?;
        let (peer, patient) = (self.sandbox.peer_address()?, self.sandbox.patient("open")?);
        let (from, password) = (&patient.address, &patient.password);
        Imap::signed_in(&self.sandbox, OPERATOR, from, password)?.inbox()?;
        let mut smtp = Smtp::signed_in(&self.sandbox, OPERATOR, from, password)?;
        smtp.send(from, &[&peer], &message::letter(from, &peer, &message::marker()))?.expect(250)?;
        let receipt = format!(
            "From: <{from}>\r\nTo: <{peer}>\r\nSubject: {}\r\nDate: Mon, 23 Nov 2026 09:30:00 +0100\r\n\
             Message-ID: <{}@receipts.test>\r\nIn-Reply-To: <{answered}@client.test>\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nLu.\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n\
             Final-Recipient: rfc822; {from}\r\nOriginal-Message-ID: <{answered}@client.test>\r\n\
             Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n",
            message::SECRET,
            message::marker(),
        );
        smtp.send("", &[&peer], receipt.as_bytes())?.expect(250)?;
        self.connections += 2;
        Ok(())
    }

    fn indicators(&self) -> anyhow::Result<Value> {
        self.sandbox.pli(OPERATOR, &["report", "indicators", "--month", &self.month()])
    }

    /// The value of this measure of the patients, if there is one.
    fn counted(&self, measure: &str, label: &str) -> anyhow::Result<Option<u64>> {
        let all = self.indicators()?;
        let mut rows = all.as_array().context("no list")?.iter();
        let row =
            rows.find(|row| row["mailbox_type"] == "PATIENT" && row["measure"] == measure && row["label"] == label);
        Ok(row.and_then(|row| row["value"].as_u64()))
    }

    fn check_numbers(&self) -> Outcome {
        let all = self.indicators()?;
        let mut found = BTreeMap::new();
        for row in all.as_array().context("no list")? {
            let of = |member: &str| row[member].as_str().map(str::to_owned).with_context(|| member.to_owned());
            let cell = [of("domain")?, of("mailbox_type")?, of("measure")?, of("label")?].join(" ");
            found.insert(cell, row["value"].as_u64().context("no value")?);
        }
        let open = self.sandbox.description().patients.iter().filter(|patient| patient.space == "open").count() as u64;
        let closed = self.sandbox.description().patients.len() as u64 - open;
        let patients = [
            ("connections ", self.connections),
            ("mailboxes-active ", open),
            ("received ", 5),
            ("received-code 34112-3", 1),
            ("received-ins O", 1),
            ("received-ins absent", 4),
            ("received-product DEV000000", 1),
            ("received-xdm ", 1),
            ("sent ", 2),
            ("sent-ins absent", 2),
            ("sent-mdn ", 2),
            ("spaces-closed ", closed),
            ("spaces-open ", open),
        ];
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for (cell, value) in patients.into_iter().filter(|(_, value)| *value > 0) {
            expected.insert(format!("{PATIENT_DOMAIN} PATIENT {cell}"), value);
        }
        // What is refused as a whole, of somebody elsewhere, is nobody's here.
        for reason in ["document-other-patient", "sender-domain-other-certificate"] {
            expected.insert(format!("  refused {reason}"), 1);
        }
        ensure!(found == expected, "counted {found:#?}\nexpected {expected:#?}");
        Ok(())
    }

    fn check_files(&self) -> Outcome {
        let folder = self.sandbox.dir().join("indicators");
        let out = folder.to_str().context("a folder's name")?;
        let told = self.sandbox.pli(OPERATOR, &["report", "indicators", "--month", &self.month(), "--out", out])?;
        ensure!(told["complete"] == true && told["time_zone"] == "Europe/Paris", "{told}");
        let mut all = String::new();
        for name in told["files"].as_array().context("no files")? {
            all += &std::fs::read_to_string(folder.join(name.as_str().context("no name")?))?;
        }
        let month = self.month();
        let names = told["files"].to_string();
        ensure!(names.contains(&format!("Connexions-{month}.csv")), "{names}");
        let messages = format!(
            "{month};{PATIENT_DOMAIN};PATIENT;2;0;0;0;0;2;0;5;0;1;1;0;4;0;2;0;0;0;0;0;{}\r\n",
            self.connections
        );
        for line in [&messages, &format!("{month};{PATIENT_DOMAIN};PATIENT;34112-3;0;1\r\n")] {
            ensure!(all.contains(line.as_str()), "{line} is not in {all}");
        }
        self.check_confidential(&all)?;
        // Another layout is a file.
        let layout = self.sandbox.dir().join("layout.toml");
        std::fs::write(
            &layout,
            "separator = \",\"\n[[file]]\nname = \"own.csv\"\nrows = \"mailbox-types\"\ncolumns = [\n  \
             { name = \"recus\", from = \"received\" },\n  { name = \"type\", from = \"mailbox-type\" },\n]\n",
        )?;
        let layout = layout.to_str().context("a file's name")?;
        let words = ["report", "indicators", "--month", &month, "--out", out, "--layout", layout];
        self.sandbox.pli(OPERATOR, &words)?;
        let own = std::fs::read_to_string(folder.join("own.csv"))?;
        ensure!(own.starts_with("recus,type\r\n") && own.contains("\r\n5,PATIENT\r\n"), "{own}");
        std::fs::write(layout, "[[file]]\nname = \"own.csv\"\nrows = \"patients\"\ncolumns = []\n")?;
        let refused = self.sandbox.try_pli(OPERATOR, &words)?;
        ensure!(refused.status.code() == Some(2) && said(&refused).contains("layout.toml:3"), "{}", said(&refused));
        Ok(())
    }

    fn check_confidential(&self, all: &str) -> Outcome {
        ensure!(!all.contains(message::SECRET), "a subject: {all}");
        for patient in &self.sandbox.description().patients {
            let number = patient.address.get(..13).context("a short address")?;
            ensure!(!all.contains(number), "a matricule: {all}");
        }
        ensure!(!all.contains("ins-"), "a mask can be tried out: {all}");
        Ok(())
    }
}

fn paris() -> anyhow::Result<TimeZone> {
    Ok(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3")?)
}
