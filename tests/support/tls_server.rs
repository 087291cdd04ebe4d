//! What the servers that tests play have in common: a listener with a thread a connection, and TLS.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// TLS as any server has it, with this certificate; no client certificate is asked for.
pub fn config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_no_client_auth().with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?))
}

/// A listener that serves each connection in a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    /// Closed at the end: a client may keep one for its next message.
    open: Arc<Mutex<Vec<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Begins.
    pub fn on(listener: TcpListener, serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Result<Self> {
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let open = Arc::<Mutex<Vec<TcpStream>>>::default();
        let (ended_here, open_here, serve) = (Arc::clone(&ended), Arc::clone(&open), Arc::new(serve));
        let thread = std::thread::spawn(move || {
            for socket in listener.incoming() {
                if ended_here.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(socket) = socket else { continue };
                socket.set_read_timeout(Some(Duration::from_mins(1))).ok();
                let Ok(closing) = socket.try_clone() else { continue };
                open_here.lock().unwrap_or_else(PoisonError::into_inner).extend(socket.try_clone());
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || {
                    serve(socket);
                    // Another copy of the socket would keep the connection open: a client would wait for who has hung up.
                    closing.shutdown(Shutdown::Both).ok();
                });
            }
        });
        Ok(Self { address, ended, open, thread: Some(thread) })
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Wakes the listener, which then goes.
        TcpStream::connect(self.address).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
        for socket in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            socket.shutdown(Shutdown::Both).ok();
        }
    }
}
