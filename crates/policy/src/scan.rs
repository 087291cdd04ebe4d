//! What is known of a message that a virus scanner has looked at: [`ScanFacts`]; what can be set of it: [`VirusRules`].

use std::fmt;

/// What the virus scanner said of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanFacts {
    /// It found nothing.
    Clean,
    /// It found something of this name, which is the scanner's own word: scrubbed and cut before it comes here.
    Found(String),
    /// The message is larger than the scanner looks at.
    TooLarge,
    /// It said nothing that counts.
    Unanswered(ScanFault),
}

/// Why nothing is known of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanFault {
    /// The scanner cannot be reached.
    Unreachable,
    /// It did not answer in time.
    Silent,
    /// It closed the connection, or the connection broke, before its answer was whole.
    BrokeOff,
    /// It answered with an error of its own.
    Failed,
    /// It answered with what is no answer.
    Unreadable,
    /// So many messages wait for it that this one's turn did not come in time.
    Busy,
}

impl ScanFault {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Unreachable, Self::Silent, Self::BrokeOff, Self::Failed, Self::Unreadable, Self::Busy];

    /// A stable word, for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Silent => "silent",
            Self::BrokeOff => "broke-off",
            Self::Failed => "failed",
            Self::Unreadable => "unreadable",
            Self::Busy => "busy",
        }
    }

    /// In words.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Unreachable => "it cannot be reached",
            Self::Silent => "it did not answer in time",
            Self::BrokeOff => "it broke off before its answer was whole",
            Self::Failed => "it answered with an error of its own",
            Self::Unreadable => "what it answered is no answer",
            Self::Busy => "too many messages wait for it",
        }
    }
}

impl fmt::Display for ScanFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.told())
    }
}

impl fmt::Display for ScanFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => f.write_str("nothing was found"),
            Self::Found(name) => write!(f, "{name} was found"),
            Self::TooLarge => f.write_str("the message is larger than the scanner looks at"),
            Self::Unanswered(fault) => write!(f, "no answer of the scanner: {fault}"),
        }
    }
}

/// What can be set where there is a virus scanner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VirusRules {
    /// What becomes of a message that is larger than the scanner looks at.
    pub too_large: TooLarge,
}

/// What becomes of a message that is too large for the virus scanner. It is never taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TooLarge {
    /// Refused as too big: its sender knows at once.
    #[default]
    Refuse,
    /// Put off, so that it can be taken once the scanner's limit is raised.
    Defer,
}
