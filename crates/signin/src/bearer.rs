//! How a token comes: by SASL as XOAUTH2, which mail programs speak, or OAUTHBEARER (RFC 7628), its standard; and over
//! HTTP (RFC 6750).

use pli_types::Secret;

/// What a client is told when its token is not taken, in JSON (RFC 7628 §3.2.2). It answers with a line that means
/// nothing; only then comes the refusal.
pub const REFUSAL: &str = r#"{"status":"401","schemes":"bearer","scope":"mail"}"#;

/// A way to show a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// `user=NAME ^A auth=Bearer TOKEN ^A ^A`.
    XOAuth2,
    /// RFC 7628 §3.1.
    OAuthBearer,
    /// Over HTTP, where it stands alone (RFC 6750 §2.1): no mechanism of SASL.
    Header,
}

impl Mechanism {
    /// One of SASL by its name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::XOAuth2, Self::OAuthBearer].into_iter().find(|mechanism| name.eq_ignore_ascii_case(mechanism.name()))
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::XOAuth2 => "XOAUTH2",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::Header => "Bearer",
        }
    }

    /// Its word in the record.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::XOAuth2 => "xoauth2",
            Self::OAuthBearer => "oauthbearer",
            Self::Header => "bearer",
        }
    }

    /// Reads a client's response, base64 taken off; `None` if it is not of this mechanism.
    #[must_use]
    pub fn read(self, response: &str) -> Option<Bearer> {
        let (name, fields) = match self {
            Self::XOAuth2 => {
                let (user, fields) = response.split_once('\x01')?;
                (user.strip_prefix("user=")?.to_owned(), fields)
            }
            Self::OAuthBearer => {
                let (header, fields) = response.split_once('\x01')?;
                (authorization_identity(header)?, fields)
            }
            Self::Header => {
                return is_token(response)
                    .then(|| Bearer { name: String::new(), token: Secret::new(response.to_owned()) });
            }
        };
        Some(Bearer { name, token: Secret::new(token(fields)?.to_owned()) })
    }
}

/// What a client showed.
#[derive(Debug)]
pub struct Bearer {
    /// The mailbox that it wants to open; empty for the holder's own.
    pub name: String,
    /// The token.
    pub token: Secret<String>,
}

/// Of a GS2 header (RFC 5801 §4) without channel binding: `n,a=NAME,` or `n,,`. `y` is a client that could have bound.
fn authorization_identity(header: &str) -> Option<String> {
    let rest = header.strip_prefix("n,").or_else(|| header.strip_prefix("y,"))?.strip_suffix(',')?;
    if rest.is_empty() {
        return Some(String::new());
    }
    let name = rest.strip_prefix("a=")?;
    // RFC 5801 §4: a comma and an equals sign are written so, and not otherwise.
    let plain = name.replace("=2C", "").replace("=3D", "");
    if name.is_empty() || plain.contains([',', '=']) {
        return None;
    }
    Some(name.replace("=2C", ",").replace("=3D", "="))
}

/// Of `key=value` fields, each ended by ^A, and one more ^A: the token of the one `auth`. Others (`host`, `port`) tell us
/// nothing.
fn token(fields: &str) -> Option<&str> {
    let fields = fields.strip_suffix("\x01\x01")?;
    let mut tokens = fields.split('\x01').filter_map(|field| field.split_once('=')).filter(|(key, _)| *key == "auth");
    let (_, value) = tokens.next()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let is_one = tokens.next().is_none() && scheme.eq_ignore_ascii_case("Bearer");
    (is_one && is_token(token)).then_some(token)
}

/// RFC 6750 §2.1: b64token.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mechanism: Mechanism, response: &str) -> Option<(String, String)> {
        let bearer = mechanism.read(response)?;
        Some((bearer.name, bearer.token.reveal().clone()))
    }

    #[test]
    fn xoauth2_is_a_user_and_a_token() {
        let ana = Some(("ana@example.test".to_owned(), "a.b.c".to_owned()));
        assert_eq!(read(Mechanism::XOAuth2, "user=ana@example.test\x01auth=Bearer a.b.c\x01\x01"), ana);
        assert_eq!(read(Mechanism::XOAuth2, "user=ana@example.test\x01auth=bearer a.b.c\x01\x01"), ana);
        for bad in [
            "",
            "user=ana\x01",
            "user=ana\x01auth=Bearer a.b.c\x01",
            "user=ana\x01auth=Bearer \x01\x01",
            "user=ana\x01auth=Basic a.b.c\x01\x01",
            "user=ana\x01auth=Bearer a b\x01\x01",
            "user=ana\x01auth=Bearer a\x01auth=Bearer b\x01\x01",
            "n,,\x01auth=Bearer a.b.c\x01\x01",
        ] {
            assert_eq!(read(Mechanism::XOAuth2, bad), None, "{bad:?}");
        }
    }

    #[test]
    fn oauthbearer_may_name_nobody() {
        let read = |response: &str| read(Mechanism::OAuthBearer, response);
        // The example of RFC 7628 §4.1, its token shortened.
        let example =
            "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2==\x01\x01";
        assert_eq!(read(example), Some(("user@example.com".to_owned(), "vF9dft4qmTc2==".to_owned())));
        assert_eq!(read("n,,\x01auth=Bearer t\x01\x01"), Some((String::new(), "t".to_owned())));
        assert_eq!(read("y,a=a=2Cb=3Dc,\x01auth=Bearer t\x01\x01"), Some(("a,b=c".to_owned(), "t".to_owned())));
        for bad in ["n,a=,", "n,a=x=y,", "n,a=x,y,", "p=tls-exporter,,", "n", "", ",,"] {
            assert_eq!(read(&format!("{bad}\x01auth=Bearer t\x01\x01")), None, "{bad}");
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        let shown = Mechanism::XOAuth2.read("user=ana\x01auth=Bearer secret\x01\x01");
        assert!(!format!("{shown:?}").contains("secret"));
    }
}
