//! [`Herald`]: tells a receiver of syslog of each checkpoint, over TLS.

use std::sync::Arc;

use jiff::Timestamp;
use pli_audit::SignedCheckpoint;
use pli_types::Clock;

use super::Trouble;
use crate::config::SyslogConfig;
use crate::exit::Failure;
use crate::syslog::{Data, Facility, Message, Road, Severity};

/// A receiver.
pub(super) struct Herald {
    road: Road,
    host: String,
    enterprise: u32,
}

impl Herald {
    pub(super) fn new(
        config: &SyslogConfig,
        host: &str,
        enterprise: u32,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let shown = config.certificate.clone().zip(config.key.clone());
        let road = Road::new(config.to.clone(), config.ca.as_deref(), shown, clock)?;
        Ok(Self { road, host: host.to_owned(), enterprise })
    }

    /// A connection a message: it is the receiver's end of it that tells that the message has come.
    pub(super) async fn take(&self, checkpoint: &SignedCheckpoint, now: Timestamp) -> Result<(), Trouble> {
        let unheard = |fault: crate::syslog::SiemFault| Trouble::Unheard(fault.to_string());
        let mut siem = self.road.open().await.map_err(unheard)?;
        siem.put(&message(checkpoint, &self.host, self.enterprise, now)).await.map_err(unheard)?;
        if siem.close().await.map_err(unheard)? { Ok(()) } else { Err(Trouble::Unconfirmed) }
    }
}

/// The checkpoint's parts, of which anyone can put it together again: docs/audit-export.md.
fn message(signed: &SignedCheckpoint, host: &str, enterprise: u32, now: Timestamp) -> String {
    let checkpoint = signed.checkpoint();
    let (size, root) = (checkpoint.size().to_string(), checkpoint.root().to_string());
    let note = signed.encode();
    let signature = note.lines().filter(|line| line.starts_with('\u{2014}')).find_map(|line| line.rsplit(' ').next());
    let data = Data::new("pli", enterprise)
        .with("record", Some(checkpoint.origin()))
        .with("size", Some(&size))
        .with("root", Some(&root))
        .with("signature", signature);
    Message {
        facility: Facility::Audit,
        severity: Severity::Informational,
        at: &now.to_string(),
        host,
        id: "checkpoint",
        data: Some(data),
        text: "the record is sealed",
    }
    .encode()
}

#[cfg(test)]
mod tests {
    use pli_audit::{Checkpoint, Hash, SignerKey};
    use pli_types::Secret;

    use super::*;

    #[test]
    fn a_message_has_all_that_the_checkpoint_is_made_of() {
        let key = SignerKey::from_seed("mss.a.test/audit", &Secret::new([1; 32])).unwrap();
        let signed = Checkpoint::new("mss.a.test/audit", 7, Hash::leaf(b"")).unwrap().sign(&key).unwrap();
        let text = message(&signed, "mss.a.test", 32473, Timestamp::UNIX_EPOCH);
        let value = |name: &str| {
            let rest = text.split(&format!(" {name}=\"")).nth(1).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let note = format!(
            "{0}\n{1}\n{2}\n\n\u{2014} {0} {3}\n",
            value("record"),
            value("size"),
            value("root"),
            value("signature")
        );
        assert_eq!(note, signed.encode());
        assert!(
            text.starts_with("<110>1 1970-01-01T00:00:00.000000Z mss.a.test pli - checkpoint [pli@32473 "),
            "{text}"
        );
    }
}
