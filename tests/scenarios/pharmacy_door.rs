//! The one door that a patient may open himself (scenario 27, R-WHO-4, R-WHO-4b, R-WHO-5): a pharmacy that dispensed to
//! him, with reimbursement, within the last year.

use anyhow::ensure;
use e2e::talk::Talk;
use e2e::{Outcome, Sandbox, Seed};
use jiff::civil::Date;
use jiff::{ToSpan, Zoned};

const BRIDGE: &str = "officine@pharmacie-du-pont.mssante.fr";
const STATION: &str = "officine@pharmacie-de-la-gare.mssante.fr";
const STATION_FINESS: &str = "990000051";
const SHUT: &str = "pharmacy-no-dispensing";

/// The pharmacy of the sandbox's story has dispensed to the patient this year; the other one to nobody.
pub(crate) fn opens_where_medicines_were_dispensed() -> Outcome {
    let sandbox = Sandbox::shared()?;
    let talk = Talk::with(&sandbox, BRIDGE)?;
    talk.patient_writes()?.expect(250)?;
    talk.turn_to(STATION).patient_writes()?.expect_reason(550, SHUT)?;
    // Nobody else at the pharmacy: its ORG mailbox, and no other.
    let pharmacist = talk.turn_to("titulaire@pharmacie-du-pont.mssante.fr");
    pharmacist.patient_writes()?.expect_reason(550, "relation-none")?;
    Ok(())
}

/// Days are counted with one to spare on either side: what happens on the very day is a golden case of the rule.
pub(crate) fn stays_shut_a_year_after_and_without_reimbursement() -> Outcome {
    let sandbox = Sandbox::start()?;
    let talk = Talk::with(&sandbox, STATION)?;
    let today = Zoned::now().date();
    talk.patient_writes()?.expect_reason(550, SHUT)?;
    dispense(&sandbox, &talk, today.checked_sub(367.days())?, "yes")?;
    talk.patient_writes()?.expect_reason(550, SHUT)?;
    dispense(&sandbox, &talk, today.checked_sub(2.days())?, "no")?;
    talk.patient_writes()?.expect_reason(550, SHUT)?;
    dispense(&sandbox, &talk, today.checked_sub(363.days())?, "yes")?;
    talk.patient_writes()?.expect(250)?;
    // The same feed again changes nothing.
    let again = dispense(&sandbox, &talk, today.checked_sub(363.days())?, "yes")?;
    ensure!(again["created"] == 0 && again["unchanged"] == 1, "{again}");
    Ok(())
}

/// R-WHO-4b, by setting.
pub(crate) fn is_open_at_any_pharmacy_where_an_admin_says_so() -> Outcome {
    let seed = Seed::new()?;
    seed.configure("patients", |table| {
        let patient = table.entry("patient").or_insert_with(|| toml::Table::new().into());
        if let Some(patient) = patient.as_table_mut() {
            patient.insert("pharmacies".to_owned(), "any-compatible-pharmacy".into());
        }
    })?;
    let sandbox = seed.start()?;
    let talk = Talk::with(&sandbox, STATION)?;
    talk.patient_writes()?.expect(250)?;
    let doctor = &sandbox.account("elsewhere", "PER")?.address;
    talk.turn_to(doctor).patient_writes()?.expect_reason(550, "relation-none")?;
    Ok(())
}

fn dispense(sandbox: &Sandbox, talk: &Talk<'_>, on: Date, reimbursed: &str) -> anyhow::Result<serde_json::Value> {
    let file = tempfile::NamedTempFile::new()?;
    let ins = talk.patient.split('@').next().unwrap_or_default();
    std::fs::write(&file, format!("ins;finess;date;reimbursed\n{ins};{STATION_FINESS};{on};{reimbursed}\n"))?;
    let path = file.path().to_string_lossy().into_owned();
    sandbox.pli("patients", &["dispensation", "import", &path])
}
