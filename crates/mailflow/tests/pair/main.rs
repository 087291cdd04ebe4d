//! A whole relay, its store included, against another server that answers from a script, over real TLS on loopback.
//! The clock only moves when it is told to; the other server is faulty at each step in turn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod answers;
mod circuit;
mod confirmed;
mod contacts;
mod deadlines;
mod delays;
mod distribution_point;
mod documents;
mod explained;
mod file_types;
mod first_contact;
mod forged;
mod held;
mod helpers;
mod log;
mod notices;
mod ours;
mod peer;
mod peer_book;
mod pki;
mod probe;
mod probe_tls;
mod receipts;
mod relay;
mod repeats;
mod reports;
mod returned;
mod spaces;
mod strangers;
mod traffic;
mod unsolicited;
mod way_in;
mod way_out;
