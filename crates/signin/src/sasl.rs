//! What SASL mechanisms carry, base64 taken off: [`Mechanism::read`] makes a [`Proof`] of it. How responses travel is the
//! protocol's (RFC 4954, RFC 3501 §6.2.2).

use pli_types::Secret;

use crate::bearer;
use crate::proof::Proof;

/// `Username:` in base64: what programs that speak LOGIN wait for, to the letter.
pub const LOGIN_NAME_PROMPT: &str = "VXNlcm5hbWU6";

/// `Password:`, likewise.
pub const LOGIN_PASSWORD_PROMPT: &str = "UGFzc3dvcmQ6";

/// What can be offered. All are safe only under TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Name and password (RFC 4616), and a mailbox that is granted to the name.
    Plain,
    /// Name, then password: for programs that speak nothing else (draft-murchison-sasl-login).
    Login,
    /// The certificate that was shown in the handshake (RFC 4422 appendix A).
    External,
    /// A token of the configured issuer.
    Token(bearer::Mechanism),
    /// Name and password over HTTP (RFC 7617): no mechanism of SASL, and offered by no door for mail.
    Basic,
}

impl Mechanism {
    /// By its name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Plain, Self::Login, Self::External]
            .into_iter()
            .find(|mechanism| name.eq_ignore_ascii_case(mechanism.word()))
            .or_else(|| bearer::Mechanism::parse(name).map(Self::Token))
    }

    /// Its word in the record.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Login => "login",
            Self::External => "external",
            Self::Token(mechanism) => mechanism.word(),
            Self::Basic => "basic",
        }
    }

    /// Reads the client's one response; `None` if it is not of this mechanism. That of LOGIN comes in two: [`login`].
    #[must_use]
    pub fn read(self, response: &[u8]) -> Option<Proof> {
        let text = str::from_utf8(response).ok()?;
        match self {
            Self::Plain => plain(text),
            Self::Login => None,
            Self::External => (!text.contains('\0')).then(|| Proof::Certificate { acts_for: text.to_owned() }),
            Self::Token(mechanism) => Some(Proof::Token { mechanism, bearer: mechanism.read(text)? }),
            Self::Basic => basic(text),
        }
    }
}

/// The two responses of LOGIN; or the two arguments of IMAP's command (RFC 3501 §6.2.3).
#[must_use]
pub fn login(name: &[u8], password: &[u8]) -> Option<Proof> {
    let text = |bytes| str::from_utf8(bytes).ok().filter(|text| !text.is_empty() && !text.contains('\0'));
    Some(password_of(Mechanism::Login, "", text(name)?, text(password)?))
}

/// `[authzid] NUL authcid NUL passwd`, the last two not empty.
fn plain(text: &str) -> Option<Proof> {
    let mut parts = text.split('\0');
    let (acts_for, name, password) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = parts.next().is_none() && !name.is_empty() && !password.is_empty();
    is_whole.then(|| password_of(Mechanism::Plain, acts_for, name, password))
}

/// `user-id ":" password`, neither empty. RFC 7617 §2: no name has a colon, and nothing in either controls a terminal.
fn basic(text: &str) -> Option<Proof> {
    let (name, password) = text.split_once(':').filter(|_| !text.chars().any(char::is_control))?;
    let is_whole = !name.is_empty() && !password.is_empty();
    is_whole.then(|| password_of(Mechanism::Basic, "", name, password))
}

fn password_of(mechanism: Mechanism, acts_for: &str, name: &str, password: &str) -> Proof {
    let (acts_for, name) = (acts_for.to_owned(), name.to_owned());
    Proof::Password { mechanism, name, acts_for, password: Secret::new(password.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mechanism: Mechanism, response: &[u8]) -> Option<[String; 3]> {
        Some(match mechanism.read(response)? {
            Proof::Password { name, acts_for, password, .. } => [name, acts_for, password.reveal().clone()],
            Proof::Certificate { acts_for } => [String::new(), acts_for, String::new()],
            Proof::Token { bearer, .. } => [String::new(), bearer.name, bearer.token.reveal().clone()],
        })
    }

    fn seen(name: &str, acts_for: &str, secret: &str) -> [String; 3] {
        [name, acts_for, secret].map(str::to_owned)
    }

    #[test]
    fn plain_is_a_name_a_password_and_perhaps_a_mailbox() {
        assert_eq!(read(Mechanism::Plain, "\0ana\0pass word é".as_bytes()), Some(seen("ana", "", "pass word é")));
        assert_eq!(read(Mechanism::Plain, b"org@b.fr\0ana\0secret"), Some(seen("ana", "org@b.fr", "secret")));
        for bad in [&b""[..], b"ana", b"\0ana", b"\0\0secret", b"\0ana\0", b"\0ana\0a\0b", b"\xff\0a\0b"] {
            assert_eq!(read(Mechanism::Plain, bad), None, "{bad:?}");
        }
    }

    #[test]
    fn external_may_name_a_mailbox() {
        assert_eq!(read(Mechanism::External, b""), Some(seen("", "", "")));
        assert_eq!(read(Mechanism::External, b"app@example.test"), Some(seen("", "app@example.test", "")));
        assert_eq!(read(Mechanism::External, b"a\0b"), None);
    }

    #[test]
    fn a_token_comes_with_the_mailbox_that_it_is_to_open() {
        let mechanism = Mechanism::parse("XOAUTH2").unwrap();
        assert_eq!(read(mechanism, b"user=a@b.fr\x01auth=Bearer a.b.c\x01\x01"), Some(seen("", "a@b.fr", "a.b.c")));
        assert_eq!(read(mechanism, b"user=a@b.fr\x01auth=Bearer a.b.c"), None);
    }

    #[test]
    fn login_is_told_in_two() {
        assert!(matches!(login(b"ana", b"secret"), Some(Proof::Password { name, .. }) if name == "ana"));
        assert!(login(b"", b"secret").is_none() && login(b"ana", b"").is_none() && login(b"\xff", b"a").is_none());
        assert_eq!(read(Mechanism::Login, b"ana"), None);
    }

    #[test]
    fn basic_is_a_name_and_a_password_that_may_have_a_colon() {
        assert_eq!(read(Mechanism::Basic, "a@b.fr:pass: word é".as_bytes()), Some(seen("a@b.fr", "", "pass: word é")));
        for bad in [&b""[..], b"ana", b":secret", b"ana:", b"ana:a\0b", b"ana:a\nb", b"\xff:a"] {
            assert_eq!(read(Mechanism::Basic, bad), None, "{bad:?}");
        }
    }

    #[test]
    fn mechanisms_are_known_in_any_case() {
        for (name, word) in [("plain", "plain"), ("Login", "login"), ("EXTERNAL", "external"), ("xoauth2", "xoauth2")] {
            assert_eq!(Mechanism::parse(name).map(Mechanism::word), Some(word));
        }
        for none in ["CRAM-MD5", "basic", "bearer"] {
            assert_eq!(Mechanism::parse(none), None, "{none}");
        }
    }

    #[test]
    fn no_secret_is_printed() {
        assert!(!format!("{:?}", Mechanism::Plain.read(b"\0ana\0hunter2")).contains("hunter2"));
    }
}
