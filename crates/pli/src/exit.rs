//! [`Failure`]: how a command ends that did not do what it was asked: exit code, stable code, what, and what next.

mod causes;

use std::fmt;
use std::io::ErrorKind;

use pli_policy::Reason;
use pli_types::hide_identifiers;

use crate::words::{self, Language, Said, Value};

/// The exit codes. They are stable: scripts branch on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// A rule refuses, or puts off.
    Refused = 1,
    /// Usage or configuration error.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// It exists already, or the state forbids it.
    Conflict = 4,
    /// A peer or remote service failed.
    Remote = 5,
    /// Integrity failure of audit, store or list.
    Integrity = 6,
    /// A defect in pli itself.
    Defect = 70,
}

/// What an admin reads when a command fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// How the process ends.
    pub(crate) exit: Exit,
    /// Stable code.
    pub(crate) code: &'static str,
    /// What happened, to what; in English, for logs and programs.
    pub(crate) what: String,
    /// What to do next; in English.
    pub(crate) next: String,
    /// The sentence of the catalogue that says both, in every language.
    said: Option<Box<Said>>,
}

impl Failure {
    /// A failure; `next` is what to do about it. In English only: prefer [`Failure::told`].
    pub(crate) fn new(exit: Exit, code: &'static str, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit, code, what: what.into(), next: next.into(), said: None }
    }

    /// A failure that the catalogue (`crates/pli/words/`) has words for, in every language. The code is the key, as far as
    /// its first full stop.
    pub(crate) fn told(exit: Exit, key: &'static str, values: &[(&'static str, &dyn fmt::Display)]) -> Self {
        Self::saying(exit, words::code(key), Said::new(key, values))
    }

    /// As [`Failure::told`], of a sentence that is put together, under this code.
    pub(crate) fn saying(exit: Exit, code: &'static str, said: Said) -> Self {
        said.check();
        let (what, next) = (said.what(Language::En), said.next(Language::En));
        Self { exit, code, what, next, said: Some(Box::new(said)) }
    }

    /// A rule refuses, or puts off, for this reason. The reason's advice is the sentence's `advice`.
    pub(crate) fn refused(reason: Reason, said: Said) -> Self {
        Self::saying(Exit::Refused, reason.code(), said.with("advice", Value::phrase(reason.advice())))
    }

    /// The same words under another code.
    pub(crate) fn coded(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// The same, with other advice.
    pub(crate) fn advising(self, advice: Value) -> Self {
        let said = Said::new("advised", &[]).with("fault", self.what_value()).with("advice", advice);
        Self::saying(self.exit, self.code, said)
    }

    /// The same, about this: a file, a check.
    pub(crate) fn about(self, subject: &dyn fmt::Display) -> Self {
        let said = Said::new("about", &[("subject", subject)]);
        let said = said.with("fault", self.what_value()).with("advice", self.next_value());
        Self::saying(self.exit, self.code, said)
    }

    /// What happened, as a part of another sentence.
    pub(crate) fn what_value(&self) -> Value {
        match &self.said {
            Some(said) => Value::What { what: said.clone() },
            None => Value::Text(self.what.clone()),
        }
    }

    /// What to do next, as a part of another sentence.
    pub(crate) fn next_value(&self) -> Value {
        match &self.said {
            Some(said) => Value::Next { next: said.clone() },
            None => Value::Text(self.next.clone()),
        }
    }

    /// The same, with the sentence that says it. It is not looked at: it came from another process.
    pub(crate) fn also_said(self, said: Said) -> Self {
        Self { said: Some(Box::new(said)), ..self }
    }

    /// The sentence of the catalogue.
    pub(crate) fn said(&self) -> Option<&Said> {
        self.said.as_deref()
    }

    /// What happened, in this language where there are words for it.
    pub(crate) fn what_in(&self, language: Language) -> String {
        let said = self.said.as_ref().filter(|said| said.is_known());
        said.map_or_else(|| self.what.clone(), |said| said.what(language))
    }

    /// What to do next, in this language where there are words for it.
    pub(crate) fn next_in(&self, language: Language) -> String {
        let said = self.said.as_ref().filter(|said| said.is_known());
        said.map_or_else(|| self.next.clone(), |said| said.next(language))
    }

    /// Two lines for a person: what happened, what to do next. They begin the same in all languages, for scripts.
    pub(crate) fn page(&self, language: Language) -> String {
        let next = match language {
            Language::En => "next:",
            Language::Fr => "à faire :",
        };
        format!("error[{}]: {}\n  {next} {}", self.code, self.what_in(language), self.next_in(language))
    }

    /// Something that cannot happen did.
    pub(crate) fn defect(what: impl Into<String>) -> Self {
        Self::told(Exit::Defect, "defect", &[("what", &what.into())])
    }

    /// A file that the command line names cannot be read or written. Files are called after what is in them: the path is
    /// told without identifiers.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        let (exit, key) = match error.kind() {
            ErrorKind::NotFound => (Exit::NotFound, "file-not-found"),
            _ => (Exit::Usage, "file-unusable"),
        };
        Self::told(exit, key, &[("path", &hide_identifiers(&path.to_string_lossy())), ("cause", error)])
    }
}

impl fmt::Display for Failure {
    /// As logs have it, in English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.page(Language::En))
    }
}

/// An error and what caused it, each said once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use pli_directory::ListFault;
    use pli_net::NetError;
    use pli_store::StoreError;

    use super::*;

    #[test]
    fn who_must_act_decides_the_exit_code() {
        let listen = |kind: ErrorKind| NetError::Listen { address: ([127, 0, 0, 1], 25).into(), source: kind.into() };
        let unavailable = |full| StoreError::Unavailable { what: "write", full, source: None };
        for (failure, exit, code) in [
            (Failure::from(unavailable(false)), 5, "store-unavailable"),
            (unavailable(true).into(), 5, "store-full"),
            (StoreError::Conflict("taken").into(), 4, "conflict"),
            (StoreError::NotFound("row").into(), 3, "not-found"),
            (StoreError::Corrupt { table: "t", column: "c", row: "1".into(), source: None }.into(), 6, "store-corrupt"),
            (StoreError::Configuration("url".into()).into(), 2, "store-config"),
            (NetError::File { path: "x".into(), what: "no PEM".into() }.into(), 2, "file-unusable"),
            (NetError::Timeout.into(), 5, "timeout"),
            (listen(ErrorKind::AddrInUse).into(), 4, "address-in-use"),
            (listen(ErrorKind::PermissionDenied).into(), 2, "address-forbidden"),
            (listen(ErrorKind::AddrNotAvailable).into(), 2, "address-not-ours"),
            (ListFault::Malformed("line 1".into()).into(), 6, "list-malformed"),
            (ListFault::SetAside.into(), 6, "list-set-aside"),
            (ListFault::NothingHeld.into(), 3, ListFault::NothingHeld.code()),
            (ListFault::PublisherSlow.into(), 5, "list-publisher-slow"),
            (Failure::defect("impossible"), 70, "defect"),
        ] {
            assert_eq!((failure.exit as u8, failure.code), (exit, code), "{failure}");
        }
    }

    #[test]
    fn a_failure_ends_with_what_to_do_next() {
        let text = Failure::from(ListFault::TooLarge("4 bytes".to_owned())).to_string();
        assert!(text.starts_with("error[list-too-large]: "), "{text}");
        assert!(text.lines().last().unwrap().starts_with("  next: "), "{text}");
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = StoreError::Unavailable {
            what: "opening the database",
            full: false,
            source: Some(Box::new(std::io::Error::other("disk gone"))),
        };
        assert_eq!(chain(&error), "the store is not available: opening the database: disk gone");
        let said_already = NetError::Io(std::io::Error::other("reset"));
        assert_eq!(chain(&said_already), "the connection failed: reset");
    }
}
