//! Logs, on standard error: text on a terminal, JSON lines elsewhere.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::exit::{Exit, Failure};

/// Begins to log, at the level of `PLI_LOG` or else at `default`.
pub(crate) fn begin(default: LevelFilter) -> Result<(), Failure> {
    let level = match std::env::var("PLI_LOG") {
        Ok(text) => parse(&text)?,
        Err(_) => default,
    };
    let text = std::io::stderr().is_terminal().then(|| tracing_subscriber::fmt::layer().with_writer(std::io::stderr));
    let json = text.is_none().then(|| tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr));
    tracing_subscriber::registry()
        .with(ours_only(level))
        .with(text.map(|layer| layer.with_ansi(false)))
        .with(json)
        .try_init()
        .map_err(|error| Failure::defect(format!("logging began twice: {error}")))
}

/// Our own crates at `level`; libraries stay at `warn`, for they would write addresses and commands.
fn ours_only(level: LevelFilter) -> Targets {
    Targets::new().with_default(LevelFilter::WARN.min(level)).with_target("pli", level)
}

fn parse(text: &str) -> Result<LevelFilter, Failure> {
    text.parse().map_err(|_| Failure::told(Exit::Usage, "log-level", &[("text", &text)]))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_never_log_what_they_carry() {
        let targets = ours_only(LevelFilter::TRACE);
        assert!(targets.would_enable("pli_smtp::server", &Level::TRACE));
        assert!(targets.would_enable("pli::wiring", &Level::TRACE));
        for library in ["lettre::transport", "sqlx::query", "hyper", "rustls::server"] {
            assert!(!targets.would_enable(library, &Level::INFO), "{library}");
        }
    }

    #[test]
    fn less_than_warnings_can_be_asked_for() {
        assert!(!ours_only(LevelFilter::ERROR).would_enable("rustls::server", &Level::WARN));
    }

    #[test]
    fn a_level_that_is_none_is_a_usage_error() {
        assert_eq!(parse("loud").unwrap_err().exit, Exit::Usage);
        assert_eq!(parse("DEBUG").unwrap(), LevelFilter::DEBUG);
    }
}
