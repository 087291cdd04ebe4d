//! [`Publisher`]: the list as its publisher serves it over HTTPS.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pli_directory::{ListFault, TrustList};
use pli_net::http::{FetchLimits, Fetched, HttpClient, HttpFault, Validators};
use pli_types::Clock;
use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// What remembers the last version, in the state folder.
const FILE: &str = "publisher.json";
const FILE_BYTES_MAX: u64 = 16 << 10;

/// The publisher, and which version of the list it gave last.
pub(crate) struct Publisher {
    client: HttpClient,
    url: String,
    limits: FetchLimits,
    file: PathBuf,
    /// Of the list that was last taken.
    known: Option<Known>,
    /// Of the list that was last given, taken or not.
    given: Validators,
}

/// What the publisher called the version that we have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
struct Known {
    url: String,
    /// The list's, so that "not modified" can never confirm another list.
    digest: String,
    validators: Validators,
}

/// What the publisher answers.
pub(crate) enum Answer {
    /// The list in force is still the list.
    Same,
    /// This is the list.
    List(Vec<u8>),
}

impl Publisher {
    /// The publisher at this address, who has a certificate of these authorities.
    pub(crate) fn new(
        url: &str,
        anchors: &Path,
        total: Duration,
        state: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let client = HttpClient::trusting_at(anchors, clock)?;
        let file = state.join(FILE);
        let known = read(&file);
        let limits = FetchLimits { bytes: TrustList::BYTES_MAX, total };
        Ok(Self { client, url: url.to_owned(), limits, file, known, given: Validators::default() })
    }

    /// Asks for the list, unless it is still the one in force.
    pub(crate) async fn fetch(&mut self, in_force: Option<String>) -> Result<Answer, ListFault> {
        let known =
            self.known.as_ref().filter(|known| known.url == self.url && Some(&known.digest) == in_force.as_ref());
        let validators = known.map(|known| known.validators.clone()).unwrap_or_default();
        match self.client.get(&self.url, &validators, &self.limits).await {
            Ok(Fetched::NotModified) => Ok(Answer::Same),
            Ok(Fetched::Body { bytes, validators }) => {
                self.given = validators;
                Ok(Answer::List(bytes))
            }
            Err(fault) => Err(list_fault(fault)),
        }
    }

    /// The list that was just given is in force.
    pub(crate) async fn remember(&mut self, digest: String) {
        let known = Known { url: self.url.clone(), digest, validators: self.given.clone() };
        if self.known.as_ref() == Some(&known) {
            return;
        }
        let (file, text) = (self.file.clone(), serde_json::to_vec(&known).unwrap_or_default());
        self.known = Some(known);
        let written = tokio::task::spawn_blocking(move || write(&file, &text)).await;
        if let Ok(Err(error)) = written {
            tracing::debug!(%error, "the version of the trust list is not remembered over a restart");
        }
    }
}

fn list_fault(fault: HttpFault) -> ListFault {
    match fault {
        HttpFault::Unreachable(what) => ListFault::PublisherUnreachable(what),
        HttpFault::Untrusted(what) => ListFault::PublisherUntrusted(what),
        HttpFault::TooLarge { limit, size: Some(size) } => {
            ListFault::TooLarge(format!("it has {size} bytes, and no more than {limit} are taken"))
        }
        HttpFault::TooLarge { limit, size: None } => ListFault::TooLarge(format!("it has more than {limit} bytes")),
        HttpFault::TooSlow => ListFault::PublisherSlow,
        HttpFault::Answer(what) => ListFault::PublisherAnswer(what),
    }
}

/// Without it, the whole list is fetched once more: no reason to complain.
fn read(file: &Path) -> Option<Known> {
    if std::fs::metadata(file).ok()?.len() > FILE_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

/// Whole, or not at all.
fn write(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let beside = file.with_extension("json.new");
    std::fs::write(&beside, text)?;
    std::fs::rename(beside, file)
}
