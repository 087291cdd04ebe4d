//! Step 2: the patient answers the hospital, and a doctor ends the exchange.

use std::time::Duration;

use super::letter::Sent;
use super::{Story, Told, Writer, refused_for, taken};
use crate::cast;
use crate::letter::note::Note;

pub(super) const ANSWERED: &str = "The patient answers the hospital, which has written to her";
pub(super) const ENDED: &str = "A doctor writes with `X-MSS-MES: FIN`, and the patient answers that";

/// How long a letter may be on its way, on a slow machine.
const ARRIVES_WITHIN: Duration = Duration::from_mins(1);

impl Story<'_> {
    /// The hospital's letter has opened the way back.
    pub(super) async fn answer_the_hospital(&self, letter: &Sent) -> anyhow::Result<Told> {
        let (patient, hospital) = (self.patient()?, self.hospital()?);
        let answer = Note {
            from: &patient.address,
            to: &hospital,
            subject: "Re: Compte rendu",
            text: "Bonjour, je vous remercie. Dois-je venir à jeun au contrôle ?",
            answers: Some(&letter.message_id),
            last: false,
            sent_at: self.clock.now(),
        };
        taken(&self.submit(&Writer::from(patient), &hospital, &answer.build()?.bytes).await?)
    }

    /// The doctor's message arrives, cannot be answered, and the refusal says so.
    pub(super) async fn end_the_exchange(&self) -> anyhow::Result<Told> {
        let (patient, doctor) = (self.patient()?, self.account(cast::DOCTOR)?);
        let last = Note {
            from: &doctor.address,
            to: &patient.address,
            subject: "Résultats",
            text: "Bonjour, tout est en ordre. Ce message n’appelle pas de réponse.",
            answers: None,
            last: true,
            sent_at: self.clock.now(),
        }
        .build()?;
        taken(&self.submit(&Writer::from(doctor), &patient.address, &last.bytes).await?)?;
        let mut mailbox = self.open(&Writer::from(patient)).await?;
        mailbox.message(&last.message_id, ARRIVES_WITHIN).await?;
        mailbox.logout().await;
        let answer = Note {
            from: &patient.address,
            to: &doctor.address,
            subject: "Re: Résultats",
            text: "Bonjour, une question encore.",
            answers: Some(&last.message_id),
            last: false,
            sent_at: self.clock.now(),
        };
        let reply = self.submit(&Writer::from(patient), &doctor.address, &answer.build()?.bytes).await?;
        refused_for(&reply, "message-not-answerable")
    }
}
