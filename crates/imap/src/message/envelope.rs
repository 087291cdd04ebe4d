//! ENVELOPE (RFC 3501 §7.4.2).

use super::address::{self, Address};
use super::budget::{ADDRESSES_MAX, Budget};
use super::field::{Field, beginning, fields, unfold, unfold_text};
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
    /// Reads the beginning of a header, as far as the budget goes. Where a field comes twice, the first counts; address
    /// fields are joined.
    pub(crate) fn read(header: &[u8], budget: &mut Budget) -> Self {
        let mut envelope = Self::default();
        let (header, cut) = beginning(header);
        let mut fields = fields(header).peekable();
        while let Some(field) = fields.next() {
            let cut = cut && fields.peek().is_none();
            match envelope.slot(field.name) {
                Some(Slot::Text(slot)) => keep_text(slot, field, budget),
                Some(Slot::List(slot)) => keep_list(slot, field, cut, budget),
                None => {}
            }
        }
        envelope
    }

    fn slot(&mut self, name: &[u8]) -> Option<Slot<'_>> {
        Some(match name.to_ascii_lowercase().as_slice() {
            b"date" => Slot::Text(&mut self.date),
            b"subject" => Slot::Text(&mut self.subject),
            b"in-reply-to" => Slot::Text(&mut self.in_reply_to),
            b"message-id" => Slot::Text(&mut self.message_id),
            b"from" => Slot::List(&mut self.from),
            b"sender" => Slot::List(&mut self.sender),
            b"reply-to" => Slot::List(&mut self.reply_to),
            b"to" => Slot::List(&mut self.to),
            b"cc" => Slot::List(&mut self.cc),
            b"bcc" => Slot::List(&mut self.bcc),
            _ => return None,
        })
    }

    /// Writes it.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'(');
        format::nstring(out, self.date.as_deref());
        out.push(b' ');
        format::nstring(out, self.subject.as_deref());
        // Absent or empty, Sender and Reply-To are those of From.
        let or_from = |list| if <[_]>::is_empty(list) { &self.from } else { list };
        let (sender, reply_to) = (or_from(&self.sender), or_from(&self.reply_to));
        for list in [&self.from, sender, reply_to, &self.to, &self.cc, &self.bcc] {
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

/// Where a field goes.
enum Slot<'a> {
    Text(&'a mut Option<Vec<u8>>),
    List(&'a mut Vec<Address>),
}

fn keep_text(slot: &mut Option<Vec<u8>>, field: Field<'_>, budget: &mut Budget) {
    if slot.is_none() {
        *slot = Some(unfold_text(field.value)).filter(|text| budget.spend(text.len()));
    }
}

fn keep_list(slot: &mut Vec<Address>, field: Field<'_>, cut: bool, budget: &mut Budget) {
    let room = ADDRESSES_MAX.saturating_sub(slot.len());
    if room == 0 {
        return;
    }
    let list = address::parse(&unfold(field.value), room, cut);
    // All or none: half a list would pass for the list.
    if budget.spend(list.iter().map(Address::bytes).sum()) {
        slot.extend(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(header: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Envelope::read(header, &mut Budget::envelopes()).write(&mut out);
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
