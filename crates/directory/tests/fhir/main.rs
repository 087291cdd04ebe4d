//! The state's directory over FHIR: what its answers mean, and the patches that publish our mailboxes.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod looking;
mod publishing;
