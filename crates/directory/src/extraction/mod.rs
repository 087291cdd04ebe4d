//! The national directory's public extraction (spec §7.1): a line a mailbox, 31 columns between `|`, UTF-8, one line of
//! headings, as text or in a ZIP archive.
//!
//! [`open()`] finds the text, [`Extraction`] reads it line by line in bounded memory, [`Entry`] is one line. A line that
//! is not taken is told with its number and the reason; the lines around it are. Nothing here keeps anything.

mod archive;
mod column;
mod entry;
mod fault;
mod reader;

pub use archive::{ARCHIVE_BYTES_MAX, Text, open};
pub use column::Column;
pub use entry::{Entry, MailboxType};
pub use fault::{ExtractionFault, LineFault};
pub use reader::{Extraction, LINE_BYTES_MAX, Line, TEXT_BYTES_MAX};
