//! [`Metrics`]: what the process has counted, as a page.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of the buckets of every histogram whose name ends in `_seconds`.
const SECONDS: &[f64] = &[0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0, 300.0];

/// The process's metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

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
        builder()?.install_recorder().map(Self).map_err(|error| MetricsFault(error.to_string()))
    }

    /// The page, in the text format of Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds what histograms have gathered since; to be called every few seconds, else they grow.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

fn builder() -> Result<PrometheusBuilder, MetricsFault> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .map_err(|error| MetricsFault(error.to_string()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Metrics of one test, not of the process.
    pub(crate) fn local() -> (metrics_exporter_prometheus::PrometheusRecorder, Metrics) {
        let recorder = builder().unwrap().build_recorder();
        let page = Metrics(recorder.handle());
        (recorder, page)
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
}
