//! Health, metrics, what mail programs must know, what other programs bring, and what senders ask, over HTTPS.
//!
//! | path | answer |
//! | --- | --- |
//! | `GET /health/live` | `200` while the process turns |
//! | `GET /health/ready` | `200` if mail can be taken, else `503`, with every check as JSON |
//! | `GET /metrics` | all metrics, in the text format of Prometheus |
//! | `/mail/config-v1.1.xml`, `/autodiscover/autodiscover.xml` | where the doors for mail programs are ([`autoconfig`]) |
//! | `POST /api/v1/dispensations` | what programs bring ([`api`]): they prove who they are |
//! | `GET /api/v1/messages`, `…/ID` | where one's own messages are ([`messages`]): whoever asks signs in |
//!
//! Of all others nobody is asked who he is, so nothing they are told is more than counts, states and ports. `server.rs` knows sockets,
//! `routes.rs` knows paths; what there is to check is known to the caller ([`Health`]).

pub mod api;
pub mod autoconfig;
pub mod health;
pub mod messages;
pub mod metrics;
mod query;
mod routes;
mod server;

pub use api::{Api, ApiDoor, BodyForm, Caller, Connected, Refused, Scope};
pub use autoconfig::{Autoconfig, MailDoor, MailProtocol};
pub use health::{Check, Health};
pub use messages::{Asked, Filter, OwnMessages, Withheld};
pub use metrics::Metrics;
pub use server::{WebConfig, WebContext, serve};
