//! [`Senders`]: answers senders who ask over HTTPS where their messages are. Who asks is judged by the gate that lets him in
//! to his mail, and what he may know is what `pli message trace --as` shows (`story/own.rs`).

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pli_audit::{Event, EventKind, Face};
use pli_mailflow::Intake;
use pli_signin::{Caller, Denied, Pass, Proof, SignIn, http};
use pli_store::{Account, Store, StoreError, StoryFilter};
use pli_types::{Clock, MailAddress, Marked, Masker, MessageId};
use pli_web::messages::{Asked, OwnMessages, Withheld};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::question::{Question, Several};
use super::rate::Rate;
use crate::admin::Sight;
use crate::exit::chain;
use crate::output::SCHEMA_VERSION;
use crate::story::{Own, Page, Told};

/// Answers in the making. Further callers are asked to come again.
const ANSWERS_MAX: usize = 8;

/// What senders are told from.
pub(crate) struct Senders {
    signin: SignIn,
    rate: Mutex<Rate>,
    places: Semaphore,
    store: Arc<dyn Store>,
    masker: Masker,
    clock: Arc<dyn Clock>,
}

impl Senders {
    /// Whom this gate lets in.
    pub(crate) fn new(intake: &Intake, signin: SignIn) -> Self {
        Self {
            signin,
            rate: Mutex::default(),
            places: Semaphore::new(ANSWERS_MAX),
            store: Arc::clone(&intake.store.0),
            masker: intake.masker.clone(),
            clock: Arc::clone(&intake.clock),
        }
    }

    /// Lets him in, or records that he showed nothing. What is wrong with what he shows is recorded by the gate.
    async fn sign_in(&self, asked: &Asked) -> Result<Pass, Withheld> {
        let Some(proof) = self.proof(asked) else {
            let why = if asked.authorization.is_some() { Withheld::Failed } else { Withheld::Nobody };
            let remote = asked.connected.remote;
            tracing::debug!(%remote, reason = why.code(), "a question without a name");
            let reason = Some(why.code().to_owned());
            self.keep(Event { reason, ..self.event(EventKind::Refused, asked) }).await?;
            return Err(why);
        };
        let tls = &*asked.connected.tls;
        let caller = Caller { face: Face::Http, remote: asked.connected.remote.ip(), tls: Some(tls) };
        self.signin.judge(&proof, &caller).await.map_err(|denied| match denied {
            Denied::Failed => Withheld::Failed,
            Denied::Token => Withheld::Token,
            Denied::TooMany => Withheld::Guesses,
            Denied::Unavailable | Denied::IssuerUnavailable => Withheld::Unavailable,
        })
    }

    /// What he writes into the header counts; without it, a certificate that is believed: a program's.
    fn proof(&self, asked: &Asked) -> Option<Proof> {
        let Some(authorization) = &asked.authorization else {
            let certificate = asked.connected.tls.certificate.as_ref()?;
            return self.signin.believes(certificate).then(|| Proof::Certificate { acts_for: String::new() });
        };
        let mailbox = asked.filter.as_ref().ok().and_then(|filter| filter.from.as_deref());
        let proof = http::read(authorization.reveal(), mailbox.unwrap_or_default())?;
        // Where no tokens are taken, none is a guess.
        (self.signin.takes_tokens() || !matches!(proof, Proof::Token { .. })).then_some(proof)
    }

    /// What he asks for, or why he is not told.
    async fn tell(&self, account: &Account, question: Result<&Question, Withheld>) -> Result<Answer, Withheld> {
        let question = question?;
        let _place = self.places.try_acquire().map_err(|_| Withheld::Busy)?;
        let told = match question {
            Question::One { message, from } => self.one(&self.own(account, from.as_ref()), *message).await,
            Question::Several(several) => self.several(&self.own(account, several.from.as_ref()), several).await,
        };
        told.map_err(|error| unavailable(&error))?.ok_or(Withheld::Unknown)
    }

    async fn one(&self, own: &Own<'_>, message: MessageId) -> Result<Option<Answer>, StoreError> {
        let told = own.one(message).await?;
        Ok(told.map(|told| Answer { body: Value::Object(told.whole()), messages: 1 }))
    }

    async fn several(&self, own: &Own<'_>, several: &Several) -> Result<Option<Answer>, StoreError> {
        let before = match several.before {
            None => None,
            Some(message) => match own.story(message).await? {
                Some(story) => Some((story.accepted_at, story.message)),
                None => return Ok(None),
            },
        };
        let filter = StoryFilter {
            sender: None,
            recipient: several.to.as_ref().map(|address| self.masker.lookup_address(address)),
            message_id: several.message_id.as_deref().map(|id| self.masker.lookup_message_id(id)),
            since: several.since,
            until: several.until,
            before,
        };
        let Page { messages, more } = own.last(&filter, several.limit).await?;
        let members: Vec<Map<String, Value>> = messages.iter().map(Told::members).collect();
        let body = json!({"schema_version": SCHEMA_VERSION, "messages": members, "more": more});
        Ok(Some(Answer { body, messages: messages.len() }))
    }

    /// His are the messages from the addresses that he may write as now, or from that one of them.
    fn own(&self, account: &Account, from: Option<&MailAddress>) -> Own<'_> {
        let asked = |address: &&MailAddress| from.is_none_or(|from| from.key() == address.key());
        let senders = account.writes_as.iter().filter(asked).map(|address| self.masker.lookup_address(address));
        Own::new(&*self.store, senders.collect::<Vec<_>>(), Sight::masked(self.masker.clone()))
    }

    /// Who asked what, and what he was told: on record before he is.
    async fn record(
        &self,
        account: &Account,
        asked: &Asked,
        question: Result<&Question, Withheld>,
        told: &Result<Answer, Withheld>,
    ) -> Result<(), Withheld> {
        let named = |address: &Option<MailAddress>| address.as_ref().map(Marked::address);
        let answer = match told {
            Ok(told) => Marked::plain(format!("{} told", told.messages)),
            Err(_) => Marked::plain("nothing told"),
        };
        let event = Event {
            actor: Some(Marked::account(&account.name)),
            mailbox: Some(Marked::address(&account.mailbox.address)),
            reason: told.as_ref().err().map(|why| why.code().to_owned()),
            ..self.event(EventKind::Asked, asked)
        };
        let event = match question {
            Ok(Question::One { message, from }) => {
                Event { message: Some(*message), sender: named(from), detail: Some(answer), ..event }
            }
            Ok(Question::Several(several)) => {
                let detail = Some(Marked::text(&several.recorded()).and(": ").then(answer));
                Event { sender: named(&several.from), recipient: named(&several.to), detail, ..event }
            }
            Err(_) => Event { detail: Some(answer), ..event },
        };
        self.keep(event).await
    }

    async fn keep(&self, event: Event) -> Result<(), Withheld> {
        self.store.append_audit(vec![event]).await.map_err(|error| unavailable(&error))
    }

    fn event(&self, kind: EventKind, asked: &Asked) -> Event {
        let remote = Some(asked.connected.remote.ip().to_string());
        Event { remote, ..Event::new(self.clock.now(), kind, Face::Http) }
    }
}

/// An answer.
struct Answer {
    body: Value,
    /// Messages that it tells of.
    messages: usize,
}

#[async_trait]
impl OwnMessages for Senders {
    fn takes_tokens(&self) -> bool {
        self.signin.takes_tokens()
    }

    async fn answer(&self, asked: Asked) -> Result<Value, Withheld> {
        let remote = asked.connected.remote;
        if !self.rate.lock().unwrap_or_else(PoisonError::into_inner).may(remote.ip(), self.clock.now()) {
            // Not on record: whoever calls as often would fill it.
            tracing::debug!(%remote, "too many questions from one address");
            return Err(Withheld::TooMany);
        }
        let mut pass = self.sign_in(&asked).await?;
        let question = Question::of(&asked);
        let question = question.as_ref().map_err(|why| *why);
        let told = match self.tell(&pass.account, question).await {
            Ok(_) if pass.guard.has_ended().is_some() => Err(Withheld::Failed),
            told => told,
        };
        self.record(&pass.account, &asked, question, &told).await?;
        told.map(|answer| answer.body)
    }
}

fn unavailable(error: &StoreError) -> Withheld {
    tracing::error!(error = %chain(error), "a sender's question could not be answered");
    Withheld::Unavailable
}
