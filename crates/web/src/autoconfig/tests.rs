//! What is answered to whom, and what is never told.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::*;

const THUNDERBIRD: &str = "/mail/config-v1.1.xml";
const WELL_KNOWN: &str = "/.well-known/autoconfig/mail/config-v1.1.xml";

fn door(protocol: MailProtocol, port: u16, starttls: bool) -> MailDoor {
    MailDoor { protocol, port, starttls }
}

fn known() -> Autoconfig {
    use MailProtocol::{Imap, Submission};
    Autoconfig {
        host: "mss.example.fr".to_owned(),
        domains: ["a.mssante.fr", "b.mssante.fr"].map(|name| Domain::parse(name).unwrap()).to_vec(),
        doors: vec![
            door(Imap, 993, false),
            door(Imap, 143, true),
            door(Submission, 465, false),
            door(Submission, 587, true),
        ],
        tokens: false,
    }
}

async fn ask_of(known: Autoconfig, request: Request<Body>) -> (StatusCode, String) {
    let context = WebContext { autoconfig: Arc::new(known), ..routes::tests::context(vec![]) };
    let response = TowerToHyperService::new(routes::router(context)).call(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn get_at(host: &str, path: &str) -> (StatusCode, String) {
    ask_of(known(), Request::get(path).header("Host", host).body(Body::empty()).unwrap()).await
}

async fn get(path: &str) -> (StatusCode, String) {
    get_at("10.0.0.1:8443", path).await
}

async fn post(path: &str, body: &str) -> (StatusCode, String) {
    ask_of(known(), Request::post(path).body(Body::from(body.to_owned())).unwrap()).await
}

fn outlook_asks(address: &str, schema: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/\
         autodiscover/outlook/requestschema/2006\"><Request><EMailAddress>{address}</EMailAddress>\
         <AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request></Autodiscover>"
    )
}

const OUTLOOK: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// The texts of these children, element by element.
fn table(document: &str, parent: &str, children: &[&str]) -> Vec<Vec<String>> {
    let document = roxmltree::Document::parse(document).unwrap();
    let parents = document.descendants().filter(|node| node.tag_name().name() == parent);
    let child = |node: roxmltree::Node<'_, '_>, name: &str| {
        let found = node.children().filter(|child| child.tag_name().name() == name);
        found.filter_map(|child| child.text()).collect::<Vec<_>>().join("+")
    };
    parents.map(|node| children.iter().map(|name| child(node, name)).collect()).collect()
}

#[tokio::test]
async fn thunderbird_is_told_each_door_the_best_first() {
    for path in [THUNDERBIRD, WELL_KNOWN] {
        let (status, body) = get(&format!("{path}?emailaddress=jean%40A.mssante.fr")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let columns = ["hostname", "port", "socketType", "authentication", "username"];
        let row = |port: &str, socket: &str| {
            ["mss.example.fr", port, socket, "password-cleartext", "%EMAILADDRESS%"].map(str::to_owned).to_vec()
        };
        assert_eq!(table(&body, "incomingServer", &columns), [row("993", "SSL"), row("143", "STARTTLS")]);
        assert_eq!(table(&body, "outgoingServer", &columns), [row("465", "SSL"), row("587", "STARTTLS")]);
        assert_eq!(table(&body, "emailProvider", &["domain"]), [["a.mssante.fr"]]);
        assert!(!body.contains("jean"), "the address is the program's own affair: {body}");
    }
}

#[tokio::test]
async fn tokens_are_named_where_they_are_taken() {
    let known = Autoconfig { tokens: true, ..known() };
    let path = format!("{THUNDERBIRD}?emailaddress=x@a.mssante.fr");
    let (_, body) = ask_of(known, Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(table(&body, "incomingServer", &["authentication"])[0], ["OAuth2+password-cleartext"]);
}

#[tokio::test]
async fn a_program_that_keeps_the_address_to_itself_is_known_by_where_it_asks() {
    for (host, path) in [
        ("autoconfig.b.mssante.fr", THUNDERBIRD),
        ("Autoconfig.B.mssante.fr:443", THUNDERBIRD),
        ("b.mssante.fr", WELL_KNOWN),
        ("autodiscover.b.mssante.fr", "/autodiscover/autodiscover.xml"),
    ] {
        let (status, body) = get_at(host, path).await;
        assert_eq!(status, StatusCode::OK, "{host}: {body}");
        assert!(body.contains("mss.example.fr") && !body.contains("LoginName"), "{body}");
    }
    assert_eq!(get_at("autoconfig.c.mssante.fr", THUNDERBIRD).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn outlook_is_told_each_door_and_the_name_to_sign_in_with() {
    for path in ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AUTODISCOVER/AutoDiscover.XML"] {
        let (status, body) = post(path, &outlook_asks("jean.d&apos;arc@b.mssante.fr", OUTLOOK)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let columns = ["Type", "Server", "Port", "Encryption", "LoginName", "SSL", "AuthRequired"];
        let row = |kind: &str, port: &str, encryption: &str| {
            [kind, "mss.example.fr", port, encryption, "jean.d'arc@b.mssante.fr", "on", "on"]
                .map(str::to_owned)
                .to_vec()
        };
        let expected = [
            row("IMAP", "993", "SSL"),
            row("IMAP", "143", "TLS"),
            row("SMTP", "465", "SSL"),
            row("SMTP", "587", "TLS"),
        ];
        assert_eq!(table(&body, "Protocol", &columns), expected);
    }
    let (status, body) = get("/autodiscover/autodiscover.xml?EmailAddress=x@a.mssante.fr").await;
    assert_eq!((status, body.contains("<LoginName>x@a.mssante.fr<")), (StatusCode::OK, true), "{body}");
}

#[tokio::test]
async fn a_domain_that_is_not_here_is_not_found_whatever_the_mailbox() {
    for address in
        ["x@c.mssante.fr", "x@a.mssante.fr.evil.fr", "x", "", "x@", "a.mssante.fr", "%zz@a.mssante.fr", "%ff@b"]
    {
        let (status, body) = get(&format!("{THUNDERBIRD}?emailaddress={address}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{address}: {body}");
        let (status, _) = get(&format!("/autodiscover/autodiscover.xml?emailaddress={address}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{address}");
    }
    assert_eq!(get(THUNDERBIRD).await.0, StatusCode::NOT_FOUND, "no address and no domain's own host");
    let (status, _) = post(OUTLOOK_PATH, &outlook_asks("x@c.mssante.fr", OUTLOOK)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let any = [
        get(&format!("{THUNDERBIRD}?emailaddress=one@a.mssante.fr")).await,
        get(&format!("{THUNDERBIRD}?emailaddress=two@a.mssante.fr")).await,
    ];
    assert_eq!(any[0], any[1], "the answer tells of no mailbox");
}

#[tokio::test]
async fn what_is_no_question_of_outlooks_gets_no_answer() {
    let bomb =
        "<!DOCTYPE x [<!ENTITY a \"x@a.mssante.fr\">]><Autodiscover><EMailAddress>&a;</EMailAddress></Autodiscover>";
    let telephone = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";
    for body in [
        "",
        "<",
        "x@a.mssante.fr",
        "<a/>",
        bomb,
        &outlook_asks("", OUTLOOK),
        &outlook_asks("x@a.mssante.fr", telephone),
    ] {
        assert_eq!(post(OUTLOOK_PATH, body).await.0, StatusCode::BAD_REQUEST, "{body}");
    }
    let huge = outlook_asks(&format!("{}@a.mssante.fr", "x".repeat(1 << 20)), OUTLOOK);
    assert_eq!(post(OUTLOOK_PATH, &huge).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let put = Request::put(OUTLOOK_PATH).body(Body::empty()).unwrap();
    assert_eq!(ask_of(known(), put).await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(post(THUNDERBIRD, "").await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_node_without_doors_for_programs_tells_nothing() {
    let shut = Autoconfig { doors: vec![], ..known() };
    let path = format!("{THUNDERBIRD}?emailaddress=x@a.mssante.fr");
    let asked = ask_of(shut, Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(asked.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_comes_from_outside_is_text_and_never_markup() {
    let quoted = "%22%3C/LoginName%3E%3Cx%3E%22@a.mssante.fr";
    let (status, body) = get(&format!("/autodiscover/autodiscover.xml?emailaddress={quoted}")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(table(&body, "Protocol", &["LoginName"])[0], ["\"</LoginName><x>\"@a.mssante.fr"]);
}
