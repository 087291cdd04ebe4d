//! [`Exporter`]: hands what the node does to a collector, where `[telemetry]` names one.
//!
//! A collector never slows mail: steps are put into a bounded channel and dropped where it is full; what is dropped is
//! counted. A batch that cannot be handed over is tried a few times while the channel fills, then dropped as well.

mod otlp;

use std::sync::Arc;
use std::time::Duration;

use pli_mailflow::spans::{Span, SpanSink};
use pli_net::{FetchLimits, HttpClient, HttpRequest, Shutdown};
use pli_types::{Clock, MessageId, Secret};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::config::{Config, TelemetryConfig, read_text_secret};
use crate::exit::Failure;
use crate::metrics as names;

/// Steps that wait for their batch: some seconds of a busy node, in less than a megabyte.
const WAITING_MAX: usize = 4096;
/// Steps of one request.
const BATCH_MAX: usize = 512;
/// For how long a batch gathers.
const GATHER: Duration = Duration::from_secs(2);
/// Pauses between the tries of a batch.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// What the answer may cost.
const LIMITS: FetchLimits = FetchLimits { bytes: 64 << 10, total: Duration::from_secs(10) };
/// What the last batch may cost a node that ends.
const LAST: Duration = Duration::from_secs(2);

/// Where mail flow puts its steps.
struct Funnel {
    steps: mpsc::Sender<Span>,
    sample: u8,
}

impl SpanSink for Funnel {
    fn take(&self, span: Span) {
        if is_sampled(span.message, self.sample) && self.steps.try_send(span).is_err() {
            names::spans("dropped", 1);
        }
    }
}

/// All steps of a message or none, whichever node and run they are of.
fn is_sampled(message: MessageId, sample: u8) -> bool {
    // The last bytes of an id are random.
    let last = message.as_bytes().iter().rev().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte));
    last % 100 < u32::from(sample)
}

/// Hands over what the funnel holds.
pub(crate) struct Exporter {
    steps: mpsc::Receiver<Span>,
    http: HttpClient,
    url: String,
    authorization: Option<Secret<String>>,
    node: String,
    is_failing: bool,
}

/// Has mail flow tell its steps from now on, if a collector is named.
pub(crate) fn begin(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Exporter>, Failure> {
    let Some(telemetry) = &config.telemetry else { return Ok(None) };
    let (funnel, exporter) = joined(telemetry, config.server.name.0.to_string(), clock)?;
    pli_mailflow::spans::install(Arc::new(funnel));
    Ok(Some(exporter))
}

fn joined(config: &TelemetryConfig, node: String, clock: &Arc<dyn Clock>) -> Result<(Funnel, Exporter), Failure> {
    let http = match &config.anchors {
        Some(anchors) if config.traces.starts_with("https") => HttpClient::trusting_at(anchors, Arc::clone(clock))?,
        _ => HttpClient::plain()?,
    };
    let token = config.token.as_deref().map(read_text_secret).transpose()?;
    // RFC 6750 §2.1.
    let authorization = token.map(|token| Secret::new(format!("Bearer {}", token.reveal())));
    let (sender, steps) = mpsc::channel(WAITING_MAX);
    let funnel = Funnel { steps: sender, sample: config.sample };
    Ok((funnel, Exporter { steps, http, url: config.traces.clone(), authorization, node, is_failing: false }))
}

impl Exporter {
    /// Hands over until the end begins, then what is left, if the collector is quick.
    pub(crate) async fn run(mut self, shutdown: Shutdown) {
        loop {
            let mut batch = Vec::with_capacity(BATCH_MAX);
            tokio::select! {
                _ = self.steps.recv_many(&mut batch, BATCH_MAX) => {}
                () = shutdown.begun() => return self.finish(batch).await,
            }
            tokio::select! {
                () = gather(&mut self.steps, &mut batch) => {}
                () = shutdown.begun() => return self.finish(batch).await,
            }
            let spans = batch.len();
            let handed = tokio::select! {
                handed = self.hand_over(&batch) => handed,
                () = shutdown.begun() => return self.finish(batch).await,
            };
            self.told(handed, spans);
        }
    }

    /// Tries a few times. How many the collector took, or why none.
    async fn hand_over(&self, batch: &[Span]) -> Result<u64, String> {
        let body = otlp::request(&self.node, batch);
        let mut tried = self.post(&body).await;
        for pause in PAUSES {
            let Err(Refused { again: true, .. }) = &tried else { break };
            sleep(pause).await;
            tried = self.post(&body).await;
        }
        tried.map(|rejected| (batch.len() as u64).saturating_sub(rejected)).map_err(|refused| refused.cause)
    }

    /// How many spans were not taken.
    async fn post(&self, body: &[u8]) -> Result<u64, Refused> {
        let request = HttpRequest {
            method: "POST",
            url: &self.url,
            headers: &[("Content-Type", "application/json")],
            secret: self.authorization.as_ref().map(|secret| ("Authorization", secret)),
            body: Some(body),
        };
        match self.http.exchange(&request, &LIMITS).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(otlp::rejected(&answer.body)),
            // The protocol's own list of answers after which one comes again.
            Ok(answer) => {
                let again = matches!(answer.status, 429 | 502 | 503 | 504);
                Err(Refused { again, cause: format!("it answers with {}", answer.status) })
            }
            Err(fault) => Err(Refused { again: true, cause: fault.to_string() }),
        }
    }

    fn told(&mut self, handed: Result<u64, String>, spans: usize) {
        let spans = spans as u64;
        match handed {
            Ok(taken) => {
                names::spans("sent", taken);
                names::spans("dropped", spans.saturating_sub(taken));
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!("the collector of traces takes them again");
                }
            }
            Err(cause) => {
                names::spans("dropped", spans);
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(
                        cause,
                        "the collector of traces does not take them; they are dropped, mail flows on"
                    );
                }
            }
        }
    }

    /// The end is not held up.
    async fn finish(mut self, mut batch: Vec<Span>) {
        while batch.len() < BATCH_MAX
            && let Ok(span) = self.steps.try_recv()
        {
            batch.push(span);
        }
        if !batch.is_empty() {
            let body = otlp::request(&self.node, &batch);
            timeout(LAST, self.post(&body)).await.ok();
        }
    }
}

/// A batch is not taken.
struct Refused {
    /// May it be later?
    again: bool,
    cause: String,
}

/// What comes within a moment of the first.
async fn gather(steps: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>) {
    let filling = async {
        while batch.len() < BATCH_MAX {
            let room = BATCH_MAX - batch.len();
            if steps.recv_many(batch, room).await == 0 {
                return;
            }
        }
    };
    timeout(GATHER, filling).await.ok();
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use jiff::Timestamp;
    use pli_mailflow::spans::{Outcome, Step};
    use pli_types::SystemClock;

    use super::*;

    fn step(message: MessageId) -> Span {
        let now = Timestamp::UNIX_EPOCH;
        let (face, recipients, bytes, attempt, reason) = (None, None, None, None, None);
        let outcome = Outcome::Done;
        Span { message, step: Step::Keep, begun: now, ended: now, face, recipients, bytes, attempt, outcome, reason }
    }

    fn config(sample: u8) -> TelemetryConfig {
        let traces = "http://127.0.0.1:9/v1/traces".to_owned();
        TelemetryConfig { traces, anchors: None::<PathBuf>, token: None, sample }
    }

    #[test]
    fn a_full_channel_drops_and_never_waits() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (funnel, mut exporter) = joined(&config(100), "node".to_owned(), &clock).unwrap();
        for _ in 0..WAITING_MAX + 10 {
            funnel.take(step(MessageId::at(Timestamp::UNIX_EPOCH)));
        }
        let mut held = 0;
        while exporter.steps.try_recv().is_ok() {
            held += 1;
        }
        assert_eq!(held, WAITING_MAX);
    }

    #[test]
    fn all_steps_of_a_message_are_told_or_none() {
        let ids: Vec<MessageId> = (0..10_000).map(|_| MessageId::at(Timestamp::UNIX_EPOCH)).collect();
        let told = ids.iter().filter(|id| is_sampled(**id, 10)).count();
        assert!((700..1300).contains(&told), "{told}");
        assert!(ids.iter().all(|id| is_sampled(*id, 100) && !is_sampled(*id, 0)));
        assert!(ids.iter().all(|id| !is_sampled(*id, 10) || is_sampled(*id, 50)), "a larger share holds a smaller one");
    }
}
