//! Addresses of a header field as ENVELOPE shows them (RFC 3501 §7.4.2): parts as they stand, encoded words too.

use super::budget::ITEM_BYTES;
use super::lexer::{Word, words};
use crate::format;

/// One element of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// Somebody.
    Mailbox {
        /// The display name.
        name: Option<Vec<u8>>,
        /// The source route of old.
        route: Option<Vec<u8>>,
        /// What stands before the `@`.
        local: Vec<u8>,
        /// What stands behind it; missing in a name without a domain.
        domain: Option<Vec<u8>>,
    },
    /// A group begins.
    Group(Vec<u8>),
    /// And ends.
    GroupEnd,
}

impl Address {
    /// What it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let inside = match self {
            Self::Mailbox { name, route, local, domain } => {
                let length = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
                length(name) + length(route) + local.len() + length(domain)
            }
            Self::Group(name) => name.len(),
            Self::GroupEnd => 0,
        };
        ITEM_BYTES + inside
    }
}

/// Reads an unfolded value, up to `count` elements and the end of a group. Of a value that was `cut` the last address
/// is left out, for half an address is another one.
pub(crate) fn parse(value: &[u8], count: usize, cut: bool) -> Vec<Address> {
    let mut parser = Parser::default();
    let mut words = words(value, b"<>:;,@");
    while parser.done.len() < count {
        let Some(word) = words.next() else {
            if cut {
                parser.reset();
            }
            break;
        };
        parser.take(word);
    }
    parser.finish()
}

/// What has been read of one address, and the addresses before it.
#[derive(Debug, Default)]
struct Parser {
    done: Vec<Address>,
    in_group: bool,
    /// Between `<` and `>`.
    angle: bool,
    seen_angle: bool,
    /// Words outside of angle brackets, before an `@`.
    phrase: Vec<Vec<u8>>,
    comment: Option<Vec<u8>>,
    route: Option<Vec<u8>>,
    local: Vec<u8>,
    domain: Option<Vec<u8>>,
}

impl Parser {
    fn take(&mut self, word: Word) {
        match word {
            Word::Special(b'<') => {
                self.angle = true;
                self.seen_angle = true;
                self.local.clear();
                self.domain = None;
            }
            Word::Special(b'>') => self.angle = false,
            // `<@one,@two:local@domain>`: up to the colon it is a route (RFC 5322 §4.4).
            Word::Special(b':') if self.angle => {
                let mut route = b"@".to_vec();
                route.extend(self.domain.take().unwrap_or_default());
                self.route = Some(route);
                self.local.clear();
            }
            Word::Special(b',') if self.angle => {
                let domain = self.domain.get_or_insert_default();
                domain.push(b',');
            }
            Word::Special(b',') => self.flush(),
            Word::Special(b':') => {
                let name = self.phrase.join(&b' ');
                self.reset();
                self.in_group = true;
                self.done.push(Address::Group(name));
            }
            Word::Special(b';') => self.end_group(),
            Word::Special(b'@') => self.at(),
            Word::Special(_) => {}
            Word::Comment(text) => self.comment = Some(text),
            Word::Atom(text) | Word::Quoted(text) | Word::Literal(text) => self.text(text),
        }
    }

    fn at(&mut self) {
        if let Some(domain) = self.domain.as_mut() {
            // Only a route has several.
            domain.push(b'@');
            return;
        }
        if !self.angle && !self.seen_angle {
            self.local = std::mem::take(&mut self.phrase).concat();
        }
        self.domain = Some(Vec::new());
    }

    fn text(&mut self, text: Vec<u8>) {
        match (&mut self.domain, self.angle) {
            (Some(domain), _) if self.angle || !self.seen_angle => domain.extend(text),
            (None, true) => self.local.extend(text),
            _ if !self.seen_angle => self.phrase.push(text),
            _ => {}
        }
    }

    fn flush(&mut self) {
        let name = if self.seen_angle && !self.phrase.is_empty() {
            Some(self.phrase.join(&b' '))
        } else {
            self.comment.take()
        };
        let bare = !self.seen_angle && self.domain.is_none();
        let local = if bare { self.phrase.concat() } else { std::mem::take(&mut self.local) };
        if !local.is_empty() || self.domain.is_some() {
            let (route, domain) = (self.route.take(), self.domain.take());
            self.done.push(Address::Mailbox { name, route, local, domain });
        }
        self.reset();
    }

    fn end_group(&mut self) {
        self.flush();
        if std::mem::take(&mut self.in_group) {
            self.done.push(Address::GroupEnd);
        }
    }

    fn reset(&mut self) {
        let done = std::mem::take(&mut self.done);
        *self = Self { done, in_group: self.in_group, ..Self::default() };
    }

    fn finish(mut self) -> Vec<Address> {
        self.end_group();
        self.done
    }
}

/// Writes a list, or `NIL` if it is empty.
pub(crate) fn write(out: &mut Vec<u8>, addresses: &[Address]) {
    if addresses.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for address in addresses {
        let parts: [Option<&[u8]>; 4] = match address {
            Address::Mailbox { name, route, local, domain } => {
                [name.as_deref(), route.as_deref(), Some(local), domain.as_deref()]
            }
            Address::Group(name) => [None, None, Some(name), None],
            Address::GroupEnd => [None; 4],
        };
        // A mailbox without a domain would read as a group: its domain is empty instead.
        let lone = matches!(address, Address::Mailbox { domain: None, .. });
        format::list(out, parts.iter().enumerate(), |out, (index, part)| match part {
            None if lone && index == 3 => out.extend_from_slice(b"\"\""),
            part => format::nstring(out, *part),
        });
    }
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, &parse(value.as_bytes(), usize::MAX, false));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn addresses_are_shown_in_their_four_parts() {
        for (value, expected) in [
            ("", "NIL"),
            ("a@b.fr", r#"((NIL NIL "a" "b.fr"))"#),
            ("<a@b.fr>", r#"((NIL NIL "a" "b.fr"))"#),
            ("Jean Dupont <j.d@b.fr>", r#"(("Jean Dupont" NIL "j.d" "b.fr"))"#),
            (r#""Dupont, Jean" <j@b.fr>, x@y.fr"#, r#"(("Dupont, Jean" NIL "j" "b.fr")(NIL NIL "x" "y.fr"))"#),
            (r#""l'\"officine\"" <o@b.fr>"#, r#"(("l'\"officine\"" NIL "o" "b.fr"))"#),
            ("j@b.fr (Jean (fils) Dupont)", r#"(("Jean (fils) Dupont" NIL "j" "b.fr"))"#),
            ("=?utf-8?q?Ren=C3=A9?= <r@b.fr>", r#"(("=?utf-8?q?Ren=C3=A9?=" NIL "r" "b.fr"))"#),
            (r#""a b"@c.fr"#, r#"((NIL NIL "a b" "c.fr"))"#),
            ("a@[192.0.2.1]", r#"((NIL NIL "a" "[192.0.2.1]"))"#),
            ("<@x.fr,@y.fr:a@b.fr>", r#"((NIL "@x.fr,@y.fr" "a" "b.fr"))"#),
            (
                "Labo: a@b.fr, c@d.fr;, e@f.fr",
                r#"((NIL NIL "Labo" NIL)(NIL NIL "a" "b.fr")(NIL NIL "c" "d.fr")(NIL NIL NIL NIL)(NIL NIL "e" "f.fr"))"#,
            ),
            ("undisclosed-recipients:;", r#"((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))"#),
            ("postmaster", r#"((NIL NIL "postmaster" ""))"#),
            (", ,a@b.fr,", r#"((NIL NIL "a" "b.fr"))"#),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }

    #[test]
    fn a_list_ends_with_whole_addresses_and_a_closed_group() {
        let shown = |count, cut| {
            let mut out = Vec::new();
            write(&mut out, &parse(b"Labo: a@b.fr, c@d.fr", count, cut));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(shown(2, false), r#"((NIL NIL "Labo" NIL)(NIL NIL "a" "b.fr")(NIL NIL NIL NIL))"#);
        assert_eq!(shown(100, true), r#"((NIL NIL "Labo" NIL)(NIL NIL "a" "b.fr")(NIL NIL NIL NIL))"#);
        assert_eq!(shown(0, false), "NIL");
    }

    #[test]
    fn broken_addresses_end_somewhere() {
        for value in ["<", "\"", "(", "a@", "@", "<a@b", "\"\\", "((((", "a:b:c;;", "[", "a@[", "<>>", "a <b> c <d>"] {
            assert!(!shown(value).is_empty());
        }
    }
}
