//! Step 3: the patient hands her prescription to the pharmacy that dispensed to her this year; the pharmacist finds it among
//! what waits for preparation, and answers. The same to a pharmacy that never dispensed to her is refused.

use std::time::Duration;

use anyhow::bail;

use super::{Printer, Story, Told, Writer, refused_for, taken};
use crate::cast;
use crate::letter::note::Note;
use crate::letter::prescription::PRESCRIPTION;
use crate::letter::{self, Built, Letter};

/// How long a letter may be on its way, on a slow machine.
const ARRIVES_WITHIN: Duration = Duration::from_mins(1);
/// What waits for preparation: the keyword is set on delivery.
const WAITING: &str = "KEYWORD $Prescription UNKEYWORD $Prepared";

impl Story<'_> {
    /// All of the step.
    pub(super) async fn pharmacy(&self, printer: &mut Printer) -> anyhow::Result<bool> {
        let prescription = self.prescription(cast::PHARMACY)?;
        let sent = self.hand_on(cast::PHARMACY, &prescription).await.and_then(|reply| taken(&reply));
        let mut held =
            printer.tell(3, "The patient sends a prescription to the pharmacy that dispensed to her", &sent)?;
        let read = self.find_prescription(&prescription).await;
        held &= printer.tell(3, "The pharmacist finds it over IMAP among what waits for preparation", &read)?;
        held &=
            printer.tell(3, "The pharmacist answers, and the patient reads it", &self.prepared(&prescription).await)?;
        let other = self.refused_by_the_other_pharmacy().await;
        held &= printer.tell(3, "The patient sends it to a pharmacy that never dispensed to her", &other)?;
        Ok(held)
    }

    fn prescription(&self, pharmacy: &str) -> anyhow::Result<Built> {
        let now = self.clock.now();
        letter::build(&Letter {
            from: &self.patient()?.address,
            from_name: "Dominique PAT-TROIS",
            to: &[pharmacy.to_owned()],
            cda: &PRESCRIPTION.cda(now),
            sent_at: now,
        })
    }

    async fn hand_on(&self, pharmacy: &str, prescription: &Built) -> anyhow::Result<crate::client::smtp::Reply> {
        self.submit(&Writer::from(self.patient()?), pharmacy, &prescription.bytes).await
    }

    async fn find_prescription(&self, prescription: &Built) -> anyhow::Result<Told> {
        let mut mailbox = self.open(&Writer::from(self.account(cast::PHARMACY)?)).await?;
        let criteria = format!("{WAITING} HEADER Message-ID {}", prescription.message_id);
        let read = mailbox.search(&criteria, ARRIVES_WITHIN).await?;
        mailbox.logout().await;
        if !read.ends_with(&prescription.bytes) {
            bail!("what was read is not what was sent");
        }
        let detail = format!("SEARCH {WAITING}: the very {} bytes that were sent", prescription.bytes.len());
        Ok(Told { decision: "delivered", reason: None, detail })
    }

    async fn prepared(&self, prescription: &Built) -> anyhow::Result<Told> {
        let (pharmacy, patient) = (self.account(cast::PHARMACY)?, self.patient()?);
        let answer = Note {
            from: &pharmacy.address,
            to: &patient.address,
            subject: "Re: Ordonnance",
            text: "Bonjour, votre traitement est prêt. La pharmacie est ouverte jusqu’à 19 h 30.",
            answers: Some(&prescription.message_id),
            last: false,
            sent_at: self.clock.now(),
        }
        .build()?;
        let told = taken(&self.submit(&Writer::from(pharmacy), &patient.address, &answer.bytes).await?)?;
        let mut mailbox = self.open(&Writer::from(patient)).await?;
        mailbox.message(&answer.message_id, ARRIVES_WITHIN).await?;
        mailbox.logout().await;
        Ok(Told { decision: "delivered", ..told })
    }

    async fn refused_by_the_other_pharmacy(&self) -> anyhow::Result<Told> {
        let prescription = self.prescription(cast::OTHER_PHARMACY)?;
        let reply = self.hand_on(cast::OTHER_PHARMACY, &prescription).await?;
        refused_for(&reply, "pharmacy-no-dispensing")
    }
}
