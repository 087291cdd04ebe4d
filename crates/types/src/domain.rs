//! [`Domain`]: the name after the `@`, in one spelling (RFC 5321 §4.1.2, RFC 5890).

use std::fmt;

use crate::address::AddressError;

/// RFC 5321 §4.5.3.1.2 and RFC 6531 §3.7.1: in octets, however the name is written.
const OCTETS_MAX: usize = 255;

/// A domain name, held as lower-case A-labels (RFC 5890), so that two spellings of one name are equal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Box<str>);

impl Domain {
    /// Parses a host name in any case, in ASCII or Unicode. Address literals (`[192.0.2.1]`) and a dot at the end
    /// are refused: the trust list only knows names, and RFC 5321 writes them without one.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > OCTETS_MAX {
            return Err(AddressError::TooLong);
        }
        // "Strict" is UTS #46 with the rules of host names: letters, digits and hyphens, 1 to 63 octets a label.
        let ascii = idna::domain_to_ascii_strict(text).map_err(|_| AddressError::Domain)?;
        Ok(Self(ascii.into()))
    }

    /// The domain of the patients' addresses (spec §2).
    #[must_use]
    pub fn of_patients() -> Self {
        Self(crate::PATIENT_DOMAIN.into())
    }

    /// The name as A-labels in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is this the domain of the patients' addresses (spec §2)?
    #[must_use]
    pub fn is_patient_domain(&self) -> bool {
        &*self.0 == crate::PATIENT_DOMAIN
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        for (one, other) in [
            ("UC-CMP.mssante.fr", "uc-cmp.MSSante.FR"),
            ("hôpital.mssante.fr", "xn--hpital-ixa.mssante.fr"),
            ("HÔPITAL.mssante.fr", "XN--HPITAL-IXA.mssante.fr"),
            ("ho\u{302}pital.mssante.fr", "hôpital.mssante.fr"),
            ("hôpital。mssante。fr", "hôpital.mssante.fr"),
        ] {
            assert_eq!(Domain::parse(one), Domain::parse(other), "{one} {other}");
            assert!(Domain::parse(one).is_ok(), "{one}");
        }
    }

    #[test]
    fn a_name_is_shown_as_lower_case_a_labels() {
        assert_eq!(Domain::parse("HÔPITAL.mssante.fr").unwrap().to_string(), "xn--hpital-ixa.mssante.fr");
    }

    #[test]
    fn what_is_not_a_host_name_is_refused() {
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a b.fr",
            "a_b.fr",
            "-a.fr",
            "a-.fr",
            "[192.0.2.1]",
            "[IPv6:::1]",
            "a.fr\r\n",
            "a\0.fr",
            "a@b.fr",
            "xn--a.fr",
            "xn--zzzzzzz99999999.fr",
            "a/b.fr",
        ] {
            assert_eq!(Domain::parse(bad), Err(AddressError::Domain), "{bad:?}");
        }
    }

    #[test]
    fn lengths_are_bounded() {
        let label = |length| "a".repeat(length);
        assert!(Domain::parse(&label(63)).is_ok());
        assert_eq!(Domain::parse(&label(64)), Err(AddressError::Domain));
        let longest = format!("{}.{}.{}.{}", label(63), label(63), label(63), label(61));
        assert_eq!(longest.len(), 253);
        assert!(Domain::parse(&longest).is_ok());
        assert_eq!(Domain::parse(&format!("{longest}a")), Err(AddressError::Domain));
        assert_eq!(Domain::parse(&"é.".repeat(10_000)), Err(AddressError::TooLong));
    }

    #[test]
    fn the_patients_domain_is_known_in_any_case() {
        assert!(Domain::parse("Patient.MSSante.fr").unwrap().is_patient_domain());
        assert_eq!(Domain::parse("Patient.MSSante.fr").unwrap(), Domain::of_patients());
        assert!(!Domain::parse("x.patient.mssante.fr").unwrap().is_patient_domain());
    }

    proptest! {
        #[test]
        fn a_name_survives_printing(text in "[a-zA-Zéèôü0-9.-]{1,40}") {
            if let Ok(domain) = Domain::parse(&text) {
                prop_assert!(domain.as_str().is_ascii());
                prop_assert_eq!(Domain::parse(domain.as_str()), Ok(domain));
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in any::<String>()) {
            drop(Domain::parse(&text));
        }
    }
}
