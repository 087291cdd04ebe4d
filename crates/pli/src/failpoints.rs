//! Arms the points at which a test ends the process. In builds with the feature `testing` only, and there only where
//! `PLI_FAILPOINTS_FILE` names a file.

/// Names the file.
#[cfg(feature = "testing")]
const VARIABLE: &str = "PLI_FAILPOINTS_FILE";

/// Nothing can be armed.
#[cfg(not(feature = "testing"))]
pub(crate) fn arm() {}

/// From now on the file counts.
#[cfg(feature = "testing")]
pub(crate) fn arm() {
    if let Some(path) = std::env::var_os(VARIABLE) {
        tracing::warn!(file = %path.display(), "a build for tests: this file says where the process ends");
        pli_failpoint::arm(path.into());
    }
}
