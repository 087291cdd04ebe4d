//! ENVELOPE (RFC 3501 §7.4.2).

use super::address::{self, Address};
use super::field::{fields, unfold};
use crate::format;

/// What ENVELOPE tells of a header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Envelope {
    date: Option<Vec<u8>>,
    subject: Option<Vec<u8>>,
    from: Vec<Address>,
    sender: Vec<Address>,
    reply_to: Vec<Address>,
    to: Vec<Address>,
    cc: Vec<Address>,
    bcc: Vec<Address>,
    in_reply_to: Option<Vec<u8>>,
    message_id: Option<Vec<u8>>,
}

impl Envelope {
    /// Reads a header. Where a field comes twice, the first counts; address fields are joined.
    pub(crate) fn read(header: &[u8]) -> Self {
        let mut envelope = Self::default();
        for field in fields(header) {
            let text = |slot: &mut Option<Vec<u8>>| {
                slot.get_or_insert_with(|| unfold(field.value));
            };
            let list = |slot: &mut Vec<Address>| slot.extend(address::parse(&unfold(field.value)));
            match field.name.to_ascii_lowercase().as_slice() {
                b"date" => text(&mut envelope.date),
                b"subject" => text(&mut envelope.subject),
                b"in-reply-to" => text(&mut envelope.in_reply_to),
                b"message-id" => text(&mut envelope.message_id),
                b"from" => list(&mut envelope.from),
                b"sender" => list(&mut envelope.sender),
                b"reply-to" => list(&mut envelope.reply_to),
                b"to" => list(&mut envelope.to),
                b"cc" => list(&mut envelope.cc),
                b"bcc" => list(&mut envelope.bcc),
                _ => {}
            }
        }
        // Absent or empty, they are those of From.
        if envelope.sender.is_empty() {
            envelope.sender.clone_from(&envelope.from);
        }
        if envelope.reply_to.is_empty() {
            envelope.reply_to.clone_from(&envelope.from);
        }
        envelope
    }

    /// Writes it.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'(');
        format::nstring(out, self.date.as_deref());
        out.push(b' ');
        format::nstring(out, self.subject.as_deref());
        for list in [&self.from, &self.sender, &self.reply_to, &self.to, &self.cc, &self.bcc] {
            out.push(b' ');
            address::write(out, list);
        }
        out.push(b' ');
        format::nstring(out, self.in_reply_to.as_deref());
        out.push(b' ');
        format::nstring(out, self.message_id.as_deref());
        out.push(b')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(header: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Envelope::read(header).write(&mut out);
        out
    }

    #[test]
    fn sender_and_reply_to_are_those_of_from_when_they_say_nothing() {
        let header = b"From: a@b.fr\r\nReply-To: \r\nSubject: Bonjour\r\n\tdocteur\r\nTo: c@d.fr\r\n\r\n";
        let expected = concat!(
            r#"(NIL "Bonjour"#,
            "\t",
            r#"docteur" ((NIL NIL "a" "b.fr")) ((NIL NIL "a" "b.fr")) "#,
            r#"((NIL NIL "a" "b.fr")) ((NIL NIL "c" "d.fr")) NIL NIL NIL NIL)"#
        );
        assert_eq!(String::from_utf8(shown(header)).unwrap(), expected);
    }

    #[test]
    fn eight_bit_text_goes_out_as_a_literal() {
        let shown = shown("Subject: Ordonnance dématérialisée\r\n\r\n".as_bytes());
        assert!(shown.starts_with("(NIL {28}\r\nOrdonnance dématérialisée NIL".as_bytes()));
    }

    #[test]
    fn an_empty_header_is_all_nil() {
        assert_eq!(shown(b""), b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    }
}
