//! Messages of a notice to patients: made by the same rules as every message, for whoever settles the recipient with them.

use pli_policy::Reason;
use pli_store::NewMessage;
use pli_types::{DsnNotify, MailAddress, Recipient};

use super::{Intake, Refusal, Transaction};
use crate::campaign::Letter;

impl Intake {
    /// Makes one. What policy would return is refused here: a notice that reaches nobody is counted, and no report of it
    /// is written.
    pub(crate) async fn notice(
        &self,
        notice: &str,
        sender: &MailAddress,
        letter: &Letter<'_>,
    ) -> Result<NewMessage, Refusal> {
        let mut transaction = Transaction::of_notice(self, notice, sender.clone());
        transaction.decide().await?;
        let notify = DsnNotify::NEVER;
        transaction.recipient(Recipient { address: letter.to.clone(), notify, orcpt: None }).await?;
        let text = letter.write(sender, transaction.id(), &self.config.server_name, self.clock.now());
        transaction.write(text.as_bytes()).await?;
        let message = transaction.prepare().await?;
        match message.returns.first() {
            None if message.deliveries.is_empty() => refuse(Reason::PatientUnknown),
            None => Ok(message),
            Some(returned) => {
                let reason = Reason::ALL.iter().find(|reason| reason.code() == returned.reason);
                refuse(reason.copied().unwrap_or(Reason::PatientUnknown))
            }
        }
    }
}

fn refuse(reason: Reason) -> Result<NewMessage, Refusal> {
    Err(Refusal { reason, temporary: false })
}
