//! [`Answer`]: how a command ends, and [`Fault`]: how it could not.

use std::borrow::Cow;

use pli_store::StoreError;

use crate::wire::WireError;

/// The tagged line that ends a command (RFC 3501 §7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: Kind,
    /// What stands in the brackets (RFC 5530), if anything.
    pub(crate) code: Option<Cow<'static, str>>,
    pub(crate) text: Cow<'static, str>,
}

/// Its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ok,
    No,
    Bad,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
        }
    }
}

impl Answer {
    pub(crate) fn ok(text: &'static str) -> Self {
        Self { kind: Kind::Ok, code: None, text: text.into() }
    }

    /// Understood, but not done.
    pub(crate) fn no(code: &'static str, text: &'static str) -> Self {
        Self { kind: Kind::No, code: Some(code.into()), text: text.into() }
    }

    /// Not understood, or not now.
    pub(crate) fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: Kind::Bad, code: None, text: text.into() }
    }

    pub(crate) fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// As it goes out.
    pub(crate) fn line(&self, tag: &str) -> String {
        let kind = self.kind.as_str();
        match &self.code {
            Some(code) => format!("{tag} {kind} [{code}] {}\r\n", self.text),
            None => format!("{tag} {kind} {}\r\n", self.text),
        }
    }
}

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) enum Fault {
    /// We say so, and go on.
    Refused(Answer),
    /// The store could not: we say so, log it, and go on.
    Store(StoreError),
    /// The connection is over.
    Wire(WireError),
}

impl From<Answer> for Fault {
    fn from(answer: Answer) -> Self {
        Self::Refused(answer)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<WireError> for Fault {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

/// What to say when the store could not. The private half goes to the log.
pub(crate) fn store_failed(error: &StoreError) -> Answer {
    match error {
        StoreError::MailboxFull => Answer::no("OVERQUOTA", "The mailbox is full: remove messages and expunge"),
        StoreError::NotFound(_) => Answer::no("NONEXISTENT", "There is no such folder"),
        StoreError::Conflict(_) => Answer::no("CANNOT", "The folder's state does not allow that"),
        StoreError::Unavailable { .. } => Answer::no("UNAVAILABLE", "The store is not available, try again"),
        StoreError::Corrupt { .. } | StoreError::Configuration(_) => {
            Answer::no("CONTACTADMIN", "The store cannot be read: the operator has been told")
        }
    }
}
