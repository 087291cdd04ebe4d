//! [`Programs`]: answers programs that call over HTTPS. Who they are is judged by `callers.rs`, how often by `rate.rs`;
//! what they bring is read as a file of an admin is. [`Senders`]: answers people, and programs with a mailbox, who ask where
//! their messages are.

mod callers;
mod question;
mod rate;
mod senders;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pli_audit::{Event, EventKind, Face};
use pli_mailflow::Intake;
use pli_net::Pki;
use pli_store::{Loaded, Store, StoreError};
use pli_types::{Clock, Marked, Masker, Span};
use pli_web::api::{Api, BodyForm, Bytes, Caller, Refused, Scope};
use serde_json::{Value, json};

pub(crate) use self::callers::Callers;
use self::rate::Rate;
pub(crate) use self::senders::Senders;
use crate::config::Config;
use crate::dispensations::lines::{Batch, Form, Lines, ReadFault};
use crate::dispensations::{BATCH, Counts, Window};
use crate::exit::{Failure, chain};
use crate::output::SCHEMA_VERSION;

/// Faults that are told in one answer; the counts tell of all.
const FAULTS_MAX: usize = 1000;

/// Whoever may call, and what for.
pub(crate) struct Programs {
    callers: Callers,
    rate: Mutex<Rate>,
    store: Arc<dyn Store>,
    pki: Pki,
    masker: Masker,
    clock: Arc<dyn Clock>,
    kept: Span,
}

impl Programs {
    /// None if nobody may call.
    pub(crate) fn of(config: &Config, intake: &Intake) -> Result<Option<Self>, Failure> {
        let callers = Callers::new(&config.api)?;
        Ok((!callers.is_empty()).then(|| Self {
            callers,
            rate: Mutex::default(),
            store: Arc::clone(&intake.store.0),
            pki: intake.pki.clone(),
            masker: intake.masker.clone(),
            clock: Arc::clone(&intake.clock),
            kept: config.patient.dispensings_kept,
        }))
    }

    /// Keeps all batches; the last transaction has the record of the call.
    async fn keep(&self, batches: Vec<Batch>, mut counts: Counts, event: Event) -> Result<Counts, StoreError> {
        for batch in batches {
            let Loaded { created, changed, unchanged } =
                self.store.put_dispensings(batch.dispensings, Vec::new()).await?;
            counts = counts.plus(Counts { created, changed, unchanged, ..Counts::default() });
        }
        self.store.append_audit(vec![Event { detail: Some(Marked::plain(counts.recorded())), ..event }]).await?;
        Ok(counts)
    }

    fn event(&self, kind: EventKind, name: &str, remote: SocketAddr) -> Event {
        let actor = Some(Marked::text(name));
        Event { actor, remote: Some(remote.ip().to_string()), ..Event::new(self.clock.now(), kind, Face::Http) }
    }

    async fn record_refusal(&self, name: &str, remote: SocketAddr, reason: &str, detail: Option<String>) {
        tracing::info!(%remote, caller = self.masker.scrub(name), reason, "a program's call is refused");
        let detail = detail.map(Marked::from);
        let event = Event { reason: Some(reason.to_owned()), detail, ..self.event(EventKind::Refused, name, remote) };
        if let Err(error) = self.store.append_audit(vec![event]).await {
            tracing::error!(error = %chain(&error), "a refusal is not on record");
        }
    }
}

#[async_trait]
impl Api for Programs {
    async fn admit(&self, caller: &Caller, scope: Scope) -> Result<String, Refused> {
        let (now, remote) = (self.clock.now(), caller.connected.remote);
        if !self.rate.lock().unwrap_or_else(PoisonError::into_inner).may(remote.ip(), now) {
            // Not on record: whoever calls as often would fill it.
            tracing::debug!(%remote, "too many calls from one address");
            return Err(Refused::TooMany);
        }
        match self.callers.judge(caller, scope, &self.pki, now).await {
            Ok(name) => Ok(name),
            Err(fault) => {
                let name = fault.name(&self.masker);
                self.record_refusal(&name, remote, fault.refused().code(), fault.detail()).await;
                Err(fault.refused())
            }
        }
    }

    async fn dispensations(
        &self,
        name: &str,
        remote: SocketAddr,
        form: BodyForm,
        body: Bytes,
    ) -> Result<Value, Refused> {
        let window = Window::at(self.clock.now(), self.kept);
        let form = match form {
            BodyForm::Csv => Form::Csv,
            BodyForm::JsonLines => Form::Json,
        };
        let read = tokio::task::spawn_blocking(move || read(&body, form, window)).await;
        let batches = read.map_err(|_| Refused::Unavailable)??;
        let counts = batches.iter().fold(Counts::default(), |counts, batch| counts.plus(batch.counts));
        let faults: Vec<Value> = batches
            .iter()
            .flat_map(|batch| &batch.faults)
            .take(FAULTS_MAX)
            .map(|(line, fault)| json!({"line": line, "code": fault.code()}))
            .collect();
        let kept = self.keep(batches, counts, self.event(EventKind::Changed, name, remote)).await;
        let counts = kept.map_err(|error| {
            tracing::error!(error = %chain(&error), "what a program brought is not kept, or in part");
            Refused::Unavailable
        })?;
        Ok(json!({
            "schema_version": SCHEMA_VERSION,
            "outcome": "imported",
            "lines": counts.lines,
            "created": counts.created,
            "changed": counts.changed,
            "unchanged": counts.unchanged,
            "outdated": counts.outdated,
            "refused": counts.refused,
            "faults": faults,
        }))
    }

    async fn refused(&self, name: &str, remote: SocketAddr, why: Refused) {
        self.record_refusal(name, remote, why.code(), None).await;
    }
}

/// All of a body, in the parts that are kept one by one.
fn read(body: &[u8], form: Form, window: Window) -> Result<Vec<Batch>, Refused> {
    let fault = |fault| match fault {
        ReadFault::Header => Refused::Header,
        ReadFault::Unreadable(_) => Refused::Broken,
    };
    let mut lines = Lines::begin(body, form, window).map_err(fault)?;
    let mut batches = Vec::new();
    while let Some(batch) = lines.next(BATCH).map_err(fault)? {
        batches.push(batch);
    }
    Ok(batches)
}
