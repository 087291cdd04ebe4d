//! The state's health directory, as this node speaks with it: [`Annuaire`] asks it and gives it orders.
//!
//! What is asked and ordered is decided in `pli_directory::fhir`; here is only the way there. Whoever looks for a mailbox
//! to send to works from the local copy: the directory may be away, the relay goes on.

mod client;

pub(crate) use client::{Annuaire, Trouble};
