//! What a hospital's own server may do wrong, stage by stage of a transaction, when a test tells it to.

use anyhow::Result;

/// Where in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The greeting.
    Connect,
    /// `EHLO`.
    Helo,
    /// `MAIL`.
    Mail,
    /// `RCPT`.
    Rcpt,
    /// `DATA`.
    Data,
    /// The final dot.
    Content,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 6] = [Self::Connect, Self::Helo, Self::Mail, Self::Rcpt, Self::Data, Self::Content];

    /// A short name for files and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Helo => "helo",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Content => "content",
        }
    }
}

/// What it does there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It says `451`.
    PutOff,
    /// Its process is killed: the connection ends without a reply.
    Cut,
    /// It takes [`SLOW_SECONDS`] before it answers.
    Slow,
}

/// How long a slow server takes for an answer.
pub const SLOW_SECONDS: u64 = 1;

/// Its reply when it puts off: codes and sentence.
pub const COME_AGAIN: [&str; 2] = ["451 4.3.2", "Please come again"];

/// The local part that no hospital knows, and the reply to it.
pub const UNKNOWN: (&str, &str) = ("personne", "550 5.1.1 No such user here");

/// A real server that can be told to do wrong.
pub trait FaultyServer {
    /// From now on this goes wrong, beside what went wrong before.
    fn set(&self, stage: Stage, fault: Fault) -> Result<()>;
    /// From now on all goes well.
    fn clear(&self) -> Result<()>;
    /// The mails that it has put into its maildir.
    fn delivered(&self) -> Result<Vec<Vec<u8>>>;
    /// What it has logged.
    fn log(&self) -> String;
}
