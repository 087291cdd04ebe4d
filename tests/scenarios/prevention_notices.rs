//! Prevention notices (spec §10): one message each to many patients, from the patients' spaces themselves; nobody gets it
//! twice, whatever breaks off.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use e2e::{Outcome, Sandbox, Seed, wait};

const TEMPLATE: &str = "Subject: Examen de sant\u{e9} de {prenom}\nFrom-Name: Mon espace sant\u{e9}\n\nBonjour,\n\
                        l'examen de {prenom} est \u{e0} faire.\n";
const PATIENTS: u64 = 60;
const MORE: u64 = 5;

/// The node is killed in the middle, the command run again, then with a longer list.
pub(crate) fn each_patient_gets_a_notice_once_whatever_breaks_off() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut sandbox = Seed::new()?.start_only("patients")?;
    let (template, list) = (folder.path().join("examen.txt"), folder.path().join("patients.csv"));
    std::fs::write(&template, TEMPLATE)?;
    import(&sandbox, folder.path())?;

    write_list(&list, PATIENTS)?;
    send(&sandbox, &template, &list, "60/s")?;
    await_sent(&sandbox, PATIENTS / 6)?;
    sandbox.kill_nine("patients")?;
    sandbox.restart("patients")?;
    send(&sandbox, &template, &list, "1000/s")?;
    await_sent(&sandbox, PATIENTS)?;
    send(&sandbox, &template, &list, "1000/s")?;
    write_list(&list, PATIENTS + MORE)?;
    send(&sandbox, &template, &list, "1000/s")?;
    await_sent(&sandbox, PATIENTS + MORE)?;

    for number in [0, PATIENTS / 6, PATIENTS / 2, PATIENTS - 1, PATIENTS + MORE - 1] {
        let messages = held(&sandbox, &ins(number), folder.path())?;
        ensure!(messages == 1, "patient {number} has {messages} messages");
    }
    ensure!(total(&sandbox, "sent")? == PATIENTS + MORE, "more were sent than there are patients");
    Ok(())
}

/// Identifiers that nobody has: department 99, commune 999.
fn ins(number: u64) -> String {
    let thirteen = 1_000_199_999_000 + number;
    format!("{thirteen}{:02}", 97 - thirteen % 97)
}

fn import(sandbox: &Sandbox, folder: &Path) -> Outcome {
    let file = folder.join("spaces.csv");
    let mut text = "ins;state\n".to_owned();
    for number in 0..PATIENTS + MORE {
        writeln!(text, "{};open", ins(number))?;
    }
    std::fs::write(&file, text)?;
    sandbox.pli("patients", &["patient", "import", &file.to_string_lossy()])?;
    Ok(())
}

fn write_list(file: &Path, patients: u64) -> Outcome {
    let mut text = "ins;prenom\n".to_owned();
    for number in 0..patients {
        writeln!(text, "{};Enfant {number}", ins(number))?;
    }
    Ok(std::fs::write(file, text)?)
}

fn send(sandbox: &Sandbox, template: &Path, list: &Path, pace: &str) -> Outcome {
    let (template, list) = (template.to_string_lossy(), list.to_string_lossy());
    sandbox.pli("patients", &["notice", "send", "--template", &template, "--to", &list, "--pace", pace])?;
    Ok(())
}

fn await_sent(sandbox: &Sandbox, patients: u64) -> Outcome {
    wait::until("the notices to be sent", Duration::from_mins(1), || {
        Ok((total(sandbox, "sent")? >= patients).then_some(()))
    })
}

fn total(sandbox: &Sandbox, member: &str) -> anyhow::Result<u64> {
    let shown = sandbox.pli("patients", &["notice", "show", "examen"])?;
    Ok(shown[member].as_u64().unwrap_or_default())
}

/// How many messages lie in a patient's space.
fn held(sandbox: &Sandbox, ins: &str, folder: &Path) -> anyhow::Result<usize> {
    let (address, out) = (format!("{ins}@patient.mssante.fr"), folder.join(ins));
    let words = ["mailbox", "export", &address, "--out", &out.to_string_lossy(), "--reason", "essai"];
    sandbox.pli("patients", &words)?;
    let mut messages = 0;
    for place in ["new", "cur"] {
        messages += std::fs::read_dir(out.join(place))?.count();
    }
    Ok(messages)
}
