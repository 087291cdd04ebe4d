//! [`CertificateFiles`]: the watch over the files of our own certificate.
//!
//! A new pair is taken for the handshakes to come once it fits together; connections that are open keep what they
//! were opened with. Whoever renews it writes two files, one after the other: in between they do not fit, which is
//! no fault unless it lasts.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use pli_net::{CertificateDetails, OwnCertificate, Pki, Shutdown, TlsConfig, certificate_details, certificates_in};
use pli_types::{Clock, PresentedCertificate};
use tokio::sync::Notify;

use crate::config::check_secret_file;
use crate::exit::{Exit, Failure, chain};
use crate::metrics as names;
use crate::stamp::Stamp;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Our certificate and what lies in its files. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct CertificateFiles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    files: TlsConfig,
    /// What is shown, in either direction.
    own: OwnCertificate,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    current: Arc<PresentedCertificate>,
    /// The files as they were when they were last read.
    seen: [Option<Stamp>; 2],
    /// Since when, and why, what lies there is not taken.
    unfit: Option<(Timestamp, String)>,
}

/// What a look at the files found.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// What was known.
    Same,
    /// Another certificate is shown from now on.
    Taken,
    /// What lies there does not fit.
    Unfit,
}

impl CertificateFiles {
    /// Reads the files. At the start they must fit; that the certificate is past its end does not keep a node from
    /// serving the mail that it has.
    pub(crate) fn load(files: &TlsConfig) -> Result<Self, Failure> {
        let seen = stamps(files);
        let own = OwnCertificate::load(files)?;
        let current = Arc::new(own.presented().ok_or_else(|| unreadable(&files.certificate))?);
        tell(&current);
        let state = Mutex::new(State { current, seen, unfit: None });
        Ok(Self(Arc::new(Inner { files: files.clone(), own, state })))
    }

    /// What listeners and the way out show.
    pub(crate) fn own(&self) -> &OwnCertificate {
        &self.0.own
    }

    /// As the other side of a handshake gets it.
    pub(crate) fn current(&self) -> Arc<PresentedCertificate> {
        Arc::clone(&self.state().current)
    }

    /// Since when, and why, what lies in the files cannot take its place.
    pub(crate) fn unfit(&self) -> Option<(Timestamp, String)> {
        self.state().unfit.clone()
    }

    /// Looks at the files every second, and at once when `hurry` says so.
    pub(crate) async fn watch(self, hurry: Arc<Notify>, pki: Pki, clock: Arc<dyn Clock>, shutdown: Shutdown) {
        // Nobody presents our own certificate to us, so that its revocation list is asked for on our own account.
        pki.learn(&self.current(), clock.now());
        loop {
            let asked = tokio::select! {
                () = shutdown.begun() => return,
                () = hurry.notified() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            let (own, now) = (self.clone(), clock.now());
            let look = tokio::task::spawn_blocking(move || own.look(now)).await;
            match (look, self.unfit()) {
                (Ok(Look::Taken), _) => pki.learn(&self.current(), now),
                (Ok(Look::Unfit), Some((_, fault))) if asked => {
                    tracing::warn!(%fault, "the files of our certificate do not fit; the one in force goes on");
                }
                _ => {}
            }
        }
    }

    /// Reads the files if they have changed, or did not fit the last time.
    fn look(&self, now: Timestamp) -> Look {
        // Taken before reading: a change in between is then seen next time.
        let stamps = stamps(&self.0.files);
        if self.state().seen == stamps && self.unfit().is_none() {
            return Look::Same;
        }
        let taken = self.take(now);
        let mut state = self.state();
        state.seen = stamps;
        match taken {
            Ok(certificate) => {
                state.unfit = None;
                if state.current.leaf == certificate.leaf {
                    return Look::Same;
                }
                tell(&certificate);
                tracing::info!(
                    subject = %certificate.subject,
                    serial = certificate.serial,
                    not_after = %certificate.not_after,
                    "our new certificate is shown from now on; open connections keep the old one"
                );
                state.current = Arc::new(certificate);
                Look::Taken
            }
            Err(fault) => {
                let since = state.unfit.take().map_or(now, |(since, _)| since);
                state.unfit = Some((since, fault));
                Look::Unfit
            }
        }
    }

    /// Takes the pair for the handshakes to come, if its dates hold, the key fits, and nobody else could read that.
    fn take(&self, now: Timestamp) -> Result<PresentedCertificate, String> {
        let inner = &*self.0;
        let lying = lying_there(&inner.files.certificate).map_err(|failure| failure.what)?;
        if let Some(fault) = out_of_date(&lying, now) {
            return Err(format!("{}: {fault}", inner.files.certificate.display()));
        }
        check_secret_file(&inner.files.key).map_err(|fault| fault.to_string())?;
        inner.own.reload().map_err(|fault| chain(&fault))?;
        inner.own.presented().ok_or_else(|| unreadable(&inner.files.certificate).what)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A certificate that nobody believes now is not taken for one that somebody may.
fn out_of_date(certificate: &CertificateDetails, now: Timestamp) -> Option<String> {
    if certificate.not_after < now {
        return Some(format!("the certificate, serial {}, expired at {}", certificate.serial, certificate.not_after));
    }
    let begins = certificate.not_before;
    (begins > now).then(|| format!("the certificate, serial {}, is valid only from {begins} on", certificate.serial))
}

fn stamps(files: &TlsConfig) -> [Option<Stamp>; 2] {
    [&files.certificate, &files.key].map(|path| Stamp::of(path))
}

/// The certificate that lies in the file, not shown to anybody yet.
fn lying_there(path: &Path) -> Result<CertificateDetails, Failure> {
    let found = certificates_in(path)?;
    found.first().and_then(|der| certificate_details(der)).ok_or_else(|| unreadable(path))
}

fn unreadable(path: &Path) -> Failure {
    Failure::told(Exit::Usage, "file-unusable.own-certificate", &[("path", &path.display())])
}

#[expect(clippy::cast_precision_loss, reason = "a gauge; seconds are far below 2^52")]
fn tell(certificate: &PresentedCertificate) {
    metrics::gauge!(names::CERTIFICATE_ENDS_AT).set(certificate.not_after.as_second() as f64);
}
