//! Who can be written to: our own entries and the copy of the national directory, read as one.
//!
//! Whoever looks someone up (a command today, an address book's protocol later) asks an [`AddressBook`], and needs nothing
//! else. It knows which of our mailboxes are not shown ([`Hidden`]): they are found nowhere, whatever the national copy
//! says of them (scenario 46). Nothing here changes anything.

mod book;
mod compare;
mod found_by;
mod ours;

pub use book::{AddressBook, Line, Shown, Source};
pub use compare::{Difference, Differing};
pub use found_by::found_by;
pub use ours::{ENTRY_COLUMNS, Hidden, Own};
