//! Health and metrics over HTTPS.
//!
//! | path | answer |
//! | --- | --- |
//! | `GET /health/live` | `200` while the process turns |
//! | `GET /health/ready` | `200` if mail can be taken, else `503`, with every check as JSON |
//! | `GET /metrics` | all metrics, in the text format of Prometheus |
//!
//! Nobody is asked who he is, so nothing here tells more than counts and states. `server.rs` knows sockets,
//! `routes.rs` knows paths; what there is to check is known to the caller ([`Health`]).

pub mod health;
pub mod metrics;
mod routes;
mod server;

pub use health::{Check, Health};
pub use metrics::Metrics;
pub use server::{WebConfig, WebContext, serve};
