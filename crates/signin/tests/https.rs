//! The way to an issuer, over real HTTPS: its servers must have a certificate of the configured authority.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use pli_signin::{PscConfig, TokenFault, TokenSignIn};
use pli_types::{Clock as _, Secret, SystemClock};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use support::{RPPS, SigningKey};

/// An issuer on a port of this machine, until its test's runtime ends.
struct Published {
    folder: TempDir,
    issuer: String,
    key: SigningKey,
}

impl Published {
    async fn open() -> Self {
        let (folder, key) = (tempfile::tempdir().unwrap(), SigningKey::p256("key-1"));
        let authority = authority();
        std::fs::write(folder.path().join("anchors.pem"), authority.pem()).unwrap();
        std::fs::write(folder.path().join("others.pem"), self::authority().pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("https://localhost:{}/realm", listener.local_addr().unwrap().port());
        let acceptor = TlsAcceptor::from(Arc::new(server(&authority)));
        let discovery = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/certs")});
        let keys = json!({"keys": [key.public()]});
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not believe us hangs up.
                drop(answer(&acceptor, stream, &discovery, &keys).await);
            }
        });
        Self { folder, issuer, key }
    }

    fn config(&self, anchors: &str) -> PscConfig {
        let anchors: PathBuf = self.folder.path().join(anchors);
        PscConfig { issuer: self.issuer.clone(), anchors, ..support::config() }
    }

    async fn show(&self, config: &PscConfig) -> Result<String, TokenFault> {
        let mut claims = support::claims(SystemClock.now().as_second());
        claims["iss"] = json!(self.issuer);
        let token = Secret::new(self.key.sign(&claims));
        let door = TokenSignIn::new(config, None, Arc::new(SystemClock)).unwrap();
        door.judge(&token, None).await.map(|holder| holder.rpps.to_string())
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

fn server(authority: &CertifiedIssuer<'_, KeyPair>) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap()
}

async fn answer(acceptor: &TlsAcceptor, stream: TcpStream, discovery: &Value, keys: &Value) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let body = match String::from_utf8_lossy(&request).split(' ').nth(1) {
        Some("/realm/.well-known/openid-configuration") => discovery.to_string(),
        Some("/realm/certs") => keys.to_string(),
        _ => return Ok(()),
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await
}

#[tokio::test]
async fn keys_come_over_https_from_the_configured_authority() {
    let published = Published::open().await;
    assert_eq!(published.show(&published.config("anchors.pem")).await, Ok(RPPS.to_owned()));
}

#[tokio::test]
async fn an_issuer_of_another_authority_is_not_asked_for_keys() {
    let published = Published::open().await;
    assert_eq!(published.show(&published.config("others.pem")).await, Err(TokenFault::KeysUnavailable));
}

#[test]
fn a_file_without_anchors_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = PscConfig { anchors: folder.path().join("none.pem"), ..support::config() };
    assert!(TokenSignIn::new(&config, None, Arc::new(SystemClock)).is_err());
}
