//! `[telemetry]`: whom the node tells what it does, step by step. Without it, nobody: no part of a node speaks to an
//! address that its configuration does not name.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ConfigFault;

/// `[telemetry]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TelemetryConfig {
    /// Where traces go, by OTLP over HTTP: `https`, or `http` on this machine.
    pub(crate) traces: String,
    /// PEM file with the authorities that the collector's certificate must chain to; for `https`. No other is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) anchors: Option<PathBuf>,
    /// File with the token that the collector asks for (RFC 6750), readable by its owner only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<PathBuf>,
    /// Of how many messages in a hundred.
    #[serde(default = "all")]
    pub(crate) sample: u8,
}

const fn all() -> u8 {
    100
}

impl TelemetryConfig {
    /// Checks what no type can tell. Opens no file.
    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        let (scheme, rest) = self.traces.split_once("://").unwrap_or_default();
        let host = rest.split('/').next().unwrap_or_default();
        let sound = !host.is_empty() && !rest.contains(['?', '#', '@', ' ']);
        let allowed = match scheme {
            "https" => self.anchors.is_some(),
            "http" => is_this_machine(host),
            _ => false,
        };
        if !sound || !allowed {
            return Err(ConfigFault::new("config-invalid.telemetry", "[telemetry] traces", &[]));
        }
        if !(1..=100).contains(&self.sample) {
            return Err(ConfigFault::new("config-invalid.telemetry-sample", "[telemetry] sample", &[]));
        }
        Ok(())
    }

    /// Makes its paths absolute.
    pub(super) fn anchor(&mut self, folder: &Path) {
        for path in [&mut self.anchors, &mut self.token].into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }
}

/// A loopback address, with or without a port.
fn is_this_machine(host: &str) -> bool {
    let address = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_clear_to_this_machine_only_and_elsewhere_to_whom_is_believed() {
        let fault = |traces: &str, anchors: bool, sample: u8| {
            let anchors = anchors.then(|| PathBuf::from("collector.pem"));
            TelemetryConfig { traces: traces.to_owned(), anchors, token: None, sample }.check().err()
        };
        for good in ["http://127.0.0.1:4318/v1/traces", "http://[::1]:4318/v1/traces", "http://127.0.0.1/v1/traces"] {
            assert_eq!(fault(good, false, 100), None, "{good}");
        }
        assert_eq!(fault("https://collector.example/v1/traces", true, 1), None);
        for bad in [
            "",
            "http://collector.example/",
            "http://127.0.0.1.example/",
            "http://10.0.0.1/",
            "ftp://127.0.0.1/",
            "http://127.0.0.1@collector.example/",
            "https:///v1/traces",
            "collector.example",
        ] {
            assert_eq!(fault(bad, true, 100).unwrap().place, "[telemetry] traces", "{bad}");
        }
        assert!(fault("https://collector.example/v1/traces", false, 100).is_some(), "nobody would be believed");
        for sample in [0, 101] {
            assert_eq!(fault("http://127.0.0.1/", false, sample).unwrap().place, "[telemetry] sample");
        }
    }
}
