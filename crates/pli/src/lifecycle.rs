//! From the first signal to the last task: SIGTERM and SIGINT end, SIGHUP looks again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pli_net::Shutdown;
use pli_store::Store;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use crate::config::{self, Config};
use crate::exit::Failure;
use crate::ready;

/// How long transactions under way may take to finish once the end has come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the store may take to write what it was given.
const STORE_PATIENCE: Duration = Duration::from_secs(5);

/// The signals that a node listens to.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From here on, a signal no longer kills the process by itself.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let to =
            |kind| signal(kind).map_err(|error| Failure::defect(format!("signals cannot be listened to: {error}")));
        Ok(Self {
            terminate: to(SignalKind::terminate())?,
            interrupt: to(SignalKind::interrupt())?,
            hangup: to(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.terminate.recv() => Heard::End("SIGTERM"),
            _ = self.interrupt.recv() => Heard::End("SIGINT"),
            _ = self.hangup.recv() => Heard::LookAgain,
        }
    }

    async fn end(&mut self) -> &'static str {
        loop {
            if let Heard::End(name) = self.next().await {
                return name;
            }
        }
    }
}

/// What a signal asks for.
enum Heard {
    /// The signal's name.
    End(&'static str),
    LookAgain,
}

/// Runs tasks that must not end before the node does.
#[derive(Debug, Clone)]
pub(crate) struct Keeper {
    pub(crate) shutdown: Shutdown,
    died: Arc<Notify>,
}

impl Keeper {
    pub(crate) fn new(shutdown: Shutdown) -> Self {
        Self { shutdown, died: Arc::default() }
    }

    /// Starts a task. If it ends or panics before the node's end, the node ends too, for a supervisor to start again:
    /// a relay with one ear deaf looks healthy and is not.
    pub(crate) fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let alive = Alive { name, keeper: self.clone() };
        self.shutdown.spawn(async move {
            task.await;
            drop(alive);
        });
    }
}

/// Dropped when its task ends, whichever way.
struct Alive {
    name: &'static str,
    keeper: Keeper,
}

impl Drop for Alive {
    fn drop(&mut self) {
        if !self.keeper.shutdown.has_begun() {
            tracing::error!(task = self.name, "a task has died; the node ends");
            self.keeper.died.notify_one();
        }
    }
}

/// What SIGHUP compares and wakes.
pub(crate) struct Reload {
    /// The file that the node was started from.
    pub(crate) path: PathBuf,
    /// What was in it then.
    pub(crate) running: Config,
    /// Wakes whoever looks at files.
    pub(crate) hurry: Vec<Arc<Notify>>,
}

/// Waits for the end, then for the tasks.
pub(crate) async fn until_the_end(
    mut signals: Signals,
    keeper: &Keeper,
    reload: Reload,
    store: &dyn Store,
) -> Result<(), Failure> {
    let outcome = loop {
        tokio::select! {
            heard = signals.next() => match heard {
                Heard::LookAgain => reload.look_again(),
                Heard::End(signal) => {
                    tracing::info!(signal, "ending: transactions under way have {} s to finish", PATIENCE.as_secs());
                    break Ok(());
                }
            },
            () = keeper.died.notified() => {
                break Err(Failure::defect("a task of the node has died; the log tells which"));
            }
        }
    };
    ready::announce_end();
    tokio::select! {
        all_ended = keeper.shutdown.finish(PATIENCE) => if all_ended {
            tracing::info!("ended");
        } else {
            tracing::warn!("ended with transactions still under way: their senders will repeat them");
        },
        signal = signals.end() => tracing::warn!(signal, "a second signal: ended at once"),
    }
    // The store opens again at once for whoever comes next.
    tokio::time::timeout(STORE_PATIENCE, store.close()).await.ok();
    outcome
}

impl Reload {
    /// Lists, our certificate and the queue are looked at now; sections of the file that have changed are named, for they wait for a restart.
    fn look_again(&self) {
        self.hurry.iter().for_each(|looker| looker.notify_one());
        match config::load(&self.path) {
            Ok(now) => {
                let sections = changed_sections(&self.running, &now);
                if sections.is_empty() {
                    tracing::info!(
                        "SIGHUP: trust list, revocation lists, our certificate and the queue are looked at; no setting has changed"
                    );
                } else {
                    tracing::warn!(?sections, "SIGHUP: these sections have changed and take effect at the next start");
                }
            }
            Err(fault) => tracing::error!(%fault, next = fault.next(), "SIGHUP: the configuration would not start"),
        }
    }
}

/// The top-level tables that differ.
fn changed_sections(before: &Config, after: &Config) -> Vec<String> {
    let (Ok(before), Ok(after)) = (toml::Table::try_from(before), toml::Table::try_from(after)) else {
        return Vec::new();
    };
    let mut names: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
    names.sort();
    names.dedup();
    names.retain(|name| before.get(name) != after.get(name));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_too_early_is_noticed_even_if_it_panics() {
        let keeper = Keeper::new(Shutdown::default());
        keeper.spawn("panics", async { panic!("for the test") });
        keeper.died.notified().await;
        keeper.spawn("ends", async {});
        keeper.died.notified().await;
    }

    #[tokio::test]
    async fn a_task_that_ends_with_the_node_is_no_death() {
        let keeper = Keeper::new(Shutdown::default());
        let shutdown = keeper.shutdown.clone();
        keeper.spawn("waits", async move { shutdown.begun().await });
        assert!(keeper.shutdown.finish(Duration::from_secs(5)).await);
        assert!(futures_util::FutureExt::now_or_never(keeper.died.notified()).is_none());
    }

    #[test]
    fn sections_that_changed_are_named() {
        let text = include_str!("../../../deploy/pli.toml");
        let parse = |text: &str| toml::from_str::<Config>(text).unwrap();
        assert!(changed_sections(&parse(text), &parse(text)).is_empty());
        let other = text.replace("recipients = 1000", "recipients = 200").replace("[::]:25", "[::]:26");
        assert_eq!(changed_sections(&parse(text), &parse(&other)), ["limits", "listener"]);
    }
}
