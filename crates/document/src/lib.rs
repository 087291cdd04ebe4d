//! What a medical attachment is, and about whom.
//!
//! Documents travel in an archive, `IHE_XDM.zip`, with METADATA.XML beside them (spec §6). Bytes go in; facts and
//! findings come out. Nothing here is an error: a message is never lost because its archive is unusual, so what is
//! unusual is a [`Finding`] beside whatever could be read.
//!
//! Every byte is hostile. An archive is judged by its directory before anything in it is inflated; of a document only
//! the header is read; no document type is read and no entity expanded. One message costs at most 64 MB, and 12 MB
//! inflated, whatever it is.
//!
//! This crate does no input or output, reads no clock and logs nothing. What it finds is health data: names, subjects
//! and patients are shown by no `Debug`.
//!
//! Read [`attachments`] (a message, as it comes) and [`facts`] (what is known in the end) first. Between them lie `mime`
//! (the parts), `archive` (the zip file), `xdm` (what is where in it), `metadata` and `cda` (the two kinds of XML), all
//! on `xml`.

mod archive;
pub mod attachments;
mod cda;
pub mod facts;
pub mod finding;
mod metadata;
mod mime;
pub mod patient;
pub mod subject;
mod transfer;
mod xdm;
mod xml;

pub use attachments::{ARCHIVE_NAME, Attachment, Examination, Examined, examine};
pub use facts::{Code, Document, DocumentFacts, Format};
pub use finding::Finding;
pub use patient::PatientId;
pub use subject::XdmSubject;
