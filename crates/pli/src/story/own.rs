//! [`Own`]: what a sender may know of his messages. The command line's `--as` and what he asks over HTTPS are both this.

use std::cmp::Reverse;

use pli_store::{Store, StoreError, Story, StoryFilter};
use pli_types::{LookupKey, MessageId};

use super::Told;
use crate::admin::Sight;

/// Recipients of all messages of a page together, if there is more than one.
const PARTIES_MAX: usize = 2_000;

/// The messages of a sender who may write as some addresses.
pub(crate) struct Own<'a> {
    store: &'a dyn Store,
    senders: Vec<LookupKey>,
    sight: Sight,
}

/// Some of his messages, the last first.
pub(crate) struct Page {
    pub(crate) messages: Vec<Told>,
    /// Are there more after them?
    pub(crate) more: bool,
}

impl<'a> Own<'a> {
    /// Those that were sent from these addresses.
    pub(crate) fn new(store: &'a dyn Store, senders: impl IntoIterator<Item = LookupKey>, sight: Sight) -> Self {
        Self { store, senders: senders.into_iter().collect(), sight }
    }

    /// One of them. Of somebody else's message nothing more is read than of one that never was.
    pub(crate) async fn one(&self, message: MessageId) -> Result<Option<Told>, StoreError> {
        match self.story(message).await? {
            Some(story) => self.told(story).await.map(Some),
            None => Ok(None),
        }
    }

    /// Its story alone.
    pub(crate) async fn story(&self, message: MessageId) -> Result<Option<Story>, StoreError> {
        let story = self.store.story(message).await?;
        Ok(story.filter(|story| story.sender.is_some_and(|sender| self.senders.contains(&sender))))
    }

    /// The last so many to which the filter applies, whichever of his addresses they were sent from.
    pub(crate) async fn last(&self, filter: &StoryFilter, limit: usize) -> Result<Page, StoreError> {
        let mut found: Vec<Story> = Vec::new();
        for sender in &self.senders {
            let filter = StoryFilter { sender: Some(*sender), ..filter.clone() };
            found.extend(self.store.find_stories(&filter, limit.saturating_add(1)).await?);
            found.sort_by_key(|story| Reverse((story.accepted_at, story.message)));
            found.truncate(limit.saturating_add(1));
        }
        let all = found.len();
        found.truncate(fitting(&found).min(limit));
        let more = found.len() < all;
        let mut messages = Vec::with_capacity(found.len());
        for story in found {
            messages.push(self.told(story).await?);
        }
        Ok(Page { messages, more })
    }

    async fn told(&self, story: Story) -> Result<Told, StoreError> {
        Ok(Told::of_story(self.store, story, &self.sight).await?.for_its_sender())
    }
}

/// How many of these have no more recipients together than a page may; the first one in any case.
fn fitting(stories: &[Story]) -> usize {
    let mut parties = 0_usize;
    let fits = |story: &&Story| {
        parties = parties.saturating_add(story.parties.len());
        parties <= PARTIES_MAX
    };
    stories.iter().take_while(fits).count().max(1)
}
