//! The closed list of suites and versions (R-SMTP-6, R-SMTP-7), as another TLS stack meets it.
//!
//! Without the `openssl` command these say so and pass.

use std::process::Stdio;

use pli_net::{NetError, ServerTls, TlsFacts};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::support::trust::{Leaf, Trust};

#[expect(clippy::print_stderr, reason = "a test passed over says so")]
fn skipped() {
    eprintln!("skipped: there is no openssl command here");
}

/// What our server learnt and what `openssl s_client` printed, or nothing if there is no such command.
async fn s_client(server: &ServerTls, arguments: &[&str]) -> Option<(Result<TlsFacts, NetError>, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address]).args(arguments);
    let Ok(child) = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
        skipped();
        return None;
    };
    let ours = async {
        let (stream, _) = listener.accept().await.unwrap();
        server.accept(stream).await.map(|(_, facts)| facts)
    };
    let (ours, output) = tokio::join!(ours, child.wait_with_output());
    let output = output.unwrap();
    let printed = [output.stdout, output.stderr].concat();
    Some((ours, String::from_utf8_lossy(&printed).into_owned()))
}

fn rsa_server(trust: &Trust) -> ServerTls {
    let own = Leaf::new("smtp.operator.example").rsa().signed_by(&trust.organisations);
    ServerTls::operators(&own.files(trust.folder.path(), "own")).unwrap()
}

#[tokio::test]
async fn the_two_gcm_suites_of_the_closed_list_work_with_an_rsa_key() {
    let server = rsa_server(&Trust::new());
    for (offered, expected) in [
        ("ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    ] {
        let Some((ours, printed)) = s_client(&server, &["-tls1_2", "-cipher", offered]).await else { return };
        let facts = ours.expect(&printed);
        assert_eq!((facts.version.as_str(), facts.cipher.as_str()), ("TLSv1.2", expected));
    }
}

#[tokio::test]
async fn tls_1_3_works() {
    let server = rsa_server(&Trust::new());
    let Some((ours, printed)) = s_client(&server, &["-tls1_3"]).await else { return };
    assert_eq!(ours.expect(&printed).version, "TLSv1.3");
}

#[tokio::test]
async fn cbc_rsa_key_exchange_and_older_versions_are_refused() {
    let server = rsa_server(&Trust::new());
    for refused in [
        ["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA384"],
        ["-tls1_2", "-cipher", "AES256-GCM-SHA384"],
        ["-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"],
        ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        ["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
    ] {
        let Some((ours, printed)) = s_client(&server, &refused).await else { return };
        assert!(matches!(ours, Err(NetError::Handshake(_))), "{refused:?}: {ours:?}\n{printed}");
        assert!(printed.contains("alert"), "{refused:?} is told why:\n{printed}");
    }
}

#[tokio::test]
async fn operators_are_asked_for_any_certificate_and_clients_for_one_of_organisations() {
    let trust = Trust::new();
    let files = Leaf::new("mx.example").rsa().signed_by(&trust.organisations).files(trust.folder.path(), "own");
    let operators = ServerTls::operators(&files).unwrap();
    let clients = ServerTls::clients(&files, &trust.config()).unwrap();
    for version in ["-tls1_2", "-tls1_3"] {
        let Some((ours, printed)) = s_client(&operators, &[version]).await else { return };
        ours.unwrap();
        assert!(printed.contains("No client certificate CA names sent"), "{printed}");
        assert!(printed.contains("Requested Signature Algorithms"), "a certificate is asked for:\n{printed}");

        let Some((ours, printed)) = s_client(&clients, &[version]).await else { return };
        ours.unwrap();
        let (_, hints) = printed.split_once("Acceptable client certificate CA names").expect(&printed);
        let (hints, _) = hints.split_once("Requested Signature Algorithms").expect(&printed);
        assert!(hints.contains("AC ORGANISATIONS") && !hints.contains("AC RACINE"), "{hints}");
    }
}
