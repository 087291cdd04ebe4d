//! A double of the state's health directory: over HTTPS, what its public guides say it answers, as far as Pli asks, and
//! the patches that they describe. It is nobody's software but these tests', and proves nothing of the state's own.
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use pli_net::{ServerTls, TlsConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::node::{Operator, read};

const METADATA: &str =
    "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata";

/// What it has, and what it was asked.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) resources: Vec<Value>,
    /// Answers to give instead of its own, the next one first: status, headers, body.
    pub(crate) instead: VecDeque<(u16, String, String)>,
    /// Methods and targets, in order.
    pub(crate) asked: Vec<String>,
    /// The bodies of the patches.
    pub(crate) patches: Vec<Value>,
    /// Keys that were shown.
    pub(crate) keys: Vec<String>,
    /// How many are on a page; 0: all.
    pub(crate) page: usize,
}

#[derive(Clone)]
pub(crate) struct Double {
    pub(crate) held: Arc<Mutex<Held>>,
    port: u16,
}

impl Double {
    /// Answers with the operator's own certificate, which the trust space's root vouches for, and stands in his
    /// configuration.
    pub(crate) async fn start(operator: &Operator, publish: &str) -> Self {
        let tls =
            TlsConfig { certificate: operator.path("pro/tls/server.pem"), key: operator.path("pro/tls/server.key") };
        let tls = ServerTls::operators(&tls).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let double = Self { held: Arc::default(), port: listener.local_addr().unwrap().port() };
        let (held, port) = (Arc::clone(&double.held), double.port);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok((mut stream, _)) = tls.accept(stream).await {
                    serve(&mut stream, &held, port).await;
                }
            }
        });
        double.configure(operator, publish);
        double
    }

    pub(crate) fn configure(&self, operator: &Operator, publish: &str) {
        let key = operator.put("pro/annuaire.key", "k-3y\n");
        std::fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut config: toml::Table = read(&operator.path("pro/pli.toml")).parse().unwrap();
        let text = format!(
            "base = \"https://localhost:{}/fhir/v2\"\napi_key = \"annuaire.key\"\nanchors = \"../pki/root.pem\"\n\
             publish = \"{publish}\"",
            self.port
        );
        config.insert("annuaire".to_owned(), text.parse::<toml::Table>().unwrap().into());
        operator.replace("pro/pli.toml", &config.to_string());
    }

    /// A resource with these national numbers (`system|value`) and no mailbox.
    pub(crate) fn add(&self, kind: &str, id: &str, numbers: &[&str]) {
        let numbers = numbers.iter().map(|number| number.split_once('|').unwrap());
        let numbers: Vec<Value> = numbers.map(|(system, value)| json!({"system": system, "value": value})).collect();
        let resource = json!({"resourceType": kind, "id": id, "identifier": numbers, "telecom": []});
        self.held.lock().unwrap().resources.push(resource);
    }

    /// The addresses of a resource's mailboxes.
    pub(crate) fn addresses(&self, id: &str) -> Vec<String> {
        let held = self.held.lock().unwrap();
        let one = held.resources.iter().find(|one| one["id"] == id).unwrap();
        one["telecom"].as_array().unwrap().iter().map(|point| point["value"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn instead(&self, status: u16, headers: &str, body: &str) {
        self.held.lock().unwrap().instead.push_back((status, headers.to_owned(), body.to_owned()));
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.held.lock().unwrap().asked)
    }

    pub(crate) fn patches(&self) -> Vec<Value> {
        std::mem::take(&mut self.held.lock().unwrap().patches)
    }
}

async fn serve(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), held: &Mutex<Held>, port: u16) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        request.push(byte);
    }
    let request = String::from_utf8(request).unwrap();
    let header = |name: &str| {
        let found =
            request.lines().filter_map(|line| line.split_once(": ")).find(|(one, _)| one.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let (status, headers, answer) = {
        let mut held = held.lock().unwrap();
        let mut words = request.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        held.asked.push(format!("{method} {target}"));
        held.keys.push(header("esante-api-key").unwrap_or_default());
        match held.instead.pop_front() {
            Some(answer) => answer,
            None => held.answer(method, target, &body, port),
        }
    };
    let length = answer.len();
    let reply =
        format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{answer}");
    stream.write_all(reply.as_bytes()).await.ok();
    stream.shutdown().await.ok();
}

impl Held {
    fn answer(&mut self, method: &str, target: &str, body: &[u8], port: u16) -> (u16, String, String) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.strip_prefix("/fhir/v2/").unwrap_or_default();
        let query: Vec<(String, String)> =
            query.split('&').filter_map(|pair| pair.split_once('=')).map(|(a, b)| (decoded(a), decoded(b))).collect();
        let (kind, id) = path.split_once('/').unwrap_or((path, ""));
        let fits: Vec<usize> = (0..self.resources.len())
            .filter(|place| {
                let one = &self.resources[*place];
                one["resourceType"] == kind
                    && (id.is_empty() || one["id"] == id)
                    && query.iter().all(|pair| fits(one, pair))
            })
            .collect();
        match (method, fits.as_slice()) {
            ("PATCH", [place]) => {
                let orders: Value = serde_json::from_slice(body).unwrap();
                self.patches.push(orders.clone());
                for operation in orders["parameter"].as_array().unwrap() {
                    apply(&mut self.resources[*place], operation);
                }
                (200, String::new(), self.resources[*place].to_string())
            }
            ("PATCH", []) => (404, String::new(), outcome("not-found")),
            ("PATCH", _) => (412, String::new(), outcome("multiple-matches")),
            _ => {
                let from: usize =
                    query.iter().find(|(name, _)| name == "_offset").map_or(0, |(_, value)| value.parse().unwrap());
                let size = if self.page == 0 { usize::MAX } else { self.page };
                let page: Vec<Value> = fits
                    .iter()
                    .skip(from)
                    .take(size)
                    .map(|place| json!({"resource": self.resources[*place]}))
                    .collect();
                let mut bundle =
                    json!({"resourceType": "Bundle", "type": "searchset", "total": fits.len(), "entry": page});
                if fits.len().saturating_sub(from) > size {
                    let rest: Vec<&str> = target.split('&').filter(|pair| !pair.starts_with("_offset=")).collect();
                    let url = format!("https://localhost:{port}{}&_offset={}", rest.join("&"), from + size);
                    bundle["link"] = json!([{"relation": "next", "url": url}]);
                }
                (200, String::new(), bundle.to_string())
            }
        }
    }
}

pub(crate) fn outcome(code: &str) -> String {
    json!({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": code, "diagnostics": "HAPI-0: x"}]})
        .to_string()
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).unwrap()
}

fn fits(one: &Value, (name, value): &(String, String)) -> bool {
    let values = || one["telecom"].as_array().unwrap().iter().filter_map(|point| point["value"].as_str());
    match name.as_str() {
        "identifier" => {
            let (system, value) = value.split_once('|').unwrap();
            one["identifier"].as_array().unwrap().iter().any(|one| one["system"] == system && one["value"] == value)
        }
        "mailbox-mss:exact" => values().any(|one| one == value),
        "mailbox-mss:contains" => values().any(|one| one.contains(value.as_str())),
        "practitioner" | "organization" => {
            one[name]["reference"].as_str().is_some_and(|one| one.ends_with(&format!("/{value}")))
        }
        "_count" | "_elements" | "_revinclude" | "_offset" | "active" => true,
        _ => panic!("the directory has no parameter {name}"),
    }
}

/// The few paths that are sent.
fn apply(resource: &mut Value, operation: &Value) {
    let part = |name: &str| operation["part"].as_array().unwrap().iter().find(|part| part["name"] == name);
    let kind = part("type").unwrap()["valueCode"].as_str().unwrap();
    let path = part("path").unwrap()["valueString"].as_str().unwrap();
    let value = part("value").map(|part| {
        let (_, value) = part.as_object().unwrap().iter().find(|(name, _)| name.starts_with("value")).unwrap();
        value.clone()
    });
    let telecom = resource["telecom"].as_array_mut().unwrap();
    let (_, rest) = path.split_once(".telecom").unwrap();
    let Some(rest) = rest.strip_prefix(".where(value = '") else {
        assert_eq!((kind, rest), ("insert", ""), "{path}");
        return telecom.insert(0, value.unwrap());
    };
    let (address, rest) = rest.split_once("')").unwrap();
    let address = address.replace("\\'", "'");
    let place = telecom.iter().position(|point| point["value"] == address.as_str()).expect("what is patched is there");
    match (kind, rest) {
        ("delete", "") => drop(telecom.remove(place)),
        ("replace", "") => telecom[place] = value.unwrap(),
        ("replace", ".rank") => telecom[place]["rank"] = value.unwrap(),
        ("delete", ".rank") => drop(telecom[place].as_object_mut().unwrap().remove("rank")),
        _ => {
            let name = rest.split("extension('").nth(2).unwrap().split('\'').next().unwrap();
            let extensions = telecom[place]["extension"].as_array_mut().unwrap();
            let metadata = extensions.iter_mut().find(|one| one["url"] == METADATA).unwrap();
            let parts = metadata["extension"].as_array_mut().unwrap();
            let place = parts.iter().position(|part| part["url"] == name).expect("the part is there");
            if kind == "delete" {
                parts.remove(place);
            } else {
                let key = if value.as_ref().unwrap().is_boolean() { "valueBoolean" } else { "valueString" };
                parts[place][key] = value.unwrap();
            }
        }
    }
}
