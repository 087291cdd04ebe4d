//! Asks policy what shall become of a [`Transaction`], and records what is refused.

use pli_policy::{Decision, Reason, Stage};
use pli_types::Marked;

use super::content::HeaderFacts;
use super::facts::Way;
use super::record::Because;
use super::transaction::{Accepted, Transaction, store_failed};
use super::{Refusal, facts, relation};

/// Another way than to whom it is for, and the rule that says so.
pub(super) struct Turned {
    pub(super) way: Way,
    pub(super) rule: Option<&'static str>,
}

impl Transaction {
    /// Asks policy at the stage that the facts are at; a refusal is recorded before it comes back. What is taken may have
    /// to go another way than to whom it is for: that comes back then.
    pub(super) async fn decide(&mut self) -> Result<Option<Turned>, Refusal> {
        let (decision, rule) = pli_policy::decide_by_rule(&self.facts, &self.intake.config.ruleset);
        let refusal = match decision {
            Decision::Accept => return Ok(None),
            // Before there is a recipient, nothing is there to go back or to be held; and what was not scanned is not taken.
            Decision::Return(reason) | Decision::Hold(reason)
                if matches!(self.facts.stage, Stage::Mail | Stage::Scan) =>
            {
                Refusal { reason, temporary: false }
            }
            Decision::Return(reason) => return Ok(Some(Turned { way: Way::Back(reason), rule })),
            Decision::Hold(reason) => return Ok(Some(Turned { way: Way::Held(reason), rule })),
            Decision::Defer(reason) => Refusal { reason, temporary: true },
            Decision::Refuse(reason) => Refusal { reason, temporary: false },
        };
        let recipient = self.facts.recipient.as_ref().map(|recipient| Marked::address(&recipient.address));
        let scan = self.facts.scan.as_ref();
        let because = Because { reason: refusal.reason, rule, list: self.list.as_deref(), scan };
        self.witness.refused(&self.intake, because, recipient).await;
        Err(refusal)
    }

    /// Judges what the header says, at the end of `DATA`.
    pub(super) async fn judge_content(&mut self, header: &HeaderFacts) -> Result<(), Refusal> {
        let recipients = self.recipients.iter().map(|accepted| accepted.known.clone()).collect();
        let asked = relation::of_letter(&self.intake, &self.facts, &header.thread, recipients).await;
        self.facts.letter = Some(asked.map_err(store_failed)?);
        self.facts.stage = Stage::Content;
        self.facts.authorship = Some(facts::of_header(self.list.as_deref(), &self.facts.origin, header));
        if let Some(Turned { way, rule }) = self.decide().await? {
            let decided = |accepted: &&mut Accepted| matches!(accepted.way, Way::Back(_) | Way::Held(_));
            for accepted in self.recipients.iter_mut().filter(|accepted| !decided(accepted)) {
                accepted.way = way.clone();
                accepted.rule = rule;
            }
        }
        Ok(())
    }

    /// Records a refusal that is no rule's: it lies in the bytes.
    pub(super) async fn refused_here(&mut self, reason: Reason) -> Refusal {
        self.record_refusal(reason, None).await;
        let temporary = matches!(reason, Reason::MailboxFull | Reason::StoreUnavailable | Reason::RateExceeded);
        Refusal { reason, temporary }
    }

    /// Records a refusal that is no rule's.
    pub(super) async fn record_refusal(&self, reason: Reason, recipient: Option<Marked>) {
        let because = Because { reason, rule: None, list: self.list.as_deref(), scan: None };
        self.witness.refused(&self.intake, because, recipient).await;
    }
}
