//! Pli: a secure health messaging relay. Server, admin tool and sandbox in one binary.
//!
//! Start reading at `wiring.rs`: the whole relay, put together from top to bottom.

mod admin;
mod alarms;
mod annuaire;
mod api;
mod certificate_files;
mod cli;
mod clock;
mod config;
mod connectors;
mod content;
mod counting;
mod descriptors;
mod dispensations;
mod exit;
mod failpoints;
mod health;
mod indicator_files;
mod life;
mod lifecycle;
mod logging;
mod metrics;
mod organisations;
mod output;
mod peer_file;
mod ready;
mod sealer;
mod stamp;
mod state;
mod story;
mod syslog;
mod telemetry;
mod trust;
mod watch;
mod wiring;
mod witness;
mod words;

fn main() -> std::process::ExitCode {
    cli::main()
}
