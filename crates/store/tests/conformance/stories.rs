//! The story of every message: found by what is known of it, and going on for each recipient.

use std::time::Duration;

use jiff::SignedDuration;
use pli_audit::EventKind;
use pli_store::{
    FlagChange, Flags, Held, Lease, NewMessage, NewParty, NewStory, Outcome, PartyState, PartyWay, Release, Returned,
    Settlement, Story, StoryFilter,
};
use pli_types::{LookupKey, MessageId, QueueId, Uid};

use crate::support::{Backend, Fixture, event};

const LEASE: Duration = Duration::from_mins(5);

fn key(number: u8) -> LookupKey {
    LookupKey::from_bytes([number; 16])
}

/// A message from the sender of this key to the recipient of that one, who is elsewhere.
async fn sent(at: &Fixture, sender: u8, recipient: u8) -> NewMessage {
    let message = at.relayed(b"body", &["b@clinic.test"]).await;
    let parties = vec![NewParty { recipient: key(recipient), way: PartyWay::Row(message.relays[0].id) }];
    let story = NewStory { sender: Some(key(sender)), message_id: Some(key(sender ^ recipient)), parties };
    NewMessage { story: Some(story), ..message }
}

async fn accepted(at: &Fixture, message: NewMessage) -> MessageId {
    let id = message.id;
    at.store.accept(message).await.unwrap();
    id
}

async fn story(at: &Fixture, message: MessageId) -> Story {
    at.store.story(message).await.unwrap().unwrap()
}

async fn states(at: &Fixture, message: MessageId) -> Vec<(PartyState, Option<String>)> {
    story(at, message).await.parties.into_iter().map(|party| (party.state, party.code)).collect()
}

async fn claim(at: &Fixture) -> Lease {
    at.store.claim_due(at.now(), LEASE, 9).await.unwrap().remove(0)
}

async fn settle(at: &Fixture, outcome: Outcome) {
    let lease = claim(at).await;
    assert_eq!(at.store.settle(vec![Settlement::new(lease, outcome)]).await.unwrap().settled, 1);
}

fn failed() -> Outcome {
    Outcome::Failed { reason: "delivery-failed".to_owned(), detail: String::new() }
}

pub(crate) async fn a_story_begins_with_its_message(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("b@here.test").await;
    let mut message = sent(&at, 1, 2).await;
    message.deliveries.push(mailbox);
    let recipient = pli_types::Recipient {
        address: crate::support::address("c@clinic.test"),
        notify: pli_types::DsnNotify::default(),
        orcpt: None,
    };
    let (held, returned) = (QueueId::at(at.now()), QueueId::at(at.now()));
    let expires_at = at.after(3600);
    let reason = "message-too-big".to_owned();
    message.held.push(Held { id: held, recipient: recipient.clone(), reason: reason.clone(), expires_at });
    message.returns.push(Returned { id: returned, recipient, reason });
    let ways = [PartyWay::Mailbox(mailbox), PartyWay::Row(held), PartyWay::Row(returned)];
    let parties = &mut message.story.as_mut().unwrap().parties;
    parties.extend((3..).zip(ways).map(|(number, way)| NewParty { recipient: key(number), way }));
    let id = accepted(&at, message).await;
    let at = at.reopen().await;
    let kept = story(&at, id).await;
    assert_eq!((kept.message, kept.accepted_at, kept.sender, kept.ended_at), (id, at.now(), Some(key(1)), None));
    let numbers: Vec<_> = kept.parties.iter().map(|party| (party.number, party.recipient, party.since)).collect();
    assert_eq!(numbers, [(0, key(2), at.now()), (1, key(3), at.now()), (2, key(4), at.now()), (3, key(5), at.now())]);
    let expected = [
        (PartyState::Accepted, None),
        (PartyState::Delivered, None),
        (PartyState::Held, Some("message-too-big".to_owned())),
        (PartyState::Accepted, None),
    ];
    assert_eq!(states(&at, id).await, expected);
    assert_eq!(at.store.story(MessageId::at(at.now())).await.unwrap(), None);
}

pub(crate) async fn a_message_relayed_ends_its_story(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = accepted(&at, sent(&at, 1, 2).await).await;
    let deferred = Outcome::Deferred { until: at.now(), reason: "greylisted".to_owned(), detail: String::new() };
    settle(&at, deferred).await;
    assert_eq!((states(&at, id).await, story(&at, id).await.ended_at), (vec![(PartyState::Accepted, None)], None));
    at.clock.advance(SignedDuration::from_secs(60));
    settle(&at, Outcome::Relayed { detail: String::new() }).await;
    let ended = story(&at, id).await;
    assert_eq!((ended.ended_at, ended.parties[0].since), (Some(at.now()), at.now()));
    assert_eq!(states(&at, id).await, [(PartyState::Relayed, None)]);
}

pub(crate) async fn what_fails_and_what_is_returned_say_why(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let id = accepted(&at, sent(&at, 1, 2).await).await;
    settle(&at, failed()).await;
    assert_eq!(states(&at, id).await, [(PartyState::Failed, Some("delivery-failed".to_owned()))]);
    let mut message = sent(&at, 1, 2).await;
    let relay = message.relays.remove(0);
    message.returns.push(Returned { id: relay.id, recipient: relay.recipient, reason: "no-such-user".to_owned() });
    let id = accepted(&at, message).await;
    settle(&at, failed()).await;
    assert_eq!(states(&at, id).await, [(PartyState::Returned, Some("delivery-failed".to_owned()))]);
    assert_eq!(story(&at, id).await.ended_at, Some(at.now()));
}

/// A message held for somebody; its row.
async fn held(at: &Fixture) -> (MessageId, QueueId) {
    let mut message = sent(at, 1, 2).await;
    let relay = message.relays.remove(0);
    let reason = "message-too-big".to_owned();
    let expires_at = at.after(3600);
    message.held.push(Held { id: relay.id, recipient: relay.recipient, reason, expires_at });
    (accepted(at, message).await, relay.id)
}

pub(crate) async fn what_is_held_and_goes_on_waits_again(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (id, row) = held(&at).await;
    let expires_at = at.after(7200);
    at.store.release(row, Release::Relay { expires_at }, at.now(), Vec::new()).await.unwrap();
    assert_eq!(states(&at, id).await, [(PartyState::Accepted, None)]);
    at.store.hold(row, "held-by-hand", at.now(), Vec::new()).await.unwrap();
    assert_eq!(states(&at, id).await, [(PartyState::Held, Some("held-by-hand".to_owned()))]);
    at.store.drop_held(row, at.now(), Vec::new()).await.unwrap();
    settle(&at, failed()).await;
    assert_eq!(states(&at, id).await, [(PartyState::Returned, Some("delivery-failed".to_owned()))]);
}

pub(crate) async fn what_is_held_and_put_into_a_mailbox_is_opened_there(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mailbox = at.mailbox("b@here.test").await;
    let (id, row) = held(&at).await;
    let release = Release::Deliver {
        mailbox,
        keywords: std::collections::BTreeSet::new(),
        contacts: Vec::new(),
        correspondence: None,
    };
    at.store.release(row, release, at.now(), Vec::new()).await.unwrap();
    assert_eq!(states(&at, id).await, [(PartyState::Delivered, None)]);
    assert_eq!(story(&at, id).await.ended_at, Some(at.now()));
    let seen = Flags { seen: true, ..Flags::default() };
    let inbox = at.inbox(mailbox).await;
    at.store.set_flags(inbox, &[Uid(1)], FlagChange::Add, &seen, Vec::new()).await.unwrap();
    assert_eq!(states(&at, id).await, [(PartyState::Opened, None)]);
}

pub(crate) async fn a_message_is_opened_once_and_by_whom_it_lies_with(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let (one, other) = (at.mailbox("b@here.test").await, at.mailbox("c@here.test").await);
    let mut message = at.message(b"body", &[one, other]).await;
    let party = |(number, mailbox)| NewParty { recipient: key(number), way: PartyWay::Mailbox(mailbox) };
    let parties = [(1, one), (2, other)].map(party).to_vec();
    message.story = Some(NewStory { sender: None, message_id: None, parties });
    let id = accepted(&at, message).await;
    assert_eq!(story(&at, id).await.ended_at, Some(at.now()), "delivered at once");
    at.clock.advance(SignedDuration::from_secs(60));
    let (inbox, opened_at) = (at.inbox(one).await, at.now());
    let seen = Flags { seen: true, ..Flags::default() };
    for change in [FlagChange::Add, FlagChange::Remove, FlagChange::Add] {
        at.store.set_flags(inbox, &[Uid(1)], change, &seen, Vec::new()).await.unwrap();
        at.clock.advance(SignedDuration::from_secs(60));
    }
    assert_eq!(states(&at, id).await, [(PartyState::Opened, None), (PartyState::Delivered, None)]);
    assert_eq!(story(&at, id).await.parties[0].since, opened_at, "opened again is no news");
}

pub(crate) async fn many_at_once_have_each_its_story(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let mut tasks = tokio::task::JoinSet::new();
    let mut ids = Vec::new();
    for number in 0..150 {
        let message = sent(&at, 1, number).await;
        ids.push(message.id);
        let store = at.store.clone();
        tasks.spawn(async move { store.accept(message).await.unwrap() });
    }
    tasks.join_all().await;
    for (number, id) in (0..).zip(&ids) {
        let kept = story(&at, *id).await;
        assert_eq!(kept.parties.iter().map(|party| party.recipient).collect::<Vec<_>>(), [key(number)]);
    }
    let leases = at.store.claim_due(at.now(), LEASE, 1000).await.unwrap();
    let relayed = |lease| Settlement::new(lease, Outcome::Relayed { detail: String::new() });
    at.store.settle(leases.into_iter().map(relayed).collect()).await.unwrap();
    let filter = StoryFilter { sender: Some(key(1)), ..StoryFilter::default() };
    let found = at.store.find_stories(&filter, 1000).await.unwrap();
    assert_eq!(found.len(), 150);
    assert!(found.iter().all(|story| story.parties[0].state == PartyState::Relayed && story.ended_at.is_some()));
}

pub(crate) async fn stories_are_found_by_all_that_is_asked_the_last_first(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let began = at.now();
    let mut ids = Vec::new();
    for (sender, recipient) in [(1, 2), (1, 3), (4, 2), (1, 2)] {
        ids.push(accepted(&at, sent(&at, sender, recipient).await).await);
        at.clock.advance(SignedDuration::from_secs(60));
    }
    let find = async |filter: StoryFilter, limit| {
        let found = at.store.find_stories(&filter, limit).await.unwrap();
        let place = |story: &Story| ids.iter().position(|id| *id == story.message).unwrap();
        found.iter().map(place).collect::<Vec<_>>()
    };
    let none = StoryFilter::default();
    let (from, to) = (Some(key(1)), Some(key(2)));
    assert_eq!(find(none.clone(), 9).await, [3, 2, 1, 0]);
    assert_eq!(find(none.clone(), 2).await, [3, 2]);
    assert_eq!(find(StoryFilter { sender: from, ..none.clone() }, 9).await, [3, 1, 0]);
    assert_eq!(find(StoryFilter { recipient: to, ..none.clone() }, 9).await, [3, 2, 0]);
    assert_eq!(find(StoryFilter { sender: from, recipient: to, ..none.clone() }, 9).await, [3, 0]);
    assert_eq!(find(StoryFilter { sender: Some(key(4)), recipient: to, ..none.clone() }, 9).await, [2]);
    assert_eq!(find(StoryFilter { message_id: Some(key(1 ^ 3)), ..none.clone() }, 9).await, [1]);
    assert_eq!(find(StoryFilter { message_id: Some(key(3)), recipient: to, ..none.clone() }, 9).await, [3, 0]);
    assert_eq!(find(StoryFilter { sender: Some(key(9)), ..none.clone() }, 9).await, [0; 0]);
    let minute = |count: i64| Some(began + SignedDuration::from_mins(count));
    assert_eq!(find(StoryFilter { since: minute(1), until: minute(3), ..none.clone() }, 9).await, [2, 1]);
    assert_eq!(find(StoryFilter { recipient: to, until: minute(2), ..none.clone() }, 9).await, [0]);
    assert_eq!(find(StoryFilter { sender: from, since: minute(1), ..none.clone() }, 9).await, [3, 1]);
    let before = story(&at, ids[2]).await;
    let before = Some((before.accepted_at, before.message));
    assert_eq!(find(StoryFilter { before, ..none.clone() }, 9).await, [1, 0]);
    assert_eq!(find(StoryFilter { before, until: minute(1), ..none }, 9).await, [0]);
}

pub(crate) async fn stories_are_forgotten_when_their_time_is_over_a_few_at_a_time(backend: &dyn Backend) {
    let at = backend.fresh().await;
    let waits = accepted(&at, sent(&at, 1, 2).await).await;
    let mailbox = at.mailbox("b@here.test").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let mut message = at.message(b"body", &[mailbox]).await;
        let parties = vec![NewParty { recipient: key(3), way: PartyWay::Mailbox(mailbox) }];
        message.story = Some(NewStory { sender: Some(key(1)), message_id: None, parties });
        ids.push(accepted(&at, message).await);
        at.clock.advance(SignedDuration::from_secs(60));
    }
    let before = story(&at, ids[2]).await.accepted_at;
    assert_eq!(at.store.forget_stories(before, 1).await.unwrap(), 1);
    assert_eq!(at.store.story(ids[0]).await.unwrap(), None);
    assert_eq!(at.store.forget_stories(before, 9).await.unwrap(), 1);
    assert_eq!(at.store.forget_stories(before, 9).await.unwrap(), 0);
    let filter = StoryFilter { recipient: Some(key(3)), ..StoryFilter::default() };
    assert_eq!(at.store.find_stories(&filter, 9).await.unwrap().len(), 1, "its parties are forgotten with it");
    assert!(at.store.story(waits).await.unwrap().is_some(), "what has not ended is kept");
    assert_eq!(at.store.events_of(ids[0]).await.unwrap()[0], event(ids[0], EventKind::Accepted), "the record stays");
}
