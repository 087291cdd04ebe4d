//! What a case says of patients.

use jiff::civil::Date;
use pli_policy::{
    AnsweredMessage, FileType, LetterFacts, PatientRules, PharmacyDoor, PharmacyFacts, RelationFacts, ReportKind,
    Ruleset, SpaceRefusal, TooLarge, VirusRules,
};
use pli_types::{FinessId, LocalPart, Relation};
use serde::Deserialize;

use crate::{RecipientCase, address, lookup};

/// The day on which every case is judged.
const TODAY: &str = "2026-11-23";

/// What is set otherwise than usual.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rules {
    refusal: Option<String>,
    pharmacies: Option<String>,
    /// Without a word on what is too large for the virus scanner, there is none.
    too_large: Option<String>,
    /// The local part of the patients' domain that writes to patients.
    service: Option<String>,
    /// What patients may attach.
    file_types: Vec<String>,
}

/// What lies between a patient and a recipient; without a word, nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RelationCase {
    is: String,
    since: Option<Date>,
    unanswerable: bool,
    /// A pharmacy's ORG mailbox?
    pharmacy: bool,
    reimbursed: Option<Date>,
    dispensed: Option<Date>,
}

/// What a message answers, and who gets it.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LetterCase {
    recipients: Vec<RecipientCase>,
    report: Option<String>,
    named: usize,
    answers: Vec<AnswerCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerCase {
    author: String,
    #[serde(default)]
    reply_to: Vec<String>,
    receipt_to: Option<String>,
    #[serde(default = "yes")]
    answerable: bool,
}

fn yes() -> bool {
    true
}

impl Rules {
    pub(crate) fn ruleset(&self) -> Ruleset {
        let refusals = [SpaceRefusal::Notice, SpaceRefusal::Session].map(|one| (one.as_str(), one));
        let doors =
            [PharmacyDoor::DispensedLastYear, PharmacyDoor::AnyCompatiblePharmacy].map(|one| (one.as_str(), one));
        let refusal = self.refusal.as_deref().map_or_else(SpaceRefusal::default, |word| lookup(word, &refusals));
        let pharmacies = self.pharmacies.as_deref().map_or_else(PharmacyDoor::default, |word| lookup(word, &doors));
        let service = self.service.as_deref().map(|text| LocalPart::parse(text).expect("a local part"));
        let too_large = |word| lookup(word, &[("refuse", TooLarge::Refuse), ("defer", TooLarge::Defer)]);
        let virus = self.too_large.as_deref().map(|word| VirusRules { too_large: too_large(word) });
        let file_types = self.file_types.iter().map(|text| FileType::of_ending(text).expect("a type")).collect();
        Ruleset {
            patient: PatientRules { refusal, pharmacies, service, file_types, ..PatientRules::default() },
            virus,
            ..Ruleset::default()
        }
    }
}

impl Default for RelationCase {
    fn default() -> Self {
        Self { is: "none".into(), since: None, unanswerable: false, pharmacy: false, reimbursed: None, dispensed: None }
    }
}

impl RelationCase {
    pub(crate) fn facts(&self) -> RelationFacts {
        let pharmacy = || PharmacyFacts {
            finess: FinessId::parse("750048886").expect("a number"),
            reimbursed: self.reimbursed,
            any: self.dispensed.max(self.reimbursed),
        };
        RelationFacts {
            relation: Relation::parse(&self.is).expect("a relation"),
            since: self.since,
            unanswerable: self.unanswerable,
            pharmacy: self.pharmacy.then(pharmacy),
            today: TODAY.parse().expect("a day"),
        }
    }
}

impl LetterCase {
    pub(crate) fn facts(&self) -> LetterFacts {
        let kinds = [ReportKind::DeliveryStatus, ReportKind::DispositionNotification].map(|one| (one.as_str(), one));
        LetterFacts {
            recipients: self.recipients.iter().map(RecipientCase::facts).collect(),
            report: self.report.as_deref().map(|word| lookup(word, &kinds)),
            named: self.named.max(self.answers.len()),
            answers: self.answers.iter().map(AnswerCase::facts).collect(),
        }
    }
}

impl AnswerCase {
    fn facts(&self) -> AnsweredMessage {
        AnsweredMessage {
            author: address(&self.author),
            reply_to: self.reply_to.iter().map(|text| address(text)).collect(),
            receipt_to: self.receipt_to.as_deref().map(address),
            answerable: self.answerable,
        }
    }
}
