//! [`Letter`]: the message that one patient gets.

use std::fmt::Write as _;

use jiff::Timestamp;
use pli_types::{MailAddress, MessageId};

use super::template::Template;
use crate::intake::trace_header::date;
use crate::mime::{encoded_words, quoted_printable};

/// A template, and one whom it goes to.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'l> {
    /// What is said.
    pub template: &'l Template,
    /// What is put into its places, in their order.
    pub values: &'l [String],
    /// To whom.
    pub to: &'l MailAddress,
}

impl Letter<'_> {
    /// The whole message. Its lines end in CRLF and are ASCII.
    pub(crate) fn write(&self, sender: &MailAddress, id: MessageId, server_name: &str, at: Timestamp) -> String {
        let template = self.template;
        let mut out = String::with_capacity(2048);
        // Writing to a String cannot fail.
        let _ = match template.from_name() {
            Some(name) => write!(out, "From: {}\r\n <{}>\r\n", phrase(name), sender.reveal()),
            None => write!(out, "From: <{}>\r\n", sender.reveal()),
        };
        let _ = write!(
            out,
            "To: <{to}>\r\n\
             Subject: {subject}\r\n\
             Date: {date}\r\n\
             Message-ID: <{id}@{server_name}>\r\n\
             Auto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n",
            to = self.to.reveal(),
            subject = encoded_words(&template.subject(self.values)),
            date = date(at),
        );
        if let Some(language) = template.language() {
            let _ = write!(out, "Content-Language: {language}\r\n");
        }
        out.push_str("Content-Transfer-Encoding: quoted-printable\r\n\r\n");
        out.push_str(&quoted_printable(&template.body(self.values)));
        out
    }
}

/// A name before an address: quoted, or encoded (RFC 5322 §3.2.5).
fn phrase(name: &str) -> String {
    let encoded = encoded_words(name);
    if encoded == name { format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")) } else { encoded }
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    fn written(template: &str, values: &[&str]) -> String {
        let template = Template::parse(template.as_bytes()).unwrap();
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let to = MailAddress::parse("279035121518989@patient.mssante.fr").unwrap();
        let sender = MailAddress::parse("mon-espace-sante@patient.mssante.fr").unwrap();
        let at = "2026-03-03T10:00:00Z".parse().unwrap();
        let letter = Letter { template: &template, values: &values, to: &to };
        letter.write(&sender, MessageId::from_bytes([7; 16]), "mes.test", at)
    }

    #[test]
    fn a_letter_is_read_as_it_was_meant() {
        let template = "Subject: Examen de {prenom}\nFrom-Name: Mon espace sant\u{e9}\nLanguage: fr\n\n\
                        Bonjour,\n\nL'examen du 24e mois de {prenom} est d\u{fb}.\n";
        let text = written(template, &["Zo\u{e9}"]);
        assert!(text.is_ascii() && text.lines().all(|line| line.len() <= 78), "{text}");
        let parsed = MessageParser::default().parse(&text).unwrap();
        let from = parsed.from().unwrap().first().unwrap();
        assert_eq!(
            (from.name(), from.address()),
            (Some("Mon espace sant\u{e9}"), Some("mon-espace-sante@patient.mssante.fr"))
        );
        assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("279035121518989@patient.mssante.fr"));
        assert_eq!(parsed.subject(), Some("Examen de Zo\u{e9}"));
        let body = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        assert_eq!(body, "Bonjour,\n\nL'examen du 24e mois de Zo\u{e9} est d\u{fb}.\n");
        for line in ["Auto-Submitted: auto-generated", "Date: Tue, 3 Mar 2026 10:00:00 +0000", "Content-Language: fr"] {
            assert!(text.contains(&format!("\r\n{line}\r\n")), "{text}");
        }
    }

    #[test]
    fn a_value_writes_no_header_of_its_own() {
        let text = written("Subject: {a}\n\n{a}", &["x=?utf-8?Q?=0D=0ABcc:_y?="]);
        let parsed = MessageParser::default().parse(&text).unwrap();
        assert_eq!(parsed.subject(), Some("x=?utf-8?Q?=0D=0ABcc:_y?="));
        assert!(parsed.bcc().is_none());
    }

    #[test]
    fn a_plain_name_is_quoted() {
        let text = written("Subject: s\nFrom-Name: Espace \"test\", service\n\nb", &[]);
        assert!(text.starts_with("From: \"Espace \\\"test\\\", service\"\r\n <mon"), "{text}");
    }
}
