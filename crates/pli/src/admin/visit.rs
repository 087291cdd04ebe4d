//! [`Visit`]: many questions, one after the other, to the node or, where none runs, to one desk that stays open: a file of
//! ten thousand rows takes the locks once, and no node starts in the middle of it.

use super::direct::Counter;
use super::protocol::{Answer, Request};
use super::{client, who};
use crate::config::Settings;
use crate::exit::Failure;

/// A command that has more than one thing to ask.
pub(crate) struct Visit<'a> {
    settings: &'a Settings,
    /// None where a node answers.
    counter: Option<Counter>,
}

impl<'a> Visit<'a> {
    /// Finds out who answers. With `changes`, where no node runs, none can start until [`Visit::end`].
    pub(crate) async fn begin(settings: &'a Settings, changes: bool) -> Result<Self, Failure> {
        let counter = match (client::node_runs(settings).await?, changes) {
            (true, _) => None,
            (false, true) => Some(Counter::to_change(settings).await?),
            (false, false) => Some(Counter::to_look(settings, true).await?),
        };
        Ok(Self { settings, counter })
    }

    /// Does a node answer?
    pub(crate) fn is_of_node(&self) -> bool {
        self.counter.is_none()
    }

    /// Asks.
    pub(crate) async fn ask(&self, request: Request, attached: Option<Vec<u8>>) -> Result<Answer, Failure> {
        match &self.counter {
            Some(counter) => counter.answer(request, attached, &who::ourselves()).await,
            None => client::ask(self.settings, request, attached).await,
        }
    }

    /// Lets go of what was held.
    pub(crate) async fn end(self) {
        if let Some(counter) = self.counter {
            counter.close().await;
        }
    }
}
