//! What the header `Authorization` carries: a name and a password (RFC 7617), or a token (RFC 6750).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::bearer;
use crate::proof::Proof;
use crate::sasl::Mechanism;

/// The proof in a header's value; `None` if it is of no scheme that is known, or not written as that scheme has it.
///
/// `mailbox` is the one that the holder of a token asks for, who may have several; empty for his own. Who has a password
/// gets his account's default.
#[must_use]
pub fn read(authorization: &str, mailbox: &str) -> Option<Proof> {
    let (scheme, credentials) = authorization.split_once(' ')?;
    let credentials = credentials.trim_matches(' ');
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = Zeroizing::new(BASE64_STANDARD.decode(credentials).ok()?);
        return Mechanism::Basic.read(&decoded);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mechanism = bearer::Mechanism::Header;
    let shown = mechanism.read(credentials)?;
    Some(Proof::Token { mechanism, bearer: bearer::Bearer { name: mailbox.to_owned(), ..shown } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_shows_a_password_or_a_token() {
        // The examples of RFC 7617 §2 and RFC 6750 §2.1.
        let Some(Proof::Password { mechanism, name, acts_for, password }) =
            read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "a@b.fr")
        else {
            panic!("a password");
        };
        assert_eq!((mechanism.word(), name.as_str(), acts_for.as_str()), ("basic", "Aladdin", ""));
        assert_eq!(password.reveal(), "open sesame");
        let Some(Proof::Token { mechanism, bearer }) = read("bearer  mF_9.B5f-4.1JqM", "a@b.fr") else {
            panic!("a token");
        };
        assert_eq!((mechanism.word(), bearer.name.as_str()), ("bearer", "a@b.fr"));
        assert_eq!(bearer.token.reveal(), "mF_9.B5f-4.1JqM");
        for bad in
            ["", "Basic", "Basic ", "Basic QQ==", "Basic !", "Bearer", "Bearer ", "Bearer a b", "Digest a=b", "QWxh"]
        {
            assert!(read(bad, "").is_none(), "{bad}");
        }
    }
}
