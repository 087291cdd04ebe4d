//! The lists as a relay fetches them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use super::*;
use crate::crl::Revoked;
use crate::pki::TestPki;
use crate::ports::Reserved;

fn now() -> Timestamp {
    "2026-03-14T09:00:00Z".parse().unwrap()
}

/// A running server, and the folder that it serves from.
struct Stage {
    dir: tempfile::TempDir,
    pki: TestPki,
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl Stage {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = Reserved::default().take().unwrap();
        let pki = TestPki::generate_with_lists_at(&url(port), now()).unwrap();
        pki.write(&dir.path().join("pki")).unwrap();
        let manifest = Manifest { crl_url: Some(url(port)), ..Manifest::empty() };
        let mut server = JoinSet::new();
        let bound = CrlServer::bind(dir.path(), &manifest).await.unwrap().unwrap();
        let address = bound.listener.local_addr().unwrap();
        server.spawn(bound.serve());
        let stage = Self { dir, pki, address, _server: server };
        stage.publish(&[]);
        stage
    }

    fn publish(&self, revoked: &[Revoked]) {
        self.replace(&self.pki.revocation_lists(revoked, now()).unwrap());
    }

    fn replace(&self, text: &str) {
        files::write(&self.dir.path().join("pki/crl.pem"), text).unwrap();
    }

    /// Head and body of the answer.
    async fn ask(&self, request: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let body = answer.split_off(end + 4);
        (String::from_utf8(answer).unwrap().to_ascii_lowercase(), body)
    }

    async fn get(&self, path: &str, headers: &str) -> (String, Vec<u8>) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")).await
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap()
}

#[tokio::test]
async fn each_authority_has_its_own_list_where_its_certificates_say() {
    let stage = Stage::new().await;
    for (name, authority) in
        [("root", &stage.pki.root), ("organisations", &stage.pki.organisations), ("personnes", &stage.pki.people)]
    {
        let (head, body) = stage.get(&format!("/crl/{name}.crl"), "").await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert_eq!(header(&head, "content-type"), "application/pkix-crl");
        let (rest, list) = CertificateRevocationList::from_der(&body).unwrap();
        assert!(rest.is_empty());
        assert_eq!(list.issuer().as_raw(), authority.name_der().unwrap(), "{name}");
    }
}

#[tokio::test]
async fn a_list_is_published_by_replacing_the_file() {
    let stage = Stage::new().await;
    let entry = Revoked { issuer: stage.pki.organisations.name_der().unwrap(), serial: vec![0x51, 7], since: now() };
    let serials = |body: &[u8]| {
        let (_, list) = CertificateRevocationList::from_der(body).unwrap();
        list.iter_revoked_certificates().map(|entry| entry.raw_serial().to_vec()).collect::<Vec<_>>()
    };
    let (_, before) = stage.get("/crl/organisations.crl", "").await;
    stage.publish(&[entry]);
    let (_, after) = stage.get("/crl/organisations.crl", "").await;
    assert_eq!((serials(&before), serials(&after)), (vec![], vec![vec![0x51, 7]]));
}

#[tokio::test]
async fn who_has_the_list_already_is_not_sent_it_again() {
    let stage = Stage::new().await;
    let (head, _) = stage.get("/crl/root.crl", "").await;
    let (tag, date) = (header(&head, "etag").to_owned(), header(&head, "last-modified").to_owned());
    let by_tag = format!("If-None-Match: \"other\", W/{tag}\r\n");
    let by_date = format!("If-Modified-Since: {date}\r\n");
    for known in [by_tag.as_str(), &by_date] {
        let (head, body) = stage.get("/crl/root.crl", known).await;
        assert!(head.starts_with("http/1.1 304"), "{known}: {head}");
        assert_eq!((header(&head, "etag"), body.len()), (tag.as_str(), 0));
    }
    // The tag speaks for itself: two lists may be of one second.
    for unknown in [&format!("If-None-Match: \"other\"\r\n{by_date}"), "If-Modified-Since: yesterday\r\n"] {
        let (head, body) = stage.get("/crl/root.crl", unknown).await;
        assert!(head.starts_with("http/1.1 200") && !body.is_empty(), "{unknown}: {head}");
    }
}

#[tokio::test]
async fn nothing_else_is_served_and_no_fault_of_the_file_ends_the_server() {
    let stage = Stage::new().await;
    for path in ["/", "/crl/root.key", "/crl/../pki/root.key", "/crl/root.crl/"] {
        assert!(stage.get(path, "").await.0.starts_with("http/1.1 404"), "{path}");
    }
    let (head, _) = stage.ask("POST /crl/root.crl HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await;
    assert!(head.starts_with("http/1.1 405") && head.contains("allow: get, head"), "{head}");
    let (head, body) = stage.ask("HEAD /crl/root.crl HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(head.starts_with("http/1.1 200") && body.is_empty(), "{head}");

    stage.replace("");
    assert!(stage.get("/crl/root.crl", "").await.0.starts_with("http/1.1 404"));
    stage.replace("-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n");
    assert!(stage.get("/crl/root.crl", "").await.0.starts_with("http/1.1 500"));
    std::fs::remove_file(stage.dir.path().join("pki/crl.pem")).unwrap();
    assert!(stage.get("/crl/root.crl", "").await.0.starts_with("http/1.1 500"));
    stage.publish(&[]);
    assert!(stage.get("/crl/root.crl", "").await.0.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn a_port_that_somebody_else_has_is_told_as_such() {
    let stage = Stage::new().await;
    let manifest = Manifest { crl_url: Some(url(stage.address.port())), ..Manifest::empty() };
    let error = CrlServer::bind(stage.dir.path(), &manifest).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(Fault::Taken(_))), "{error:#}");
}

#[tokio::test]
async fn a_sandbox_of_an_earlier_version_serves_no_lists() {
    let dir = tempfile::tempdir().unwrap();
    assert!(CrlServer::bind(dir.path(), &Manifest::empty()).await.unwrap().is_none());
}
