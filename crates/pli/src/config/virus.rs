//! `[virus]`: the scanner that looks at every message before it is taken.

use std::time::Duration;

use pli_mailflow::{Scanner, ScannerConfig, ScannerPlace};
use pli_policy::VirusRules;
use pli_types::{ByteSize, Span};
use serde::{Deserialize, Serialize};

use super::ConfigFault;

/// A client waits ten minutes for the reply to the end of its message (RFC 5321 §4.5.3.2.6): half of that is ours.
const TIMEOUT_MAX: Duration = Duration::from_mins(5);

/// `[virus]`. Without it nothing is scanned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VirusConfig {
    /// Where clamd listens on this machine.
    pub(crate) scanner: ScannerPlace,
    /// How long a message may wait for its answer.
    #[serde(default = "timeout")]
    pub(crate) timeout: Span,
    /// The largest message that it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size_max: Option<ByteSize>,
    /// What becomes of a message that is too large for it.
    #[serde(default)]
    pub(crate) too_large: TooLarge,
    /// Messages shown at once.
    #[serde(default = "concurrency")]
    pub(crate) concurrency: usize,
}

fn timeout() -> Span {
    Span::minutes(1)
}

/// clamd has ten threads at first; two are left to others.
fn concurrency() -> usize {
    8
}

/// `[virus] too_large`. There is no word for taking it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TooLarge {
    /// `message-too-big`.
    #[default]
    Refuse,
    /// `virus-scanner-down`.
    Defer,
}

impl VirusConfig {
    /// Checks what no type can tell.
    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        let zero = [
            ("timeout", self.timeout.get().is_zero()),
            ("size_max", self.size_max.is_some_and(|size| size.bytes() == 0)),
            ("concurrency", self.concurrency == 0),
        ];
        if let Some((key, _)) = zero.iter().find(|(_, is_zero)| *is_zero) {
            return Err(ConfigFault::new("config-invalid.zero", format!("[virus] {key}"), &[]));
        }
        if self.timeout.get() > TIMEOUT_MAX {
            return Err(ConfigFault::new("config-invalid.virus-timeout", "[virus] timeout", &[]));
        }
        Ok(())
    }

    /// The scanner, not asked yet.
    pub(crate) fn scanner(&self) -> Scanner {
        Scanner::new(ScannerConfig {
            place: self.scanner.clone(),
            timeout: self.timeout.get(),
            size_max: self.size_max.map(ByteSize::bytes),
            concurrency: self.concurrency,
        })
    }

    /// What the rules are to know of it.
    pub(crate) fn rules(&self) -> VirusRules {
        let too_large = match self.too_large {
            TooLarge::Refuse => pli_policy::TooLarge::Refuse,
            TooLarge::Defer => pli_policy::TooLarge::Defer,
        };
        VirusRules { too_large }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> VirusConfig {
        toml::from_str(&format!("scanner = \"unix:/run/clamav/clamd.ctl\"\n{lines}")).unwrap()
    }

    #[test]
    fn one_line_is_enough() {
        let bare = config("");
        bare.check().unwrap();
        assert_eq!((bare.timeout, bare.size_max, bare.concurrency), (Span::minutes(1), None, 8));
        assert_eq!(bare.rules(), VirusRules { too_large: pli_policy::TooLarge::Refuse });
        assert_eq!(config("too_large = \"defer\"").rules().too_large, pli_policy::TooLarge::Defer);
    }

    #[test]
    fn what_would_scan_nothing_or_wait_too_long_is_refused() {
        for (line, place) in [
            ("timeout = \"0s\"", "[virus] timeout"),
            ("timeout = \"301s\"", "[virus] timeout"),
            ("size_max = \"0B\"", "[virus] size_max"),
            ("concurrency = 0", "[virus] concurrency"),
        ] {
            assert_eq!(config(line).check().unwrap_err().place, place, "{line}");
        }
        config("timeout = \"5m\"\nsize_max = \"30MiB\"").check().unwrap();
        let wrong = |line: &str| toml::from_str::<VirusConfig>(line).unwrap_err().message().to_owned();
        assert!(wrong("scanner = \"tcp:192.0.2.1:3310\"").contains("must be on this machine"));
        assert!(wrong("scanner = \"/run/clamd.ctl\"").contains("unix:/PATH/OF/SOCKET"));
        assert!(wrong("scanner = \"unix:/a\"\ntoo_large = \"accept\"").contains("unknown variant"));
    }
}
