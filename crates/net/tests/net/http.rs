//! Fetching over HTTP: each fault of a server has its own name, and none costs more than was set.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use pli_net::{FetchLimits, Fetched, HttpClient, HttpFault, HttpRequest, Validators};
use pli_types::{ManualClock, Secret};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;

use crate::support::publisher::{Does, Publisher};
use crate::support::trust::key;

const ROOMY: FetchLimits = FetchLimits { bytes: 10_000, total: Duration::from_mins(1) };
/// For servers that never end.
const HASTY: FetchLimits = FetchLimits { bytes: 1_000_000, total: Duration::from_millis(200) };

async fn get(client: &HttpClient, url: &str, limits: FetchLimits) -> Result<Fetched, HttpFault> {
    client.get(url, &Validators::default(), &limits).await
}

#[tokio::test]
async fn a_document_that_has_not_changed_is_not_sent_again() {
    let publisher = Publisher::start();
    publisher.does("/list", Does::Serve(b"one".to_vec()));
    let (client, url) = (HttpClient::plain().unwrap(), publisher.url("/list"));
    let Fetched::Body { bytes, validators } = get(&client, &url, ROOMY).await.unwrap() else { panic!("no body") };
    assert_eq!(bytes, b"one");
    assert_eq!(client.get(&url, &validators, &ROOMY).await, Ok(Fetched::NotModified));

    publisher.does("/list", Does::Serve(b"two".to_vec()));
    let Ok(Fetched::Body { bytes, .. }) = client.get(&url, &validators, &ROOMY).await else { panic!("no body") };
    assert_eq!(bytes, b"two");
}

#[tokio::test]
async fn a_server_that_is_down_is_unreachable() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fault = get(&HttpClient::plain().unwrap(), &format!("http://{address}/"), ROOMY).await.unwrap_err();
    assert!(matches!(fault, HttpFault::Unreachable(_)), "{fault:?}");
}

#[tokio::test]
async fn a_document_over_the_limit_is_never_taken_whole() {
    let publisher = Publisher::start();
    let client = HttpClient::plain().unwrap();
    publisher.does("/at", Does::Serve(vec![b'.'; 10_000]));
    publisher.does("/over", Does::Serve(vec![b'.'; 10_001]));
    publisher.does("/flood", Does::Flood);
    assert!(get(&client, &publisher.url("/at"), ROOMY).await.is_ok());
    for (path, size) in [("/over", Some(10_001)), ("/flood", None)] {
        let fault = HttpFault::TooLarge { limit: 10_000, size };
        assert_eq!(get(&client, &publisher.url(path), ROOMY).await, Err(fault), "{path}");
    }
}

#[tokio::test]
async fn a_server_that_drips_or_says_nothing_is_left_when_the_time_is_over() {
    let publisher = Publisher::start();
    let client = HttpClient::plain().unwrap();
    publisher.does("/drip", Does::Drip);
    publisher.does("/silence", Does::Silence);
    for path in ["/drip", "/silence"] {
        assert_eq!(get(&client, &publisher.url(path), HASTY).await, Err(HttpFault::TooSlow), "{path}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_document_is_told_and_nothing_is_followed() {
    let publisher = Publisher::start();
    let client = HttpClient::plain().unwrap();
    publisher.does("/target", Does::Serve(b"never".to_vec()));
    let moved = format!("HTTP/1.1 301 Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", publisher.url("/target"));
    publisher.does("/moved", Does::Say(moved.into_bytes()));
    publisher.does("/unasked", Does::Say(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()));
    publisher.does("/part", Does::Say(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\n.".to_vec()));
    publisher.does("/garbage", Does::Say(b"220 mail.example ESMTP\r\n".to_vec()));
    for (path, told) in [
        ("/none", "404 Not Found"),
        ("/moved", "301 Moved Permanently: redirects are not followed"),
        ("/unasked", "304 Not Modified"),
        ("/part", "206 Partial Content"),
        ("/garbage", "something that is no good HTTP"),
    ] {
        let fault = get(&client, &publisher.url(path), ROOMY).await.unwrap_err();
        assert!(matches!(&fault, HttpFault::Answer(what) if what.contains(told)), "{path}: {fault:?}");
    }
    assert_eq!(publisher.asked("/target"), 0);
}

#[tokio::test]
async fn a_document_cut_off_in_the_middle_is_never_taken_for_the_whole() {
    let publisher = Publisher::start();
    publisher.does("/cut", Does::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec()));
    publisher.does("/head", Does::Say(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()));
    let client = HttpClient::plain().unwrap();
    for (path, told) in [("/cut", "after 4 of 100 bytes"), ("/head", "in its head")] {
        let fault = get(&client, &publisher.url(path), ROOMY).await.unwrap_err();
        assert_eq!(fault, HttpFault::Answer(format!("the answer was cut short {told}")), "{path}");
    }
}

/// Without `close_notify`, anyone on the way may have ended it (RFC 8446 §6.1).
#[tokio::test]
async fn an_answer_whose_tls_ends_without_a_word_is_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let anchors = folder.path().join("anchors.pem");
    let publisher = behind_tls(&anchors, |_| {});
    publisher.does("/cut", Does::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec()));
    publisher.does("/endless", Does::Say(b"HTTP/1.1 200 OK\r\n\r\nhalf".to_vec()));
    publisher.does("/head", Does::Say(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()));
    let client = HttpClient::trusting(&anchors).unwrap();
    for (path, told) in [("/cut", "after 4 of 100 bytes"), ("/endless", "after 4 bytes"), ("/head", "in its head")] {
        let fault = get(&client, &publisher.url(path), ROOMY).await.unwrap_err();
        assert_eq!(fault, HttpFault::Answer(format!("the answer was cut short {told}")), "{path}");
    }
}

#[tokio::test]
async fn a_request_is_sent_as_it_is_and_any_status_is_an_answer() {
    let publisher = Publisher::start();
    publisher.does("/echo?a=b%7Cc", Does::Echo);
    let client = HttpClient::plain().unwrap();
    let (url, key) = (publisher.url("/echo?a=b%7Cc"), Secret::new("s3cret".to_owned()));
    let request = HttpRequest {
        method: "PATCH",
        url: &url,
        headers: &[("Content-Type", "application/fhir+json")],
        secret: Some(("ESANTE-API-KEY", &key)),
        body: Some(b"{}"),
    };
    let answer = client.exchange(&request, &ROOMY).await.unwrap();
    assert_eq!((answer.status, answer.retry_after), (422, Some(Duration::from_mins(2))));
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.starts_with("PATCH /echo?a=b%7Cc HTTP/1.1\r\n") && text.ends_with("\r\n\r\n{}"), "{text}");
    for header in ["content-type: application/fhir+json", "esante-api-key: s3cret"] {
        assert!(text.contains(&format!("\r\n{header}\r\n")), "{text}");
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_sent_is_not_told() {
    let key = Secret::new("s3cret\nX-Other: 1".to_owned());
    let request = HttpRequest {
        method: "GET",
        url: "http://127.0.0.1:1/",
        headers: &[],
        secret: Some(("ESANTE-API-KEY", &key)),
        body: None,
    };
    let fault = HttpClient::plain().unwrap().exchange(&request, &ROOMY).await.unwrap_err();
    assert!(!format!("{request:?} {fault:?}").contains("s3cret"), "{fault}");
}

#[tokio::test]
async fn an_answer_of_any_kind_is_bounded() {
    let publisher = Publisher::start();
    let client = HttpClient::plain().unwrap();
    publisher.does("/flood", Does::Flood);
    publisher.does("/drip", Does::Drip);
    publisher
        .does("/moved", Does::Say(b"HTTP/1.1 302 Found\r\nLocation: /flood\r\nContent-Length: 0\r\n\r\n".to_vec()));
    let ask = async |path: &str, limits: &FetchLimits| {
        let url = publisher.url(path);
        let request = HttpRequest { method: "GET", url: &url, headers: &[], secret: None, body: None };
        client.exchange(&request, limits).await
    };
    assert_eq!(ask("/flood", &ROOMY).await, Err(HttpFault::TooLarge { limit: 10_000, size: None }));
    assert_eq!(ask("/drip", &HASTY).await, Err(HttpFault::TooSlow));
    assert_eq!(ask("/moved", &ROOMY).await.unwrap().status, 302);
    assert_eq!(publisher.asked("/flood"), 1, "no redirect is followed");
}

/// A publisher behind TLS; the anchor that it chains to is written to `anchors`.
fn behind_tls(anchors: &Path, change: impl FnOnce(&mut CertificateParams)) -> Publisher {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, key()).unwrap();
    std::fs::write(anchors, authority.pem()).unwrap();

    let own = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&own, &authority).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(own.serialize_der().into()))
        .unwrap();
    let publisher = Publisher::with_tls(config);
    publisher.does("/list", Does::Serve(b"the list".to_vec()));
    publisher
}

#[tokio::test]
async fn a_publisher_is_believed_by_the_configured_anchor_only() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, others) = (folder.path().join("ours.pem"), folder.path().join("others.pem"));
    let publisher = behind_tls(&ours, |_| {});
    let client = HttpClient::trusting(&ours).unwrap();
    assert!(matches!(get(&client, &publisher.url("/list"), ROOMY).await, Ok(Fetched::Body { .. })));

    let _other = behind_tls(&others, |_| {});
    let stranger = HttpClient::trusting(&others).unwrap();
    let fault = get(&stranger, &publisher.url("/list"), ROOMY).await.unwrap_err();
    assert!(matches!(&fault, HttpFault::Untrusted(what) if what.starts_with("its issuer is ")), "{fault:?}");
    assert_eq!(publisher.asked("/list"), 1, "the stranger never got to ask");
}

#[tokio::test]
async fn a_publisher_under_another_name_or_past_its_end_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let anchors = folder.path().join("anchors.pem");
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2001, 1, 1);
    let elsewhere = |params: &mut CertificateParams| {
        params.subject_alt_names = CertificateParams::new(["elsewhere.example".to_owned()]).unwrap().subject_alt_names;
    };
    for (change, told) in [
        (&expired as &dyn Fn(&mut _), "it expired on 2001-01-01T00:00:00Z"),
        (&elsewhere, "it is for elsewhere.example, not for 127.0.0.1"),
    ] {
        let publisher = behind_tls(&anchors, change);
        let client = HttpClient::trusting(&anchors).unwrap();
        let fault = get(&client, &publisher.url("/list"), ROOMY).await.unwrap_err();
        assert!(matches!(&fault, HttpFault::Untrusted(what) if what.contains(told)), "{fault:?}");
        assert_eq!(publisher.asked("/list"), 0);
    }
}

#[tokio::test]
async fn a_publishers_dates_are_held_against_the_clock_that_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let anchors = folder.path().join("anchors.pem");
    let publisher = behind_tls(&anchors, |params| params.not_after = date_time_ymd(2001, 1, 1));
    let at = |instant: &str| Arc::new(ManualClock::new(instant.parse().unwrap()));
    let client = HttpClient::trusting_at(&anchors, at("2000-12-31T00:00:00Z")).unwrap();
    assert!(matches!(get(&client, &publisher.url("/list"), ROOMY).await, Ok(Fetched::Body { .. })));
    let client = HttpClient::trusting_at(&anchors, at("2001-01-02T00:00:00Z")).unwrap();
    assert!(matches!(get(&client, &publisher.url("/list"), ROOMY).await, Err(HttpFault::Untrusted(_))));
}

#[tokio::test]
async fn each_client_asks_its_own_scheme_only() {
    let folder = tempfile::tempdir().unwrap();
    let anchors = folder.path().join("anchors.pem");
    let (plain, secret) = (Publisher::start(), behind_tls(&anchors, |_| {}));
    plain.does("/list", Does::Serve(b"the list".to_vec()));
    assert!(get(&HttpClient::plain().unwrap(), &secret.url("/list"), ROOMY).await.is_err());
    assert!(get(&HttpClient::trusting(&anchors).unwrap(), &plain.url("/list"), ROOMY).await.is_err());
    assert_eq!((plain.asked("/list"), secret.asked("/list")), (0, 0));
}

/// Says to this very test, run again as a process of its own, where the document is.
const DOCUMENT: &str = "PLI_TEST_DOCUMENT";

#[tokio::test]
async fn a_proxy_in_the_environment_is_not_asked() {
    if let Ok(url) = std::env::var(DOCUMENT) {
        get(&HttpClient::plain().unwrap(), &url, ROOMY).await.unwrap();
        return;
    }
    let (publisher, proxy) = (Publisher::start(), Publisher::start());
    publisher.does("/list", Does::Serve(b"the list".to_vec()));
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "http::a_proxy_in_the_environment_is_not_asked"]).env(DOCUMENT, publisher.url("/list"));
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        again.env(name, format!("http://{}", proxy.address()));
    }
    let ended = again.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    assert_eq!(publisher.asked("/list"), 1);
}
