//! The words of a report, in French and then in English.

use pli_policy::Reason;

/// `Message non distribué / Undelivered message` (spec §1.6), as RFC 2047 has it written.
pub(crate) const SUBJECT: &str = "=?UTF-8?Q?Message_non_distribu=C3=A9?= / Undelivered message";

/// The letter, its lines ended by LF. `named` is what the other server gave as its reason; `last` is why the last try
/// failed, and `detail` what happened then, for an administrator.
pub(crate) fn letter(recipient: &str, reason: Reason, named: Option<Reason>, last: Reason, detail: &str) -> String {
    let (motif, cause) = cause(reason);
    let codes = codes(reason, last);
    let (motif_named, cause_named) = named.and_then(told_by_server).unwrap_or_default();
    format!(
        "Message non distribué\n\
         \n\
         Votre message n'a pas pu être remis à :\n\
         \n\
         \x20   {recipient}\n\
         \n\
         Motif : {motif}{motif_named}\n\
         Code : {codes}\n\
         Détail technique : {detail}\n\
         \n\
         Il ne sera plus réessayé. Le message n'est pas joint à cet avis : retrouvez-le\n\
         dans vos messages envoyés, à la date indiquée plus bas.\n\
         \n\
         --------\n\
         \n\
         Undelivered message\n\
         \n\
         Your message could not be delivered to the recipient named above.\n\
         \n\
         Reason: {cause}{cause_named}\n\
         Code: {codes}\n\
         \n\
         It will not be tried again. The message is not attached to this notice: look for\n\
         it among your sent messages, under the date given below.\n"
    )
}

/// The stable words by which an operator's help desk finds the reason: `[expired-in-queue] [certificate-revoked]`.
pub(crate) fn codes(reason: Reason, last: Reason) -> String {
    if reason == last { format!("[{}]", reason.code()) } else { format!("[{}] [{}]", reason.code(), last.code()) }
}

fn cause(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::ExpiredInQueue => (
            "le serveur du destinataire n'a pas pu prendre le message dans le délai prévu.",
            "the recipient's server could not take the message within the time allowed.",
        ),
        Reason::RecipientDomainNotListed => (
            "le domaine du destinataire n'est plus dans la liste blanche de l'espace de confiance.",
            "the recipient's domain is no longer in the trust list.",
        ),
        Reason::PeerRefused => {
            ("le serveur du destinataire a refusé le message.", "the recipient's server refused the message.")
        }
        Reason::PeerUnreachable => {
            ("le domaine du destinataire ne reçoit pas de messages.", "the recipient's domain takes no messages.")
        }
        _ => ("le message n'a pas pu être transmis.", "the message could not be passed on."),
    }
}

/// What the other server says of the recipient or of the message, where the writer can do something about it.
fn told_by_server(reason: Reason) -> Option<(&'static str, &'static str)> {
    Some(match reason {
        Reason::RecipientUnknown => {
            (" Il indique : cette boîte aux lettres n'existe pas.", " It says: there is no such mailbox.")
        }
        Reason::RecipientSuspended => {
            (" Il indique : cette boîte aux lettres est suspendue.", " It says: the mailbox is suspended.")
        }
        Reason::MailboxFull => (" Il indique : cette boîte aux lettres est pleine.", " It says: the mailbox is full."),
        Reason::PatientUnknown => {
            (" Il indique : ce patient n'y a pas de messagerie.", " It says: there is no such patient.")
        }
        Reason::PatientClosed => {
            (" Il indique : le patient a fermé sa messagerie.", " It says: the patient has closed the mailbox.")
        }
        Reason::PatientAddressSyntax | Reason::PatientAddressKey => (
            " Il indique : l'adresse du patient comporte une erreur.",
            " It says: there is a mistake in the patient's address.",
        ),
        Reason::MessageTooBig => (" Il indique : le message est trop gros.", " It says: the message is too big."),
        _ => return None,
    })
}
