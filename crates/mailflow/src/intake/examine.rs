//! Looks into a message that is there as a whole, before it is judged: what lies in its bytes and is no rule's, and what
//! its documents are.

use pli_policy::{HeaderFault, Origin, Reason};
use pli_store::StagedBody;

use super::Refusal;
use super::content::HeaderFacts;
use super::documents;
use super::transaction::{Transaction, store_failed};
use crate::document_metrics;

impl Transaction {
    /// Refuses what cannot be taken whoever brings it.
    pub(super) async fn examine(&mut self, body: &StagedBody, header: &HeaderFacts) -> Result<(), Refusal> {
        if header.goes_round() {
            return Err(self.refused_here(Reason::MailLoop).await);
        }
        // What we write ourselves carries no document.
        if self.facts.origin != Origin::Relay {
            let fields = &header.documents;
            let examined = documents::staged(&*self.intake.store.0, body, fields).await.map_err(store_failed)?;
            let hosted = &self.intake.config.hosted_domains;
            let addressed =
                self.recipients.iter().filter_map(|accepted| documents::addressed(&accepted.recipient.address, hosted));
            self.facts.documents = documents::facts(&examined, fields.headers.clone(), addressed);
            self.examined = examined;
        }
        Ok(())
    }

    /// How the header differs from the documents, where that is only to be told.
    pub(super) fn document_warnings(&self) -> Vec<HeaderFault> {
        pli_policy::document_warnings(&self.facts, &self.intake.config.ruleset)
    }

    /// Counts what was accepted (scenario 37). Reports of our own are nobody's documents.
    pub(super) fn count_documents(&self) {
        if self.facts.origin != Origin::Relay {
            let warnings = self.document_warnings();
            document_metrics::accepted(&self.facts.documents.headers, &self.examined.documents.findings, &warnings);
        }
    }
}
