//! A patient of ours attaches files of the types that are set, if any are (spec §1.6).

use crate::file_type::AttachedFile;
use crate::told::Told;
use crate::{Decision, Facts, LetterFacts, Reason, ReportKind, Ruleset};

/// The part in which a receipt tells what became of a message (RFC 8098 §3.1): no file of the patient's.
const RECEIPT: &str = "message/disposition-notification";

pub(super) fn judge(facts: &Facts, ruleset: &Ruleset) -> Decision {
    let types = &ruleset.patient.file_types;
    if facts.patient.is_none() || types.is_empty() {
        return Decision::Accept;
    }
    let of_receipt = |file: &AttachedFile| is_receipt(facts) && file.endings.is_empty() && file.media_type == RECEIPT;
    let fits = facts.documents.files.iter().all(|file| file.is_one_of(types) || of_receipt(file));
    if fits && facts.documents.all_files_seen { Decision::Accept } else { Decision::Refuse(Reason::AttachmentType) }
}

pub(super) fn tell(facts: &Facts, told: &mut Told<'_>) {
    told.yes_or_no("a-patient-here-writes", facts.patient.is_some());
    if facts.patient.is_none() {
        return;
    }
    let words: Vec<_> = facts.documents.files.iter().map(AttachedFile::word).collect();
    told.word("files", if words.is_empty() { "none".to_owned() } else { words.join(", ") });
    if !facts.documents.all_files_seen {
        told.yes_or_no("all-files-seen", false);
    }
}

fn is_receipt(facts: &Facts) -> bool {
    let report = facts.letter.as_ref().and_then(|letter: &LetterFacts| letter.report);
    report == Some(ReportKind::DispositionNotification)
}
