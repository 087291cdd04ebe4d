//! A socket, in clear or under TLS, read line by line.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// One connection.
pub struct Wire {
    stream: Option<Stream>,
    pending: Vec<u8>,
}

/// What a client shows, and whom it trusts.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// PEM file with the anchors.
    pub ca: &'a Path,
    /// PEM files with our certificate and its key.
    pub client: Option<(&'a Path, &'a Path)>,
}

impl Wire {
    /// Connects on loopback.
    pub fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).with_context(|| format!("connecting to port {port}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        stream.set_write_timeout(Some(Duration::from_mins(1)))?;
        Ok(Self { stream: Some(Stream::Clear(stream)), pending: Vec::new() })
    }

    /// Goes over to TLS. The server's certificate must hold for `localhost`.
    pub fn start_tls(&mut self, identity: Identity<'_>) -> Result<()> {
        let Some(Stream::Clear(socket)) = self.stream.take() else { bail!("under TLS already") };
        let connection = ClientConnection::new(Arc::new(client_config(identity)?), ServerName::try_from("localhost")?)?;
        let mut tls = StreamOwned::new(connection, socket);
        tls.conn.complete_io(&mut tls.sock).context("the TLS handshake")?;
        self.stream = Some(Stream::Tls(Box::new(tls)));
        Ok(())
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        match self.stream.as_mut().context("closed")? {
            Stream::Clear(stream) => stream.write_all(bytes)?,
            Stream::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()?;
            }
        }
        Ok(())
    }

    /// The next line, without its CRLF. An error at the end of the stream.
    pub fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.pending.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.pending.drain(..end + 2).take(end).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            self.fill()?;
        }
    }

    /// Exactly this many bytes.
    pub fn exactly(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.pending.len() < length {
            self.fill()?;
        }
        Ok(self.pending.drain(..length).collect())
    }

    /// Everything up to the end of the stream.
    pub fn to_end(&mut self) -> String {
        while self.fill().is_ok() {}
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }

    /// Has the other side closed? Waits for it, and fails if it speaks instead.
    pub fn expect_end(&mut self) -> Result<()> {
        match self.fill() {
            Err(_) => Ok(()),
            Ok(()) => bail!("the connection goes on: {:?}", String::from_utf8_lossy(&self.pending)),
        }
    }

    /// The raw socket, in clear or below TLS.
    pub fn socket(&self) -> Result<&TcpStream> {
        match self.stream.as_ref().context("closed")? {
            Stream::Clear(stream) => Ok(stream),
            Stream::Tls(stream) => Ok(&stream.sock),
        }
    }

    /// Cuts the connection, without a goodbye.
    pub fn cut(self) -> Result<()> {
        self.socket()?.shutdown(Shutdown::Both)?;
        Ok(())
    }

    fn fill(&mut self) -> Result<()> {
        let mut buffer = [0; 16 * 1024];
        let count = match self.stream.as_mut().context("closed")? {
            Stream::Clear(stream) => stream.read(&mut buffer)?,
            Stream::Tls(stream) => stream.read(&mut buffer)?,
        };
        if count == 0 {
            bail!("the other side closed the connection");
        }
        self.pending.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(())
    }
}

fn client_config(identity: Identity<'_>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(identity.ca).context("reading the CA file")? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_root_certificates(roots);
    Ok(match identity.client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?
        }
    })
}
