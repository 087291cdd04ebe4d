//! `[patient]`: the patients' spaces, who may write to them, and whom they may write to; for the node that hosts their domain.

use std::fmt::Display;
use std::time::Duration;

use pli_policy::{FileType, PatientRules, PharmacyDoor, ShorterForms, SpaceRefusal};
use pli_types::{Domain, LocalPart, MailAddress, Span};
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
    /// The local part of the one sender at the patients' domain who is no patient: what the spaces themselves write as.
    pub(crate) service: String,
    /// How a sender learns that a patient has no open space.
    pub(crate) refusal: Refusal,
    /// Unknown patients that one sender may write to in an hour.
    pub(crate) unknown_per_peer: u32,
    /// Which pharmacies a patient may write to first.
    pub(crate) pharmacies: Pharmacies,
    /// How long it is kept what pharmacies have dispensed.
    pub(crate) dispensings_kept: Span,
    /// What a patient may attach, by the ending of the name, without its dot; empty, anything.
    pub(crate) file_types: Vec<String>,
    /// Is a sender who asks for it told that a patient has opened his message?
    pub(crate) read_receipts: bool,
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
}

impl Default for PatientConfig {
    fn default() -> Self {
        Self {
            address_forms: vec![Form::Ins15],
            service: "mon-espace-sante".to_owned(),
            refusal: Refusal::Notice,
            unknown_per_peer: 200,
            pharmacies: Pharmacies::DispensedLastYear,
            dispensings_kept: Span::hours(400 * 24),
            read_receipts: true,
            file_types: Vec::new(),
        }
    }
}

impl PatientConfig {
    /// Checks what no single line can tell.
    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        if !self.address_forms.contains(&Form::Ins15) {
            return Err(ConfigFault::new("config-invalid.address-forms", "[patient] address_forms", &[]));
        }
        if self.dispensings_kept.get() < DISPENSINGS_KEPT_MIN {
            return Err(ConfigFault::new("config-invalid.dispensings-kept", "[patient] dispensings_kept", &[]));
        }
        if let Some(unknown) = self.file_types.iter().find(|word| file_type(word).is_none()) {
            let known: Vec<_> = FileType::all().map(FileType::ending).collect();
            let known = known.join(", ");
            let said: [(&str, &dyn Display); 2] = [("type", unknown), ("known", &known)];
            return Err(ConfigFault::new("config-invalid.file-types", "[patient] file_types", &said));
        }
        self.service_address().map(drop)
    }

    /// As whom the spaces write.
    pub(crate) fn service_address(&self) -> Result<MailAddress, ConfigFault> {
        let fault = || ConfigFault::new("config-invalid.service", "[patient] service", &[]);
        let local = LocalPart::parse(&self.service).ok().filter(|_| is_service(&self.service)).ok_or_else(fault)?;
        Ok(MailAddress::new(local, Domain::of_patients()))
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
            file_types: self.file_types.iter().filter_map(|word| file_type(word)).collect(),
        }
    }
}

/// `pdf`, `PDF` and `.pdf` are one.
fn file_type(word: &str) -> Option<FileType> {
    FileType::of_ending(&word.strip_prefix('.').unwrap_or(word).to_ascii_lowercase())
}

/// A word of an address. What begins with a digit would be taken for a patient, and a postmaster is one already.
fn is_service(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.chars().all(word)
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.eq_ignore_ascii_case("postmaster")
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
    fn file_types_are_those_that_can_be_told_apart() {
        let config = read(r#"file_types = ["jpg", ".PDF"]"#);
        config.check().unwrap();
        let endings: Vec<_> = config.rules().file_types.into_iter().map(FileType::ending).collect();
        assert_eq!(endings, ["jpg", "pdf"]);
        let fault = read(r#"file_types = ["pdf", "image/png"]"#).check().unwrap_err();
        assert_eq!(fault.place, "[patient] file_types");
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
    }

    #[test]
    fn what_opens_a_door_for_a_year_is_kept_as_long() {
        let config = |kept: &str| PatientConfig { dispensings_kept: kept.parse().unwrap(), ..PatientConfig::default() };
        PatientConfig::default().check().unwrap();
        config("367d").check().unwrap();
        assert_eq!(config("366d").check().unwrap_err().place, "[patient] dispensings_kept");
    }

    #[test]
    fn the_service_writes_from_the_patients_domain() {
        let address = PatientConfig::default().service_address().unwrap().reveal();
        assert_eq!(address, "mon-espace-sante@patient.mssante.fr");
    }
}
