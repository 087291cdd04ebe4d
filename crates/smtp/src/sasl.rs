//! SASL over SMTP (RFC 4954): PLAIN (RFC 4616), EXTERNAL (RFC 4422 appendix A), and tokens ([`pli_signin::bearer`]).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pli_signin::{Bearer, bearer};
use pli_types::Secret;

/// What we offer. All are safe only under TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Name and password.
    Plain,
    /// The certificate that was shown in the handshake.
    External,
    /// A token of the configured issuer.
    Token(bearer::Mechanism),
}

impl Mechanism {
    /// By its name in upper case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "PLAIN" => Some(Self::Plain),
            "EXTERNAL" => Some(Self::External),
            _ => bearer::Mechanism::parse(name).map(Self::Token),
        }
    }
}

/// How someone wants to sign in.
#[derive(Debug)]
pub enum Credentials {
    /// Name and password.
    Password {
        /// The account's name.
        name: String,
        /// Its password.
        password: Secret<String>,
    },
    /// By certificate.
    Certificate {
        /// The name that he wants to act as; empty for the certificate's own.
        name: String,
    },
    /// By token.
    Token {
        /// How it came.
        mechanism: bearer::Mechanism,
        /// The mailbox asked for, and the token.
        bearer: Bearer,
    },
}

/// Why a response cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslError {
    /// Not base64, or not what the mechanism asks for.
    Malformed,
    /// One wants to act as another (RFC 4616 §2, authzid): nobody may.
    OtherIdentity,
}

/// Reads the response of a mechanism as it stands on the wire; a lone `=` is an empty one (RFC 4954 §4).
pub fn decode(mechanism: Mechanism, response: &[u8]) -> Result<Credentials, SaslError> {
    let response = if response == b"=" { b"" } else { response };
    let decoded = Secret::new(STANDARD.decode(response).map_err(|_| SaslError::Malformed)?);
    let text = str::from_utf8(decoded.reveal()).map_err(|_| SaslError::Malformed)?;
    match mechanism {
        Mechanism::Plain => plain(text),
        Mechanism::External => external(text),
        Mechanism::Token(mechanism) => {
            let bearer = mechanism.read(text).ok_or(SaslError::Malformed)?;
            Ok(Credentials::Token { mechanism, bearer })
        }
    }
}

/// `[authzid] NUL authcid NUL passwd`, the last two not empty.
fn plain(text: &str) -> Result<Credentials, SaslError> {
    let mut parts = text.splitn(3, '\0');
    let mut part = || parts.next().ok_or(SaslError::Malformed);
    let (authorization, name, password) = (part()?, part()?, part()?);
    if name.is_empty() || password.is_empty() || password.contains('\0') {
        return Err(SaslError::Malformed);
    }
    if !authorization.is_empty() && !authorization.eq_ignore_ascii_case(name) {
        return Err(SaslError::OtherIdentity);
    }
    Ok(Credentials::Password { name: name.to_owned(), password: Secret::new(password.to_owned()) })
}

fn external(text: &str) -> Result<Credentials, SaslError> {
    if text.contains('\0') {
        return Err(SaslError::Malformed);
    }
    Ok(Credentials::Certificate { name: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mechanism: Mechanism, response: &str) -> Result<(String, String), SaslError> {
        match decode(mechanism, STANDARD.encode(response).as_bytes())? {
            Credentials::Password { name, password } => Ok((name, password.reveal().clone())),
            Credentials::Certificate { name } => Ok((name, String::new())),
            Credentials::Token { bearer, .. } => Ok((bearer.name, bearer.token.reveal().clone())),
        }
    }

    #[test]
    fn plain_is_name_and_password() {
        let ana = Ok(("ana@example.test".to_owned(), "pass word é".to_owned()));
        assert_eq!(read(Mechanism::Plain, "\0ana@example.test\0pass word é"), ana);
        assert_eq!(read(Mechanism::Plain, "Ana@example.test\0ana@example.test\0pass word é"), ana);
    }

    #[test]
    fn nobody_signs_in_for_another() {
        assert_eq!(read(Mechanism::Plain, "boss\0ana\0secret"), Err(SaslError::OtherIdentity));
    }

    #[test]
    fn what_is_not_plain_is_refused() {
        for response in ["", "ana", "\0ana", "\0\0secret", "\0ana\0", "\0ana\0a\0b"] {
            assert_eq!(read(Mechanism::Plain, response), Err(SaslError::Malformed), "{response:?}");
        }
        assert_eq!(decode(Mechanism::Plain, b"*!").err(), Some(SaslError::Malformed));
        assert_eq!(decode(Mechanism::Plain, &[0xff]).err(), Some(SaslError::Malformed));
    }

    #[test]
    fn a_token_comes_with_the_mailbox_that_it_is_to_open() {
        let mechanism = Mechanism::parse("XOAUTH2").unwrap();
        let ana = Ok(("ana@example.test".to_owned(), "a.b.c".to_owned()));
        assert_eq!(read(mechanism, "user=ana@example.test\x01auth=Bearer a.b.c\x01\x01"), ana);
        assert_eq!(read(mechanism, "user=ana@example.test\x01auth=Bearer a.b.c"), Err(SaslError::Malformed));
    }

    #[test]
    fn external_may_name_nobody() {
        assert!(matches!(decode(Mechanism::External, b"="), Ok(Credentials::Certificate { name }) if name.is_empty()));
        assert_eq!(read(Mechanism::External, "app@example.test"), Ok(("app@example.test".to_owned(), String::new())));
    }

    #[test]
    fn credentials_do_not_show_the_password() {
        let credentials = decode(Mechanism::Plain, STANDARD.encode("\0ana\0secret").as_bytes());
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
