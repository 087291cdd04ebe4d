//! `[patient]`: who may write to patients, and whom they may write to.

use pli_policy::{PatientRules, PharmacyDoor, ShorterForms, SpaceRefusal};
use pli_types::LocalPart;
use std::time::Duration;

use pli_types::Span;
//! `[patient]`: the patients' spaces, for the node that hosts their domain.

use pli_types::{Domain, MailAddress};
use serde::{Deserialize, Serialize};

use super::ConfigFault;

/// What was reimbursed within a year opens a pharmacy's door (R-WHO-4): it is kept as long at least, a leap year's day and
/// a day for the clock included.
const DISPENSINGS_KEPT_MIN: Duration = Duration::from_hours(367 * 24);

/// `[patient]`. All have defaults.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PatientConfig {
    /// The forms in which an address may name a patient.
    pub(crate) address_forms: Vec<Form>,
    /// The local part from which the patients' domain writes to its patients.
    pub(crate) service: String,
    /// How a sender learns that a patient has no open space.
    pub(crate) refusal: Refusal,
    /// Which pharmacies a patient may write to first.
    pub(crate) pharmacies: Pharmacies,
}

/// A form of an INS in an address (spec §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// All 15 characters.
    Ins15,
    /// 13 characters and the first digit of the key.
    Ins14,
    /// 13 characters, no key.
    Nir13,
}

/// See [`SpaceRefusal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Refusal {
    /// Taken, and returned by a report.
    Notice,
    /// Refused at `RCPT`.
    Session,
}

/// See [`PharmacyDoor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pharmacies {
    /// Those that dispensed to him with reimbursement within a year.
    DispensedLastYear,
    /// Every one with an ORG mailbox in the directory.
    AnyCompatiblePharmacy,
    /// How long it is kept what pharmacies have dispensed.
    pub(crate) dispensings_kept: Span,
    /// The local part of the one sender at the patients' domain who is no patient: what the spaces themselves write as.
    pub(crate) service: String,
}

impl Default for PatientConfig {
    fn default() -> Self {
        Self {
            address_forms: vec![Form::Ins15],
            service: "mon-espace-sante".to_owned(),
            refusal: Refusal::Notice,
            pharmacies: Pharmacies::DispensedLastYear,
        }
        Self { dispensings_kept: Span::hours(400 * 24) }
        Self { service: "mon-espace-sante".to_owned() }
    }
}

impl PatientConfig {
    /// Checks what no single line can tell.
    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        if !self.address_forms.contains(&Form::Ins15) {
            return Err(ConfigFault::new("config-invalid.address-forms", "[patient] address_forms", &[]));
        }
        if !is_service(&self.service) {
            return Err(ConfigFault::new("config-invalid.service", "[patient] service", &[]));
        }
        Ok(())
    }

    /// What rules are judged by.
    pub(crate) fn rules(&self) -> PatientRules {
        PatientRules {
            refusal: match self.refusal {
                Refusal::Notice => SpaceRefusal::Notice,
                Refusal::Session => SpaceRefusal::Session,
            },
            pharmacies: match self.pharmacies {
                Pharmacies::DispensedLastYear => PharmacyDoor::DispensedLastYear,
                Pharmacies::AnyCompatiblePharmacy => PharmacyDoor::AnyCompatiblePharmacy,
            },
            service: LocalPart::parse(&self.service).ok(),
            shorter: ShorterForms {
                ins14: self.address_forms.contains(&Form::Ins14),
                nir13: self.address_forms.contains(&Form::Nir13),
            },
        }
    }
}

/// A word of an address. What begins with a digit would be taken for a patient, and a postmaster is one already.
fn is_service(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    LocalPart::parse(text).is_ok()
        && text.chars().all(word)
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.eq_ignore_ascii_case("postmaster")
        if self.dispensings_kept.get() < DISPENSINGS_KEPT_MIN {
            return Err(ConfigFault::new("config-invalid.dispensings-kept", "[patient] dispensings_kept", &[]));
        }
        Ok(())
        self.service_address().map(drop)
    }

    /// As whom the spaces write.
    pub(crate) fn service_address(&self) -> Result<MailAddress, ConfigFault> {
        let address = MailAddress::parse(&format!("{}@{}", self.service, Domain::of_patients())).ok();
        let fits = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        let named = self.service.bytes().all(fits) && self.service.bytes().filter(u8::is_ascii_digit).count() < 13;
        let address = address.filter(|address| named && address.ins().is_none() && !address.is_postmaster());
        address.ok_or_else(|| ConfigFault::new("config-invalid.patient-service", "[patient] service", &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> PatientConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn without_a_word_whole_identifiers_alone_are_taken_and_nobody_learns_who_has_a_space() {
        let config = read("");
        config.check().unwrap();
        let rules = config.rules();
        assert_eq!(
            rules,
            PatientRules { service: LocalPart::parse("mon-espace-sante").ok(), ..PatientRules::default() }
        );
    }

    #[test]
    fn shorter_forms_may_be_added_and_never_replace_the_whole_one() {
        let config = read(r#"address_forms = ["ins15", "ins14"]"#);
        config.check().unwrap();
        assert_eq!(config.rules().shorter, ShorterForms { ins14: true, nir13: false });
        for text in [r#"address_forms = ["nir13"]"#, "address_forms = []"] {
            assert_eq!(read(text).check().unwrap_err().place, "[patient] address_forms", "{text}");
        }
        assert!(toml::from_str::<PatientConfig>(r#"address_forms = ["ins16"]"#).is_err());
    }

    #[test]
    fn a_service_has_a_name_that_is_no_number() {
        for bad in ["", "279035121518989", "2-notices", "a b", "a@b", "Postmaster", "caf\u{e9}"] {
            let config = PatientConfig { service: bad.to_owned(), ..PatientConfig::default() };
            assert_eq!(config.check().unwrap_err().place, "[patient] service", "{bad}");
        }
    }

    #[test]
    fn the_rules_are_those_that_are_named() {
        let config = read("refusal = \"session\"\npharmacies = \"any-compatible-pharmacy\"");
        let rules = config.rules();
        assert_eq!((rules.refusal, rules.pharmacies), (SpaceRefusal::Session, PharmacyDoor::AnyCompatiblePharmacy));
    #[test]
    fn what_opens_a_door_for_a_year_is_kept_as_long() {
        let config = |kept: &str| PatientConfig { dispensings_kept: kept.parse().unwrap() };
        PatientConfig::default().check().unwrap();
        config("367d").check().unwrap();
        assert_eq!(config("366d").check().unwrap_err().place, "[patient] dispensings_kept");
    #[test]
    fn the_service_is_nobodys_space_and_no_postmaster() {
        let config = |service: &str| PatientConfig { service: service.to_owned(), ..PatientConfig::default() };
        let address = PatientConfig::default().service_address().unwrap().reveal();
        assert_eq!(address, "mon-espace-sante@patient.mssante.fr");
        for wrong in ["", "postmaster", "Postmaster", "279035121518989", "a@b", "\"a b\"", "2790351215189", "a\r\nb"] {
            assert_eq!(config(wrong).check().unwrap_err().place, "[patient] service", "{wrong:?}");
        }
    }
}
