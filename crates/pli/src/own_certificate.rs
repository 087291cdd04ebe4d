//! [`OwnCertificate`]: our certificate in all its roles, and the watch over its files.
//!
//! A new pair is taken for the handshakes to come once it fits together; connections that are open keep what they
//! were opened with. Whoever renews it writes two files, one after the other: in between they do not fit, which is
//! no fault unless it lasts.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use pli_net::{ClientTls, PkiConfig, ServerTls, Shutdown, TlsConfig};
use pli_types::{Clock, PresentedCertificate};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::sync::Notify;

use crate::config::check_secret_file;
use crate::exit::{Exit, Failure, chain};
use crate::metrics as names;
use crate::stamp::Stamp;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Our certificate. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct OwnCertificate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    files: TlsConfig,
    operators: ServerTls,
    clients: ServerTls,
    towards_servers: ClientTls,
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

impl OwnCertificate {
    /// Reads the files. At the start they must fit; that the certificate is past its end does not keep a node from
    /// serving the mail that it has.
    pub(crate) fn load(files: &TlsConfig, pki: &PkiConfig) -> Result<Self, Failure> {
        let seen = stamps(files);
        let current = Arc::new(certificate(&files.certificate)?);
        tell(&current);
        Ok(Self(Arc::new(Inner {
            operators: ServerTls::operators(files)?,
            clients: ServerTls::clients(files, pki)?,
            towards_servers: ClientTls::new(files)?,
            files: files.clone(),
            state: Mutex::new(State { current, seen, unfit: None }),
        })))
    }

    /// For the operators' listener.
    pub(crate) fn operators(&self) -> ServerTls {
        self.0.operators.clone()
    }

    /// For people's and programs' listeners.
    pub(crate) fn clients(&self) -> ServerTls {
        self.0.clients.clone()
    }

    /// For the way out.
    pub(crate) fn towards_servers(&self) -> ClientTls {
        self.0.towards_servers.clone()
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
    pub(crate) async fn watch(self, hurry: Arc<Notify>, clock: Arc<dyn Clock>, shutdown: Shutdown) {
        loop {
            let asked = tokio::select! {
                () = shutdown.begun() => return,
                () = hurry.notified() => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            let (own, now) = (self.clone(), clock.now());
            let look = tokio::task::spawn_blocking(move || own.look(now)).await;
            if let (Ok(Look::Unfit), true, Some((_, fault))) = (look, asked, self.unfit()) {
                tracing::warn!(%fault, "the files of our certificate do not fit; the one in force goes on");
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
        let certificate = certificate(&inner.files.certificate).map_err(|failure| failure.what)?;
        if let Some(fault) = out_of_date(&certificate, now) {
            return Err(format!("{}: {fault}", inner.files.certificate.display()));
        }
        check_secret_file(&inner.files.key).map_err(|fault| fault.to_string())?;
        [inner.operators.reload(), inner.clients.reload(), inner.towards_servers.reload()]
            .into_iter()
            .collect::<Result<(), _>>()
            .map_err(|fault| chain(&fault))?;
        Ok(certificate)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A certificate that nobody believes now is not taken for one that somebody may.
fn out_of_date(certificate: &PresentedCertificate, now: Timestamp) -> Option<String> {
    if certificate.not_after < now {
        return Some(format!("the certificate, serial {}, expired at {}", certificate.serial, certificate.not_after));
    }
    let begins = certificate.not_before;
    (begins > now).then(|| format!("the certificate, serial {}, is valid only from {begins} on", certificate.serial))
}

fn stamps(files: &TlsConfig) -> [Option<Stamp>; 2] {
    [&files.certificate, &files.key].map(|path| Stamp::of(path))
}

/// The first certificate of a file with what follows it, as the other side of a handshake gets it.
pub(crate) fn certificate(path: &Path) -> Result<PresentedCertificate, Failure> {
    let unfit = |what: String| {
        let next = "the file needs a certificate in PEM, then its chain";
        Failure::new(Exit::Usage, "file-unusable", format!("{}: {what}", path.display()), next)
    };
    let chain: Vec<CertificateDer<'_>> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| unfit(error.to_string()))?;
    pli_net::peer::presented(&chain).ok_or_else(|| unfit("no certificate that can be read".to_owned()))
}

#[expect(clippy::cast_precision_loss, reason = "a gauge; seconds are far below 2^52")]
fn tell(certificate: &PresentedCertificate) {
    metrics::gauge!(names::CERTIFICATE_ENDS_AT).set(certificate.not_after.as_second() as f64);
}
