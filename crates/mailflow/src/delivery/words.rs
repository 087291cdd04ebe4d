//! The words of a report, in French and then in English.

use jiff::Timestamp;
use pli_policy::Reason;
use pli_types::MailAddress;

use super::dsn::News;
use super::reply::Reply;

/// `Message non distribué / Undelivered message` (spec §1.6) and the like, as RFC 2047 has them written.
pub(crate) fn subject(news: News<'_>) -> &'static str {
    match news {
        News::Failed { .. } => "=?UTF-8?Q?Message_non_distribu=C3=A9?= / Undelivered message",
        News::Delayed { .. } => "=?UTF-8?Q?Message_retard=C3=A9?= / Delayed message",
        News::Relayed { .. } => "Message transmis / Message passed on",
        News::Delivered => "Message remis / Message delivered",
    }
}

/// The letter, its lines ended by LF. `expires_at` is until when the message is tried.
pub(crate) fn letter(recipient: &MailAddress, news: News<'_>, expires_at: Timestamp) -> String {
    let to = recipient.reveal();
    match news {
        News::Failed { reason, trouble } => {
            let named = trouble.reply.as_ref().and_then(|reply| named(reply, recipient));
            failed(&to, reason, named, trouble.reason, &trouble.detail)
        }
        News::Delayed { trouble, .. } => {
            let named = trouble.reply.as_ref().and_then(|reply| named(reply, recipient));
            delayed(&to, named, trouble.reason, &trouble.detail, expires_at)
        }
        News::Relayed { .. } => relayed(&to),
        News::Delivered => delivered(&to),
    }
}

/// `named` is what the other server gave as its reason; `last` is why the last try failed, and `detail` what happened
/// then, for an administrator: nothing, if no server was tried.
fn failed(recipient: &str, reason: Reason, named: Option<Reason>, last: Reason, detail: &str) -> String {
    let (motif, cause) = cause(reason);
    let codes = codes(reason, last);
    let (indique, says) = says(named);
    let detail = technical(detail);
    format!(
        "Message non distribué\n\
         \n\
         Votre message n'a pas pu être remis à :\n\
         \n\
         \x20   {recipient}\n\
         \n\
         Motif : {motif}{indique}\n\
         Code : {codes}\n\
         {detail}\
         \n\
         Aucune autre tentative n'aura lieu. Le message n'est pas joint à cet avis :\n\
         retrouvez-le dans vos messages envoyés, à la date indiquée plus bas.\n\
         \n\
         --------\n\
         \n\
         Undelivered message\n\
         \n\
         Your message could not be delivered to the recipient named above.\n\
         \n\
         Reason: {cause}{says}\n\
         Code: {codes}\n\
         \n\
         It will not be tried again. The message is not attached to this notice: look for\n\
         it among your sent messages, under the date given below.\n"
    )
}

fn delayed(recipient: &str, named: Option<Reason>, last: Reason, detail: &str, expires_at: Timestamp) -> String {
    let (motif, cause) = cause_of_delay(last);
    let codes = codes(last, last);
    let (indique, says) = says(named);
    let detail = technical(detail);
    let (jusque, until) = (expires_at.strftime("%d/%m/%Y à %H:%M (UTC)"), expires_at.strftime("%Y-%m-%d, %H:%M (UTC)"));
    format!(
        "Message retardé\n\
         \n\
         Votre message n'a pas encore pu être remis à :\n\
         \n\
         \x20   {recipient}\n\
         \n\
         Motif : {motif}{indique}\n\
         Code : {codes}\n\
         {detail}\
         \n\
         Ne le renvoyez pas : d'autres tentatives ont lieu d'elles-mêmes, jusqu'au\n\
         {jusque}. S'il est urgent, joignez le destinataire autrement.\n\
         Cet avis ne sera pas répété ; un autre vous dira si le message n'a pu être remis.\n\
         \n\
         --------\n\
         \n\
         Delayed message\n\
         \n\
         Your message has not reached the recipient named above yet.\n\
         \n\
         Reason: {cause}{says}\n\
         Code: {codes}\n\
         \n\
         Do not send it again: it is tried again by itself, until {until}.\n\
         If it is urgent, reach the recipient another way. This notice is not repeated;\n\
         another one will tell you if the message could not be delivered.\n"
    )
}

fn relayed(recipient: &str) -> String {
    format!(
        "Message transmis\n\
         \n\
         Le serveur du destinataire a pris en charge votre message à :\n\
         \n\
         \x20   {recipient}\n\
         \n\
         Ce serveur ne confirme pas la remise : vous ne recevrez pas d'autre confirmation.\n\
         \n\
         --------\n\
         \n\
         Message passed on\n\
         \n\
         The recipient's server has taken charge of your message. It does not confirm\n\
         delivery: this is the only confirmation that you will get.\n"
    )
}

fn delivered(recipient: &str) -> String {
    format!(
        "Message remis\n\
         \n\
         Votre message a été remis dans la boîte aux lettres de :\n\
         \n\
         \x20   {recipient}\n\
         \n\
         Cela ne veut pas dire qu'il a été lu.\n\
         \n\
         --------\n\
         \n\
         Message delivered\n\
         \n\
         Your message was put into the mailbox of the recipient named above.\n\
         This does not mean that it was read.\n"
    )
}

fn says(named: Option<Reason>) -> (String, String) {
    named.and_then(about_recipient).map_or_else(Default::default, |(motif, cause)| {
        (format!(" Il indique : {motif}"), format!(" It says: {cause}"))
    })
}

fn technical(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!("Détail technique : {detail}\n") }
}

/// The stable words by which an operator's help desk finds the reason: `[expired-in-queue] [certificate-revoked]`.
pub(crate) fn codes(reason: Reason, last: Reason) -> String {
    if reason == last { format!("[{}]", reason.code()) } else { format!("[{}] [{}]", reason.code(), last.code()) }
}

/// What another server gives as its reason: by our own code if it is a relay of this kind, else by the status code of
/// RFC 3463. The same mistake reads alike whoever noticed it (spec §1.6).
pub(crate) fn named(reply: &Reply, recipient: &MailAddress) -> Option<Reason> {
    let patient = recipient.domain().is_patient_domain();
    reply.named_reason().or_else(|| match reply.enhanced()? {
        "5.1.1" if patient => Some(Reason::PatientUnknown),
        "5.1.1" => Some(Reason::RecipientUnknown),
        "5.1.3" if patient => Some(Reason::PatientAddressSyntax),
        "5.2.1" if patient => Some(Reason::PatientClosed),
        "5.2.2" | "4.2.2" => Some(Reason::MailboxFull),
        "5.2.3" | "5.3.4" => Some(Reason::MessageTooBig),
        _ => None,
    })
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
        other => about_recipient(other)
            .unwrap_or(("le message n'a pas pu être transmis.", "the message could not be passed on.")),
    }
}

/// Why it is not there yet. What the sender can do nothing about is told in general: the code says the rest.
fn cause_of_delay(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::PeerUnreachable => {
            ("le serveur du destinataire ne répond pas.", "the recipient's server does not answer.")
        }
        Reason::PeerTls => (
            "aucune liaison sûre n'a pu être établie avec le serveur du destinataire.",
            "no secure connection to the recipient's server could be made.",
        ),
        Reason::PeerRefused => (
            "le serveur du destinataire ne prend pas le message pour le moment.",
            "the recipient's server does not take the message at the moment.",
        ),
        _ => ("le message n'a pas encore pu être transmis.", "the message could not be passed on yet."),
    }
}

/// What is wrong with the recipient or with the message, where the writer can do something about it: the four causes
/// of spec §1.6, and those that a professional's mailbox has.
fn about_recipient(reason: Reason) -> Option<(&'static str, &'static str)> {
    Some(match reason {
        Reason::RecipientUnknown => ("cette boîte aux lettres n'existe pas.", "there is no such mailbox."),
        Reason::RecipientSuspended => ("cette boîte aux lettres est suspendue.", "the mailbox is suspended."),
        Reason::MailboxFull => ("cette boîte aux lettres est pleine.", "the mailbox is full."),
        Reason::PatientUnknown => (
            "aucun patient n'a de messagerie à cette adresse. Vérifiez l'identité (INS) du patient.",
            "no patient has a mailbox at this address. Check the patient's identity (INS).",
        ),
        Reason::PatientClosed => (
            "le patient a fermé sa messagerie. Joignez-le autrement.",
            "the patient has closed the mailbox. Reach the patient another way.",
        ),
        Reason::PatientAddressSyntax | Reason::PatientAddressKey => (
            "l'adresse du patient comporte une erreur. Elle est faite des 15 caractères de l'INS, clé comprise.",
            "there is a mistake in the patient's address. It is made of the 15 characters of the INS, with its key.",
        ),
        Reason::MessageTooBig => (
            "le message est trop gros. Envoyez-en moins, ou en plusieurs messages.",
            "the message is too big. Send less, or in several messages.",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_code_of_another_makes_server_is_told_in_the_same_words() {
        let patient = "279035121518989@patient.mssante.fr";
        let cases = [
            (550, "5.1.1 unknown", patient, Some(Reason::PatientUnknown)),
            (550, "5.1.1 unknown", "a@b.fr", Some(Reason::RecipientUnknown)),
            (550, "5.1.3 syntax", patient, Some(Reason::PatientAddressSyntax)),
            (550, "5.1.3 syntax", "a@b.fr", None),
            (550, "5.2.1 disabled", patient, Some(Reason::PatientClosed)),
            (552, "5.3.4 too big", patient, Some(Reason::MessageTooBig)),
            (550, "5.1.1 [patient-closed] of a relay of this kind", "a@b.fr", Some(Reason::PatientClosed)),
            (550, "no code", patient, None),
        ];
        for (code, text, recipient, expected) in cases {
            let reply = Reply { code, text: text.to_owned() };
            assert_eq!(named(&reply, &MailAddress::parse(recipient).unwrap()), expected, "{text} for {recipient}");
        }
    }

    #[test]
    fn a_letter_without_a_detail_has_no_line_for_one() {
        let letter = |detail| failed("a@b.fr", Reason::PatientClosed, None, Reason::PatientClosed, detail);
        assert!(letter("").contains("\nCode : [patient-closed]\n\nAucune autre tentative"), "{}", letter(""));
        assert!(letter("x").contains("\nD\u{e9}tail technique : x\n\n"), "{}", letter("x"));
    }
}
