//! [`Wish`]: a mailbox as an admin writes it, and [`Plan`], the same with every value parsed. What a mailbox of a type
//! must have (R-BAL-1) and may have (spec §1.3) is decided here.

use pli_store::{MailboxDetails, MailboxKind, MailboxRecord, NewMailbox};
use pli_types::{ByteSize, FinessId, MailAddress, RppsId, SiretId, StructureId, hide_identifiers};
use serde::{Deserialize, Serialize};

use super::refusal;
use crate::admin::House;
use crate::admin::rows::Warning;
use crate::exit::Failure;

/// The most characters of a text about a mailbox.
const TEXT_CHARS_MAX: usize = 200;

/// What is told about a mailbox. What is not said stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, clap::Args)]
pub(crate) struct Attributes {
    /// The holder's RPPS number (PER, CAB)
    #[arg(long, value_name = "NUMBER")]
    pub(crate) rpps: Option<String>,
    /// The structure's FINESS number (ORG, APP)
    #[arg(long, value_name = "NUMBER", conflicts_with = "siret")]
    pub(crate) finess: Option<String>,
    /// The structure's SIRET number (ORG, APP)
    #[arg(long, value_name = "NUMBER")]
    pub(crate) siret: Option<String>,
    /// Who answers for the mailbox (ORG, APP)
    #[arg(long, value_name = "NAME")]
    pub(crate) responsible: Option<String>,
    /// The service that it belongs to (ORG, APP)
    #[arg(long, value_name = "TEXT")]
    pub(crate) service: Option<String>,
    /// What it is for (ORG, APP, CAB)
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// The name that others see
    #[arg(long, value_name = "TEXT")]
    pub(crate) display_name: Option<String>,
    /// Keep it out of the directory (liste rouge)
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(crate) liste_rouge: Option<bool>,
    /// Documents may come without paper
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    pub(crate) digitisation: Option<bool>,
    /// Which of its holder's mailboxes comes first: 1 is the highest
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=99))]
    pub(crate) rank: Option<u8>,
    /// How much it may hold (1GiB), or `none`
    #[arg(long, value_name = "SIZE")]
    pub(crate) quota: Option<String>,
}

/// `yes` or `no`.
pub(crate) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("it is yes or no".to_owned()),
    }
}

/// A mailbox that is to be made or changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Wish {
    pub(crate) address: String,
    /// PER, ORG, APP or CAB; a mailbox that is there keeps its own.
    pub(crate) kind: Option<String>,
    pub(crate) attributes: Attributes,
}

/// A wish whose values are what they should be, each for itself.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) address: MailAddress,
    rpps: Option<RppsId>,
    structure: Option<StructureId>,
    quota: Option<Quota>,
    wished: Attributes,
    pub(crate) warnings: Vec<Warning>,
}

/// How much a mailbox may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quota {
    Unlimited,
    Bytes(u64),
}

impl Plan {
    pub(crate) fn parse(wish: &Wish) -> Result<Self, Failure> {
        let wished = wish.attributes.clone();
        let mut warnings = Vec::new();
        for (member, text) in [
            ("responsible", &wished.responsible),
            ("service", &wished.service),
            ("description", &wished.description),
            ("display_name", &wished.display_name),
        ] {
            check_text(member, text.as_deref().unwrap_or_default())?;
        }
        let rpps =
            wished.rpps.as_deref().map(|rpps| RppsId::parse(rpps).map_err(|_| refusal::rpps(rpps))).transpose()?;
        if rpps.as_ref().is_some_and(|rpps| !has_luhn_key(rpps.as_str())) {
            // Official samples fail it too (spec §7.4).
            warnings.push(Warning::told("rpps-check-digit", &[]));
        }
        Ok(Self {
            address: address(&wish.address)?,
            rpps,
            structure: structure(&wished)?,
            quota: wished.quota.as_deref().map(quota).transpose()?,
            wished,
            warnings,
        })
    }

    /// The mailbox to make, if all is said that its type needs.
    pub(crate) fn new_mailbox(&self, kind: Option<&str>, house: &House) -> Result<NewMailbox, Failure> {
        let domain = self.address.domain();
        if !house.is_of_a_service(&self.address) {
            return Err(refusal::patient());
        }
        check_no_identifier("address", &self.address.reveal())?;
        if !house.hosted.contains(domain) {
            return Err(refusal::not_hosted(domain));
        }
        let kind = kind.ok_or_else(refusal::kind_missing)?;
        let kind = MailboxKind::parse(kind).filter(|kind| *kind != MailboxKind::Patient).ok_or_else(refusal::kind)?;
        let mut new = NewMailbox::new(self.address.clone(), kind);
        (new.rpps, new.structure) = (self.rpps.clone(), self.structure.clone());
        new.quota_bytes = self.quota(None);
        new.details = self.details(&MailboxDetails::default());
        check(kind, new.rpps.as_ref(), new.structure.as_ref(), &new.details)?;
        Ok(new)
    }

    /// What is told about a mailbox once the wish is fulfilled.
    pub(crate) fn details(&self, before: &MailboxDetails) -> MailboxDetails {
        let text = |wish: &Option<String>, before: &String| {
            wish.as_ref().map_or_else(|| before.clone(), |text| text.trim().to_owned())
        };
        let wished = &self.wished;
        let responsible = text(&wished.responsible, before.responsible.as_ref().unwrap_or(&String::new()));
        MailboxDetails {
            display_name: text(&wished.display_name, &before.display_name),
            description: text(&wished.description, &before.description),
            service: text(&wished.service, &before.service),
            responsible: Some(responsible).filter(|name| !name.is_empty()),
            unlisted: wished.liste_rouge.unwrap_or(before.unlisted),
            digitisation: wished.digitisation.unwrap_or(before.digitisation),
            rank: wished.rank.or(before.rank),
        }
    }

    /// Whose it is once the wish is fulfilled.
    pub(crate) fn holder(&self, before: &MailboxRecord) -> (Option<RppsId>, Option<StructureId>) {
        (self.rpps.clone().or_else(|| before.rpps.clone()), self.structure.clone().or_else(|| before.structure.clone()))
    }

    /// How much it may hold once the wish is fulfilled.
    pub(crate) fn quota(&self, before: Option<u64>) -> Option<u64> {
        match self.quota {
            Some(Quota::Bytes(bytes)) => Some(bytes),
            Some(Quota::Unlimited) => None,
            None => before,
        }
    }

    /// The members for which the mailbox is not what is wished.
    pub(crate) fn differences(&self, kind: Option<&str>, there: &MailboxRecord) -> Vec<&'static str> {
        let (before, after) = (&there.details, self.details(&there.details));
        let (rpps, structure) = self.holder(there);
        let compared = [
            ("type", kind.is_none_or(|kind| kind == there.mailbox.kind.as_str())),
            ("rpps", rpps == there.rpps),
            ("structure", structure == there.structure),
            ("responsible", after.responsible == before.responsible),
            ("service", after.service == before.service),
            ("description", after.description == before.description),
            ("display_name", after.display_name == before.display_name),
            ("liste_rouge", after.unlisted == before.unlisted),
            ("digitisation", after.digitisation == before.digitisation),
            ("rank", after.rank == before.rank),
            ("quota", self.quota(there.mailbox.quota_bytes) == there.mailbox.quota_bytes),
        ];
        compared.into_iter().filter(|(_, same)| !same).map(|(member, _)| member).collect()
    }
}

/// Has a mailbox of this type what it needs (R-BAL-1), and nothing that only others have (spec §1.3)?
pub(crate) fn check(
    kind: MailboxKind,
    rpps: Option<&RppsId>,
    structure: Option<&StructureId>,
    details: &MailboxDetails,
) -> Result<(), Failure> {
    let of_structure = matches!(kind, MailboxKind::Org | MailboxKind::App);
    if of_structure {
        if structure.is_none() {
            return Err(refusal::structure_missing(kind));
        }
        if details.responsible.is_none() {
            return Err(refusal::responsible_missing(kind));
        }
    } else if rpps.is_none() {
        return Err(refusal::holder_missing(kind));
    }
    let foreign = [
        ("rpps", of_structure && rpps.is_some()),
        ("responsible", !of_structure && details.responsible.is_some()),
        ("service", !of_structure && !details.service.is_empty()),
        ("description", kind == MailboxKind::Per && !details.description.is_empty()),
    ];
    match foreign.into_iter().find(|(_, is_foreign)| *is_foreign) {
        Some((member, _)) => Err(refusal::not_of_type(member, kind)),
        None => Ok(()),
    }
}

/// The address that an admin writes.
pub(crate) fn address(text: &str) -> Result<MailAddress, Failure> {
    MailAddress::parse(text).map_err(|error| refusal::address(&error.to_string()))
}

fn structure(wished: &Attributes) -> Result<Option<StructureId>, Failure> {
    match (&wished.finess, &wished.siret) {
        (Some(_), Some(_)) => Err(refusal::two_structures()),
        (Some(finess), None) => {
            FinessId::parse(finess).map(|id| Some(StructureId::Finess(id))).map_err(|_| refusal::finess(finess))
        }
        (None, Some(siret)) => {
            SiretId::parse(siret).map(|id| Some(StructureId::Siret(id))).map_err(|_| refusal::siret(siret))
        }
        (None, None) => Ok(None),
    }
}

fn quota(text: &str) -> Result<Quota, Failure> {
    if text == "none" {
        return Ok(Quota::Unlimited);
    }
    text.parse::<ByteSize>().map(|size| Quota::Bytes(size.bytes())).map_err(|form| refusal::quota(text, form))
}

fn check_text(member: &'static str, text: &str) -> Result<(), Failure> {
    if text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(refusal::text(member, TEXT_CHARS_MAX));
    }
    check_no_identifier(member, text)
}

/// Does no patient's identifier stand in it, with or without its key, in groups or not? What is told about a mailbox or
/// an account is published, printed and logged in clear.
pub(crate) fn check_no_identifier(member: &'static str, text: &str) -> Result<(), Failure> {
    if hide_identifiers(text) == text { Ok(()) } else { Err(refusal::identifier(member)) }
}

/// Does the last digit fit the others (ISO/IEC 7812-1, Luhn)?
pub(crate) fn has_luhn_key(digits: &str) -> bool {
    let weighed = digits.bytes().rev().enumerate().map(|(index, byte)| {
        let digit = u32::from(byte.saturating_sub(b'0'));
        match (index % 2, digit) {
            (1, 5..) => digit * 2 - 9,
            (1, _) => digit * 2,
            _ => digit,
        }
    });
    weighed.sum::<u32>().is_multiple_of(10)
}
