//! [`Fault`]: what the caller of a sandbox can put right, by the exit code that the command line gives it.

/// Travels inside of `anyhow::Error`; anything else that goes wrong is no fault of the caller's.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// An option asks for what cannot be had.
    #[error("{0}")]
    Usage(String),
    /// The folder belongs to something or someone else.
    #[error("{0}")]
    Taken(String),
}
