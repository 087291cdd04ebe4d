//! Looks into a message that is there as a whole, before it is judged: what lies in its bytes and is no rule's.

use pli_policy::Reason;

use super::Refusal;
use super::content::HeaderFacts;
use super::transaction::Transaction;

impl Transaction {
    /// Refuses what cannot be taken whoever brings it.
    pub(super) async fn examine(&mut self, header: &HeaderFacts) -> Result<(), Refusal> {
        if header.goes_round() {
            return Err(self.refused_here(Reason::MailLoop).await);
        }
        Ok(())
    }
}
