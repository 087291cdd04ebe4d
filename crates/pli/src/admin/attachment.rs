//! A list on its way: read from a file by the command, or from the socket by the node, and never more of it than a list
//! may have.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use pli_directory::TrustList;

use crate::exit::{Exit, Failure};

/// The file's bytes, one more than a list may have at most: then it is refused as a list that is too large.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(TrustList::BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::file(path, &error))?;
    Ok(bytes)
}

/// May so much be attached?
pub(crate) fn check_length(attached: u64) -> Result<(), Failure> {
    if attached <= TrustList::BYTES_MAX + 1 {
        return Ok(());
    }
    Err(Failure::told(Exit::Usage, "admin-request.large", &[]))
}
