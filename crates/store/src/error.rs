//! [`StoreError`]: the first cut is who must act.

use std::io;

/// Why something failed, as it was told to us.
type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Try again: busy, disconnected, out of space. Say `451` (or `452` where it is space).
    #[error("the store is not available: {what}")]
    Unavailable {
        /// What failed.
        what: &'static str,
        /// Is it that there is no space left?
        full: bool,
        /// Why.
        #[source]
        source: Option<Source>,
    },
    /// It exists already, or the state forbids it.
    #[error("{0}")]
    Conflict(&'static str),
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The mailbox's quota is used up.
    #[error("the mailbox is full")]
    MailboxFull,
    /// What was read makes no sense: an admin must look.
    #[error("{table}.{column} of {row} cannot be read")]
    Corrupt {
        /// The table, or the kind of file.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
        /// Why.
        #[source]
        source: Option<Source>,
    },
    /// A setting is wrong: the URL, the master key's file.
    #[error("{0}")]
    Configuration(String),
}

impl StoreError {
    /// [`StoreError::Unavailable`] without a cause to name.
    pub(crate) fn unavailable(what: &'static str) -> Self {
        Self::Unavailable { what, full: false, source: None }
    }

    /// [`StoreError::Unavailable`], because of a file.
    pub(crate) fn io(what: &'static str, error: io::Error) -> Self {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        Self::Unavailable { what, full, source: Some(error.into()) }
    }

    /// [`StoreError::Corrupt`] without a cause to name: a seal that does not hold tells no more.
    pub(crate) fn corrupt(table: &'static str, column: &'static str, row: &dyn std::fmt::Display) -> Self {
        Self::Corrupt { table, column, row: row.to_string(), source: None }
    }
}
