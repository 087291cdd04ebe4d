//! [`Annuaire`]: asks the directory, page by page, and gives it orders, never faster than it allows.

use std::sync::Arc;
use std::time::Duration;

use pli_directory::fhir::answer::ANSWER_BYTES_MAX;
use pli_directory::fhir::question::{self, PAGES_MAX};
use pli_directory::fhir::resource::Resource;
use pli_directory::fhir::{FhirFault, Found, Pace, Request, mailboxes_of, read_page, read_refusal};
use pli_net::{FetchLimits, HttpClient, HttpFault, HttpRequest};
use pli_types::{Clock, RppsId, Secret, StructureId};
use tokio::sync::Mutex;

use crate::config::{AnnuaireConfig, read_text_secret};
use crate::exit::{Exit, Failure};

/// The header that the key goes in (spec §7.2).
const KEY_HEADER: &str = "ESANTE-API-KEY";

/// How long the directory itself works on an answer at most (spec §7.2).
const LIMITS: FetchLimits = FetchLimits { bytes: ANSWER_BYTES_MAX, total: Duration::from_secs(30) };

/// The directory, at its address.
pub(crate) struct Annuaire {
    http: HttpClient,
    pub(super) base: String,
    key: Secret<String>,
    pace: Mutex<Pace>,
    clock: Arc<dyn Clock>,
}

/// Why it was not done, and when to come again, if the directory says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) fault: FhirFault,
    pub(crate) retry_after: Option<Duration>,
}

impl From<FhirFault> for Trouble {
    fn from(fault: FhirFault) -> Self {
        Self { fault, retry_after: None }
    }
}

impl Annuaire {
    /// The directory of the configuration.
    pub(crate) fn new(config: &AnnuaireConfig, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let http = HttpClient::trusting_at(&config.anchors, Arc::clone(&clock))?;
        let key = read_text_secret(&config.api_key)?;
        Ok(Self { http, base: config.base.clone(), key, pace: Mutex::default(), clock })
    }

    /// Mailboxes by their address, or by a part of it.
    pub(crate) async fn by_address(&self, text: &str) -> Result<Vec<Found>, Trouble> {
        let mut found = Vec::new();
        for resource in question::CARRIERS {
            found.extend(self.search(question::by_mailbox(&self.base, resource, text)).await?);
        }
        // A carrier that has the one looked for has others too.
        let wanted = |one: &Found| {
            let address = one.entry().ok().map(|entry| entry.address().reveal().to_lowercase());
            address.is_some_and(|address| address.contains(&text.to_lowercase()))
        };
        Ok(mailboxes_of(&found).into_iter().filter(wanted).collect())
    }

    /// A professional's mailboxes.
    pub(crate) async fn by_holder(&self, rpps: &RppsId) -> Result<Vec<Found>, Trouble> {
        self.search(question::by_holder(&self.base, rpps)).await.map(|found| mailboxes_of(&found))
    }

    /// A structure's mailboxes.
    pub(crate) async fn by_structure(&self, structure: &StructureId) -> Result<Vec<Found>, Trouble> {
        self.search(question::by_structure(&self.base, structure)).await.map(|found| mailboxes_of(&found))
    }

    /// All that a search finds, page by page.
    pub(super) async fn search(&self, first: Request) -> Result<Vec<Resource>, Trouble> {
        let (mut request, mut found) = (first, Vec::new());
        for _ in 0..PAGES_MAX {
            let page = read_page(&request.url, &self.call(&request).await?)?;
            found.extend(page.resources);
            match page.next {
                Some(next) => request = question::page(next),
                None => return Ok(found),
            }
        }
        Err(FhirFault::TooMany(PAGES_MAX).into())
    }

    /// One call, when it is its turn; the body of a good answer.
    pub(super) async fn call(&self, request: &Request) -> Result<Vec<u8>, Trouble> {
        let wait = self.pace.lock().await.take(self.clock.now());
        tokio::time::sleep(wait).await;
        let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (*name, *value)).collect();
        let body = request.bytes();
        let sent = HttpRequest {
            method: request.method,
            url: &request.url,
            headers: &headers,
            secret: Some((KEY_HEADER, &self.key)),
            body: body.as_deref(),
        };
        let answer = self.http.exchange(&sent, &LIMITS).await.map_err(unheard)?;
        match answer.status {
            200 | 204 => Ok(answer.body),
            status => Err(Trouble { fault: read_refusal(status, &answer.body), retry_after: answer.retry_after }),
        }
    }
}

fn unheard(fault: HttpFault) -> FhirFault {
    match fault {
        HttpFault::Unreachable(what) | HttpFault::Answer(what) => FhirFault::Unreachable(what),
        HttpFault::Untrusted(what) => FhirFault::Untrusted(what),
        HttpFault::TooLarge { limit, .. } => FhirFault::TooLarge(limit),
        HttpFault::TooSlow => FhirFault::TooSlow,
    }
}

impl From<Trouble> for Failure {
    /// The catalogue has a sentence for the code of each fault.
    fn from(trouble: Trouble) -> Self {
        let fault = trouble.fault;
        let exit = if matches!(fault, FhirFault::NoCarrier { .. }) { Exit::NotFound } else { Exit::Remote };
        let told = |values| Self::told(exit, fault.code(), values);
        match &fault {
            FhirFault::Unreachable(cause) | FhirFault::Untrusted(cause) => told(&[("cause", cause)]),
            FhirFault::Answer(cause) => told(&[("cause", cause)]),
            FhirFault::TooLarge(bytes) => told(&[("bytes", bytes)]),
            FhirFault::TooMany(pages) => told(&[("pages", pages)]),
            FhirFault::Key { status, issue }
            | FhirFault::NoCarrier { status, issue }
            | FhirFault::Refused { status, issue }
            | FhirFault::Failing { status, issue } => {
                let issue = issue.as_ref().map(|issue| format!(", {issue}")).unwrap_or_default();
                told(&[("status", status), ("issue", &issue)])
            }
            FhirFault::TooSlow | FhirFault::ForeignPage | FhirFault::Several | FhirFault::TooOften => told(&[]),
        }
    }
}
