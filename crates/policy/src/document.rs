//! What a message's documents are, and about whom: [`DocumentFacts`]. What of it is held against the message:
//! [`DocumentRules`].

use pli_types::Ins;

use crate::{AttachedFile, Decision, Facts, Origin, Reason};

/// What was found in a message's archives of documents, and what its header says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFacts {
    /// Does it carry an archive of documents (`IHE_XDM.zip`)?
    pub has_archive: bool,
    /// How many patients the documents name: nobody is counted twice who may be the same.
    pub patients: usize,
    /// Those of them that are named by an INS, each once.
    pub identified: Vec<Ins>,
    /// The patients that the message is addressed to.
    pub addressed: Vec<AddressedPatient>,
    /// Why documents may be there that were not read: the code of a finding.
    pub unreadable: Option<&'static str>,
    /// The codes of the clinical documents, as `X-MSS-CODECDA` has them (ECO.2.4.1); none without one.
    pub codes: Option<String>,
    /// Has every clinical document a qualified INS (ECO.2.4.2)? None without one.
    pub qualified: Option<bool>,
    /// What the header says.
    pub headers: DocumentHeaders,
    /// Every file that the message carries.
    pub files: Vec<AttachedFile>,
    /// Are these all that it carries? Of a message with too many parts, not every one is looked at.
    pub all_files_seen: bool,
}

impl Default for DocumentFacts {
    fn default() -> Self {
        Self {
            has_archive: false,
            patients: 0,
            identified: Vec::new(),
            addressed: Vec::new(),
            unreadable: None,
            codes: None,
            qualified: None,
            headers: DocumentHeaders::default(),
            files: Vec::new(),
            all_files_seen: true,
        }
    }
}

/// A patient that a message is addressed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressedPatient {
    /// Who.
    pub ins: Ins,
    /// Is his space here?
    pub hosted: bool,
}

/// The fields of the header that speak of documents, as the program that sent them wrote them (REF2 ECO.2.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DocumentHeaders {
    /// `X-MSS-CODECDA`
    pub codes: Option<String>,
    /// `X-MSS-INS`
    pub ins: Option<String>,
    /// `X-MSS-NIL`
    pub product: Option<String>,
}

/// What becomes of a message that shows a fault in its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFault {
    /// Nothing: it goes its way.
    Deliver,
    /// It is taken, and nobody gets it until an admin decides.
    Hold,
    /// It is refused.
    #[default]
    Refuse,
}

impl OnFault {
    /// What becomes of a message with this fault.
    pub(crate) fn decide(self, reason: Reason) -> Decision {
        match self {
            Self::Deliver => Decision::Accept,
            Self::Hold => Decision::Hold(reason),
            Self::Refuse => Decision::Refuse(reason),
        }
    }
}

/// How the header of a message is held against its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderCheck {
    /// Not at all.
    Off,
    /// What differs is told to the admin, and the message goes its way.
    #[default]
    Warn,
    /// What differs is refused.
    Refuse,
}

/// What can be set. No rule is asked about other operators' mail for professionals: what they send each other is
/// delivered whatever is found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentRules {
    /// The three `X-MSS-*` fields against the documents.
    pub headers: HeaderCheck,
    /// Documents of several patients in one message (R-WHO-9).
    pub several_patients: OnFault,
    /// A document of another patient than the one it is addressed to.
    pub other_patient: OnFault,
    /// Documents that cannot be read.
    pub unreadable: OnFault,
}

impl Default for DocumentRules {
    fn default() -> Self {
        Self {
            headers: HeaderCheck::default(),
            several_patients: OnFault::Refuse,
            other_patient: OnFault::Refuse,
            unreadable: OnFault::Deliver,
        }
    }
}

/// How a header differs from its documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeaderFault {
    /// There is a clinical document, and no `X-MSS-CODECDA`.
    CodesAbsent,
    /// `X-MSS-CODECDA` names other codes than the documents have.
    CodesDiffer,
    /// There is a clinical document, and no `X-MSS-INS`.
    InsAbsent,
    /// `X-MSS-INS` says other than what the documents hold.
    InsDiffers,
    /// There is a clinical document, and no `X-MSS-NIL` says which product made the message.
    ProductAbsent,
    /// `X-MSS-CODECDA` or `X-MSS-INS` speak of documents, and there is none.
    NoDocument,
}

impl HeaderFault {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::CodesAbsent,
        Self::CodesDiffer,
        Self::InsAbsent,
        Self::InsDiffers,
        Self::ProductAbsent,
        Self::NoDocument,
    ];

    /// Its stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::CodesAbsent => "codecda-absent",
            Self::CodesDiffer => "codecda-differs",
            Self::InsAbsent => "ins-absent",
            Self::InsDiffers => "ins-differs",
            Self::ProductAbsent => "nil-absent",
            Self::NoDocument => "no-document",
        }
    }
}

impl DocumentFacts {
    /// How the header differs from the documents. Where some could not be read, only what is missing is certain.
    ///
    /// A product is asked for where there is a document: an ordinary mail program, which has none to name, makes none.
    #[must_use]
    pub fn header_faults(&self) -> Vec<HeaderFault> {
        let DocumentHeaders { codes, ins, product } = &self.headers;
        let all_read = self.unreadable.is_none();
        let (Some(found), Some(qualified)) = (&self.codes, self.qualified) else {
            let spoken_of = codes.is_some() || ins.is_some();
            return if spoken_of && all_read { vec![HeaderFault::NoDocument] } else { Vec::new() };
        };
        let codes = match codes {
            None => Some(HeaderFault::CodesAbsent),
            Some(said) if all_read && sorted(said) != sorted(found) => Some(HeaderFault::CodesDiffer),
            Some(_) => None,
        };
        let ins = match ins.as_deref().map(str::trim) {
            None => Some(HeaderFault::InsAbsent),
            Some(said) if all_read && said != if qualified { "O" } else { "N" } => Some(HeaderFault::InsDiffers),
            Some(_) => None,
        };
        let product = product.is_none().then_some(HeaderFault::ProductAbsent);
        [codes, ins, product].into_iter().flatten().collect()
    }
}

/// The order of the codes follows that of the documents, which is nobody's business.
fn sorted(codes: &str) -> Vec<&str> {
    let mut codes: Vec<&str> = codes.split(',').map(str::trim).collect();
    codes.sort_unstable();
    codes
}

/// Is it brought by one of ours, an account or a connector? A report is nobody's letter.
pub(crate) fn is_submitted(facts: &Facts) -> bool {
    let is_ours = matches!(&facts.origin, Origin::Account { .. } | Origin::Peer { connector: Some(_), .. });
    is_ours && facts.sender.address().is_some()
}

/// Are the documents of this message judged: one of ours brings it, or it is for a patient whose space is here?
pub(crate) fn is_judged(facts: &Facts) -> bool {
    let reaches_patient = facts.documents.addressed.iter().any(|patient| patient.hosted);
    is_submitted(facts) || (reaches_patient && facts.sender.address().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(said: [Option<&str>; 3], codes: Option<&str>, qualified: Option<bool>) -> DocumentFacts {
        let [said_codes, ins, product] = said.map(|said| said.map(str::to_owned));
        let headers = DocumentHeaders { codes: said_codes, ins, product };
        DocumentFacts { codes: codes.map(str::to_owned), qualified, headers, ..DocumentFacts::default() }
    }

    #[test]
    fn a_header_that_tells_what_the_documents_are_has_no_fault() {
        let two = facts([Some("PRESC-BIO, 34112-3"), Some("O"), Some("DEV1")], Some("34112-3,PRESC-BIO"), Some(true));
        assert_eq!(two.header_faults(), []);
        assert_eq!(facts([None, None, None], None, None).header_faults(), []);
        assert_eq!(facts([None, None, Some("DEV1")], None, None).header_faults(), []);
    }

    #[test]
    fn what_a_header_lacks_or_says_wrong_is_told() {
        let none = facts([None; 3], Some("34112-3"), Some(true)).header_faults();
        assert_eq!(none, [HeaderFault::CodesAbsent, HeaderFault::InsAbsent, HeaderFault::ProductAbsent]);
        let wrong = facts([Some("34112-3"), Some("N"), Some("DEV1")], Some("34112-3,34112-3"), Some(true));
        assert_eq!(wrong.header_faults(), [HeaderFault::CodesDiffer, HeaderFault::InsDiffers]);
        let idle = facts([Some("34112-3"), Some("O"), None], None, None);
        assert_eq!(idle.header_faults(), [HeaderFault::NoDocument]);
    }

    #[test]
    fn of_documents_that_were_not_read_nothing_is_said() {
        let unread =
            DocumentFacts { unreadable: Some("encrypted"), ..facts([Some("34112-3"), Some("O"), None], None, None) };
        assert_eq!(unread.header_faults(), []);
    }
}
