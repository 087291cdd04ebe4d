//! The words of a report, in French and then in English.

use pli_policy::Reason;
use pli_types::MailAddress;

use super::reply::Reply;

/// `Message non distribué / Undelivered message` (spec §1.6), as RFC 2047 has it written.
pub(crate) const SUBJECT: &str = "=?UTF-8?Q?Message_non_distribu=C3=A9?= / Undelivered message";

/// The letter, its lines ended by LF. `named` is what the other server gave as its reason; `last` is why the last try
/// failed, and `detail` what happened then, for an administrator: nothing, if no server was tried.
pub(crate) fn letter(recipient: &str, reason: Reason, named: Option<Reason>, last: Reason, detail: &str) -> String {
    let (motif, cause) = cause(reason);
    let codes = codes(reason, last);
    let (indique, says) = named.and_then(about_recipient).map_or_else(Default::default, |(motif, cause)| {
        (format!(" Il indique : {motif}"), format!(" It says: {cause}"))
    });
    let detail = if detail.is_empty() { String::new() } else { format!("Détail technique : {detail}\n") };
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
        "5.2.2" => Some(Reason::MailboxFull),
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
        let letter = |detail| letter("a@b.fr", Reason::PatientClosed, None, Reason::PatientClosed, detail);
        assert!(letter("").contains("\nCode : [patient-closed]\n\nAucune autre tentative"), "{}", letter(""));
        assert!(letter("x").contains("\nD\u{e9}tail technique : x\n\n"), "{}", letter("x"));
    }
}
