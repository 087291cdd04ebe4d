//! The one list of what this server can (RFC 3501 §6.1.1).

/// Where a session stands, as far as it changes what is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// In clear: nothing but STARTTLS leads on.
    Clear,
    /// Under TLS, nobody signed in yet.
    Tls {
        /// The client showed a certificate that is believed.
        certificate: bool,
        /// Tokens are taken.
        tokens: bool,
    },
    /// Signed in.
    SignedIn,
}

/// Always there, before sign-in too. RFC 7888, 4959, 2971.
const ALWAYS: &str = "IMAP4rev1 LITERAL+ SASL-IR ID";

/// For those who have signed in. RFC 2177, 2342, 3348, 3691, 4315, 6154, 6851.
const SIGNED_IN: &str = "IDLE NAMESPACE CHILDREN UNSELECT UIDPLUS SPECIAL-USE MOVE";

/// The words after `CAPABILITY`.
pub(crate) fn words(offer: Offer) -> String {
    match offer {
        Offer::Clear => format!("{ALWAYS} STARTTLS LOGINDISABLED"),
        Offer::Tls { certificate, tokens } => {
            let external = if certificate { " AUTH=EXTERNAL" } else { "" };
            let tokens = if tokens { " AUTH=XOAUTH2 AUTH=OAUTHBEARER" } else { "" };
            format!("{ALWAYS} AUTH=PLAIN AUTH=LOGIN{external}{tokens}")
        }
        Offer::SignedIn => format!("{ALWAYS} {SIGNED_IN}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_to_sign_in_is_offered_in_clear() {
        let words = words(Offer::Clear);
        assert!(words.contains("LOGINDISABLED") && !words.contains("AUTH="));
    }
}
