//! Points at which a test ends the process, or makes a step fail: how `docs/durability.md` is proven.
//!
//! `failpoint!("store.commit.before")` stands where a crash would be interesting. In a build without the feature
//! `enabled` (every build but those of tests) it expands to nothing, and this crate is empty. With it, a file says which
//! points are armed: `armed.rs`.
//!
//! A name is `room.step.moment`, and stands in one place only, so that it can be looked up by searching for it.

#[cfg(any(test, feature = "enabled"))]
mod armed;

#[cfg(any(test, feature = "enabled"))]
pub use armed::{arm, reached};

/// A point: `failpoint!("name")` can only end the process; `failpoint!("name", error)` can also leave the function with
/// `Err(error)`.
#[cfg(feature = "enabled")]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::reached($name);
    };
    ($name:literal, $error:expr) => {
        if $crate::reached($name) {
            return Err($error);
        }
    };
}

/// A point, in a build where points are nothing.
#[cfg(not(feature = "enabled"))]
#[macro_export]
macro_rules! failpoint {
    ($($anything:tt)*) => {};
}
