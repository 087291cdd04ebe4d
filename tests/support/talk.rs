//! A patient and somebody who writes to him: what is said, turn by turn.
//!
//! The other one is an address of the listed peer's domain that no other scenario uses, so that nothing lies between the
//! two; he brings his messages to the patients' operator himself, so that each is there when the next turn begins.

use anyhow::Result;

use crate::smtp::{Reply, Smtp};
use crate::{Sandbox, message};

/// A patient of the sandbox and a contact of his.
pub struct Talk<'s> {
    sandbox: &'s Sandbox,
    /// The patient's address.
    pub patient: String,
    password: String,
    /// The contact's.
    pub contact: String,
}

impl<'s> Talk<'s> {
    /// The first open patient, and somebody who has never written to him.
    pub fn with_a_stranger(sandbox: &'s Sandbox) -> Result<Self> {
        let domain = &sandbox.peer("listed")?.domain;
        Self::with(sandbox, &format!("dr-{}@{domain}", message::marker()))
    }

    /// The first open patient and this address.
    pub fn with(sandbox: &'s Sandbox, contact: &str) -> Result<Self> {
        let patient = sandbox.patient("open")?;
        let (address, password) = (patient.address.clone(), patient.password.clone());
        Ok(Self { sandbox, patient: address, password, contact: contact.to_owned() })
    }

    /// The same patient and another contact.
    #[must_use]
    pub fn turn_to(&self, contact: &str) -> Self {
        let (patient, password) = (self.patient.clone(), self.password.clone());
        Self { sandbox: self.sandbox, patient, password, contact: contact.to_owned() }
    }

    /// The contact writes to the patient, with these header fields (each ended by CRLF); gives the Message-ID.
    pub fn contact_writes(&self, subject: &str, fields: &str) -> Result<String> {
        self.contact_writes_to(&[&self.patient], subject, fields)
    }

    /// The contact writes to all of these.
    pub fn contact_writes_to(&self, to: &[&str], subject: &str, fields: &str) -> Result<String> {
        let id = format!("{}@peer.test", message::marker());
        let text = said(&self.contact, to, &id, subject, fields);
        Smtp::as_peer(self.sandbox, "listed", "patients")?.send(&self.contact, to, &text)?.expect(250)?;
        Ok(id)
    }

    /// The patient begins a conversation; the reply that decides.
    pub fn patient_writes(&self) -> Result<Reply> {
        self.patient_says(&[&self.contact], "")
    }

    /// The patient answers a message; the reply that decides.
    pub fn patient_answers(&self, message_id: &str) -> Result<Reply> {
        self.patient_says(&[&self.contact], &format!("In-Reply-To: <{message_id}>\r\nReferences: <{message_id}>\r\n"))
    }

    /// The patient writes to all of these; the first refusal, or the reply to the last byte.
    pub fn patient_says(&self, to: &[&str], fields: &str) -> Result<Reply> {
        let id = format!("{}@patient.test", message::marker());
        let mut smtp = self.patients_program()?;
        smtp.command(&format!("MAIL FROM:<{}>", self.patient))?.expect(250)?;
        for recipient in to {
            let reply = smtp.command(&format!("RCPT TO:<{recipient}>"))?;
            if reply.code != 250 {
                return Ok(reply);
            }
        }
        smtp.data(&said(&self.patient, to, &id, "Question", fields))
    }

    /// The patient's mail program, signed in.
    pub fn patients_program(&self) -> Result<Smtp> {
        Smtp::signed_in(self.sandbox, "patients", &self.patient, &self.password)
    }

    /// The patient's mailbox, signed in.
    pub fn patients_mailbox(&self) -> Result<crate::imap::Imap> {
        crate::imap::Imap::signed_in(self.sandbox, "patients", &self.patient, &self.password)
    }
}

fn said(from: &str, to: &[&str], id: &str, subject: &str, fields: &str) -> Vec<u8> {
    let to = to.join(">, <");
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: Mon, 23 Nov 2026 08:30:00 +0100\r\n\
         Message-ID: <{id}>\r\n{fields}\r\n{}\r\n{id}\r\n",
        message::SECRET
    )
    .into_bytes()
}
