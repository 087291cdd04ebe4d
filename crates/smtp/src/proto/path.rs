//! The paths of `MAIL` and `RCPT` (RFC 5321 §4.1.2): `<…>`, source routes dropped.

use pli_types::{Domain, MailAddress, ReversePath};

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardPath {
    /// `<postmaster>`, in any case and without a domain (RFC 5321 §4.5.1).
    Postmaster,
    /// An address.
    Address(MailAddress),
}

/// Reads a reverse path; gives it and what follows.
pub(crate) fn reverse(text: &str) -> Option<(ReversePath, &str)> {
    let (inside, rest) = bracketed(text)?;
    if inside.is_empty() {
        return Some((ReversePath::Null, rest));
    }
    Some((ReversePath::Address(mailbox(inside)?), rest))
}

/// Reads a forward path; gives it and what follows.
pub(crate) fn forward(text: &str) -> Option<(ForwardPath, &str)> {
    let (inside, rest) = bracketed(text)?;
    if inside.eq_ignore_ascii_case("postmaster") {
        return Some((ForwardPath::Postmaster, rest));
    }
    Some((ForwardPath::Address(mailbox(inside)?), rest))
}

/// What stands between `<` and the `>` that closes it: one inside of a quoted string does not.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('<')?;
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => {
                let (inside, rest) = text.split_at_checked(at)?;
                let rest = rest.strip_prefix('>')?;
                // Parameters are parted from the path by a space.
                return (rest.is_empty() || rest.starts_with(' ')).then_some((inside, rest));
            }
            _ => {}
        }
    }
    None
}

/// An address, behind a source route or not. The route must be well-formed and is not followed (RFC 5321 §4.1.1.3).
fn mailbox(inside: &str) -> Option<MailAddress> {
    let address = if inside.starts_with('@') {
        let (route, address) = inside.split_once(':')?;
        let is_hop = |hop: &str| hop.strip_prefix('@').is_some_and(|domain| Domain::parse(domain).is_ok());
        route.split(',').all(is_hop).then_some(address)?
    } else {
        inside
    };
    MailAddress::parse(address).ok()
}
