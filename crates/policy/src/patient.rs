//! What is known of patients and those who write to them, and what can be set of the rules on both (spec §1.4 to §1.6).

use jiff::civil::Date;
use pli_types::{AddressForm, FinessId, Ins, LocalPart, MailAddress, Relation};

use crate::{FileType, RecipientFacts};

/// What can be set of the rules on patients.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PatientRules {
    /// How a sender learns that a patient has no open space.
    pub refusal: SpaceRefusal,
    /// Which pharmacies a patient may write to first.
    pub pharmacies: PharmacyDoor,
    /// The local part from which the patients' domain writes to its patients, where the domain is hosted here: beside
    /// `postmaster` the only one that is no INS.
    pub service: Option<LocalPart>,
    /// Shorter forms in which an address may name a patient.
    pub shorter: ShorterForms,
    /// What a patient of ours may attach (spec §1.6); empty, anything.
    pub file_types: Vec<FileType>,
}

impl PatientRules {
    /// The address by the whole INS, where it is well-formed in a form that is allowed here. Any other as it is: whether
    /// it is one is for the rules to say.
    #[must_use]
    pub fn whole(&self, address: MailAddress) -> MailAddress {
        if !address.domain().is_patient_domain() || self.shorter == ShorterForms::default() {
            return address;
        }
        let ins = Ins::parse_as(address.local().reveal(), self.shorter.and_whole());
        ins.map_or(address, |ins| MailAddress::of_patient(&ins))
    }
}

/// Which shorter forms of an INS are taken as well (spec §2.1). Without a whole key, a slip of the pen may reach somebody
/// else: none, unless it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShorterForms {
    /// The first digit of the key is enough.
    pub ins14: bool,
    /// No key is needed.
    pub nir13: bool,
}

impl ShorterForms {
    /// These and the whole identifier, which always is taken.
    #[must_use]
    pub fn and_whole(self) -> &'static [AddressForm] {
        use AddressForm::{Ins14, Ins15, Nir13};
        match (self.ins14, self.nir13) {
            (false, false) => &[Ins15],
            (true, false) => &[Ins15, Ins14],
            (false, true) => &[Ins15, Nir13],
            (true, true) => &AddressForm::ALL,
        }
    }
}

/// How a sender learns that a patient has no space here, or has closed it (spec §1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SpaceRefusal {
    /// The message is taken, and returned by a report: the reply tells nobody which spaces there are.
    #[default]
    Notice,
    /// `RCPT` is refused.
    Session,
}

/// Which pharmacies a patient may write to before they have written to him (R-WHO-4, R-WHO-4b).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PharmacyDoor {
    /// Those that dispensed to him with reimbursement within [`DISPENSING_DAYS`].
    #[default]
    DispensedLastYear,
    /// Every one with an ORG mailbox in the directory.
    AnyCompatiblePharmacy,
}

impl SpaceRefusal {
    /// The stable name, as in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Session => "session",
        }
    }
}

impl PharmacyDoor {
    /// The stable name, as in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DispensedLastYear => "dispensed-last-year",
            Self::AnyCompatiblePharmacy => "any-compatible-pharmacy",
        }
    }
}

/// How long a reimbursed dispensing opens a pharmacy's door, in days: the year of R-WHO-4, its last day included.
pub const DISPENSING_DAYS: i32 = 365;

/// What lies between the patient of ours who writes and one of his recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationFacts {
    /// May he write to it, by what it has written to him?
    pub relation: Relation,
    /// The day on which it came to be so; none if nothing ever lay between them.
    pub since: Option<Date>,
    /// Has it written to him what cannot be answered (`X-MSS-MES: FIN`)?
    pub unanswerable: bool,
    /// The pharmacy, if it is a pharmacy's ORG mailbox that the directory shows (R-WHO-5).
    pub pharmacy: Option<PharmacyFacts>,
    /// The day on which this is judged, by the calendar that dispensings are noted in.
    pub today: Date,
}

/// A pharmacy, and when it last dispensed to the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PharmacyFacts {
    /// Which.
    pub finess: FinessId,
    /// The last day with reimbursement.
    pub reimbursed: Option<Date>,
    /// The last day at all.
    pub any: Option<Date>,
}

/// What a message says of the messages before it, and who gets it, as far as a rule asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LetterFacts {
    /// Those who were accepted, if a patient of ours writes or an account reports.
    pub recipients: Vec<RecipientFacts>,
    /// The report that it is, if it is one.
    pub report: Option<ReportKind>,
    /// How many messages it names as those that it answers or reports on.
    pub named: usize,
    /// Those of them that a mailbox of the sender's received.
    pub answers: Vec<AnsweredMessage>,
}

/// A report, by its media type (RFC 6522).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportKind {
    /// What became of a message on its way (RFC 3464).
    DeliveryStatus,
    /// What became of a message with its recipient (RFC 8098).
    DispositionNotification,
}

impl ReportKind {
    /// As in `report-type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeliveryStatus => "delivery-status",
            Self::DispositionNotification => "disposition-notification",
        }
    }
}

/// A message that was received, and is now answered or reported on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredMessage {
    /// Who wrote it.
    pub author: MailAddress,
    /// Where else an answer may go (`Reply-To`).
    pub reply_to: Vec<MailAddress>,
    /// Where a receipt was asked for.
    pub receipt_to: Option<MailAddress>,
    /// May it be answered?
    pub answerable: bool,
}

impl AnsweredMessage {
    /// Would an answer to it go to this address?
    #[must_use]
    pub fn answer_goes_to(&self, address: &MailAddress) -> bool {
        let key = address.key();
        std::iter::once(&self.author).chain(&self.reply_to).any(|one| one.key() == key)
    }

    /// May a report on it go to this address?
    #[must_use]
    pub fn report_goes_to(&self, address: &MailAddress) -> bool {
        self.answer_goes_to(address) || self.receipt_to.as_ref().is_some_and(|one| one.key() == address.key())
    }
}
