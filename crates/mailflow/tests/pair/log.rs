//! What an admin reads in the log of what intake took and refused.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use pli_policy::Reason;
use tracing_subscriber::fmt::MakeWriter;

use crate::relay::{OFFICINE, PATIENT, Relay, letter};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";

/// The log of this thread, line by line.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn begin() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let lines = tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(log.clone()).finish();
        (log, tracing::subscriber::set_default(lines))
    }

    /// The lines that tell this.
    fn telling(&self, what: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("279035121518989"), "{text}");
        text.lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn an_accepted_message_is_one_line() {
    let relay = Relay::start().await;
    let (log, _guard) = Log::begin();
    let id = relay.send(&relay.server("mx.clinique.test", 11), DOCTOR, &[OFFICINE, PATIENT], &letter(DOCTOR)).await;
    let lines = log.telling(": accepted ");
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in [&format!("id={}", id.unwrap()), "remote=\"192.0.2.9\"", DOCTOR, "recipients=2", "mx.clinique.test"] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
    relay.stop().await;
}

#[tokio::test]
async fn each_refusal_is_one_line_with_its_reason() {
    let relay = Relay::start().await;
    let (log, _guard) = Log::begin();
    let unlisted = relay.server("mx.unknown.test", 20);
    relay.begin(&unlisted, DOCTOR).await.unwrap_err();
    let lines = log.telling(": refused ");
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in [Reason::CertificateNotListed.code(), "mx.unknown.test", "192.0.2.9", DOCTOR, "listener=Smtp"] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
    let patients = relay.server("mx.clinique.test", 11);
    relay.send(&patients, DOCTOR, &["279035121518900@patient.mssante.fr"], &letter(DOCTOR)).await.unwrap_err();
    let lines = log.telling(": refused ");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].contains("recipient=\"ins-"), "{}", lines[1]);
    relay.stop().await;
}
