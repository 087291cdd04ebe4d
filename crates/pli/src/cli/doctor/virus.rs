//! The virus scanner: is one set, is it there, does it know what is new?

use jiff::Timestamp;

use super::Finding;
use crate::alarms::SIGNATURES_LIFE;
use crate::config::{Config, VirusConfig};
use crate::words::{Said, Value};

/// The check.
pub(super) const CHECK: &str = "virus";

/// `known`: the node that runs has an alarm about its scanner, and what it cannot reach may be reached from here.
pub(super) async fn look(config: &Config, known: bool, now: Timestamp) -> Vec<Finding> {
    match &config.virus {
        None => vec![Finding::warn(CHECK, Said::new("virus-not-scanned", &[]))],
        Some(_) if known => Vec::new(),
        Some(virus) => vec![asked(virus, now).await],
    }
}

async fn asked(virus: &VirusConfig, now: Timestamp) -> Finding {
    let place = &virus.scanner;
    match virus.scanner().version().await {
        Err(fault) => {
            let said = Said::new("virus-scanner-down", &[("place", place)]);
            Finding::fail(CHECK, said.with("fault", Value::phrase(fault.told())))
        }
        Ok(version) => match version.signatures_made {
            Some(made) if now.duration_since(made) > SIGNATURES_LIFE => {
                let made = format!("{made:.0}");
                Finding::warn(CHECK, Said::new("virus-signatures-old", &[("place", place), ("made", &made)]))
            }
            Some(made) => {
                let (engine, made) = (&version.engine, format!("{made:.0}"));
                Finding::ok(CHECK, Said::new("doctor.virus", &[("place", place), ("engine", engine), ("made", &made)]))
            }
            None => {
                let values: [(_, &dyn std::fmt::Display); 2] = [("place", place), ("engine", &version.engine)];
                Finding::ok(CHECK, Said::new("doctor.virus-own-signatures", &values))
            }
        },
    }
}
