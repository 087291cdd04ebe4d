//! [`Metrics`]: what the process has counted, as a page.
//!
//! A metric is on the page from the moment that it is described: before its first event with its help and its type, and
//! no value. Whoever writes a rule about it sees that it is there.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Upper bounds of the buckets of every histogram whose name ends in `_seconds`.
const SECONDS: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0, 300.0];

/// The process's metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    counted: PrometheusHandle,
    described: Described,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

/// Metrics are already collected, or cannot be.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be collected: {0}")]
pub struct MetricsFault(String);

impl Metrics {
    /// Begins to collect what all crates count. Once for each process.
    pub fn install() -> Result<Self, MetricsFault> {
        let (recorder, page) = recorder()?;
        metrics::set_global_recorder(recorder).map_err(|error| MetricsFault(error.to_string()))?;
        Ok(page)
    }

    /// The page, in the text format of Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        let mut page = self.counted.render();
        let described = self.described.lock();
        for (name, (kind, help)) in described.iter() {
            let type_line = format!("# TYPE {name} {kind}\n");
            if !page.contains(&type_line) {
                // A page in memory takes whatever is written.
                write!(page, "# HELP {name} {}\n{type_line}\n", escaped(help)).ok();
            }
        }
        drop(described);
        page
    }

    /// Folds what histograms have gathered since; to be called every few seconds, else they grow.
    pub fn upkeep(&self) {
        self.counted.run_upkeep();
    }
}

/// A help text stands on one line.
fn escaped(help: &str) -> String {
    help.replace('\\', r"\\").replace('\n', r"\n")
}

fn recorder() -> Result<(Describing, Metrics), MetricsFault> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .map_err(|error| MetricsFault(error.to_string()))?;
    let inner = builder.build_recorder();
    let described = Described::default();
    let page = Metrics { counted: inner.handle(), described: described.clone() };
    Ok((Describing { inner, described }, page))
}

/// Type and help by name.
#[derive(Clone, Default)]
struct Described(Arc<Mutex<BTreeMap<String, (&'static str, String)>>>);

impl Described {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (&'static str, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, name: &KeyName, kind: &'static str, help: &SharedString) {
        self.lock().insert(name.as_str().to_owned(), (kind, help.as_ref().to_owned()));
    }
}

/// Counts, and remembers what was described.
pub(crate) struct Describing {
    inner: PrometheusRecorder,
    described: Described,
}

impl Recorder for Describing {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.described.add(&key, "counter", &help);
        self.inner.describe_counter(key, unit, help);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.described.add(&key, "gauge", &help);
        self.inner.describe_gauge(key, unit, help);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, help: SharedString) {
        self.described.add(&key, "histogram", &help);
        self.inner.describe_histogram(key, unit, help);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.inner.register_counter(key, metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.inner.register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.inner.register_histogram(key, metadata)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Metrics of one test, not of the process.
    pub(crate) fn local() -> (Describing, Metrics) {
        recorder().unwrap()
    }

    #[test]
    fn what_is_counted_is_on_the_page() {
        let (recorder, page) = local();
        metrics::with_local_recorder(&recorder, || {
            metrics::describe_counter!("pli_tests_total", "Tests.");
            metrics::counter!("pli_tests_total", "face" => "smtp").increment(3);
            metrics::histogram!("pli_wait_seconds").record(0.02);
        });
        page.upkeep();
        let text = page.render();
        assert!(text.contains("# HELP pli_tests_total Tests."), "{text}");
        assert!(text.contains("pli_tests_total{face=\"smtp\"} 3"), "{text}");
        assert!(text.contains("pli_wait_seconds_bucket{le=\"0.025\"} 1"), "{text}");
    }

    #[test]
    fn what_has_not_happened_yet_is_on_the_page_too_and_each_is_there_once() {
        let (recorder, page) = local();
        metrics::with_local_recorder(&recorder, || {
            metrics::describe_counter!("pli_tests_total", "Tests.");
            metrics::describe_gauge!("pli_now", "Now, on\ntwo lines.");
            metrics::describe_histogram!("pli_wait_seconds", "Waits.");
        });
        let text = page.render();
        for line in ["# TYPE pli_tests_total counter\n", "# TYPE pli_wait_seconds histogram\n"] {
            assert!(text.contains(line), "{text}");
        }
        assert!(text.contains("# HELP pli_now Now, on\\ntwo lines.\n# TYPE pli_now gauge\n"), "{text}");
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("pli_tests_total").increment(1);
            metrics::histogram!("pli_wait_seconds").record(0.02);
        });
        let text = page.render();
        assert_eq!(text.matches("# TYPE pli_tests_total ").count(), 1, "{text}");
        assert_eq!(text.matches("# TYPE pli_wait_seconds ").count(), 1, "{text}");
    }
}
