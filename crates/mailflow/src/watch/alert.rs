//! The alert to a sender whose message is late: which one, since when, and what to do. Nothing of its subject, which names
//! the patient (spec §6.2), and nothing of its content.

use std::fmt::Write as _;

use jiff::Timestamp;
use pli_types::{MailAddress, MessageId};

use super::Step;
use crate::intake::trace_header::date;
use crate::mime::{encoded_words, is_printable, quoted_printable};

/// What an alert tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Late<'l> {
    /// Our name.
    pub(crate) server_name: &'l str,
    /// The domain of `MAILER-DAEMON`.
    pub(crate) domain: &'l str,
    /// Who is told.
    pub(crate) sender: &'l MailAddress,
    /// To whom the message is.
    pub(crate) recipient: &'l MailAddress,
    /// The message, as the operator finds it.
    pub(crate) message: MessageId,
    /// Its `Message-ID`, by which the sender's program finds it.
    pub(crate) message_id: Option<&'l str>,
    /// When it was taken in.
    pub(crate) accepted_at: Timestamp,
    /// What has not happened.
    pub(crate) step: Step,
    /// The time that it had, as the configuration has it written.
    pub(crate) within: &'l str,
    /// Is it sent once more?
    pub(crate) resent: bool,
    /// Now.
    pub(crate) at: Timestamp,
}

/// Writes it: lines end in CRLF, all of it is ASCII if the addresses are.
pub(crate) fn write(late: &Late<'_>) -> String {
    let id = MessageId::at(late.at);
    let thread = late
        .message_id
        .filter(|id| is_printable(id) && !id.contains(' '))
        .map_or_else(String::new, |original| format!("In-Reply-To: <{original}>\r\nReferences: <{original}>\r\n"));
    let mut out = String::with_capacity(4096);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "From: Mail Delivery System <MAILER-DAEMON@{domain}>\r\nTo: <{sender}>\r\nSubject: {subject}\r\nDate: {date}\r\n\
         Message-ID: <{id}@{server}>\r\n{thread}Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Language: fr, en\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n{letter}",
        domain = late.domain,
        sender = late.sender.reveal(),
        subject = encoded_words("Message en retard / Message overdue"),
        date = date(late.at),
        server = late.server_name,
        letter = quoted_printable(&letter(late)),
    );
    out
}

fn letter(late: &Late<'_>) -> String {
    let (recipient, sent, within, id) = (late.recipient.reveal(), date(late.accepted_at), late.within, late.message);
    let name = late.message_id.filter(|id| is_printable(id)).unwrap_or("-");
    let (manque, lacks) = words(late.step);
    let (encore, again) = if late.resent {
        (
            "Le message vient d'être envoyé une seconde fois ; ce second envoi ne remplace pas votre appel.\n",
            "The message has just been sent a second time; that does not replace your call.\n",
        )
    } else {
        ("", "")
    };
    format!(
        "Message en retard\n\
         \n\
         Votre message à :\n\
         \n\
         \x20   {recipient}\n\
         \n\
         {manque} dans le délai fixé ({within}).\n\
         \n\
         Appelez votre correspondant : ne supposez pas qu'il a pris connaissance du message.\n\
         {encore}\
         \n\
         Envoyé le : {sent}\n\
         Message-ID : {name}\n\
         Référence pour votre opérateur : {id}\n\
         \n\
         --------\n\
         \n\
         Message overdue\n\
         \n\
         Your message to the recipient named above {lacks} within the time set ({within}).\n\
         \n\
         Call your correspondent: do not take it that the message has been read.\n\
         {again}\
         \n\
         The date, the Message-ID and your operator's reference stand above.\n"
    )
}

fn words(step: Step) -> (&'static str, &'static str) {
    match step {
        Step::Relayed => ("n'a pas été remis au serveur de son destinataire", "has not reached the recipient's server"),
        Step::Delivered => ("n'a pas été confirmé comme distribué", "has not been confirmed as delivered"),
        Step::Opened => ("n'a pas été signalé comme ouvert", "has not been reported as opened"),
        Step::Integrated => {
            ("n'a pas été signalé comme intégré au dossier", "has not been reported as integrated into the record")
        }
    }
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    #[test]
    fn an_alert_says_which_message_and_what_to_do_in_french_first() {
        let (sender, recipient) =
            (MailAddress::parse("dr@a.test").unwrap(), MailAddress::parse("labo@b.test").unwrap());
        let late = Late {
            server_name: "mss.test",
            domain: "a.test",
            sender: &sender,
            recipient: &recipient,
            message: MessageId::from_bytes([7; 16]),
            message_id: Some("1@a.test"),
            accepted_at: "2026-03-03T10:00:00Z".parse().unwrap(),
            step: Step::Opened,
            within: "30m",
            resent: true,
            at: "2026-03-03T10:30:00Z".parse().unwrap(),
        };
        let text = write(&late);
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 78), "{text}");
        let parsed = MessageParser::default().parse(&text).unwrap();
        assert_eq!(parsed.subject(), Some("Message en retard / Message overdue"));
        assert_eq!(parsed.in_reply_to().as_text(), Some("1@a.test"));
        let body = parsed.body_text(0).unwrap();
        let (french, english) = body.split_once("--------").unwrap();
        for told in ["labo@b.test", "30m", "Appelez", "10:00:00", "1@a.test", &late.message.to_string(), "seconde fois"]
        {
            assert!(french.contains(told), "{told} in {french}");
        }
        assert!(english.contains("Call your correspondent") && english.contains("second time"), "{english}");
        let odd = Late { message_id: Some("1@a\r\nBcc: x@y.test"), resent: false, ..late };
        let text = write(&odd);
        assert!(!text.contains("Bcc") && !text.contains("In-Reply-To"), "{text}");
    }
}
