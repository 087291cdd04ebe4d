//! Our own certificate and key: what is wrong with their files is said in words; a renewed one needs no restart.

use pli_net::{ClientTls, OwnCertificate, ServerTls, TlsConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::peers::connected;
use crate::support::trust::{Leaf, Trust};

/// The error is the same for both directions.
fn told(files: &TlsConfig) -> String {
    let server = ServerTls::operators(files).unwrap_err().to_string();
    assert_eq!(server, ClientTls::new(files).unwrap_err().to_string());
    server
}

#[test]
fn each_fault_of_the_files_is_named() {
    let trust = Trust::new();
    let good = trust.operator().files(trust.folder.path(), "good");
    let other = trust.operator().files(trust.folder.path(), "other");
    let missing = trust.path("missing.pem");
    let text = trust.write("text.pem", "just text");

    let cases = [
        (TlsConfig { certificate: missing.clone(), ..good.clone() }, "missing.pem: there is no such file"),
        (TlsConfig { key: missing, ..good.clone() }, "missing.pem: there is no such file"),
        (TlsConfig { certificate: text.clone(), ..good.clone() }, "text.pem: holds no certificate"),
        (TlsConfig { key: text, ..good.clone() }, "text.pem: holds no private key"),
        (TlsConfig { key: good.certificate.clone(), ..good.clone() }, "good.pem: holds no private key"),
        (TlsConfig { key: other.key, ..good }, "other.key: does not fit the first certificate of"),
    ];
    for (files, expected) in cases {
        let told = told(&files);
        assert!(told.contains(expected), "{told}");
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let trust = Trust::new();
    let folder = trust.folder.path();
    let files = Leaf::new("before.example").signed_by(&trust.organisations).files(folder, "own");
    let (server, client) = (ServerTls::operators(&files).unwrap(), ClientTls::new(&files).unwrap());
    let names = async || {
        let (near, far) = connected().await;
        let (ours, theirs) = tokio::join!(server.accept(near), client.connect("mx.example", far));
        [ours.unwrap().1, theirs.unwrap().1]
            .map(|facts| facts.certificate.unwrap().subject.value("CN").unwrap().to_owned())
    };
    assert_eq!(names().await, ["before.example", "before.example"]);

    let renewed = Leaf::new("after.example").signed_by(&trust.organisations);
    std::fs::write(&files.certificate, &renewed.pem).unwrap();
    assert!(server.reload().is_err(), "the key is still the old one");
    assert_eq!(names().await, ["before.example", "before.example"]);

    renewed.files(folder, "own");
    server.reload().unwrap();
    client.reload().unwrap();
    assert_eq!(names().await, ["after.example", "after.example"]);
}

#[tokio::test]
async fn one_handle_renews_all_and_no_open_connection_notices() {
    let trust = Trust::new();
    let folder = trust.folder.path();
    let files = Leaf::new("before.example").signed_by(&trust.organisations).files(folder, "own");
    let own = OwnCertificate::load(&files).unwrap();
    let listeners = [ServerTls::for_operators(&own).unwrap(), ServerTls::for_clients(&own, &trust.config()).unwrap()];
    let client = ClientTls::showing(&own).unwrap();
    let shake = async |server: &ServerTls| {
        let (near, far) = connected().await;
        let (ours, theirs) = tokio::join!(server.accept(near), client.connect("mx.example", far));
        (ours.unwrap(), theirs.unwrap())
    };
    let (mut open, mut other_end) = shake(&listeners[0]).await;
    assert!(!own.reload().unwrap(), "nothing has changed");

    Leaf::new("after.example").signed_by(&trust.organisations).files(folder, "own");
    assert!(own.reload().unwrap());
    assert_eq!(own.details().unwrap().subject.value("CN"), Some("after.example"));
    for listener in &listeners {
        let ((_, ours), (_, theirs)) = shake(listener).await;
        for facts in [ours, theirs] {
            assert_eq!(facts.certificate.unwrap().leaf, own.presented().unwrap().leaf);
        }
    }
    open.0.write_all(b"250 ok").await.unwrap();
    let mut said = [0; 6];
    other_end.0.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"250 ok");
}
