//! [`TokenFault`]: why a token opens nothing.

/// Why a token opens nothing. The texts are for the operator's log; the client is told no more than "no".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenFault {
    /// Not a signed JWT (RFC 7519 §7.2), or too large to be one.
    #[error("this is no signed token")]
    Malformed,
    /// `none`, a symmetric algorithm, or one that is not taken.
    #[error("the token is signed by an algorithm that is not taken")]
    Algorithm,
    /// The issuer publishes no such key.
    #[error("the token is signed with a key that the issuer does not publish")]
    KeyUnknown,
    /// The signature is not that key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// Not an access token: an ID token or a refresh token, say.
    #[error("this is no access token")]
    Type,
    /// `iss`.
    #[error("the token is of another issuer")]
    Issuer,
    /// `aud`.
    #[error("the token is not meant for this server")]
    Audience,
    /// `azp`.
    #[error("the token was given to a program that is not taken")]
    Party,
    /// `exp`.
    #[error("the token has expired")]
    Expired,
    /// `nbf`, `iat`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `acr`.
    #[error("the holder did not prove himself strongly enough")]
    Assurance,
    /// `cnf`: it counts only on a connection with a certificate that is not this one's (RFC 8705 §3).
    #[error("the token is bound to a certificate that this connection does not show")]
    Binding,
    /// The issuer says that it does not count any more, or never did (RFC 7662 §2.2).
    #[error("the issuer says that the token is not active")]
    Inactive,
    /// No RPPS number.
    #[error("the token names no professional of the RPPS")]
    Subject,
    /// The issuer's keys are not known, and cannot be had now: nothing is wrong with the token.
    #[error("the issuer's keys cannot be had")]
    KeysUnavailable,
    /// The issuer cannot be asked whether it still counts.
    #[error("the issuer cannot be asked about the token")]
    IntrospectionUnavailable,
}

impl TokenFault {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Malformed,
        Self::Algorithm,
        Self::KeyUnknown,
        Self::Signature,
        Self::Type,
        Self::Issuer,
        Self::Audience,
        Self::Party,
        Self::Expired,
        Self::NotYetValid,
        Self::Assurance,
        Self::Binding,
        Self::Inactive,
        Self::Subject,
        Self::KeysUnavailable,
        Self::IntrospectionUnavailable,
    ];

    /// Its word in the record and the log. Never changes.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "token-malformed",
            Self::Algorithm => "token-algorithm",
            Self::KeyUnknown => "token-key-unknown",
            Self::Signature => "token-signature",
            Self::Type => "token-type",
            Self::Issuer => "token-issuer",
            Self::Audience => "token-audience",
            Self::Party => "token-party",
            Self::Expired => "token-expired",
            Self::NotYetValid => "token-not-yet-valid",
            Self::Assurance => "token-acr",
            Self::Binding => "token-binding",
            Self::Inactive => "token-inactive",
            Self::Subject => "token-subject",
            Self::KeysUnavailable => "token-keys-unavailable",
            Self::IntrospectionUnavailable => "token-introspection-unavailable",
        }
    }

    /// Might the same token do in a moment?
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::KeysUnavailable | Self::IntrospectionUnavailable)
    }

    /// Might someone have made it up? The issuer's signature under a token is no guess, whatever else is wrong with it:
    /// programs show tokens that have just expired.
    #[must_use]
    pub const fn is_guess(self) -> bool {
        matches!(self, Self::Malformed | Self::Algorithm | Self::KeyUnknown | Self::Signature)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_fault_has_a_code_of_its_own() {
        let codes: HashSet<&str> = TokenFault::ALL.iter().map(|fault| fault.code()).collect();
        assert_eq!(codes.len(), TokenFault::ALL.len());
        assert!(codes.iter().all(|code| code.starts_with("token-")));
    }
}
