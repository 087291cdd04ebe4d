//! [`Pool`]: connections that lie idle for a moment, for the next message to the same server.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pli_types::PresentedCertificate;
use tokio::time::Instant;

use super::dialogue::SmtpDialogue;
use super::verdict::Server;

/// How long a connection may lie idle. A burst's next message comes within milliseconds; longer only holds the other
/// server's slots.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(5);

/// The most messages of one connection: revocation lists and addresses change, and a server may count too.
const MESSAGES_MAX: u32 = 100;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// A connection that was opened, secured and admitted.
#[derive(Debug)]
pub(crate) struct Connection {
    /// What is spoken over it.
    pub(crate) dialogue: Box<dyn SmtpDialogue>,
    /// With whom.
    pub(crate) server: Server,
    /// What the server showed; judged again before each message.
    pub(crate) certificate: PresentedCertificate,
    /// Messages that it has carried.
    pub(crate) messages: u32,
}

impl Connection {
    /// QUIT, and no grudge if there is no answer.
    pub(crate) async fn close(mut self) {
        drop(self.dialogue.command("QUIT", GOODBYE).await);
    }
}

/// Idle connections, by the name and port under which they were opened.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: Mutex<Vec<(Connection, Instant)>>,
    size_max: usize,
}

impl Pool {
    /// Holds `size_max` connections at most.
    pub(crate) fn new(size_max: usize) -> Self {
        Self { idle: Mutex::new(Vec::new()), size_max }
    }

    /// The connection to this server that was used last, if one lies idle.
    pub(crate) fn take(&self, host: &str, port: u16) -> Option<Connection> {
        let mut idle = self.lock();
        let found = idle.iter().rposition(|(connection, since)| {
            connection.server.host == host && connection.server.address.port() == port && since.elapsed() < IDLE_MAX
        })?;
        Some(idle.remove(found).0)
    }

    /// Keeps it for the next message; gives it back to be closed if it has done its part.
    #[must_use]
    pub(crate) fn put(&self, connection: Connection) -> Option<Connection> {
        let mut idle = self.lock();
        if connection.messages >= MESSAGES_MAX || idle.len() >= self.size_max {
            return Some(connection);
        }
        idle.push((connection, Instant::now()));
        None
    }

    /// Takes out those that lay idle for too long, or all, to be closed.
    #[must_use]
    pub(crate) fn sweep(&self, all: bool) -> Vec<Connection> {
        let mut idle = self.lock();
        let (stale, fresh) = idle.drain(..).partition(|(_, since)| all || since.elapsed() >= IDLE_MAX);
        *idle = fresh;
        let stale: Vec<(Connection, Instant)> = stale;
        stale.into_iter().map(|(connection, _)| connection).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
