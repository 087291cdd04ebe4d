//! Step 1: a hospital's own mail server relays a discharge letter to a GP at another operator and to the patient; both
//! read it over IMAP, byte for byte.

use std::time::Duration;

use anyhow::{Context, bail};

use super::{Story, Told};
use crate::cast;
use crate::client::imap::ImapClient;
use crate::client::smtp::SmtpClient;
use crate::letter::{self, Letter, discharge};

/// How long a letter may be on its way, on a slow machine.
const ARRIVES_WITHIN: Duration = Duration::from_mins(1);
/// Fields that servers put on top of a message they pass on (RFC 5321 §4.4, RFC 8601).
const TRACE_FIELDS: [&str; 4] = ["return-path", "received", "delivered-to", "authentication-results"];

/// A letter that was taken.
pub(super) struct Sent {
    /// The `id=` of its `250`.
    pub(super) id: String,
    /// Its Message-ID.
    pub(super) message_id: String,
    /// What was sent.
    pub(super) bytes: Vec<u8>,
    /// How that is told.
    pub(super) told: Told,
}

/// Someone who opens his mailbox.
pub(super) struct Reader<'a> {
    /// How his step is told.
    pub(super) title: &'static str,
    operator: &'a str,
    address: &'a str,
    password: &'a str,
}

impl Story<'_> {
    /// The hospital's server connects with the connector's certificate and sends.
    pub(super) async fn hand_over(&self) -> anyhow::Result<Sent> {
        let connector = self.manifest.connectors.first().context("the sandbox has no connector")?;
        let from = self.hospital()?;
        let to: Vec<String> = self.readers().iter().map(|reader| reader.address.to_owned()).collect();
        let now = self.clock.now();
        let letter = letter::build(&Letter {
            from: &from,
            from_name: "Service de cardiologie, Centre hospitalier du bac à sable",
            to: &to,
            cda: &discharge::DISCHARGE.cda(now),
            sent_at: now,
        })?;
        let operator = self.operator(&connector.operator)?;
        let tls = self.tls(Some((&connector.certificate, &connector.key)))?;
        let mut client = SmtpClient::starttls(operator.ports.smtp, &tls, "mta.ch-exemple.test").await?;
        let reply = client.send(&from, &to, &letter.bytes).await?;
        client.quit().await;
        let id = reply.message_id().filter(|_| reply.code == 250).with_context(|| format!("answered {reply}"))?;
        let detail = format!(
            "certificate of connector {}, sending as {}, {} bytes to {} recipients: {reply}",
            connector.name,
            connector.domain,
            letter.bytes.len(),
            to.len()
        );
        let told = Told { decision: "accept", reason: None, detail };
        Ok(Sent { id: id.to_owned(), message_id: letter.message_id, bytes: letter.bytes, told })
    }

    /// The service of the hospital that writes.
    pub(super) fn hospital(&self) -> anyhow::Result<String> {
        let connector = self.manifest.connectors.first().context("the sandbox has no connector")?;
        Ok(format!("cardiologie@{}", connector.domain))
    }

    /// The GP and the patient.
    pub(super) fn readers(&self) -> Vec<Reader<'_>> {
        let doctor = self.manifest.accounts.iter().find(|account| account.address == cast::DOCTOR);
        let patient = self.manifest.patients.iter().find(|patient| patient.ins == cast::PATIENT);
        let doctor = doctor.map(|account| Reader {
            title: "The GP, at another operator, reads it over IMAP",
            operator: &account.operator,
            address: &account.address,
            password: account.password.as_deref().unwrap_or_default(),
        });
        let patient = patient.map(|patient| Reader {
            title: "The patient reads it over IMAP",
            operator: &patient.operator,
            address: &patient.address,
            password: &patient.password,
        });
        doctor.into_iter().chain(patient).collect()
    }

    /// A reader waits for the letter and compares it with what was sent.
    pub(super) async fn read(&self, reader: &Reader<'_>, sent: &Sent) -> anyhow::Result<Told> {
        let operator = self.operator(reader.operator)?;
        let tls = self.tls(None)?;
        let mut client = ImapClient::sign_in(operator.ports.imaps, &tls, reader.address, reader.password).await?;
        let received = client.first_message(ARRIVES_WITHIN).await?;
        client.logout().await;
        let added = added_fields(&received, &sent.bytes)?;
        let detail = format!(
            "at {}: the very {} bytes that were sent, below {}",
            operator.server_name,
            sent.bytes.len(),
            added.join(", ")
        );
        Ok(Told { decision: "delivered", reason: None, detail })
    }
}

/// The names of the trace fields on top of a message that is otherwise what was sent.
fn added_fields(received: &[u8], sent: &[u8]) -> anyhow::Result<Vec<String>> {
    let Some(top) = received.strip_suffix(sent) else {
        bail!("what was read ({} bytes) does not end with what was sent ({} bytes)", received.len(), sent.len());
    };
    let top = str::from_utf8(top).context("the added fields are not text")?;
    let mut names = Vec::new();
    for line in top.split_terminator("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
        let name = line.split_once(':').map_or(line, |(name, _)| name);
        if !TRACE_FIELDS.contains(&name.to_ascii_lowercase().as_str()) {
            bail!("a field that is no trace was added: {name}");
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trace_fields_on_top_are_passed() {
        let sent = b"Subject: a\r\n\r\nb\r\n";
        let with = |top: &str| added_fields(&[top.as_bytes(), sent].concat(), sent);
        assert_eq!(with("Return-Path: <>\r\nReceived: from a\r\n\tby b;\r\n").unwrap(), ["Return-Path", "Received"]);
        assert!(with("").unwrap().is_empty());
        assert!(with("X-MSS-MES: FIN\r\n").is_err());
        assert!(added_fields(b"Subject: a\r\n\r\nB\r\n", sent).is_err());
    }
}
